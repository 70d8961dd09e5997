"""The shortest ways from packages to a change, for many packages at once.

How far everybody is from the change is worked out once, backwards. A way inside a root follows falling distances; only
where the root does not have such a way is it searched on its own.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from functools import cache
from itertools import chain, pairwise

from bot.adapters.hawkey import chains
from bot.adapters.hawkey.index import Index
from bot.adapters.hawkey.plain import Step, steps_of
from bot.adapters.hawkey.universe import Universe


class Ways:
    """Ways over the requirements of a base to `goals`; `direct` are the requirements that those meet, and with what.

    Packages in `without` are not there. `now` tells who meets a requirement.
    """

    def __init__(
        self,
        universe: Universe,
        index: Index,
        goals: Set[int],
        direct: Mapping[int, frozenset[int]],
        now: Callable[[int], Collection[int]],
        without: Set[int] = frozenset(),
    ) -> None:
        self._universe = universe
        self._index = index
        self._goals = goals
        self._now = now
        self._links: dict[tuple[int, int], Step] = {}
        self._far = dict(self._distances(direct, without))
        self._direct = direct
        # Of packages near the change much is asked again and again; of where a way starts, once.
        self._onward = cache(self._nearer)
        self._leading = cache(self._work_out_leading)
        self._near = cache(self._work_out_near)
        self._meets = cache(self._work_out_meets)

    def _distances(self, direct: Mapping[int, frozenset[int]], without: Set[int]) -> Iterator[tuple[int, int]]:
        yield from dict.fromkeys(self._goals, 0).items()
        nearest = set[int]().union(*(self._index.wanted_by[requirement] for requirement in direct))
        for distance, layer in enumerate(self._index.layers(nearest, without | self._goals), start=1):
            yield from dict.fromkeys(layer, distance).items()

    def way(self, start: int, inside: Set[int]) -> tuple[Step, ...]:
        """Return the shortest way from a package of the base to the nearest goal, over packages of a root."""
        steps = [start]
        for distance in range(self._far.get(start, 0) - 1, -1, -1):
            nearer = self._onward if len(steps) > 1 else self._nearer
            nearest = next((number for number in nearer(steps[-1], distance) if number in inside), None)
            if nearest is None:
                return steps_of(chains.chain(self._universe, start, self._goals, inside))
            steps.append(nearest)
        return tuple(self._link(needy, provider) for needy, provider in pairwise(steps))

    def _nearer(self, number: int, distance: int) -> Sequence[int]:
        """Return whom a package requires that is so far from the change, in order."""
        leading = self._leading(distance).intersection(self._index.wanted[number])
        return sorted(set().union(*[self._near(wanted, distance) for wanted in leading]))

    def _work_out_leading(self, distance: int) -> frozenset[int]:
        """Return the requirements, and more, that somebody meets who is so far from the change."""
        if not distance:
            return frozenset(self._direct)
        meeting = (self._index.provides[number] for number, far in self._far.items() if far == distance)
        return frozenset(chain.from_iterable(meeting))

    def _work_out_near(self, requirement: int, distance: int) -> Collection[int]:
        return tuple(number for number in self._now(requirement) if self._far.get(number) == distance)

    def _work_out_meets(self, provider: int) -> frozenset[int]:
        if provider in self._goals:
            return frozenset(requirement for requirement, met in self._direct.items() if provider in met)
        return frozenset(self._index.provides[provider])

    def way_anywhere(self, start: int) -> tuple[Step, ...]:
        """Return the shortest way over any packages at all; empty where there is none."""
        return self.way(start, self._far.keys())

    def _link(self, needy: int, provider: int) -> Step:
        if (needy, provider) not in self._links:
            wanted = self._meets(provider).intersection(self._index.wanted[needy])
            fitting = (self._index.texts[requirement] for requirement in wanted)
            self._links[needy, provider] = (
                str(self._universe.packages[needy].name),
                min(fitting, key=lambda text: (len(text), text)),
                str(self._universe.packages[provider].name),
            )
        return self._links[needy, provider]
