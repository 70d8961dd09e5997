"""The loop that brings changes forward: lease one, load it, decide, perform, publish, until nothing is due.

Level-triggered: it is woken by a hint or by a tick, and acts on what is stored, never on what the hint said. The only
broad `except` of the program stands here.

Many changes are taken up at once, for most of that time goes into waiting for the forge; but only as many as the
operator says are checked out, solved or prepared at a time, and whoever waits for that keeps nobody else waiting.
"""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain import actions
from bot.domain.actions import Action, HandleIntent, RefreshChange
from bot.domain.decide import ChangeView, decide, next_time
from bot.domain.ids import ChangeId, RunId
from bot.domain.run import Conclusion, Problem, RunState
from bot.engine.asking import ForgeUnavailable
from bot.engine.change_actions import finished
from bot.engine.executor import Checkpoint, pass_by, perform
from bot.engine.patience import PATIENCE, backoff
from bot.engine.publishing import publish
from bot.engine.view import load_change
from bot.engine.world import World
from bot.ports.errors import Gone, Misconfigured, Rejected, RevdepsError, Transient
from bot.ports.store import Lease, LeaseLost

log = logging.getLogger(__name__)

MAX_PASSES = 3
"""In one lease; after that others get their turn. A lease ends sooner once a run has its first check: however many pull
requests are opened at once, all have theirs before the configuration of the first of them is read.
"""

AT_ONCE = 50
"""Changes that are taken up at once. Two processes do not exceed the 100 requests at once that GitHub takes."""

_LIGHT = (
    actions.RefreshChange,
    actions.HandleIntent,
    actions.StartRun,
    actions.StopRun,
    actions.LoadConfiguration,
    actions.QueueBuilds,
    actions.RecordFindings,
    actions.PauseRun,
    actions.FinishRun,
    actions.ResumeRun,
)
"""Actions that ask the forge or the store and nothing else: they need no slot."""


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
    beat: datetime | None = None
    """When the loop was last seen to go round, or to work on something long."""
    _slots: asyncio.Semaphore = field(init=False)
    """For actions that take much of this machine."""
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    """For changes that are taken up and do not wait for a slot."""
    _working: set[asyncio.Task[None]] = field(default_factory=set)
    _stopping: bool = False

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.world.settings.workers)

    async def run(self, stop: asyncio.Event) -> None:
        """Reconcile until `stop` is set and what is under way by then is done; what waits for a slot is given back."""
        while not stop.is_set():
            self.beat = self.world.clock.now()
            # Cleared first: a hint that comes while the store is looked at is not lost.
            self.wake.clear()
            try:
                taken = await self._take()
            except Exception:
                if self.strict:
                    raise
                log.exception("The reconciler could not take up its next change")
                taken = None
            if taken is None:
                await self._sleep(stop)
        self._stopping = True
        if self._working:
            await asyncio.wait(self._working)

    async def _take(self) -> asyncio.Task[None] | None:
        """Take up the change that has been due longest, once there is room; None where there is none."""
        await self._room.acquire()
        place = _Place(self._room)
        try:
            lease = await self._lease()
        except BaseException:
            place.leave()
            raise
        if lease is None:
            place.leave()
            return None
        work = asyncio.create_task(self._work(lease, place))
        self._working.add(work)
        work.add_done_callback(self._done)
        return work

    def _done(self, work: asyncio.Task[None]) -> None:
        self._working.discard(work)
        # What is due again at once is looked for at once.
        self.wake.set()
        if not work.cancelled() and (trouble := work.exception()) is not None:
            log.error("The reconciler could not finish with a change", exc_info=trouble)

    async def _sleep(self, stop: asyncio.Event) -> None:
        """Wait for a hint, the next thing due, or the tick."""
        limit = self.world.settings.tick.total_seconds()
        with contextlib.suppress(Exception):
            due = await self.world.store.next_due()
            if due is not None:
                limit = min(limit, max(0.05, (due - self.world.clock.now()).total_seconds()))
        waits = [asyncio.ensure_future(self.wake.wait()), asyncio.ensure_future(stop.wait())]
        await asyncio.wait(waits, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def reconcile_one(self) -> bool:
        """Take up the change that has been due longest, and do what is due; return whether there was one."""
        lease = await self._lease()
        if lease is not None:
            await self._work(lease, _Place(None))
        return lease is not None

    async def _lease(self) -> Lease | None:
        return await self.world.store.lease_change(self.owner, self.world.clock.now(), self.world.settings.lease)

    async def _work(self, lease: Lease, place: "_Place") -> None:
        """Bring a leased change forward and give the lease back."""
        heart = asyncio.create_task(self._heartbeat(lease))
        try:
            due, failures = await self._bring_forward(lease, place)
            await self.world.store.release(lease, due, failures)
        except LeaseLost:
            log.warning("The lease of %s went to somebody else; it is theirs now", self.world.name(lease.subject))
        finally:
            place.leave()
            heart.cancel()
            with contextlib.suppress(asyncio.CancelledError, LeaseLost):
                await heart

    async def _heartbeat(self, lease: Lease) -> None:
        settings = self.world.settings
        while True:
            await asyncio.sleep(settings.lease.total_seconds() / 3)
            self.beat = self.world.clock.now()
            lease = await self.world.store.heartbeat(lease, self.world.clock.now(), settings.lease)

    async def _bring_forward(self, lease: Lease, place: "_Place") -> tuple[datetime | None, int]:
        """Return when the change is due again, and its failures in a row."""
        now = self.world.clock.now
        try:
            return await self._passes(lease, place), 0
        except Transient as trouble:
            failures = lease.failures + 1
            wait = trouble.retry_after or backoff(failures)
            log.warning("%s: %s; trying again in %s", self.world.name(lease.subject), trouble, wait)
            if isinstance(trouble.__cause__, Gone):
                await self._look_again(lease)
            return now() + wait, failures
        except (Rejected, Misconfigured) as trouble:
            failures = lease.failures + 1
            log.error("%s: %s; trying again in %s", self.world.name(lease.subject), trouble, backoff(failures))
            if isinstance(trouble, Gone):
                await self._look_again(lease)
            return now() + backoff(failures), failures
        except LeaseLost:
            raise
        except _Stopping:
            return now(), lease.failures
        except Exception:
            if self.strict:
                raise
            failures = lease.failures + 1
            name = self.world.name(lease.subject)
            log.exception("%s: something unexpected; trying again in %s", name, backoff(failures))
            return now() + backoff(failures), failures

    async def _passes(self, lease: Lease, place: "_Place") -> datetime | None:
        """Do what is due, a pass at a time. Where the forge refuses a report, until nothing is due any more: a refusal
        that was forgotten would be tried again at once, and for ever.
        """
        begun: frozenset[RunId] | None = None
        """The runs that there were when the lease began: nobody can have told of any other."""
        refused: RevdepsError | None = None
        held_back: datetime | None = None
        view: ChangeView | None = await self._load(lease)
        for number in itertools.count(1):
            if view is None:
                return None
            runs = frozenset(found.run.id for found in view.runs)
            new = runs - (runs if begun is None else begun)
            if refused is None:
                refused, held_back = await self._publish(lease, view, new)
            due = decide(view, self.world.clock.now())
            if not due:
                if refused is not None and (lease.failures < PATIENCE or not isinstance(refused, Rejected)):
                    raise refused
                return min((time for time in (held_back, next_time(view)) if time is not None), default=None)
            if refused is None and (new or number > MAX_PASSES):
                return self.world.clock.now()
            view = await self._perform_all(lease, view, due, place, told=refused is None)
            begun = runs if begun is None else begun
        raise AssertionError("the count does not end")

    async def _perform_all(
        self, lease: Lease, view: ChangeView, due: Sequence[Action], place: "_Place", *, told: bool
    ) -> ChangeView | None:
        """Perform what is due, and return what is stored of the change then."""
        after: ChangeView | None = view
        for action in due:
            self.acted(type(action).__name__)
            try:
                if isinstance(action, _LIGHT):
                    after = await self._perform(lease, view, action, due)
                else:
                    place.leave()
                    async with self._slots:
                        if self._stopping:
                            raise _Stopping
                        after = await self._perform(lease, view, action, due)
            except Transient as trouble:
                if told and not isinstance(trouble, ForgeUnavailable):
                    await self._publish_again(lease)
                raise
        return after

    async def _load(self, lease: Lease) -> ChangeView | None:
        async with self.world.store.transaction(lease) as tx:
            settings = self.world.settings
            return await load_change(
                tx, ChangeId(lease.subject), settings.retention, settings.systemic_failures, self.world.parlance
            )

    async def _publish(
        self, lease: Lease, view: ChangeView, new: Collection[RunId] = ()
    ) -> tuple[RevdepsError | None, datetime | None]:
        """Publish; a forge that refuses must not keep builds from going on, so its refusal is raised at the end."""
        try:
            return None, await publish(self.world, lease, view, new)
        except (Transient, Misconfigured) as trouble:
            return trouble, None
        except Rejected as refusal:
            state = view.change.state
            if state is not None and not state.open:
                # Nobody looks at it any more, and the repository may have been deleted.
                name = self.world.name(lease.subject)
                log.warning("%s: the last report could not be published: %s", name, refusal)
                return None, None
            return refusal, None

    async def _publish_again(self, lease: Lease) -> None:
        """Tell at once what a run waits for."""
        view = await self._load(lease)
        if view is not None:
            await self._publish(lease, view)

    async def _perform(
        self, lease: Lease, view: ChangeView, action: Action, due: Sequence[Action]
    ) -> ChangeView | None:
        """Perform an action; what stands in its way is told in the run's report."""
        run = getattr(action, "run", None)
        try:
            after = await perform(self.world, lease, view, action, self.checkpoint, due)
        except Transient as trouble:
            if run is not None:
                await self._note(lease, run, Problem(what=str(trouble), hint="This is tried again by itself."), None)
            raise
        except (Rejected, Misconfigured) as trouble:
            if isinstance(action, HandleIntent):
                if lease.failures < PATIENCE:
                    raise
                log.error("%s: an intent was given up: %s", self.world.name(lease.subject), trouble)
                async with self.world.store.transaction(lease) as tx:
                    await tx.intents.done([action.intent.id])
            elif run is None or isinstance(action, RefreshChange):
                raise
            else:
                if isinstance(trouble, Misconfigured):
                    log.warning("%s: %s", self.world.name(lease.subject), trouble)
                await self._note(lease, run, _problem_of(trouble), Conclusion.ACTION_REQUIRED)
        else:
            if run is None or not any(found.run.id == run and found.run.problem for found in view.runs):
                return after
            await self._note(lease, run, None, None)
        return await self._load(lease) if action is due[-1] else None

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


class _Stopping(Exception):
    """The service is going down: what has not begun is somebody else's."""


@dataclass(slots=True)
class _Place:
    """One of the changes for which there is room at once; left when it waits for a slot, or is done."""

    room: asyncio.Semaphore | None

    def leave(self) -> None:
        """Make room for another; again is no error."""
        if self.room is not None:
            self.room.release()
            self.room = None


def _problem_of(trouble: Rejected | Misconfigured) -> Problem:
    if isinstance(trouble, Misconfigured):
        return Problem(what=f"{trouble.where}: {trouble.what}", hint=trouble.mend)
    return Problem(what=trouble.reason)
