"""A distribution of which is known what the change really breaks: a resolver and builds that keep to it.

Packages link to libfoo or to each other; the change may move libfoo's soname, and a rebuilt package its own. Whoever
links to it is then broken until it was rebuilt with that, and who is built with such a package has to wait for that.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property

from bot.domain.build import BuildRequest, FailureReason, Outcome, Succeeded, TreeSource
from bot.domain.ids import SnapshotId, WorkspaceRef
from bot.domain.packages import PackageChange
from bot.domain.plan import Affected, Effect, Impact, RebuildOrder, Uninstallable
from bot.domain.run import PublishedPackage
from bot.domain.target import Target
from bot.ports.builder import Artifacts
from bot.ports.resolver import Buildroot, Overlay, Snapshot, Unsolvable
from tests.fakes.builder import FakeBuilder, failed, is_baseline
from tests.fakes.resolver import FakeResolver, affected, uninstallable

SUBJECT = "libfoo"
ELSEWHERE = "elsewhere"
"""The name of the second target, where there is one."""
Rebuilt = Mapping[str, frozenset[str]]
"""What was rebuilt after the change, and which of the rebuilt packages each of them was built with."""


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
    wants: tuple[str, ...] = ()
    """What its binary needs besides, be it built anew or not: libfoo as it was, others in any version."""
    shifts: bool = False
    """A rebuild of it moves its own soname."""
    mends: bool = True
    """A rebuild of it can be installed, once those of what it links to can."""
    without: Kind = Kind.PASSES
    changed: Kind = Kind.PASSES
    same: bool = False
    """It fails with the change as it does without."""
    common: bool = False
    """Where it fails each time with the change, it fails as others do."""
    mute: bool = False
    """No log says why it fails."""
    hides: bool = False
    """Every other time it fails with the change, it is as it does without."""
    resolves: bool = True
    """It could be resolved before the change."""
    healed: bool = False
    """It can be with it, although it could not be before."""


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

    def linked(self, name: str) -> tuple[str, ...]:
        """Return to what a package's binary links."""
        return self.by_name[name].uses if name != SUBJECT and self.by_name[name].links else ()

    def required(self, name: str) -> tuple[str, ...]:
        """Return what a package's binary needs."""
        return () if name == SUBJECT else (*self.linked(name), *self.by_name[name].wants)

    def runtime(self, name: str) -> frozenset[str]:
        """Return what is installed with a package's binary."""
        needed = self.required(name)
        return frozenset(needed).union(*(self.runtime(each) for each in needed))

    def root(self, name: str) -> frozenset[str]:
        """Return what is in a package's buildroot."""
        uses = self.by_name[name].uses
        return frozenset(uses).union(*(self.runtime(used) for used in uses))

    def trouble(self, name: str, rebuilt: Rebuilt) -> str:
        """Return why a package's binary cannot be installed, with these rebuilt after the change; else nothing."""
        if name == SUBJECT:
            return ""
        package, binary = self.by_name[name], f"{name}-1-1.x86_64"
        if self.moves and SUBJECT in package.wants:
            return f"nothing provides libfoo = 1 needed by {binary}"
        for needed in self.linked(name):
            moved = self.moves if needed == SUBJECT else needed in rebuilt and self.by_name[needed].shifts
            seen = name in rebuilt and (needed == SUBJECT or needed in rebuilt[name])
            if moved and not (seen and package.mends):
                return f"nothing provides {needed}.so.1 needed by {binary}"
        for needed in self.required(name):
            if deeper := self.trouble(needed, rebuilt):
                return f"package {binary} requires {needed}, but none of the providers can be installed; {deeper}"
        return ""

    def unsolvable(self, name: str, rebuilt: Rebuilt) -> str:
        """Return why a package's buildroot cannot be made, with these rebuilt after the change; else nothing."""
        package = self.by_name[name]
        if not (package.resolves or package.healed):
            return "nothing provides what was never there"
        return next((why for each in sorted(self.root(name)) if (why := self.trouble(each, rebuilt))), "")

    def affects(self, name: str) -> bool:
        """Whether the change is in a package's buildroot."""
        return SUBJECT in self.root(name)

    def moves_on(self, name: str, *, chained: bool) -> bool:
        """Whether those that link to a package may have to be rebuilt after the change."""
        if name == SUBJECT:
            return self.moves
        published = self.breaks(name, chained=chained) or (chained and self.may_be_touched(name))
        return self.by_name[name].shifts and published

    def may_be_touched(self, name: str) -> bool:
        """Whether a package may be rebuilt at all: something in its buildroot is other than it was."""
        return self.affects(name) or any(each != SUBJECT and self.may_be_touched(each) for each in self.root(name))

    def breaks_directly(self, name: str, *, chained: bool = False) -> bool:
        """Whether only its own rebuild can repair a package, or none: for what it links to or wants."""
        if name == SUBJECT:
            return False
        pinned = self.moves and SUBJECT in self.by_name[name].wants
        return pinned or any(self.moves_on(each, chained=chained) for each in self.linked(name))

    def breaks(self, name: str, *, chained: bool = False) -> bool:
        """Whether a package's binary is broken by the change, or may be by rebuilds, until it is repaired."""
        deeper = any(self.breaks(each, chained=chained) for each in self.required(name))
        return self.breaks_directly(name, chained=chained) or deeper

    def may_be_rebuilt(self, name: str, *, chained: bool = False) -> bool:
        """Whether a rebuild in order can succeed, be it at times."""
        package = self.by_name[name]
        passes = package.changed in {Kind.PASSES, Kind.FLAKY, Kind.SLOW}
        solved = package.resolves or package.healed
        return passes and solved and all(self.may_be_repaired(each, chained=chained) for each in self.root(name))

    def may_be_repaired(self, name: str, *, chained: bool = False) -> bool:
        """Whether its binary can be installed in the end, where everything is rebuilt in order."""
        if name == SUBJECT:
            return True
        package = self.by_name[name]
        if self.moves and SUBJECT in package.wants:
            return False
        own = not self.breaks_directly(name, chained=chained) or (
            package.mends and self.affects(name) and self.may_be_rebuilt(name, chained=chained)
        )
        return own and all(self.may_be_repaired(needed, chained=chained) for needed in self.required(name))


@dataclass(slots=True)
class TrueBuilds:
    """Tells how builds end; `seen` counts those of each package that ended by themselves, in each workspace."""

    variants: Sequence[Distribution]
    """What is the case with each of the contents that are pushed; they differ in what the change does."""
    contents: dict[str, int] = field(default_factory=dict)
    """Which of the contents a commit has, the first one where that is not said."""
    seen: Counter[tuple[WorkspaceRef, str]] = field(default_factory=Counter)
    moved: set[str] = field(default_factory=set)
    """Packages that the distribution itself has broken meanwhile."""
    ever_moved: set[str] = field(default_factory=set)
    _commits: dict[WorkspaceRef, str] = field(default_factory=dict)

    def contents_in(self, workspace: str) -> int:
        """Return which contents are built in a workspace."""
        return self.contents.get(self._commits.get(WorkspaceRef(workspace), ""), 0)

    def of(self, commit: str) -> Distribution:
        """Return what is the case with a commit."""
        return self.variants[self.contents.get(commit, 0)]

    def end(self, request: BuildRequest) -> Outcome:
        """Return how a build ends that nothing comes in the way of."""
        if isinstance(request.source, TreeSource):
            self._commits[request.workspace] = request.source.commit
            return Succeeded()
        truth = self.variants[self.contents_in(request.workspace)]
        package = truth.on(ELSEWHERE if ELSEWHERE in request.workspace else "").by_name[request.package]
        if request.package in self.moved:
            return failed(f"a fault of the distribution in {package.name}")
        place = (request.workspace, request.package)
        self.seen[place] += 1
        return end_of(package, baseline=is_baseline(request), even=self.seen[place] % 2 == 0)


def end_of(package: Truth, *, baseline: bool, even: bool) -> Outcome:
    """Return how a build of a package ends, the first time or, as `even`, the second time, and so on."""
    kind = package.without if baseline else package.changed
    if kind is Kind.PASSES or (kind in {Kind.FLAKY, Kind.SLOW} and even):
        return Succeeded()
    if kind in {Kind.HANGS, Kind.SLOW}:
        return failed("did not end in time", FailureReason.TIMEOUT)
    if package.mute:
        return failed("make: *** [Makefile:3: check] Error 2")
    if baseline or package.same or (package.hides and even):
        return failed(f"an old fault of {package.name}")
    return failed("a new fault of all" if package.common and kind is Kind.FAILS else f"a new fault of {package.name}")


def made(request: BuildRequest) -> Artifacts:
    """Return what a build makes: its release tells what it was built with."""
    nevr = f"{request.package}-1-1.g{request.generation + 1000}"
    return Artifacts(source=f"{nevr}.src", binaries=(f"{nevr}.noarch",))


class TrueResolver(FakeResolver):
    """Answers by what is true of a distribution, and of what was published."""

    builder: FakeBuilder
    builds: TrueBuilds

    def _of(self, change: Overlay | None) -> tuple[Distribution, Rebuilt, int]:
        if change is None:
            return self.builds.variants[0], {}, 0
        workspace, _, _ = change.repository.removeprefix("file:///fake/").rpartition("/")
        contents = self.builds.contents_in(workspace)
        published = self.builder.generations[WorkspaceRef(workspace)]
        number = int(change.repository.rpartition("/")[2])
        rebuilt = {}
        for package in published[number].packages:
            name, _, release = package.source.removesuffix(".src").rpartition("-1-1.g")
            earlier = [each for each in published if each <= int(release) - 1000]
            seen = published[max(earlier)].packages if earlier else ()
            rebuilt[name] = frozenset(map(_name, seen))
        return self.builds.variants[contents], rebuilt, contents

    async def snapshot(self, target: Target) -> Snapshot:
        found = await super().snapshot(target)
        # Places are called by how it begins, as if it were a digest.
        found = replace(found, id=SnapshotId(found.id[::-1]))
        self.moved_by.setdefault(found.id, frozenset(self.builds.moved))
        return found

    @cached_property
    def moved_by(self) -> dict[SnapshotId, frozenset[str]]:
        """What the distribution had broken when each snapshot was made."""
        return {}

    async def impact(self, snapshot: SnapshotId, target: Target, change: Overlay) -> Impact:
        self._enter("impact", target, change)
        truth, rebuilt, _ = self._of(change)
        names = [package.name for package in truth.packages if package.name not in rebuilt]
        touched = frozenset(rebuilt)
        items = tuple(self._affected(name, snapshot, change) for name in names if truth.root(name) & touched)
        broken = tuple(uninstallable(name, why) for name in names if (why := truth.trouble(name, rebuilt)))
        shifted = [name for name in rebuilt if name != SUBJECT and truth.by_name[name].shifts]
        changes = tuple(PackageChange(package=name, removed=(f"{name}.so.1",)) for name in shifted)
        return Impact(affected=items, uninstallable=broken, sources=len(truth.packages), changes=changes)

    def _affected(self, name: str, snapshot: SnapshotId, change: Overlay) -> Affected:
        truth, _, _ = self._of(change)
        before, after = self._solved(name, snapshot, None), self._solved(name, snapshot, change)
        could, can = isinstance(before, Buildroot), isinstance(after, Buildroot)
        effects = {
            (True, True): Effect.REBUILD,
            (True, False): Effect.UNRESOLVABLE,
            (False, True): Effect.NOW_RESOLVABLE,
            (False, False): Effect.STILL_UNRESOLVABLE,
        }
        return affected(
            name,
            distance=1 + _depth(truth, name),
            effect=effects[could, can],
            problem=after.problem if isinstance(after, Unsolvable) else "",
            buildroot_before=before.digest if isinstance(before, Buildroot) else "",
            buildroot_after=after.digest if isinstance(after, Buildroot) else "",
            contains=tuple(sorted(truth.root(name) - {SUBJECT})),
        )

    async def buildroots(
        self, snapshot: SnapshotId, target: Target, sources: Sequence[str], change: Overlay | None = None
    ) -> Mapping[str, Buildroot | Unsolvable]:
        self._enter("buildroots", target, change)
        return {name: self._solved(name, snapshot, change) for name in sources}

    def _solved(self, name: str, snapshot: SnapshotId, change: Overlay | None) -> Buildroot | Unsolvable:
        truth, rebuilt, contents = self._of(change)
        moved = name in self.moved_by[snapshot]
        if change is None:
            if truth.by_name[name].resolves:
                return Buildroot(packages=(), digest=f"{name} on what there {'is' if moved else 'was'}")
            return Unsolvable(problem="nothing provides what was never there")
        if why := truth.unsolvable(name, rebuilt):
            return Unsolvable(problem=why)
        root = [(each, sorted(seen)) for each, seen in sorted(rebuilt.items()) if each in truth.root(name)]
        return Buildroot(packages=(), digest=f"{name} on {root} of {contents}{' moved' if moved else ''}")

    async def broken_of_change(
        self, snapshot: SnapshotId, target: Target, change: Overlay
    ) -> tuple[Uninstallable, ...]:
        self._enter("broken_of_change", target, change)
        truth, rebuilt, _ = self._of(change)
        found = [uninstallable(name, why) for name in sorted(rebuilt) if (why := truth.trouble(name, rebuilt))]
        if truth.lame:
            lame = uninstallable(SUBJECT, "nothing provides what the change wants", binary="foo-tools")
            found.append(replace(lame, still=truth.was_lame))
        return tuple(found)

    async def order(
        self, snapshot: SnapshotId, target: Target, sources: Sequence[str], change: Overlay, *, thin: bool = False
    ) -> RebuildOrder:
        self._enter("order", target, change)
        truth, _, _ = self._of(change)
        edges = tuple((name, needed) for name in sources for needed in sorted(truth.root(name) & set(sources)))
        levels = sorted({_depth(truth, name, frozenset(sources)) for name in sources})
        rows = (tuple(name for name in sources if _depth(truth, name, frozenset(sources)) == at) for at in levels)
        return RebuildOrder(levels=tuple(rows), edges=edges)


def _name(package: PublishedPackage) -> str:
    return package.source.partition("-1-1.g")[0]


def _depth(truth: Distribution, name: str, among: frozenset[str] = frozenset()) -> int:
    """Return how far a package is from libfoo, or in which level of others it is rebuilt."""
    if among:
        return 1 + max((_depth(truth, each, among) for each in truth.root(name) & among), default=-1)
    uses = truth.by_name[name].uses
    return 0 if SUBJECT in uses else 1 + min((_depth(truth, used) for used in uses), default=0)
