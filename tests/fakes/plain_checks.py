"""Every answer of the resolver beside the plain one."""

from collections.abc import Mapping, Set
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise

from bot.adapters.hawkey import worker
from bot.adapters.hawkey.dependents import cone, reverse_dependencies
from bot.adapters.hawkey.differences import differences
from bot.adapters.hawkey.direct import direct_dependents
from bot.adapters.hawkey.distances import distances
from bot.adapters.hawkey.impact import examine, impact, plan
from bot.adapters.hawkey.parcels import affected_from
from bot.adapters.hawkey.rebuild_order import rebuild_order
from bot.adapters.hawkey.rich import operators
from bot.adapters.hawkey.roots import Problem, Root
from bot.adapters.hawkey.universe import SOURCE_ARCHES
from bot.domain.config import Depth
from bot.domain.packages import Link
from bot.domain.plan import Affected, Effect
from bot.ports.resolver import Question
from tests.fakes.plainly import Both, Plain, repaired


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
    check_who_contains_whom(both, found)


def check_who_contains_whom(both: Both, found: Mapping[str, Affected]) -> None:
    """Check which affected packages are in whose buildroot: as it will be, or else as it was."""
    inside: dict[str, set[str]] = {}
    for name in found:
        side = both.after if isinstance(both.after.of_source[name], Root) else both.before
        root = side.of_source[name]
        numbers = root.numbers if isinstance(root, Root) else ()
        inside[name] = {side.universe.source_of(number) for number in numbers} & found.keys() - {name}
    for name, item in found.items():
        assert item.contains == tuple(sorted(inside[name])), name
        assert item.dependents == sum(name in others for others in inside.values()), name


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


def check_shares(both: Both) -> None:
    """Check that several processes come to what one does, and that nothing broken is in anybody's buildroot then."""
    comparison = both.comparison
    whole = plan(comparison)
    half = len(whole.examine) // 2
    shares = [examine(comparison, numbers) for numbers in (whole.examine[:half], whole.examine[half:])]
    together = affected_from([one.findings for one in shares], [one.inside for one in shares])
    assert tuple(item for item in together if item is not None) == impact(comparison).affected
    assert not set(comparison.broken) & set().union(*(one.installed for one in shares))


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
    dependents = reverse_dependencies(both.comparison.known, question)
    found = {item.source.name: item for item in dependents}
    assert found.keys() <= set(cone(both.comparison.known, question))
    near = replace(question, depth=Depth(levels=2))
    assert reverse_dependencies(both.comparison.known, near) == tuple(item for item in dependents if item.distance <= 2)
    assert {item.source.name for item in dependents if item.distance <= 2} <= set(cone(both.comparison.known, near))
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
    comparison = both.comparison
    names = sorted(comparison.sources)
    found = rebuild_order(comparison, names)
    level = {name: number for number, some in enumerate(found.levels) for name in some}
    assert sorted(name for some in found.levels for name in some) == names
    assert all(level[needed] < level[name] for name, needed in found.edges)
    all_edges = {*found.edges, *((cut.package, cut.needs) for cycle in found.cycles for cut in cycle.cuts)}
    mended = repaired(both)
    for name in names:
        solved = [side.of_source[name] for side in (mended, both.after)]
        root = next((root for root in solved if isinstance(root, Root)), None)
        universe = mended.universe if root is solved[0] else both.after.universe
        needs = {universe.source_of(number) for number in root.numbers} if root else set()
        assert {needed for who, needed in all_edges if who == name} == needs & set(names) - {name}, name


def check(both: Both) -> None:
    """Compare all answers about a situation with the plain ones."""
    check_impact(both)
    check_shares(both)
    check_uninstallable(both)
    check_installability(both)
    check_dependents(both)
    check_differences(both)
    check_order(both)
