"""Every answer of the resolver beside the plain one: everything solved, nothing kept, carried over or left out."""

from collections.abc import Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from bot.adapters.hawkey import worker
from bot.adapters.hawkey.dependents import cone, reverse_dependencies
from bot.adapters.hawkey.differences import differences
from bot.adapters.hawkey.direct import direct_dependents
from bot.adapters.hawkey.distances import distances
from bot.adapters.hawkey.filelists import wants_filelists
from bot.adapters.hawkey.impact import Comparison, impact
from bot.adapters.hawkey.known import KnownRoots
from bot.adapters.hawkey.loading import Layer, UniverseSpec
from bot.adapters.hawkey.metadata import fetch_later, fetch_metadata
from bot.adapters.hawkey.pins import FILELISTS, PinnedRepository
from bot.adapters.hawkey.rebuild_order import rebuild_order
from bot.adapters.hawkey.rich import operators
from bot.adapters.hawkey.roots import Problem, Root, Roots
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.universe import SOURCE_ARCHES, Universe
from bot.domain.config import Depth
from bot.domain.packages import Link
from bot.domain.plan import Effect
from bot.ports.resolver import Question
from tests.fakes.rpmmd import Package, write_repository
from tests.fakes.wild import Situation


@dataclass(frozen=True)
class Plain:
    """One side of a comparison, with all filelists and nothing carried over, kept or left out."""

    spec: UniverseSpec

    @cached_property
    def universe(self) -> Universe:
        return Universe(self.spec)

    @cached_property
    def roots(self) -> Roots:
        return Roots(self.universe)

    @cached_property
    def of_source(self) -> Mapping[str, Root | Problem]:
        return {name: self.roots.of_source(number) for name, number in self.universe.sources.items()}

    def names(self, root: Root | Problem) -> list[str]:
        """Return what a root's packages are, sorted."""
        return sorted(map(self.universe.identity, root.numbers)) if isinstance(root, Root) else []

    def distance(self, start: int, goals: Set[int], root: Set[int] | None = None) -> int:
        """Return how many requirements it takes from a package to one of `goals`; 0 where there is no way."""
        seen, frontier, steps = {start}, {start}, 0
        while frontier:
            steps += 1
            frontier = {near for number in frontier for near in self.universe.neighbours(number)} - seen
            if root is not None:
                frontier &= root
            if frontier & goals:
                return steps
            seen |= frontier
        return 0


@dataclass(frozen=True)
class Both:
    """A situation as the service has it, and plain."""

    comparison: Comparison
    before: Plain
    after: Plain


def load(directory: Path, wild: Situation) -> Both:
    """Write a situation's repositories, and load them as the service does, and plain from a cache of their own."""
    bases, over = [], []
    for cache in (directory / "cache", directory / "plain"):
        base, change = _layers(directory, cache, wild)
        bases.append(UniverseSpec(cache=cache, arch="x86_64", base=base, buildroot=wild.buildroot))
        over.append({"change": (change,), "replaces": wild.replaces, "priority": wild.priority})
    before, plain = bases
    files = wants_filelists(replace(before, files=False))
    known = KnownRoots(Universe(replace(before, files=files)))
    for number in known.universe.sources.values():
        known.solved(number)
    known.save()
    silent = replace(known.universe.spec, **over[0])
    after = replace(silent, files=files or wants_filelists(silent))
    comparison = Comparison(KnownRoots(known.universe), Roots(Universe(after)))
    comparison.known.refresh()
    return Both(comparison, Plain(plain), Plain(replace(plain, **over[1])))


def _layers(directory: Path, cache: Path, wild: Situation) -> tuple[tuple[Layer, ...], Layer]:
    """Write the repositories, and fetch all there is into a cache."""
    fetching = HawkeySettings(cache=cache, allow_file=True)

    def layer(name: str, packages: tuple[Package, ...], modules: str = "") -> Layer:
        url = write_repository(directory / name, packages, more={"modules": modules} if modules else None)
        digest = fetch_metadata(url, fetching)
        fetch_later(PinnedRepository(url=url, digest=digest), FILELISTS, fetching)
        return Layer(url=url, digest=digest)

    base = tuple(
        replace(layer(f"base{at}", repo.packages, repo.modules), priority=repo.priority, excludes=repo.excludes)
        for at, repo in enumerate(wild.repos)
    )
    return base, layer("change", wild.change)


def check_impact(both: Both) -> None:
    """Check who is affected, how, from where to where, and by what way the change is in the buildroot."""
    comparison, before, after = both.comparison, both.before, both.after
    assert comparison.sources.keys() == before.universe.sources.keys() - comparison.replaces
    found = {item.source.name: item for item in impact(comparison).affected}
    for name in comparison.sources:
        was, becomes = before.of_source[name], after.of_source[name]
        same = before.names(was) == after.names(becomes) and isinstance(was, Root) and isinstance(becomes, Root)
        item = found.get(name)
        if item is None:
            assert same or (isinstance(was, Problem) and isinstance(becomes, Problem)), name
            continue
        assert not same, name
        digests = tuple(
            side.roots.digest(root) if isinstance(root, Root) else ""
            for side, root in ((before, was), (after, becomes))
        )
        assert (item.buildroot_before, item.buildroot_after) == digests, name
        assert item.effect is _effect(was, becomes), name
        if isinstance(becomes, Problem):
            assert item.problem in {becomes.text, was.text if isinstance(was, Problem) else None}, name
        else:
            assert not item.problem
        check_way(both, name, item.path)
        assert item.distance == max(len(item.path), 1)


def _effect(before: Root | Problem, after: Root | Problem) -> Effect:
    solved = isinstance(before, Root), isinstance(after, Root)
    effects = {(True, True): Effect.REBUILD, (True, False): Effect.UNRESOLVABLE, (False, True): Effect.NOW_RESOLVABLE}
    return effects.get(solved, Effect.STILL_UNRESOLVABLE)


def check_way(both: Both, name: str, path: tuple[Link, ...]) -> None:
    """Check that a way holds before or after, and is as short as one inside the buildroot can be."""
    comparison = both.comparison
    goals = ((both.after, comparison.brought), (both.before, comparison.removed))
    for side, wanted in goals:
        root = side.of_source[name]
        if isinstance(root, Root) and wanted & set(root.numbers):
            assert_way(side, name, path, wanted)
            assert len(path) == side.distance(side.universe.sources[name], wanted, set(root.numbers)), name
            return
    if path:
        ways = [_holds(side, name, path, wanted) for side, wanted in goals]
        assert any(ways), (name, path)


def _holds(side: Plain, name: str, path: tuple[Link, ...], goals: Set[int]) -> bool:
    with suppress(AssertionError):
        assert_way(side, name, path, goals)
        return True
    return False


def assert_way(side: Plain, name: str, path: tuple[Link, ...], goals: Set[int]) -> None:
    """Check that each link is required by the one and provided by the other, and that they lead to a goal."""
    universe = side.universe
    assert path, name
    assert path[0].package == name
    assert all(link.provider == following.package for link, following in pairwise(path)), path
    at = {universe.sources[name]}
    for link in path:
        wanting = {number for number in at if link.capability in universe.requirements(number)}
        assert wanting, (name, path)
        at = set(universe.binary_names.get(link.provider, ())) & universe.providers(link.capability)
        assert at, (name, path)
    assert at & goals, (name, path)


def check_uninstallable(both: Both) -> None:
    """Check which binary packages of the base cannot be installed any more."""
    before, after = both.before, both.after
    lost = {
        number
        for number, package in before.universe.packages.items()
        if package.arch not in SOURCE_ARCHES
        and number in after.universe.packages
        and isinstance(before.roots.of_binary(number), Root)
        and not isinstance(after.roots.of_binary(number), Root)
    }
    assert set(both.comparison.broken) == lost
    told = {item.package for item in both.comparison.told(both.comparison.broken)}
    assert told <= {str(before.universe.packages[number]) for number in lost}


def check_installability(both: Both) -> None:
    """Check that a package by its NEVRA can be installed if and only if it can by itself."""
    after = both.after
    best: dict[str, int] = {}
    for number, package in after.universe.packages.items():
        if package.arch not in SOURCE_ARCHES:
            best[str(package)] = after.universe.preferred({number, best.get(str(package), number)})
    problems = worker.try_to_install(both.comparison.after.universe.spec, [*best, "nothing-1-1.noarch"])
    lost = {nevra for nevra, number in best.items() if isinstance(after.roots.of_binary(number), Problem)}
    assert problems.keys() == lost | {"nothing-1-1.noarch"}


def check_dependents(both: Both) -> None:
    """Check who depends on every package, how far away it is, and that the command comes to the same."""
    before = both.before
    known = both.comparison.known
    for subject in before.universe.binary_names:
        goals = before.universe.binaries_named(subject)
        check_question(both, Question(subject=subject, binary=True), goals)
    for subject, goals in before.universe.binaries.items():
        check_question(both, Question(subject=subject), goals)
        direct = Question(subject=subject, depth=Depth(levels=1))
        told = {item.source.name: item for item in direct_dependents(known.universe, direct)}
        found = {item.source.name: item for item in reverse_dependencies(known, direct)}
        # The command does not see what comes as a condition: hawkey's queries do not.
        seen = {name: item for name, item in found.items() if not _is_conditional(item.path[0].capability)}
        assert {name: told.get(name) for name in seen} == seen
        assert told.keys() <= found.keys()


def _is_conditional(capability: str) -> bool:
    return bool({"if", "unless"} & set(operators(capability)))


def check_question(both: Both, question: Question, goals: frozenset[int]) -> None:
    before = both.before
    found = {item.source.name: item for item in reverse_dependencies(both.comparison.known, question)}
    around = set(cone(both.comparison.known, question))
    assert found.keys() <= around
    for name, number in before.universe.sources.items():
        if name == question.subject and not question.binary:
            assert name not in found
            continue
        root = before.of_source[name]
        inside = isinstance(root, Root) and not goals.isdisjoint(root.numbers)
        named = isinstance(root, Problem) and not goals.isdisjoint(before.universe.neighbours(number))
        assert (name in found) == (inside or named), (question, name)
        if name in found:
            assert_way(before, name, found[name].path, goals)
            within = set(root.numbers) if isinstance(root, Root) else None
            assert found[name].distance == before.distance(number, goals, within), (question, name)


def check_differences(both: Both) -> None:
    """Check what is said to differ in each buildroot, and how far everything in it is away."""
    comparison, before, after = both.comparison, both.before, both.after
    names = list(comparison.sources)
    told = differences(comparison, names)
    far = distances(comparison.after, names)
    for name in names:
        was, becomes = before.of_source[name], after.of_source[name]
        assert (name in told) == (isinstance(was, Root) and isinstance(becomes, Root))
        if name in told:
            old, new = set(before.names(was)), set(after.names(becomes))
            gone, come = {_nevra(text) for text in old - new}, {_nevra(text) for text in new - old}
            assert {item.before for item in told[name]} - {None} == gone, name
            assert {item.after for item in told[name]} - {None} == come, name
        if isinstance(becomes, Root):
            inside = set(becomes.numbers)
            expected: dict[str, int] = {}
            for number in inside:
                steps = after.distance(after.universe.sources[name], {number}, inside)
                package = str(after.universe.packages[number].name)
                if steps:
                    expected[package] = min(steps, expected.get(package, steps))
            assert far[name] == expected, name


def _nevra(identity: str) -> str:
    return identity.rpartition(" ")[0]


def check_order(both: Both) -> None:
    """Check that everybody is named once, after everybody whose package it is built with, but for what was cut."""
    comparison, after = both.comparison, both.after
    names = sorted(comparison.sources)
    found = rebuild_order(comparison, names)
    level = {name: number for number, some in enumerate(found.levels) for name in some}
    assert sorted(name for some in found.levels for name in some) == names
    assert all(level[needed] < level[name] for name, needed in found.edges)
    all_edges = {*found.edges, *((cut.package, cut.needs) for cycle in found.cycles for cut in cycle.cuts)}
    if comparison.broken:
        return
    for name in names:
        root = after.of_source[name]
        inside = root.numbers if isinstance(root, Root) else ()
        needs = {after.universe.source_of(number) for number in inside} & set(names) - {name}
        assert {needed for who, needed in all_edges if who == name} == needs, name


def check(both: Both) -> None:
    """Compare all answers about a situation with the plain ones."""
    check_impact(both)
    check_uninstallable(both)
    check_installability(both)
    check_dependents(both)
    check_differences(both)
    check_order(both)
