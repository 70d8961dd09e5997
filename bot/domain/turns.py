"""Whose turn it is: the one rule by which free slots are given away, here and in forecasts.

A turn goes to the repository with the fewest builds running; among equals to the one whose last turn is longest ago,
and among those that had none to the one that has waited longest. Within a repository it goes to the run with the fewest
builds left, so that a small plan does not wait for a large one, and among equals to the older.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Owner(NamedTuple):
    """Whose turn a build takes. Both are empty for baselines, which belong to nobody and take their turns together.

    A tuple, as it is a key that is looked up several times for each of thousands of builds.
    """

    repository: str = ""
    run: str = ""


@dataclass(slots=True)
class _Line(Generic[T]):
    """The builds of one run: how many are not done, and those that wait, by rank."""

    unfinished: int = 0
    oldest: float = float("inf")
    waiting: list[tuple[Any, T]] = field(default_factory=list)
    unranked: list[tuple[Sequence[T], Callable[[T], Any]]] = field(default_factory=list)
    """Builds that wait too, with the function that ranks them: most lines do not come to their turn."""

    def take(self) -> T:
        """Return the waiting build of the least rank."""
        for items, rank in self.unranked:
            ranked = [(rank(item), item) for item in items]
            if self.waiting:
                for each in ranked:
                    heapq.heappush(self.waiting, each)
            else:
                self.waiting = ranked
                heapq.heapify(self.waiting)
        self.unranked.clear()
        return heapq.heappop(self.waiting)[1]


@dataclass(slots=True)
class _Repository:
    busy: int = 0
    waiting: int = 0
    oldest: float = float("inf")
    lines: list[tuple[int, float, str]] = field(default_factory=list)
    """A heap of its runs; what is not true of a run any more is passed over."""


class Turns(Generic[T]):
    """Keeps account of who has what running and who waits. Ranks within a run are those of different items."""

    def __init__(self, quotas: Mapping[str, int], served: Mapping[str, int]) -> None:
        self.served = dict(served)
        """The number of the last turn that each repository had."""
        self._quotas = quotas
        self._turn = max(self.served.values(), default=0)
        self._lines: defaultdict[Owner, _Line[T]] = defaultdict(_Line)
        self._repositories: defaultdict[str, _Repository] = defaultdict(_Repository)
        self._order: list[tuple[int, int, float, str]] = []
        self._news: set[Owner] = set()
        """Whose account has changed since the last turn: thousands may be noted before one is given."""

    def wait(self, owner: Owner, items: Sequence[T], rank: Callable[[T], Any], age: float, behind: int = 0) -> None:
        """Note that builds wait; within their run the least rank goes first.

        `age` is that of the one that has waited longest, which is the least of theirs. So many more are `behind` them,
        and get no turn.
        """
        line, repository = self._lines[owner], self._repositories[owner.repository]
        line.unranked.append((items, rank))
        line.oldest, repository.oldest = min(line.oldest, age), min(repository.oldest, age)
        line.unfinished += len(items) + behind
        repository.waiting += len(items)
        self._news.add(owner)

    def begin(self, owner: Owner) -> None:
        """Note that a build runs that was not given its turn here."""
        self._lines[owner].unfinished += 1
        self._repositories[owner.repository].busy += 1
        self._news.add(owner)

    def end(self, owner: Owner) -> None:
        """Note that a build is done."""
        self._lines[owner].unfinished -= 1
        self._repositories[owner.repository].busy -= 1
        self._news.add(owner)

    def next(self) -> T | None:
        """Give the next turn away; None where nobody waits who may have one."""
        self._take_in()
        while self._order:
            key = heapq.heappop(self._order)
            name = key[-1]
            repository = self._repositories[name]
            if key == self._key(name) and repository.waiting and repository.busy < self._quotas.get(name, 1 << 62):
                return self._serve(name, repository)
        return None

    def _serve(self, name: str, repository: _Repository) -> T:
        while True:
            unfinished, oldest, run = heapq.heappop(repository.lines)
            owner = Owner(repository=name, run=run)
            line = self._lines[owner]
            waits = line.waiting or line.unranked
            if waits and (unfinished, oldest) == (line.unfinished, line.oldest):
                break
        item = line.take()
        repository.waiting -= 1
        repository.busy += 1
        self._turn += 1
        self.served[name] = self._turn
        self._news.add(owner)
        return item

    def _take_in(self) -> None:
        for owner in self._news:
            line = self._lines[owner]
            heapq.heappush(self._repositories[owner.repository].lines, (line.unfinished, line.oldest, owner.run))
        for name in {owner.repository for owner in self._news}:
            heapq.heappush(self._order, self._key(name))
        self._news.clear()

    def _key(self, name: str) -> tuple[int, int, float, str]:
        repository = self._repositories[name]
        return repository.busy, self.served.get(name, 0), repository.oldest, name
