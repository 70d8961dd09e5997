"""What grows is cut back: metadata that no run needs, and old logs. Each process does it, for its own disk."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta

from bot.engine.world import World
from bot.ports.errors import RevdepsError

log = logging.getLogger(__name__)

INTERVAL = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Runs until it is told to stop."""

    world: World

    async def run(self, stop: asyncio.Event) -> None:
        """Cut back at once, and then every hour, until `stop` is set."""
        while not stop.is_set():
            try:
                await self.once()
            except (RevdepsError, OSError) as trouble:
                log.warning("upkeep: %s", trouble)
            try:
                await asyncio.wait_for(stop.wait(), INTERVAL.total_seconds())
            except TimeoutError:
                continue

    async def once(self) -> None:
        """Keep what unfinished runs have pinned, and finished ones that may be taken up again; remove what is old."""
        world, now = self.world, self.world.clock.now()
        async with world.store.transaction() as tx:
            in_use = await tx.runs.snapshots(now - world.settings.retention)
        async with world.store.transaction() as tx:
            unused = await tx.roots.prune()
        freed = await world.resolver.prune(in_use)
        removed = await world.logs.prune(now - world.settings.log_retention)
        told = "upkeep: %s bytes of metadata and packages, %s logs and %s sets of packages removed"
        log.info(told, freed, removed, unused)
