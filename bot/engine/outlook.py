"""What a forecast needs to know besides the run: what builds cost, and who else waits for the backends."""

import asyncio
from functools import partial

from bot.domain.report.assemble import Stored
from bot.domain.report.forecast import Experience, forecast, has_future, to_come_of
from bot.domain.report.values import Forecast
from bot.engine.world import World
from bot.ports.errors import RevdepsError


async def foretell(world: World, stored: Stored) -> Forecast | None:
    """Return what is still to come of a run, None where there is nothing to foretell."""
    if not has_future(stored):
        return None
    experience = await _experience(world, stored)
    # A run that is not in line yet has to be played through with all others.
    return await asyncio.to_thread(forecast, stored, world.clock.now(), experience)


async def _experience(world: World, stored: Stored) -> Experience:
    quotas, queues = world.settings.quotas, world.queues
    backends = {target.target.backend for target in stored.targets}

    async def slots(backend: str) -> int:
        try:
            return await world.builder(backend).capacity()
        except RevdepsError:
            return 0  # a backend that gives no answer now must not keep the report from being made

    backlogs = {each: await queues.of(world.store, each, partial(slots, each), quotas) for each in sorted(backends)}
    costs = await queues.costs(world.store, to_come_of(stored).places)
    return Experience(costs=costs, backlogs=backlogs, quotas=quotas)
