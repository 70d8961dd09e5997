"""When builds will be done, played through: free slots are given away in turn, as they really are."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from bot.domain.turns import Owner, Turns

Name = tuple[str, str]
"""Target and package."""


class Job(NamedTuple):
    """A build that goes on or waits: how many seconds it still takes, and whose turn it is with.

    `ours` is asked about; `needs` are jobs of ours that have to end before it can begin. Within a run the larger
    priority goes first. A tuple, as one is made of each of thousands of builds whenever somebody is told of the end.
    """

    name: Name
    owner: Owner
    seconds: float
    ours: bool = True
    running: bool = False
    priority: int = 0
    needs: frozenset[Name] = frozenset()


_NO_QUOTAS: Mapping[str, int] = {}


def seconds_until_done(jobs: Sequence[Job], slots: int, quotas: Mapping[str, int] = _NO_QUOTAS) -> float:
    """Return how long it takes until the last job of ours has ended, with so many slots for all of them.

    `quotas` is how many jobs of a repository run at once, where that is limited. Within a run those of one priority
    begin in the order in which they are given. Needs that nobody meets are not waited for.
    """
    play = _Play(jobs, quotas)
    now = last = 0.0
    while play.ours and play.begin(now, slots):
        now, number = play.end()
        last = now if jobs[number].ours else last
    return last


def seconds_until_each(jobs: Sequence[Job], slots: int, quotas: Mapping[str, int] = _NO_QUOTAS) -> Sequence[float]:
    """Return how long it takes until each of the jobs has ended: of all together, for whoever asks of some of them.

    None of them needs another.
    """
    play = _Play(jobs, quotas)
    ends = [0.0] * len(jobs)
    now = 0.0
    while play.begin(now, slots):
        now, number = play.end()
        ends[number] = now
    return ends


class _Play:
    """What runs, what could begin, and what waits for another's end."""

    def __init__(self, jobs: Sequence[Job], quotas: Mapping[str, int]) -> None:
        pending = {job.name for job in jobs if job.ours}
        self.ours = sum(job.ours for job in jobs)
        self._jobs = jobs
        self._turns: Turns[int] = Turns(quotas, {})
        self._running: list[tuple[float, int]] = []
        self._left = {number: set(job.needs & pending) - {job.name} for number, job in enumerate(jobs) if job.needs}
        self._waiting_for: defaultdict[Name, list[int]] = defaultdict(list)
        for number, needs in self._left.items():
            for need in needs:
                self._waiting_for[need].append(number)
        self._release(number for number in range(len(jobs)) if not self._left.get(number))

    def begin(self, now: float, slots: int) -> bool:
        """Fill the free slots; return whether anything runs."""
        while len(self._running) < max(1, slots):
            number = self._turns.next()
            if number is None:
                break
            self._start(now, number)
        return bool(self._running)

    def end(self) -> tuple[float, int]:
        """Let the next job end; return when, and its number."""
        when, number = heapq.heappop(self._running)
        job = self._jobs[number]
        self._turns.end(job.owner)
        self.ours -= job.ours
        freed = self._waiting_for.pop(job.name, []) if job.ours else []
        for waiting in freed:
            self._left[waiting].discard(job.name)
        self._release(waiting for waiting in freed if not self._left[waiting])
        return when, number

    def _release(self, numbers: Iterable[int]) -> None:
        waiting: defaultdict[Owner, list[int]] = defaultdict(list)
        for number in numbers:
            job = self._jobs[number]
            if job.running:
                self._turns.begin(job.owner)
                self._start(0.0, number)
            else:
                waiting[job.owner].append(number)
        for owner, several in waiting.items():
            self._turns.wait(owner, several, self._rank, min(several))

    def _rank(self, number: int) -> tuple[int, int]:
        return -self._jobs[number].priority, number

    def _start(self, now: float, number: int) -> None:
        heapq.heappush(self._running, (now + self._jobs[number].seconds, number))
