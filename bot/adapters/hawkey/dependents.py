"""Who depends on a package: the source packages that have it in their solved buildroot."""

from bot.adapters.hawkey import chains
from bot.adapters.hawkey.index import Index, is_plain
from bot.adapters.hawkey.roots import Problem, Roots
from bot.adapters.hawkey.subjects import source_number, subject_of
from bot.adapters.hawkey.universe import Universe
from bot.domain.packages import Link
from bot.ports.resolver import Question, ReverseDependency


def reverse_dependencies(roots: Roots, question: Question) -> tuple[ReverseDependency, ...]:
    """Solve every source package that can reach the subject, and keep those that do, nearest first, then by name.

    A source package whose buildroot cannot be solved is kept where its BuildRequires name the subject themselves: that
    much is certain. So nothing has to be solved either for one that requires what nothing but the subject provides.
    Raises Rejected where there is no such subject.
    """
    universe, index = roots.universe, roots.index
    subject = subject_of(universe, question)
    sure = _sure(index, subject)
    found = []
    for number in _sources_in_reach(universe, index, question, subject).values():
        certain = sure.get(number)
        path = _path(roots, number, subject) if certain is None else (_link(universe, index, number, *certain),)
        if path and question.depth.covers(len(path)):
            found.append(ReverseDependency(source=universe.source(number), distance=len(path), path=path))
    return tuple(sorted(found, key=lambda item: (item.distance, item.source.name)))


def cone(roots: Roots, question: Question) -> tuple[str, ...]:
    """Return the source packages that can reach the subject over requirements and their providers, sorted.

    Nothing is solved, so this is more than the reverse dependencies and never less. Raises Rejected where there is no
    such subject.
    """
    universe = roots.universe
    found = _sources_in_reach(universe, roots.index, question, subject_of(universe, question))
    return tuple(sorted(found))


def _sources_in_reach(universe: Universe, index: Index, question: Question, subject: frozenset[int]) -> dict[str, int]:
    if question.packages:
        return {name: source_number(universe, name) for name in question.packages}
    reachable = index.cone(subject, question.depth.levels)
    itself = None if question.binary else question.subject
    names = ((universe.packages[number].name, number) for number in universe.built & reachable)
    return {name: number for name, number in names if name != itself}


def _sure(index: Index, subject: frozenset[int]) -> dict[int, tuple[int, int]]:
    """Return for packages that require what a single package of the subject, and nobody else, provides: that one.

    With it comes by which requirement it is named, the shortest.
    """
    sure: dict[int, tuple[int, int]] = {}
    for number in sorted(subject, reverse=True):
        texts = {requirement: index.texts[requirement] for requirement in index.provides[number]}
        certain: set[int] = set()
        shortest: dict[int, int] = {}
        for requirement, text in sorted(texts.items(), key=lambda item: (len(item[1]), item[1]), reverse=True):
            shortest.update(dict.fromkeys(index.wanted_by[requirement], requirement))
            if len(index.provided_by[requirement]) == 1 and is_plain(text):
                certain.update(index.wanted_by[requirement])
        sure.update({needy: (number, shortest[needy]) for needy in certain})
    return sure


def _link(universe: Universe, index: Index, needy: int, provider: int, requirement: int) -> Link:
    packages = universe.packages
    return Link(package=packages[needy].name, capability=index.texts[requirement], provider=packages[provider].name)


def _path(roots: Roots, number: int, subject: frozenset[int]) -> tuple[Link, ...]:
    universe = roots.universe
    root = roots.of_source(number)
    if isinstance(root, Problem):
        return chains.chain(universe, number, subject) if roots.index.neighbours(number) & subject else ()
    if subject.isdisjoint(root.numbers):
        return ()
    return chains.chain(universe, number, subject, frozenset(root.numbers))
