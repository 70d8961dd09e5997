"""A change as a directory of built packages, for asking what it would do before anything is published.

The directory needs no metadata: they are made aside, so that nothing is written into it. What it replaces follows from
the packages: the sources that its binaries say they were built from.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.adapters import rpm_header
from bot.adapters.hawkey.loading import Layer, UniverseSpec
from bot.adapters.hawkey.metadata import fetch_metadata
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.universe import SOURCE_ARCHES, Universe
from bot.ports.errors import Misconfigured, Rejected
from bot.ports.resolver import Overlay

_MEND = "Build the change for it, and name the directory of the results."


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalChange:
    """What lies in the directory. `foreign` are the NEVRAs of packages of another architecture, which count nothing."""

    overlay: Overlay
    foreign: tuple[str, ...] = ()


@contextmanager
def local_change(directory: Path, arch: str, settings: HawkeySettings) -> Iterator[LocalChange]:
    """Make a repository of a directory of RPM files, or take the one that it is, while the context lasts.

    Raises Misconfigured where nothing in it can be installed on `arch`, or a source package was not built for it, and
    Rejected where a file is no RPM package.
    """
    with tempfile.TemporaryDirectory(prefix="revdeps-change-") as scratch:
        if not (directory / "repodata" / "repomd.xml").is_file():
            _create_repository(directory, Path(scratch))
            yield _look(directory, Path(scratch).as_uri(), arch, settings)
        else:
            yield _look(directory, directory.absolute().as_uri(), arch, settings)


def _create_repository(directory: Path, output: Path) -> None:
    files = sorted(directory.rglob("*.rpm"))
    if not files:
        raise Misconfigured(str(directory), "there are no RPM packages in it", _MEND)
    for path in files:
        _check(path)  # createrepo_c leaves out what it cannot read, and says so to nobody who asks quietly
    # Equal packages make equal metadata, which the cache then keeps once.
    command = ["createrepo_c", "--quiet", "--no-database", "--revision", "1", "--set-timestamp-to-revision"]
    try:
        done = subprocess.run(
            [*command, "--outputdir", str(output), str(directory)], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise Misconfigured(
            "createrepo_c", "it is missing on this machine", "Install createrepo-c (Debian) or createrepo_c (Fedora)."
        ) from None
    if done.returncode:
        raise Misconfigured(str(directory), f"createrepo_c failed: {done.stderr.strip()}", _MEND)


def _check(path: Path) -> None:
    try:
        cut_off = rpm_header.is_cut_off(path, rpm_header.read(path))
    except rpm_header.NoPackage as error:
        raise Rejected(f"{path.name} is not an RPM package that can be read ({error})") from error
    if cut_off:
        raise Rejected(f"{path.name} is cut off: its end is missing. Copy it again.")


def _look(directory: Path, url: str, arch: str, settings: HawkeySettings) -> LocalChange:
    layer = Layer(url=url, digest=fetch_metadata(url, settings))
    universe = Universe(UniverseSpec(cache=settings.cache, arch=arch, base=(layer,)))
    fitting = set(universe.sack.list_arches())
    binaries = [package for package in universe.packages.values() if package.arch not in SOURCE_ARCHES]
    foreign = sorted(str(package) for package in binaries if package.arch not in fitting)
    built = {universe.source_of(hash(package)) for package in binaries if package.arch in fitting}
    if not built:
        raise Misconfigured(str(directory), f"there is no binary package for {arch} in it{_but(binaries)}", _MEND)
    if unbuilt := sorted(universe.sources.keys() - built):
        problem = f"there is no binary package for {arch} in it that was built from {', '.join(unbuilt)}"
        raise Misconfigured(str(directory), problem, _MEND)
    return LocalChange(overlay=Overlay(repository=url, replaces=frozenset(built)), foreign=tuple(foreign))


def _but(binaries: list[Any]) -> str:
    arches = sorted({package.arch for package in binaries})
    return f", only for {', '.join(arches)}" if arches else ""
