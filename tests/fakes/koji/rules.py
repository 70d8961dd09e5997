"""What builders decide: for which architectures, whether a tag holds what is waited for, what an error becomes."""

from typing import Any

import koji
from tests.fakes.koji.model import CANCELED, FAILED, Tag
from tests.fakes.koji.worker import Source
from tests.fakes.koji.world import World

LOST = frozenset({FAILED, CANCELED})


def as_error(fault: Any) -> Exception:
    """The error that a fault of a subtask becomes in its parent."""
    error = koji.convertFault(fault)
    return error if isinstance(error, koji.GenericError) else koji.GenericError(fault.faultString)


def canonical(arch: str) -> str:
    """The architecture of the builders for an architecture of packages."""
    return arch if arch == "noarch" else str(koji.canonArch(arch))


def tagged_all(world: World, tag: Tag, nvrs: list[str], event: int | None) -> bool:
    """Whether a tag holds, or held at an event, all these builds. Read in koji/util.py, checkForBuilds (1.35.3)."""
    for nvr in nvrs:
        name = koji.parse_NVR(nvr)["name"]
        found = world.tagged(tag, event=event, inherit=True, package=name)
        if not any(listing.build.nvr == nvr for _, listing in found):
            return False
    return True


def arches(tag: Tag, source: Source, opts: dict[str, Any]) -> list[str]:
    """For which architectures to build. Read in builder/kojid, BuildTask.getArchList (Koji 1.35.3)."""
    if not tag.arches:
        raise koji.BuildError(f"No arches for tag {tag.name} [{tag.id}]")
    possible = [koji.canonArch(arch) for arch in tag.arches.split()]
    arches = list(source.buildarchs) or tag.arches.split()
    if source.exclusivearch:
        arches = [arch for arch in arches if arch in source.exclusivearch]
    arches = [arch for arch in arches if arch not in source.excludearch]
    if "noarch" not in source.excludearch and "noarch" in (*source.buildarchs, *source.exclusivearch):
        arches.append("noarch")
    if opts.get("scratch") and opts.get("arch_override"):
        arches = opts["arch_override"].split()
    fitting = [arch for arch in dict.fromkeys(arches) if arch == "noarch" or koji.canonArch(arch) in possible]
    if not fitting:
        raise koji.BuildError("No matching arches were found")
    return fitting
