"""Who depends on a package: the source packages that have it in their solved buildroot."""

from collections.abc import Set

from bot.adapters.hawkey import chains
from bot.adapters.hawkey.index import Index
from bot.adapters.hawkey.plain import Facts, Step, link_from, source_from, steps_of
from bot.adapters.hawkey.rich import is_plain
from bot.adapters.hawkey.roots import Problem, Roots
from bot.adapters.hawkey.subjects import source_number, subject_of
from bot.adapters.hawkey.universe import Universe
from bot.domain.packages import Link
from bot.ports.resolver import Question, ReverseDependency

Row = tuple[Facts, tuple[Step, ...]]
"""A dependent and the way from it to the subject."""


def reverse_dependencies(roots: Roots, question: Question) -> tuple[ReverseDependency, ...]:
    """Solve every source package that can reach the subject, and keep those that do, nearest first, then by name.

    A source package whose buildroot cannot be solved is kept where its BuildRequires name the subject themselves: that
    much is certain. So nothing has to be solved either for one that requires what nothing but the subject provides.
    Raises Rejected where there is no such subject.
    """
    return tuple(
        ReverseDependency(source=source_from(facts), distance=len(way), path=tuple(map(link_from, way)))
        for facts, way in dependent_rows(roots, question)
    )


def dependent_rows(roots: Roots, question: Question) -> list[Row]:
    """Return what `reverse_dependencies` does, as plain values."""
    universe, index = roots.universe, roots.index
    subject = subject_of(universe, question)
    numbers = _sources_in_reach(universe, index, question, subject)
    sure = _sure(universe, index, subject, numbers)
    found: list[Row] = []
    for number in numbers:
        certain = sure.get(number)
        facts = universe.facts(number)
        way = ((facts[0], *certain),) if certain else steps_of(_path(roots, number, subject))
        if way and question.depth.covers(len(way)):
            found.append((facts, way))
    found.sort(key=lambda row: (len(row[1]), row[0][0]))
    return found


def cone(roots: Roots, question: Question) -> tuple[str, ...]:
    """Return the source packages that can reach the subject over requirements and their providers, sorted.

    Nothing is solved, so this is more than the reverse dependencies and never less. Raises Rejected where there is no
    such subject.
    """
    universe = roots.universe
    found = _sources_in_reach(universe, roots.index, question, subject_of(universe, question))
    return tuple(sorted(str(universe.packages[number].name) for number in found))


def _sources_in_reach(universe: Universe, index: Index, question: Question, subject: Set[int]) -> frozenset[int]:
    if question.packages:
        return frozenset(source_number(universe, name) for name in question.packages)
    itself = () if question.binary else (universe.sources.get(question.subject),)
    return (universe.built & index.cone(subject, question.depth.levels)).difference(itself)


def _sure(universe: Universe, index: Index, subject: Set[int], numbers: frozenset[int]) -> dict[int, tuple[str, str]]:
    """Return those of some packages that require what a single package of the subject, and nobody else, provides.

    With them comes the last step of the way there: the requirement by which it is named, the shortest, and its name.
    """
    sure: dict[int, tuple[str, str]] = {}
    for number in sorted(subject, reverse=True):
        name = str(universe.packages[number].name)
        texts = {requirement: index.texts[requirement] for requirement in index.provides[number]}
        certain: set[int] = set()
        shortest: dict[int, tuple[str, str]] = {}
        for requirement, text in sorted(texts.items(), key=lambda item: (len(item[1]), item[1]), reverse=True):
            needy = numbers.intersection(index.wanted_by[requirement])
            shortest.update(dict.fromkeys(needy, (text, name)))
            if len(index.provided_by[requirement]) == 1 and is_plain(text):
                certain |= needy
        sure.update({needy: shortest[needy] for needy in certain})
    return sure


def _path(roots: Roots, number: int, subject: Set[int]) -> tuple[Link, ...]:
    universe = roots.universe
    root = roots.of_source(number)
    if isinstance(root, Problem):
        return chains.chain(universe, number, subject) if roots.index.neighbours(number) & subject else ()
    if subject.isdisjoint(root.numbers):
        return ()
    return chains.chain(universe, number, subject, frozenset(root.numbers))
