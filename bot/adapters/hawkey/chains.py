"""How a package comes to be in a buildroot: the shortest chain of requirements that leads to it."""

from collections.abc import Set
from itertools import pairwise

from bot.adapters.hawkey.graph import shortest_path
from bot.adapters.hawkey.universe import Universe
from bot.domain.packages import Link


def chain(universe: Universe, start: int, goals: Set[int], root: Set[int] | None = None) -> tuple[Link, ...]:
    """Return the links from the package `start` to the nearest of `goals`; empty where there is no way.

    Only packages of `root` are passed, where it is given and that is possible. Its length is the distance.
    """
    way = shortest_path(start, goals, universe.neighbours, root)
    if not way and root is not None:
        way = shortest_path(start, goals, universe.neighbours)
    return tuple(link(universe, needy, provider) for needy, provider in pairwise(way))


def link(universe: Universe, needy: int, provider: int) -> Link:
    """Say by which capability one package requires another; the shortest text of several."""
    fitting = [text for text in universe.requirements(needy) if provider in universe.providers(text)]
    return Link(
        package=str(universe.packages[needy].name),
        capability=min(fitting, key=lambda text: (len(text), text)),
        provider=str(universe.packages[provider].name),
    )
