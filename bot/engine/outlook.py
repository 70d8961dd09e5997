"""What a forecast needs to know besides the run: earlier builds, the backends' slots, and who else waits for them."""

import asyncio
from contextlib import suppress

from bot.domain.build import Build
from bot.domain.ids import RunId
from bot.domain.report.assemble import Stored
from bot.domain.report.forecast import Experience, forecast, has_future, unbuilt
from bot.domain.report.values import Forecast
from bot.domain.run import Run
from bot.engine.world import World
from bot.ports.errors import RevdepsError

_EACH = 5
"""So many of a package's last builds say what the next one costs."""
_LATELY = 200


async def foretell(world: World, stored: Stored) -> Forecast | None:
    """Return what is still to come of a run, None where there is nothing to foretell."""
    if not has_future(stored):
        return None
    # Thousands of builds take some tens of milliseconds to play through.
    return await asyncio.to_thread(forecast, stored, world.clock.now(), await _experience(world, stored))


async def _experience(world: World, stored: Stored) -> Experience:
    to_build, own = unbuilt(stored), {build.key for build in stored.builds}
    backends = sorted({target.target.backend for target in stored.targets})
    past, lately, queue, runs = {}, {}, list[Build](), dict[RunId, Run]()
    async with world.store.transaction() as tx:
        for name in [target.target.name for target in stored.targets]:
            packages = [entry.package for entry in to_build if entry.target == name]
            past[name] = await tx.builds.past(name, packages, _EACH)
            lately[name] = await tx.builds.lately(name, _LATELY)
        for backend in backends:
            builds, theirs = await world.queues.of(tx, backend, world.clock.now())
            queue += [build for build in builds if build.key not in own]
            runs |= theirs
    slots = {}
    for backend in backends:
        # A backend that gives no answer now must not keep the report from being made.
        with suppress(RevdepsError):
            slots[backend] = await world.builder(backend).capacity()
    return Experience(past=past, lately=lately, slots=slots, queue=queue, runs=runs, quotas=world.settings.quotas)
