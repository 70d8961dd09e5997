"""What became of a build in mock: how the program ended, and what it left."""

import re
from dataclasses import dataclass
from pathlib import Path

from bot.adapters import rpm_header
from bot.adapters.jobs.failing import BuildFailed, refused
from bot.adapters.mock.process import Ended, read_tail
from bot.domain.build import Failed
from bot.domain.failure import BuildEnd, classify, infrastructure, of_mock
from bot.domain.packages import Nevra

_SAFE_NAME = re.compile(r"[\w.+~^-]+\.rpm", re.ASCII)
_LIST = 16 * 1024 * 1024


def failure(ended: Ended, *, source: bool = False) -> Failed:
    """Say why mock did not do what it was to do; `source`: it was to make a source package."""
    build_log = ended.tail("build.log")
    if ended.limit:
        return classify(BuildEnd(tail=build_log, limit=ended.limit))
    if ended.timed_out and not build_log.strip().count("\n"):  # the version of mock is always there
        return infrastructure("mock did not get a root ready within the time limit")
    if ended.timed_out:
        return classify(BuildEnd(tail=build_log, timed_out=True, limit="the build did not end within its time limit"))
    root_log = ended.tail("root.log")
    return of_mock(ended.status, build_log=build_log, root_log=root_log or ended.said, source=source)


def must(ended: Ended) -> Ended:
    """Return how mock ended where that was well; raise `BuildFailed` where no source package can come of it."""
    if ended.status == 0:
        return ended
    raise BuildFailed(failure(ended, source=True))


def installed(results: Path) -> tuple[str, ...]:
    """Return the NEVRAs that mock's package_state plug-in found in the root; none where it did not get that far."""
    names = (line.split(" ", 1)[0] for line in read_tail(results / "installed_pkgs.log", _LIST).splitlines())
    found = set()
    for name in names:
        try:
            found.add(str(Nevra.parse(name)))
        except ValueError:
            continue  # gpg-pubkey has no architecture
    return tuple(sorted(name for name in found if not name.startswith("gpg-pubkey-")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a successful build left, as NEVRAs."""

    source: str
    binaries: tuple[str, ...]


def collect(results: Path, packages: Path) -> Made:
    """Move the packages where they are published from; raise `BuildFailed` where they are not what they should be."""
    packages.mkdir(exist_ok=True)
    names = []
    for path in sorted(results.glob("*.rpm")):
        if path.is_symlink() or not _SAFE_NAME.fullmatch(path.name):
            raise refused("the packages that were built cannot be read")
        names.append(_nevra(path))
        path.rename(packages / path.name)
    sources = [name for name in names if name.endswith(".src")]
    if len(sources) != 1:
        raise refused(f"one source package was expected, {len(sources)} were made")
    return Made(source=sources[0], binaries=tuple(sorted(name for name in names if name != sources[0])))


def _nevra(path: Path) -> str:
    try:
        header = rpm_header.read(path)
    except rpm_header.NoPackage as error:
        raise refused(f"{path.name} is not an RPM package that can be read ({error})") from error
    nevra = Nevra(
        name=header["name"],
        epoch=header["epoch"] or 0,
        version=header["version"],
        release=header["release"],
        arch=header["arch"] if header["sourcerpm"] else "src",
    )
    return str(nevra)
