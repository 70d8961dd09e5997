"""How far each package of a buildroot is from the source package that it is made for."""

from collections.abc import Mapping, Sequence

from bot.adapters.hawkey.roots import Problem, Roots
from bot.adapters.hawkey.subjects import source_number


def distances(roots: Roots, sources: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
    """Return the distance of each package in each source's buildroot, by name; nothing where that has no solution.

    1 is what meets a BuildRequires or is in the minimal buildroot; only ways inside the buildroot count.
    """
    return {name: _of_source(roots, source_number(roots.universe, name)) for name in sources}


def _of_source(roots: Roots, number: int) -> Mapping[str, int]:
    root, universe = roots.of_source(number), roots.universe
    if isinstance(root, Problem):
        return {}
    left, frontier, found = set(root.numbers), {number}, dict[str, int]()
    distance = 0
    while frontier:
        distance += 1
        frontier = {near for package in frontier for near in universe.neighbours(package)} & left
        left -= frontier
        for package in frontier:
            found.setdefault(str(universe.packages[package].name), distance)
    return found
