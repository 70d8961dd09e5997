"""A distribution of which is known what the change really breaks: a resolver and builds that keep to it.

Packages link to libfoo or to each other; the change may move libfoo's soname. Whoever links to it is then broken until
it was rebuilt, and who is built with such a package has to wait for that.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property

from bot.domain.build import BuildRequest, FailureReason, Outcome, Succeeded
from bot.domain.ids import SnapshotId, WorkspaceRef
from bot.domain.plan import Affected, Effect, Impact, RebuildOrder, Uninstallable
from bot.domain.target import Target
from bot.ports.resolver import Buildroot, Overlay, Unsolvable
from tests.fakes.builder import failed, is_baseline
from tests.fakes.resolver import FakeResolver, affected, uninstallable

SUBJECT = "libfoo"
ELSEWHERE = "elsewhere"
"""The name of the second target, where there is one."""


class Kind(Enum):
    """How builds of a package end on one side."""

    PASSES = "passes"
    FAILS = "fails"
    FLAKY = "flaky"
    """Every other time."""
    HANGS = "hangs"
    SLOW = "slow"
    """Every other time it does not end."""


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What is really the case with a package."""

    name: str
    uses: tuple[str, ...] = (SUBJECT,)
    """What it is built with."""
    links: bool = False
    """Its binary needs what it is built with."""
    mends: bool = True
    """A rebuild of it can be installed, once those of what it links to can."""
    without: Kind = Kind.PASSES
    changed: Kind = Kind.PASSES
    same: bool = False
    """It fails with the change as it does without."""
    mute: bool = False
    """No log says why it fails."""
    hides: bool = False
    """Every other time it fails with the change, it is as it does without."""
    resolves: bool = True
    """It could be resolved before the change."""


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """All packages, each after those that it uses."""

    packages: tuple[Truth, ...]
    moves: bool = False
    """The change moves libfoo's soname."""
    lame: bool = False
    """A package that the change brings cannot be installed."""
    was_lame: bool = False
    """Nor could it be before."""
    elsewhere: tuple[Truth, ...] = ()
    """The same packages on the second target: only how their builds end is another thing there."""

    def on(self, target: str) -> "Distribution":
        """Return what is the case on a target."""
        return replace(self, packages=self.elsewhere, elsewhere=()) if target == ELSEWHERE else self

    @cached_property
    def by_name(self) -> dict[str, Truth]:
        return {package.name: package for package in self.packages}

    def runtime(self, name: str) -> frozenset[str]:
        """Return what is installed with a package's binary."""
        if name == SUBJECT or not self.by_name[name].links:
            return frozenset()
        uses = self.by_name[name].uses
        return frozenset(uses).union(*(self.runtime(used) for used in uses))

    def root(self, name: str) -> frozenset[str]:
        """Return what is in a package's buildroot."""
        uses = self.by_name[name].uses
        return frozenset(uses).union(*(self.runtime(used) for used in uses))

    def breaks(self, name: str) -> bool:
        """Whether a package's binary is broken by the change until it is rebuilt."""
        return self.moves and SUBJECT in self.runtime(name)

    def installs(self, name: str, rebuilt: frozenset[str]) -> bool:
        """Whether a package's binary can be installed, with these rebuilt after the change."""
        if name == SUBJECT or not self.breaks(name):
            return True
        own = name in rebuilt and self.by_name[name].mends
        return own and all(self.installs(needed, rebuilt) for needed in self.runtime(name))

    def solves(self, name: str, rebuilt: frozenset[str]) -> bool:
        """Whether a package's buildroot can be made, with these rebuilt after the change."""
        return self.by_name[name].resolves and all(self.installs(needed, rebuilt) for needed in self.root(name))

    def affects(self, name: str) -> bool:
        """Whether the change is in a package's buildroot."""
        return SUBJECT in self.root(name)

    def may_be_rebuilt(self, name: str) -> bool:
        """Whether a rebuild in order can succeed, be it at times."""
        passes = self.by_name[name].changed in {Kind.PASSES, Kind.FLAKY, Kind.SLOW}
        return passes and self.by_name[name].resolves and all(self.may_be_repaired(each) for each in self.root(name))

    def may_be_repaired(self, name: str) -> bool:
        """Whether its binary can be installed in the end, where everything is rebuilt in order."""
        if name == SUBJECT or not self.breaks(name):
            return True
        own = self.by_name[name].mends and self.may_be_rebuilt(name)
        return own and all(self.may_be_repaired(needed) for needed in self.runtime(name))


class TrueResolver(FakeResolver):
    """Answers by what is true of a distribution."""

    truth: Distribution
    contents = 0
    """Another number for each push: what is built of it has other contents."""

    async def impact(self, snapshot: SnapshotId, target: Target, change: Overlay) -> Impact:
        self._enter("impact", target, change)
        rebuilt = change.replaces
        names = [package.name for package in self.truth.packages if package.name not in rebuilt]
        items = tuple(self._affected(name, rebuilt) for name in names if self.truth.affects(name))
        broken = tuple(
            uninstallable(name, f"nothing provides libfoo.so.1 needed by {name}")
            for name in names
            if not self.truth.installs(name, rebuilt)
        )
        return Impact(affected=items, uninstallable=broken, sources=len(self.truth.packages))

    def _affected(self, name: str, rebuilt: frozenset[str]) -> Affected:
        before, after = self._root(name, None), self._solved(name, rebuilt)
        unresolvable = isinstance(after, Unsolvable)
        effect = Effect.UNRESOLVABLE if unresolvable else Effect.REBUILD
        return affected(
            name,
            distance=1 + self._depth(name),
            effect=effect if isinstance(before, Buildroot) else Effect.STILL_UNRESOLVABLE,
            problem=after.problem if isinstance(after, Unsolvable) else "",
            buildroot_before=before.digest if isinstance(before, Buildroot) else "",
            buildroot_after=after.digest if isinstance(after, Buildroot) else "",
            contains=tuple(sorted(self.truth.root(name) - {SUBJECT})),
        )

    def _depth(self, name: str) -> int:
        uses = self.truth.by_name[name].uses
        return 0 if SUBJECT in uses else 1 + min((self._depth(used) for used in uses), default=0)

    def _root(self, name: str, change: Overlay | None) -> Buildroot | Unsolvable:
        if change is not None:
            return self._solved(name, change.replaces)
        if self.truth.by_name[name].resolves:
            return Buildroot(packages=(), digest=f"{name} on what there was")
        return Unsolvable(problem="nothing provides what was never there")

    def _solved(self, name: str, rebuilt: frozenset[str]) -> Buildroot | Unsolvable:
        root = self.truth.root(name)
        if self.truth.solves(name, rebuilt):
            return Buildroot(packages=(), digest=f"{name} on {sorted(root & rebuilt)} of {self.contents}")
        missing = sorted(needed for needed in root if not self.truth.installs(needed, rebuilt))
        return Unsolvable(problem=f"nothing provides libfoo.so.1 needed by {', '.join(missing)}")

    async def broken_of_change(
        self, snapshot: SnapshotId, target: Target, change: Overlay
    ) -> tuple[Uninstallable, ...]:
        self._enter("broken_of_change", target, change)
        found = [
            uninstallable(name, f"nothing provides what {name} needs")
            for name in sorted(change.replaces)
            if not self.truth.installs(name, change.replaces)
        ]
        if self.truth.lame:
            lame = uninstallable(SUBJECT, "nothing provides what the change wants", binary="foo-tools")
            found.append(replace(lame, still=self.truth.was_lame))
        return tuple(found)

    async def order(
        self, snapshot: SnapshotId, target: Target, sources: Sequence[str], change: Overlay, *, thin: bool = False
    ) -> RebuildOrder:
        self._enter("order", target, change)
        edges = tuple((name, needed) for name in sources for needed in sorted(self.truth.root(name) & set(sources)))
        return RebuildOrder(levels=(tuple(sources),), edges=edges)


@dataclass(slots=True)
class TrueBuilds:
    """Tells how builds end; `seen` counts those of each package that ended by themselves, in each workspace."""

    truth: Distribution
    seen: Counter[tuple[WorkspaceRef, str]] = field(default_factory=Counter)
    moved: set[str] = field(default_factory=set)
    """Packages that the distribution itself has broken meanwhile."""

    def end(self, request: BuildRequest) -> Outcome:
        """Return how a build ends that nothing comes in the way of."""
        if request.package == SUBJECT:
            return Succeeded()
        here = self.truth.on(ELSEWHERE if ELSEWHERE in request.workspace else "")
        package = here.by_name[request.package]
        baseline = is_baseline(request)
        if request.package in self.moved:
            return failed(f"a fault of the distribution in {package.name}")
        place = (request.workspace, request.package)
        self.seen[place] += 1
        kind = package.without if baseline else package.changed
        if kind is Kind.PASSES or (kind in {Kind.FLAKY, Kind.SLOW} and self.seen[place] % 2 == 0):
            return Succeeded()
        if kind in {Kind.HANGS, Kind.SLOW}:
            return failed("did not end in time", FailureReason.TIMEOUT)
        if package.mute:
            return failed("make: *** [Makefile:3: check] Error 2")
        old = baseline or package.same or (package.hides and self.seen[place] % 2 == 0)
        return failed(f"an old fault of {package.name}" if old else f"a new fault of {package.name}")
