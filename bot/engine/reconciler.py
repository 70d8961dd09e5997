"""The loop that brings changes forward: lease one, load it, decide, perform, publish, until nothing is due.

Level-triggered: it is woken by a hint or by a tick, and acts on what is stored, never on what the hint said. The only
broad `except` of the program stands here.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain.actions import Action, HandleIntent, RefreshChange
from bot.domain.decide import ChangeView, decide, next_time
from bot.domain.ids import ChangeId, RunId
from bot.domain.run import Conclusion, Problem, RunState
from bot.engine.asking import ForgeUnavailable
from bot.engine.change_actions import finished
from bot.engine.executor import Checkpoint, pass_by, perform
from bot.engine.reports import publish
from bot.engine.view import load_change
from bot.engine.world import World
from bot.ports.errors import Gone, Misconfigured, Rejected, RevdepsError, Transient
from bot.ports.store import Lease, LeaseLost

log = logging.getLogger(__name__)

MAX_PASSES = 3
"""In one lease; after that others get their turn. So many bring a new pull request to its first check: however many are
opened at once, all have theirs before the first of them is checked out."""

_BACKOFF = (5, 15, 60, 300, 900)
"""Seconds to wait after the first, second, … failure in a row."""


PATIENCE = 5
"""So many times in a row a command that the forge refuses is tried again; then it must not keep all else waiting."""


def backoff(failures: int) -> timedelta:
    """Return how long to wait after so many failures in a row."""
    return timedelta(seconds=_BACKOFF[min(failures, len(_BACKOFF)) - 1])


def _nothing() -> None:
    """Do nothing."""


@dataclass(slots=True)
class Reconciler:
    """Works on changes until it is told to stop; several may run, here and in other processes."""

    world: World
    owner: str
    checkpoint: Checkpoint = pass_by
    strict: bool = False
    """In tests: what nobody expected is raised instead of logged."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    acted: Callable[[str], None] = pass_by
    """Told of every action by name, for the metrics."""
    more: Callable[[], None] = _nothing
    """Called after something was done: there may be more to do, for another one that sleeps."""
    asleep: bool = False
    beat: datetime | None = None
    """When the loop was last seen to go round, or to work on something long."""

    async def run(self, stop: asyncio.Event) -> None:
        """Reconcile until `stop` is set."""
        while not stop.is_set():
            self.beat = self.world.clock.now()
            # Cleared first: a hint that comes while the store is looked at is not lost.
            self.wake.clear()
            try:
                worked = await self.reconcile_one()
            except Exception:
                if self.strict:
                    raise
                log.exception("The reconciler could not take up its next change")
                worked = False
            if worked:
                self.more()
            else:
                await self._sleep(stop)

    async def _sleep(self, stop: asyncio.Event) -> None:
        """Wait for a hint, the next thing due, or the tick."""
        limit = self.world.settings.tick.total_seconds()
        with contextlib.suppress(Exception):
            due = await self.world.store.next_due()
            if due is not None:
                limit = min(limit, max(0.05, (due - self.world.clock.now()).total_seconds()))
        waits = [asyncio.ensure_future(self.wake.wait()), asyncio.ensure_future(stop.wait())]
        self.asleep = True
        await asyncio.wait(waits, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        self.asleep = False
        for wait in waits:
            wait.cancel()

    async def reconcile_one(self) -> bool:
        """Take up the change that has been due longest; return whether there was one."""
        settings = self.world.settings
        lease = await self.world.store.lease_change(self.owner, self.world.clock.now(), settings.lease)
        if lease is None:
            return False
        heart = asyncio.create_task(self._heartbeat(lease))
        try:
            due, failures = await self._bring_forward(lease)
            await self.world.store.release(lease, due, failures)
        except LeaseLost:
            log.warning("The lease of %s went to somebody else; it is theirs now", lease.subject)
        finally:
            heart.cancel()
            with contextlib.suppress(asyncio.CancelledError, LeaseLost):
                await heart
        return True

    async def _heartbeat(self, lease: Lease) -> None:
        settings = self.world.settings
        while True:
            await asyncio.sleep(settings.lease.total_seconds() / 3)
            self.beat = self.world.clock.now()
            lease = await self.world.store.heartbeat(lease, self.world.clock.now(), settings.lease)

    async def _bring_forward(self, lease: Lease) -> tuple[datetime | None, int]:
        """Return when the change is due again, and its failures in a row."""
        now = self.world.clock.now
        try:
            return await self._passes(lease), 0
        except Transient as trouble:
            failures = lease.failures + 1
            wait = trouble.retry_after or backoff(failures)
            log.warning("%s: %s; trying again in %s", lease.subject, trouble, wait)
            if isinstance(trouble.__cause__, Gone):
                await self._look_again(lease)
            return now() + wait, failures
        except (Rejected, Misconfigured) as trouble:
            failures = lease.failures + 1
            log.error("%s: %s; trying again in %s", lease.subject, trouble, backoff(failures))
            if isinstance(trouble, Gone):
                await self._look_again(lease)
            return now() + backoff(failures), failures
        except LeaseLost:
            raise
        except Exception:
            if self.strict:
                raise
            failures = lease.failures + 1
            log.exception("%s: something unexpected; trying again in %s", lease.subject, backoff(failures))
            return now() + backoff(failures), failures

    async def _passes(self, lease: Lease) -> datetime | None:
        held_back: datetime | None = None
        refused: RevdepsError | None = None
        for _ in range(MAX_PASSES):
            view = await self._load(lease)
            if view is None:
                return None
            if refused is None:
                refused, held_back = await self._publish(lease, view)
            due = decide(view, self.world.clock.now())
            for action in due:
                self.acted(type(action).__name__)
                try:
                    await self._perform(lease, view, action)
                except Transient as trouble:
                    if refused is None and not isinstance(trouble, ForgeUnavailable):
                        await self._publish_again(lease)
                    raise
            if not due:
                if refused is not None:
                    raise refused
                return min((time for time in (held_back, next_time(view)) if time is not None), default=None)
        return self.world.clock.now()

    async def _load(self, lease: Lease) -> ChangeView | None:
        async with self.world.store.transaction(lease) as tx:
            settings = self.world.settings
            return await load_change(tx, ChangeId(lease.subject), settings.retention, settings.systemic_failures)

    async def _publish(self, lease: Lease, view: ChangeView) -> tuple[RevdepsError | None, datetime | None]:
        """Publish; a forge that refuses must not keep builds from going on, so its refusal is raised at the end."""
        try:
            return None, await publish(self.world, lease, view)
        except (Transient, Misconfigured) as trouble:
            return trouble, None
        except Rejected as refusal:
            state = view.change.state
            if state is not None and not state.open:
                # Nobody looks at it any more, and the repository may have been deleted.
                log.warning("%s: the last report could not be published: %s", lease.subject, refusal)
                return None, None
            return refusal, None

    async def _publish_again(self, lease: Lease) -> None:
        """Tell at once what a run waits for."""
        view = await self._load(lease)
        if view is not None:
            await self._publish(lease, view)

    async def _perform(self, lease: Lease, view: ChangeView, action: Action) -> None:
        """Perform an action; what stands in its way is told in the run's report."""
        run = getattr(action, "run", None)
        try:
            await perform(self.world, lease, view, action, self.checkpoint)
        except Transient as trouble:
            if run is not None:
                await self._note(lease, run, Problem(what=str(trouble), hint="This is tried again by itself."), None)
            raise
        except (Rejected, Misconfigured) as trouble:
            if isinstance(action, HandleIntent):
                if lease.failures < PATIENCE:
                    raise
                log.error("%s: an intent was given up: %s", lease.subject, trouble)
                async with self.world.store.transaction(lease) as tx:
                    await tx.intents.done([action.intent.id])
            elif run is None or isinstance(action, RefreshChange):
                raise
            else:
                if isinstance(trouble, Misconfigured):
                    log.warning("%s: %s", lease.subject, trouble)
                await self._note(lease, run, _problem_of(trouble), Conclusion.ACTION_REQUIRED)
        else:
            if run is not None and any(found.run.id == run and found.run.problem for found in view.runs):
                await self._note(lease, run, None, None)

    async def _look_again(self, lease: Lease) -> None:
        """Read the change before the next try: what the forge knows nothing of may have been moved or deleted."""
        async with self.world.store.transaction(lease) as tx:
            change = await tx.changes.get(ChangeId(lease.subject))
            if change is not None:
                await tx.changes.put(replace(change, stale=True))

    async def _note(self, lease: Lease, run: RunId, problem: Problem | None, conclusion: Conclusion | None) -> None:
        """Store what stands in a run's way (None: nothing any more), and end the run where there is a conclusion."""
        async with self.world.store.transaction(lease) as tx:
            stored = await tx.runs.get(run)
            if stored is None or stored.state is RunState.FINISHED:
                return
            if conclusion is not None:
                await tx.runs.put(finished(stored, conclusion, self.world.clock.now(), problem))
            else:
                await tx.runs.put(replace(stored, problem=problem))


def _problem_of(trouble: Rejected | Misconfigured) -> Problem:
    if isinstance(trouble, Misconfigured):
        return Problem(what=f"{trouble.where}: {trouble.what}", hint=trouble.mend)
    return Problem(what=trouble.reason)
