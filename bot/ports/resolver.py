"""What the engine, the commands and the sandbox need to know about dependencies. The adapter is hawkey's.

Two faces of one thing: `Resolver` is asynchronous and never blocks the event loop; `RootSolver` is what a build's
supervisor, a process of its own, uses to find out what to install.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from bot.domain.config import Depth
from bot.domain.ids import SnapshotId
from bot.domain.packages import BinaryPackage, Link, SourcePackage
from bot.domain.target import Target

if TYPE_CHECKING:  # a command that asks a short question takes as long to import as to answer
    from bot.domain.difference import RootChange
    from bot.domain.plan import Impact, RebuildOrder, Uninstallable


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A target's metadata, pinned on disk under its id."""

    id: SnapshotId
    binaries: int
    sources: int
    stale: bool = False
    """A repository could not be reached and its last good copy serves (only where the settings allow it)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """What a change puts over a snapshot: a repository, and the sources whose binaries of the base it replaces.

    Every binary of the base that was built from a source named in `replaces` is hidden, also those that the change no
    longer builds.
    """

    repository: str
    """Its address, or the addresses of its parts, separated by spaces."""
    replaces: frozenset[str]
    priority: int | None = None
    """With which its repository counts where it is built with; None: as what it replaces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Buildroot:
    """A solved buildroot. `digest` covers what every package is: NEVRA and checksum, or a change's contents."""

    packages: tuple[BinaryPackage, ...]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsolvable:
    """No buildroot can be made; `problem` is the solver's own text, one line a problem."""

    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseDependency:
    """A source package with the subject in its solved buildroot."""

    source: SourcePackage
    distance: int
    path: tuple[Link, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which reverse dependencies to look for. `binary`: `subject` names a binary package, not a source package."""

    subject: str
    depth: Depth = field(default_factory=Depth)
    binary: bool = False
    packages: tuple[str, ...] = ()
    """Names of the only source packages to look at; empty: all."""


class Resolver(Protocol):
    """Answers from pinned metadata. Raises `Transient` (a repository is down or half written), `Misconfigured` (it is
    corrupt, empty, or its host is not allowed) and `Rejected` (no such package, with "did you mean").
    """

    async def snapshot(self, target: Target) -> Snapshot:
        """Fetch what has changed of the target's metadata, verify it, and pin it. Equal metadata, equal id."""
        ...

    async def source_names(self, snapshot: SnapshotId, target: Target) -> Sequence[str]:
        """Return the names of the target's source packages, sorted."""
        ...

    async def describe(
        self, snapshot: SnapshotId, target: Target, sources: Sequence[str]
    ) -> Mapping[str, SourcePackage]:
        """Return the named source packages as the target has them; one that it has not is left out."""
        ...

    async def reverse_dependencies(
        self, snapshot: SnapshotId, target: Target, question: Question
    ) -> Sequence[ReverseDependency]:
        """Return the source packages that have the subject in their solved buildroot, nearest first, then by name."""
        ...

    async def cone(self, snapshot: SnapshotId, target: Target, question: Question) -> Sequence[str]:
        """Return the names of the source packages that can reach the subject over requirements and their providers,
        sorted. Nothing is solved, so this is an upper bound of the reverse dependencies.
        """
        ...

    async def impact(self, snapshot: SnapshotId, target: Target, change: Overlay) -> "Impact":
        """Solve every source package that the change can touch before and after, and compare.

        Packages of the change itself (`change.replaces`) are left out. Nothing UNAFFECTED is listed.
        """
        ...

    async def buildroots(
        self, snapshot: SnapshotId, target: Target, sources: Sequence[str], change: Overlay | None = None
    ) -> Mapping[str, Buildroot | Unsolvable]:
        """Solve the buildroots of the named source packages, with or without a change."""
        ...

    async def distances(
        self, snapshot: SnapshotId, target: Target, sources: Sequence[str], change: Overlay | None = None
    ) -> Mapping[str, Mapping[str, int]]:
        """Return how far each package of the named sources' solved buildroots is from them, by binary package name.

        1 is what meets a BuildRequires or is in the minimal buildroot. Empty where there is no buildroot.
        """
        ...

    async def differences(
        self, snapshot: SnapshotId, target: Target, sources: Sequence[str], change: Overlay
    ) -> Mapping[str, tuple["RootChange", ...]]:
        """Return what the change alters in the buildroots of the named source packages, its own packages first.

        At equal EVRs a package has other contents. Source packages that cannot be solved on both sides are left out.
        """
        ...

    async def installability(
        self, snapshot: SnapshotId, target: Target, binaries: Sequence[str], change: Overlay
    ) -> Mapping[str, str]:
        """Try to install each of these binary packages (NEVRAs) over the change; return the problems of those that
        cannot be, by NEVRA.
        """
        ...

    async def broken_of_change(
        self, snapshot: SnapshotId, target: Target, change: Overlay
    ) -> tuple["Uninstallable", ...]:
        """Try to install every binary package that the change brings; return those that cannot be, by NEVRA.

        What was rebuilt for it is among them. Of each it is told whether the base's package of its name could be.
        """
        ...

    async def order(
        self, snapshot: SnapshotId, target: Target, sources: Sequence[str], change: Overlay, *, thin: bool = False
    ) -> "RebuildOrder":
        """Return the order in which the named sources must be rebuilt after the change.

        A needs B where A's buildroot, solved as if every uninstallable binary were repaired, holds a binary of B. With
        `thin` edges that follow from others are left out: enough where everybody waits for whom they need.
        """
        ...

    async def prune(self, in_use: Collection[SnapshotId]) -> int:
        """Remove from disk what was not used for the longest time, down to the bound that the settings give; return how
        many bytes that were. These snapshots, and what was used within the last hour, stay in any case.
        """
        ...

    async def close(self) -> None:
        """End the solver processes."""
        ...


class RootSolver(Protocol):
    """Synchronous: what goes into one root. Used by build supervisors."""

    def solve(self, requires: Sequence[str]) -> Buildroot | Unsolvable:
        """Solve the target's minimal buildroot plus `requires` (dependency strings as in a spec)."""
        ...

    def solve_source(self, srpm: str) -> Buildroot | Unsolvable:
        """Solve the BuildRequires (and BuildConflicts) recorded in the SRPM file at this path."""
        ...

    def fetch(self, packages: Sequence[BinaryPackage]) -> Sequence[str]:
        """Return paths of the packages' files, downloaded and with verified checksums."""
        ...

    def replaced(self) -> Sequence[str]:
        """Return the names of the base's binary packages that the change hides, sorted."""
        ...

    def change_priority(self) -> int | None:
        """Return with which priority the change's repository is among the target's, None without a change."""
        ...

    def repositories(self, directory: str) -> Sequence[str]:
        """Write the target's repositories, as they were pinned, below a directory, unless they are there; return their
        addresses, all `file:`, in the target's order. Their packages stay where they are. One at a time.
        """
        ...
