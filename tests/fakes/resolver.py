"""A resolver in memory, for engine tests: it answers what the test wrote down, and counts what it was asked.

Answers are scripted by the set of sources that a change replaces. Where several scripted sets are contained in the one
asked about, the largest wins: so a chained run can be told what is different once a dependent was rebuilt too.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TypeVar

from bot.domain.difference import RootChange, differences
from bot.domain.ids import SnapshotId
from bot.domain.packages import Link, Nevra, PackageChange, SourcePackage
from bot.domain.plan import Affected, Effect, Impact, RebuildOrder, Uninstallable
from bot.domain.target import Target
from bot.ports.errors import Rejected
from bot.ports.resolver import Buildroot, Overlay, Question, ReverseDependency, Snapshot, Unsolvable
from tests.fakes.faults import Faults

Answer = TypeVar("Answer")


def source(name: str, version: str = "1", release: str = "1", *, dynamic: bool = False) -> SourcePackage:
    """A source package as a repository of the fake offers it."""
    nevra = Nevra(name=name, version=version, release=release, arch="src")
    return SourcePackage(
        nevra=nevra, location=f"file:///fake/repo/{nevra}.rpm", checksum=f"sha256:{name}", dynamic=dynamic
    )


def affected(name: str, subject: str = "libfoo", distance: int = 1, **changes: object) -> Affected:
    """A package to rebuild at `distance` from the subject; `changes` sets other fields of `Affected`."""
    between = [f"{name}-dependency-{number}" for number in range(1, distance)]
    chain = [name, *between, subject]
    plain = Affected(
        source=source(name),
        effect=Effect.REBUILD,
        distance=distance,
        path=tuple(
            Link(package=package, capability=provider, provider=provider) for package, provider in pairwise(chain)
        ),
        buildroot_before=f"{name}-before",
        buildroot_after=f"{name}-after",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def unresolvable(name: str, problem: str, subject: str = "libfoo", distance: int = 1) -> Affected:
    """A package whose buildroot cannot be solved any more."""
    return affected(name, subject, distance, effect=Effect.UNRESOLVABLE, problem=problem, buildroot_after="")


def uninstallable(source_name: str, problem: str, binary: str | None = None) -> Uninstallable:
    """A binary package that cannot be installed any more."""
    return Uninstallable(package=f"{binary or source_name}-1-1.x86_64", source=source_name, problem=problem)


class FakeResolver:
    """Implements `bot.ports.resolver.Resolver`.

    `calls` counts every method; `asked` lists each (method, target name, overlay or None) in order. An impact that
    nobody scripted is empty: the change touches nothing.
    """

    def __init__(self, *, sources: Iterable[str] = ()) -> None:
        self.sources = {name: source(name) for name in sources}
        self._faults = Faults()
        self.calls = self._faults.calls
        self.asked: list[tuple[str, str, Overlay | None]] = []
        self.closed = False
        self.counted = 1
        """How many source packages a snapshot is said to have."""
        self.kept: frozenset[SnapshotId] = frozenset()
        """The snapshots that were in use when the cache was pruned."""
        self.still_broken: dict[str, str] = {}
        """Problems of rebuilt binaries that cannot be installed all the same, by NEVRA."""
        self.near: dict[str, dict[str, int]] = {}
        """Distances of the packages in each source's buildroot, on both sides of every change."""
        self._versions: Counter[str] = Counter()
        self._stale = False
        self._impacts: dict[frozenset[str], Impact] = {}
        self._roots: dict[frozenset[str], dict[str, Buildroot | Unsolvable]] = defaultdict(dict)
        self._orders: dict[frozenset[str], RebuildOrder] = {}
        self._broken: dict[frozenset[str], tuple[Uninstallable, ...]] = {}
        self._dependents: dict[str, tuple[ReverseDependency, ...]] = {}

    # What tests say.

    def script_impact(
        self, replaces: Iterable[str], *items: Affected, broken: Iterable[Uninstallable] = (), sources: int = 0
    ) -> None:
        """Say what a change that replaces (at least) these sources does."""
        self._impacts[frozenset(replaces)] = Impact(
            affected=items, uninstallable=tuple(broken), sources=sources or len(items)
        )
        self.sources.update({item.source.name: item.source for item in items})

    def script_broken(self, replaces: Iterable[str], *broken: Uninstallable) -> None:
        """Say what cannot be installed of a change that replaces (at least) these sources."""
        self._broken[frozenset(replaces)] = broken

    def script_changes(self, replaces: Iterable[str], *changes: PackageChange) -> None:
        """Say what differs in the packages of a change that replaces exactly these sources, which is scripted."""
        self._impacts[frozenset(replaces)] = replace(self._impacts[frozenset(replaces)], changes=changes)

    def script_order(self, replaces: Iterable[str], order: RebuildOrder) -> None:
        """Say in which order dependents are rebuilt; without it they are all of one level."""
        self._orders[frozenset(replaces)] = order

    def script_root(self, replaces: Iterable[str], name: str, root: Buildroot | Unsolvable) -> None:
        """Say what the buildroot of a package is; without it, it follows from the scripted impact."""
        self._roots[frozenset(replaces)][name] = root

    def script_dependents(self, subject: str, *dependents: ReverseDependency) -> None:
        """Say who depends on a source package."""
        self._dependents[subject] = dependents

    def move(self, target: str, *, stale: bool = False) -> None:
        """Let the target's metadata change: the next snapshot has another id."""
        self._versions[target] += 1
        self._stale = stale

    def fail_next(self, method: str, error: Exception) -> None:
        """Let the next call of `method` raise."""
        assert hasattr(self, method), f"no such method of a resolver: {method}"
        self._faults.plan(method, error)

    # The port.

    async def snapshot(self, target: Target) -> Snapshot:
        self._enter("snapshot", target)
        return Snapshot(
            id=SnapshotId(f"snapshot-{target.name}-{self._versions[target.name]}"),
            binaries=len(self.sources),
            sources=self.counted,
            stale=self._stale,
        )

    async def source_names(self, snapshot: SnapshotId, target: Target) -> Sequence[str]:
        self._enter("source_names", target)
        return tuple(sorted(self.sources))

    async def describe(
        self, snapshot: SnapshotId, target: Target, sources: Sequence[str]
    ) -> Mapping[str, SourcePackage]:
        self._enter("describe", target)
        return {name: self.sources[name] for name in sources if name in self.sources}

    async def reverse_dependencies(
        self, snapshot: SnapshotId, target: Target, question: Question
    ) -> Sequence[ReverseDependency]:
        self._enter("reverse_dependencies", target)
        if question.subject not in self._dependents and question.subject not in self.sources:
            raise Rejected(f"there is no package {question.subject}")
        found = self._dependents.get(question.subject, ())
        wanted = (item for item in found if not question.packages or item.source.name in question.packages)
        near = (item for item in wanted if question.depth.covers(item.distance))
        return tuple(sorted(near, key=lambda item: (item.distance, item.source.name)))

    async def cone(self, snapshot: SnapshotId, target: Target, question: Question) -> Sequence[str]:
        found = await self.reverse_dependencies(snapshot, target, question)
        return tuple(sorted(item.source.name for item in found))

    async def impact(self, snapshot: SnapshotId, target: Target, change: Overlay) -> Impact:
        self._enter("impact", target, change)
        impact = self._impact(change)
        return replace(
            impact,
            affected=tuple(item for item in impact.affected if item.source.name not in change.replaces),
            uninstallable=tuple(item for item in impact.uninstallable if item.source not in change.replaces),
        )

    async def buildroots(
        self, snapshot: SnapshotId, target: Target, sources: Sequence[str], change: Overlay | None = None
    ) -> Mapping[str, Buildroot | Unsolvable]:
        self._enter("buildroots", target, change)
        return {name: self._root(name, change) for name in sources}

    async def distances(
        self, snapshot: SnapshotId, target: Target, sources: Sequence[str], change: Overlay | None = None
    ) -> Mapping[str, Mapping[str, int]]:
        self._enter("distances", target, change)
        solvable = [name for name in sources if isinstance(self._root(name, change), Buildroot)]
        return {name: self.near.get(name, {}) if name in solvable else {} for name in sources}

    async def differences(
        self, snapshot: SnapshotId, target: Target, sources: Sequence[str], change: Overlay
    ) -> Mapping[str, tuple[RootChange, ...]]:
        self._enter("differences", target, change)
        sides = {name: (self._root(name, None), self._root(name, change)) for name in sources}
        return {
            name: differences(_nevras(before), _nevras(after), {})
            for name, (before, after) in sides.items()
            if isinstance(before, Buildroot) and isinstance(after, Buildroot)
        }

    async def installability(
        self, snapshot: SnapshotId, target: Target, binaries: Sequence[str], change: Overlay
    ) -> Mapping[str, str]:
        self._enter("installability", target, change)
        return {binary: self.still_broken[binary] for binary in binaries if binary in self.still_broken}

    async def broken_of_change(
        self, snapshot: SnapshotId, target: Target, change: Overlay
    ) -> tuple[Uninstallable, ...]:
        self._enter("broken_of_change", target, change)
        scripted = _largest(self._broken, change.replaces) or ()
        return tuple(item for item in scripted if item.source in change.replaces)

    async def order(
        self, snapshot: SnapshotId, target: Target, sources: Sequence[str], change: Overlay, *, thin: bool = False
    ) -> RebuildOrder:
        self._enter("order", target, change)
        scripted = _largest(self._orders, change.replaces)
        if scripted is None:
            return RebuildOrder(levels=(tuple(sorted(sources)),) if sources else ())
        levels = (tuple(name for name in level if name in sources) for level in scripted.levels)
        return RebuildOrder(
            levels=tuple(level for level in levels if level),
            edges=tuple(edge for edge in scripted.edges if set(edge) <= set(sources)),
        )

    async def prune(self, in_use: Collection[SnapshotId]) -> int:
        self.calls["prune"] += 1
        self.kept = frozenset(in_use)
        return 0

    async def close(self) -> None:
        self._enter("close")
        self.closed = True

    # Inside.

    def _enter(self, method: str, target: Target | None = None, change: Overlay | None = None) -> None:
        assert not self.closed, f"{method} after close"
        self.asked.append((method, target.name if target else "", change))
        self._faults.enter(method)

    def _impact(self, change: Overlay) -> Impact:
        return _largest(self._impacts, change.replaces) or Impact(affected=())

    def _root(self, name: str, change: Overlay | None) -> Buildroot | Unsolvable:
        replaces = change.replaces if change else frozenset[str]()
        scripted = _largest({key: roots[name] for key, roots in self._roots.items() if name in roots}, replaces)
        if scripted is not None:
            return scripted
        if change is None:
            known = [item for impact in self._impacts.values() for item in impact.affected if item.source.name == name]
            return Buildroot(packages=(), digest=known[0].buildroot_before if known else f"{name}-before")
        for item in self._impact(change).affected:
            if item.source.name == name:
                return (
                    Buildroot(packages=(), digest=item.buildroot_after)
                    if item.buildroot_after
                    else Unsolvable(problem=item.problem)
                )
        return Buildroot(packages=(), digest=f"{name}-before")


def _largest(scripted: Mapping[frozenset[str], Answer], replaces: frozenset[str]) -> Answer | None:
    fitting = [key for key in scripted if key <= replaces]
    return scripted[max(fitting, key=len)] if fitting else None


def _nevras(root: Buildroot) -> list[str]:
    return [str(package.nevra) for package in root.packages]
