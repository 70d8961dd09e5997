"""Source packages by their path, and what a task leaves behind.

A path is relative to the hub's work directory, as `build` takes it: an upload (`cli-build/…/foo.src.rpm`), what a task
made (`tasks/…`), or what is in Koji already (`../packages/…`).
"""

import os
from pathlib import Path
from typing import Any

import rpm

import koji
from tests.fakes.koji.model import Output, Rpm, Task
from tests.fakes.koji.worker import BuilderError, Source, Work
from tests.fakes.koji.world import World


def source(world: World, path: str) -> Source:
    """Read a source package; raise what a builder raises where there is none.

    Read in builder/kojid, RebuildSRPM.handler and BuildTask.readSRPMHeader (Koji 1.35.3).
    """
    if path in world.sources:
        return world.sources[path]  # type: ignore[no-any-return]
    relative = os.path.normpath(os.path.join("work", path))  # noqa: PTH118
    known = _imported(world, relative)
    if known is not None and known.file is None:
        evr = {"version": known.version, "release": known.release, "epoch": known.epoch}
        return Source(name=known.name, **evr, **_arches(known.headers))
    file = known.file if known else world.topdir / relative
    if file is None or relative.startswith("..") or not file.is_file():
        raise koji.BuildError(f"Input SRPM file missing: {world.topdir / relative}")
    return read(file)


def read(file: Path) -> Source:
    """Read a source package's header."""
    with file.open("rb") as opened:
        try:
            header = koji.get_rpm_header(opened)
        except rpm.error as error:
            raise BuilderError from error
    if koji.get_header_field(header, "sourcepackage") != 1:
        raise koji.BuildError(f"{file.name} is not a source package")
    names = ("name", "version", "release", "epoch", "buildarchs", "exclusivearch", "excludearch")
    fields = koji.get_header_fields(header, names)
    return Source(
        name=fields["name"], version=fields["version"], release=fields["release"], epoch=fields["epoch"], file=file,
        **_arches(fields),
    )  # fmt: skip


def _arches(fields: Any) -> dict[str, tuple[str, ...]]:
    return {name: tuple(fields.get(name) or ()) for name in ("buildarchs", "exclusivearch", "excludearch")}


def _imported(world: World, relative: str) -> Rpm | None:
    parts = Path(relative).parts
    if len(parts) != 6 or parts[0] != "packages" or parts[4] != "src":
        return None
    build = world.builds_by_nvr.get("-".join(parts[1:4]))
    return next((each for each in build.rpms if f"{each.nvra}.rpm" == parts[5]), None) if build else None


def results(task: Task, source: Source, work: Work, root: int, *, keep_srpm: bool) -> dict[str, Any]:
    """Put what was built into the task's directory, and say so. Read in builder/kojid, BuildArchTask (Koji 1.35.3)."""
    directory = koji.pathinfo.taskrelpath(task.id)
    rpms: dict[str, Output] = {
        f"{made.name}-{made.version or source.version}-{made.release or source.release}.{made.arch}.rpm": made.file
        or b""
        for made in work.rpms
    }
    srpms: dict[str, Output] = {source.filename: source.file or b""} if keep_srpm else {}
    task.output |= rpms | srpms
    return {
        "rpms": [f"{directory}/{name}" for name in rpms], "srpms": [f"{directory}/{name}" for name in srpms],
        "logs": [f"{directory}/{name}" for name in work.logs], "brootid": root,
    }  # fmt: skip


def source_result(world: World, task: Task, made: Source, root: int, url: str) -> dict[str, Any]:
    """Put a source package into the task's directory. Read in builder/kojid, RebuildSRPM (Koji 1.35.3)."""
    logs = list(task.output)
    task.output[made.filename] = made.file or b""
    directory = koji.pathinfo.taskrelpath(task.id)
    world.sources[f"{directory}/{made.filename}"] = made
    name = url if task.method == "buildSRPMFromSCM" else made.filename
    return {
        "srpm": f"{directory}/{made.filename}", "logs": [f"{directory}/{log}" for log in logs], "brootid": root,
        "source": {"source": name, "url": name},
    }  # fmt: skip
