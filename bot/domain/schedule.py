"""When builds will be done, played through: free slots go to runs in turn, as `bot.domain.allocate` gives them."""

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Name = tuple[str, str]
"""Target and package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A build that goes on or waits: how many seconds it still takes, and whose turn it is with.

    `ours` is asked about; `needs` are jobs of ours that have to end before it can begin.
    """

    name: Name
    owner: str
    seconds: float
    ours: bool = True
    running: bool = False
    needs: frozenset[Name] = frozenset()


def seconds_until_done(jobs: Sequence[Job], slots: int) -> float:
    """Return how long it takes until the last job of ours has ended, with so many slots for all of them.

    Within a run the jobs begin in the order in which they are given. Needs that nobody meets are not waited for.
    """
    play = _Play(jobs)
    now = last = 0.0
    while play.ours and play.begin(now, slots):
        now, job = play.end()
        last = now if job.ours else last
    return last


class _Play:
    """What runs, what could begin, and what waits for another's end."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        pending = {job.name for job in jobs if job.ours}
        self.ours = sum(job.ours for job in jobs)
        self._jobs = jobs
        self._ready: defaultdict[str, deque[int]] = defaultdict(deque)
        self._busy: Counter[str] = Counter()
        self._running: list[tuple[float, int]] = []
        self._left = {number: set(job.needs & pending) - {job.name} for number, job in enumerate(jobs)}
        self._waiting_for: defaultdict[Name, list[int]] = defaultdict(list)
        for number, needs in self._left.items():
            for need in needs:
                self._waiting_for[need].append(number)
        self._release(number for number in range(len(jobs)) if not self._left[number])

    def begin(self, now: float, slots: int) -> bool:
        """Fill the free slots; return whether anything runs."""
        while len(self._running) < max(1, slots) and any(self._ready.values()):
            waiting = (owner for owner, numbers in self._ready.items() if numbers)
            owner = min(waiting, key=lambda owner: (self._busy[owner], owner))
            self._start(now, self._ready[owner].popleft())
        return bool(self._running)

    def end(self) -> tuple[float, Job]:
        """Let the next job end; return when, and which."""
        when, number = heapq.heappop(self._running)
        job = self._jobs[number]
        self._busy[job.owner] -= 1
        self.ours -= job.ours
        freed = self._waiting_for.pop(job.name, []) if job.ours else []
        for waiting in freed:
            self._left[waiting].discard(job.name)
        self._release(waiting for waiting in freed if not self._left[waiting])
        return when, job

    def _release(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            job = self._jobs[number]
            if job.running:
                self._start(0.0, number)
            else:
                self._ready[job.owner].append(number)

    def _start(self, now: float, number: int) -> None:
        job = self._jobs[number]
        self._busy[job.owner] += 1
        heapq.heappush(self._running, (now + job.seconds, number))
