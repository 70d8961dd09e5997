"""What waits and goes on at the backends, and what builds cost, as forecasts look at them: as they were a moment ago.

Many runs are told of at once when a service is busy, and that is when a queue is long. So it is read, and played
through, once for all of them.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace

from cachetools import TTLCache

from bot.domain.allocate import Quotas
from bot.domain.backlog import Backlog, expected_ends
from bot.domain.costs import UNKNOWN, Cost, Costs, Place, costs_by_package, usual_cost
from bot.ports.clock import Clock
from bot.ports.store import Store

_GOOD_FOR = 15
"""Seconds for which a backlog, and what is usual, is believed to be as it was: ends are foretold to the minute."""
_COSTS_GOOD_FOR = 600
"""Seconds for which a package is believed to cost what it did: one more build hardly moves the median of several."""
_MANY = 1_000
_PACKAGES = 50_000
"""Bounds of what is kept: of backends and targets there are a few, of packages some thousands on each target."""
_EACH = 5
"""So many of a package's last builds say what the next one costs."""
_LATELY = 200
"""So many of a target's last builds say what is usual there."""
_AT_ONCE = 500
"""Packages that are looked up in one transaction: others wait for it."""


class Queues:
    """The backlogs of all backends, each read by one at a time."""

    def __init__(self, clock: Clock) -> None:
        def seconds() -> float:
            return clock.now().timestamp()

        self._clock = clock
        self._backlogs: TTLCache[str, Backlog] = TTLCache(_MANY, ttl=_GOOD_FOR, timer=seconds)
        self._usual: TTLCache[str, Cost] = TTLCache(_MANY, ttl=_GOOD_FOR, timer=seconds)
        self._own: TTLCache[Place, Cost] = TTLCache(_PACKAGES, ttl=_COSTS_GOOD_FOR, timer=seconds)
        self._reading: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, store: Store, backend: str, slots: Callable[[], Awaitable[int]], quotas: Quotas) -> Backlog:
        """Return what waits and goes on at a backend; `slots` tells how many builds go on there at once."""
        async with self._reading[backend]:
            known = self._backlogs.get(backend)
            if known is None:
                known = self._backlogs[backend] = await self._read(store, backend, slots, quotas)
        return known

    async def _read(self, store: Store, backend: str, slots: Callable[[], Awaitable[int]], quotas: Quotas) -> Backlog:
        async with store.transaction() as tx:
            builds = await tx.builds.unfinished(backend)
            runs = await tx.runs.several({build.run for build in builds if build.run is not None})
        costs = await self.costs(store, {(build.target, build.package) for build in builds})
        backlog = Backlog(builds=builds, runs=runs, slots=await slots())
        # Thousands of builds take some tens of milliseconds to play through.
        ends = await asyncio.to_thread(expected_ends, backlog, costs, quotas, self._clock.now())
        return replace(backlog, ends=ends)

    async def costs(self, store: Store, places: Collection[Place]) -> Costs:
        """Return what is known of the costs of builds at these places."""
        usual: dict[str, Cost] = {}
        own: dict[Place, Cost] = {}
        packages: defaultdict[str, list[str]] = defaultdict(list)
        for place in places:
            if (known := self._own.get(place)) is not None:
                own[place] = known
            else:
                packages[place[0]].append(place[1])
        for target in {target for target, _ in places}:
            usual[target] = await self._usual_on(store, target)
            for start in range(0, len(packages[target]), _AT_ONCE):
                own |= await self._look_up(store, target, packages[target][start : start + _AT_ONCE])
        return Costs(usual=usual, own=own)

    async def _usual_on(self, store: Store, target: str) -> Cost:
        known = self._usual.get(target)
        if known is None:
            async with store.transaction() as tx:
                known = self._usual[target] = usual_cost(await tx.builds.lately(target, _LATELY))
        return known

    async def _look_up(self, store: Store, target: str, packages: Collection[str]) -> dict[Place, Cost]:
        async with store.transaction() as tx:
            found = costs_by_package(await tx.builds.past(target, packages, _EACH))
        costs = {(target, package): found.get(package, UNKNOWN) for package in packages}
        self._own.update(costs)
        return costs
