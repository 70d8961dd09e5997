"""What goes into one root, asked synchronously by a build's supervisor, which is a process of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.adapters import rpm_header
from bot.adapters.hawkey.architectures import builds_on
from bot.adapters.hawkey.filelists import asks_beyond, is_silent
from bot.adapters.hawkey.packages import fetch_packages
from bot.adapters.hawkey.pinned import write_pinned
from bot.adapters.hawkey.pins import read_pin
from bot.adapters.hawkey.roots import Roots, Wish
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.stack import fetch_filelists, stack
from bot.adapters.hawkey.universe import Universe
from bot.domain.ids import SnapshotId
from bot.domain.packages import BinaryPackage
from bot.domain.target import Target
from bot.ports.errors import Rejected
from bot.ports.resolver import Buildroot, Overlay, Unsolvable


class HawkeyRootSolver:
    """Implements `bot.ports.resolver.RootSolver` on one pinned snapshot with at most one change over it."""

    def __init__(
        self, settings: HawkeySettings, snapshot: SnapshotId, target: Target, overlay: Overlay | None = None
    ) -> None:
        """Load the packages; raises Misconfigured where they are gone or corrupt, Transient where a change's are."""
        self._settings = settings
        self._target = target
        self._overlay = overlay
        self._pin = read_pin(settings.cache, snapshot)
        spec = stack(settings, self._pin, target, overlay)
        self._trusted = {layer.url: () for layer in (*spec.base, *spec.change)} | {
            repository.url: repository.mirrors for repository in self._pin.repositories
        }
        self._roots = Roots(Universe(spec))
        self._whole = spec.files  # whether there are no filelists left to load
        if not self._whole and is_silent(self._roots.universe):
            self._load_filelists()

    def solve(self, requires: Sequence[str]) -> Buildroot | Unsolvable:
        """Solve the target's minimal buildroot plus `requires`: names, versions, files, rich dependencies."""
        return self._solve(Wish(requires=tuple(requires)))

    def solve_source(self, srpm: str) -> Buildroot | Unsolvable:
        """Solve the BuildRequires and BuildConflicts in the header of an SRPM; raise Rejected where it is none.

        A package that is not for the target's architecture (ExclusiveArch, ExcludeArch) has no buildroot.
        """
        header = read_header(Path(srpm))
        if not header.builds_on(self._target.arch):
            arch = self._target.arch
            return Unsolvable(problem=f"{header.name} is not built on {arch} (ExclusiveArch or ExcludeArch)")
        return self._solve(header.wish)

    def fetch(self, packages: Sequence[BinaryPackage]) -> Sequence[str]:
        """Return paths of the packages' files; raises Transient where one is not what the metadata say."""
        return fetch_packages(packages, self._trusted, self._settings)

    def replaced(self) -> Sequence[str]:
        """Return the names of the base's binary packages that were built from what the change replaces."""
        return self._roots.universe.replaced()

    def change_priority(self) -> int | None:
        """Return the priority that the change has among the base's repositories, None without a change."""
        return self._roots.universe.change_priority()

    def repositories(self, directory: str) -> Sequence[str]:
        """Write the pinned metadata down for a package manager; raises Transient where a `file:` repository moved."""
        pinned = enumerate(self._pin.repositories)
        return [write_pinned(each, Path(directory) / str(number), self._settings) for number, each in pinned]

    def _load_filelists(self) -> None:
        fetch_filelists(self._settings, self._pin)
        self._whole = True
        self._roots = Roots(Universe(stack(self._settings, self._pin, self._target, self._overlay)))

    def _solve(self, wish: Wish) -> Buildroot | Unsolvable:
        if not self._whole and asks_beyond(self._roots.universe, (*wish.requires, *wish.conflicts)):
            self._load_filelists()
        return self._roots.buildroot(self._roots.of_wish(wish))


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHeader:
    """What the header of an SRPM says about building it."""

    name: str
    wish: Wish
    exclusive: tuple[str, ...]
    excluded: tuple[str, ...]

    def builds_on(self, arch: str) -> bool:
        """Whether the package is meant for an architecture; `noarch` in ExclusiveArch admits every one."""
        return builds_on(arch, self.exclusive, self.excluded)


def read_header(path: Path) -> SourceHeader:
    """Read an SRPM's header; raise Rejected where the file is no RPM package."""
    import rpm

    try:
        header = rpm_header.read(path)
    except rpm_header.NoPackage as error:
        raise Rejected(f"{path.name} is not an RPM package that can be read ({error})") from error
    return SourceHeader(
        name=header[rpm.RPMTAG_NAME],
        wish=Wish(
            requires=tuple(_dependencies(rpm, header, "requirename")),
            conflicts=tuple(_dependencies(rpm, header, "conflictname")),
        ),
        exclusive=tuple(header[rpm.RPMTAG_EXCLUSIVEARCH]),
        excluded=tuple(header[rpm.RPMTAG_EXCLUDEARCH]),
    )


def _dependencies(rpm: Any, header: Any, tag: str) -> list[str]:
    """Dependencies as a spec writes them; what rpm asks of itself (`rpmlib(…)`) no package provides."""
    found = (dependency.DNEVR()[2:] for dependency in rpm.ds(header, tag))
    return [text for text in found if not text.startswith("rpmlib(")]
