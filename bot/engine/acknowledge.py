"""Says 👀 to a command at once, whatever else is being done about its pull request.

One at a time works on a change, and what is under way may take minutes. The command has to wait for that; its writer's
knowing that it was heard has not. It is said again when the command is handled, and stands there once all the same: so
nothing is lost where this fails, or the process dies.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.domain.commands import parse
from bot.domain.intents import Commented, Intent
from bot.domain.publication import Reaction
from bot.engine.world import World
from bot.ports.errors import RevdepsError

log = logging.getLogger(__name__)

_AT_ONCE = 8
_MOST = 1_000
"""Comments that wait; what comes in beyond them is acknowledged when it is handled."""


@dataclass(slots=True)
class Acknowledger:
    """Comments come in by `heard`."""

    world: World
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    def heard(self, intents: Iterable[Intent]) -> None:
        """Begin to acknowledge what is a command; returns at once."""
        for intent in intents:
            if isinstance(intent, Commented) and len(self._under_way) < _MOST:
                task = asyncio.create_task(self._attempt(intent))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)

    async def close(self) -> None:
        """Return when everything that was heard is acknowledged, or could not be."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _attempt(self, intent: Commented) -> None:
        async with self._room:
            try:
                await self._acknowledge(intent)
            except RevdepsError as trouble:
                name = self.world.name(intent.change.id)
                log.info("%s: a command is not acknowledged before it is handled: %s", name, trouble)
            except Exception:
                log.exception("%s: a command could not be acknowledged", self.world.name(intent.change.id))

    async def _acknowledge(self, intent: Commented) -> None:
        if not parse(self.world.comments(intent.body)):
            return
        async with self.world.store.transaction() as tx:
            change = await tx.changes.get(intent.change.id)
        if change is None or change.state is None or change.state.open:
            forge = self.world.forge(intent.change.repo.forge)
            await forge.react(intent.change, intent.comment, Reaction.SEEN)
