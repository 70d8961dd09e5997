"""Observes the builds of one backend, for all runs at once, and submits those for which there is room.

One poller per backend works at a time, wherever it runs: it holds a lease. A row is written before the backend hears of
a build, so a build that was being submitted when the process died is looked up before it is submitted again. This is
the one place that starts builds and the one place that ends them.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bot.domain.build import Build, BuildState
from bot.domain.ids import BuildKey, BuildRef, RunId
from bot.engine.at_once import each
from bot.engine.build_ends import cancelled, ended, lost, refused
from bot.engine.build_logs import keep_logs
from bot.engine.executor import Checkpoint, pass_by
from bot.engine.next_builds import Queue
from bot.engine.patience import backoff
from bot.engine.world import World
from bot.ports.builder import Builder
from bot.ports.errors import LoginRefused, Misconfigured, Rejected, Transient
from bot.ports.store import Lease, Transaction

log = logging.getLogger(__name__)

POINTS = (
    "Submit:before",
    "Submit:written",
    "Submit:submitted",
    "Submit:stored",
    "Finish:observed",
    "Finish:logged",
    "Finish:stored",
)
"""Where the poller can be cut off."""

_AT_ONCE = 50
"""Builds that are written down together before any of them is handed to the backend."""
_RUNNING, _SUBMITTING = BuildState.RUNNING, BuildState.SUBMITTING
_AT_ANY_TIME = datetime.min.replace(tzinfo=UTC)
_LEAST = 0.25
"""Part of the poll interval that passes at least between a poll's end and the next one: a backend may be slow."""
_NO_ROOTS: Mapping[BuildKey, Sequence[str]] = {}


@dataclass(slots=True)
class Poller:
    """Works on one backend until it is told to stop."""

    world: World
    backend: str
    owner: str
    woke: Callable[[], None]
    """Called when a change has become due, so that it need not wait for a tick."""
    checkpoint: Checkpoint = pass_by
    strict: bool = False
    _failures: int = 0
    _served: Mapping[str, int] = field(default_factory=dict)
    """Whose turn it was when; whoever takes over begins anew, which costs a turn at most."""
    _unanswered: dict[BuildKey, tuple[int, datetime]] = field(default_factory=dict)
    """How often a build got no answer when it was submitted, and when it may be again."""
    _no_more_before: datetime = _AT_ANY_TIME
    """When builds are submitted again, where none of the last ones got an answer."""
    _untroubled: int | None = None
    """Fence of the lease under which no build is told of trouble any more."""

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until `stop` is set."""
        interval, loop = self.world.settings.poll_interval, asyncio.get_running_loop()
        while not stop.is_set():
            begun = loop.time()
            try:
                await self.poll_once()
                self._failures = 0
                wait = max(interval * _LEAST, interval - timedelta(seconds=loop.time() - begun))
            except (Transient, Rejected, Misconfigured) as trouble:
                self._failures += 1
                wait = getattr(trouble, "retry_after", None) or backoff(self._failures)
                log.warning("%s: %s; asking again in %s", self.backend, trouble, wait)
            except Exception:
                if self.strict:
                    raise
                self._failures += 1
                wait = backoff(self._failures)
                log.exception("%s: something unexpected while polling", self.backend)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait.total_seconds())

    async def poll_once(self) -> bool:
        """Observe, adopt, cancel, submit, once; return whether this process holds the backend's lease."""
        settings = self.world.settings
        now = self.world.clock.now()
        lease = await self.world.store.lease_named(f"poller:{self.backend}", self.owner, now, settings.lease)
        if lease is None:
            return False
        builder = self.world.builder(self.backend)
        async with self.world.store.transaction(lease) as tx:
            at_hand = await tx.builds.at_hand(self.backend)
        try:
            await self._work(lease, builder, at_hand)
        except LoginRefused as trouble:
            self._untroubled = None
            await self._tell(lease, str(trouble))
            raise
        if self._untroubled != lease.fence:
            await self._tell(lease, "")
            self._untroubled = lease.fence
        return True

    async def _work(self, lease: Lease, builder: Builder, at_hand: Sequence[Build]) -> None:
        known = {build.key: build for build in at_hand}
        known |= await self._adopt(lease, builder, [build for build in at_hand if build.state is _SUBMITTING])
        known |= await self._cancel(lease, builder, at_hand)
        known |= await self._observe(lease, builder, [build for build in at_hand if build.state is _RUNNING])
        await self._begin(lease, builder, [b.run for b in known.values() if b.state in (_SUBMITTING, _RUNNING)])

    async def _tell(self, lease: Lease, trouble: str) -> None:
        """Note with all unfinished builds what is in their way, for the reports of their runs."""
        async with self.world.store.transaction(lease) as tx:
            unfinished = await tx.builds.unfinished(self.backend)
            news = [replace(build, trouble=trouble) for build in unfinished if build.trouble != trouble]
            await tx.builds.put(news)
            await _wake(tx, news, self.world.clock.now())
        if news:
            self.woke()

    async def _begin(self, lease: Lease, builder: Builder, going: Sequence[RunId | None]) -> None:
        """Submit as many of the queued builds as there is room for."""
        now = self.world.clock.now()
        if self._no_more_before > now:
            return
        async with self.world.store.transaction(lease) as tx:
            lines = await tx.builds.lines(self.backend, now)
        if not lines:
            return
        capacity = await builder.capacity()
        if len(going) >= capacity:
            return
        async with self.world.store.transaction(lease) as tx:
            queue = Queue(tx=tx, backend=self.backend, now=now, lines=lines, going=going, capacity=capacity)
            keys, self._served = await queue.next(self.world.settings.quotas, self._served)
        for start in range(0, len(keys), _AT_ONCE):
            lease = await self.world.store.heartbeat(lease, self.world.clock.now(), self.world.settings.lease)
            if not await self._submit(lease, builder, keys[start : start + _AT_ONCE]):
                return

    async def _adopt(self, lease: Lease, builder: Builder, unsure: Sequence[Build]) -> Mapping[BuildKey, Build]:
        """Look up what was being submitted when somebody died: adopt it, or queue it again."""
        if not unsure:
            return {}
        found = await builder.find([build.key for build in unsure])
        unheard = [build.key for build in unsure if build.key not in found]
        queued = await self._change(lease, unheard, self._queued_again)
        for key in found:
            self._unanswered.pop(key, None)
        return {**await self._started(lease, found), **queued}

    def _queued_again(self, row: Build) -> Build:
        """Return a build that the backend did not hear of; what got no answer there has its time to wait."""
        _, until = self._unanswered.get(row.key, (0, row.not_before))
        return replace(row, state=BuildState.QUEUED, not_before=until)

    async def _cancel(self, lease: Lease, builder: Builder, at_hand: Sequence[Build]) -> Mapping[BuildKey, Build]:
        wanted = [build for build in at_hand if build.cancel_requested]
        refs = [build.ref for build in wanted if build.ref is not None and build.state is BuildState.RUNNING]
        if refs:
            await builder.cancel(refs)
        now = self.world.clock.now()
        queued = [cancelled(build, now) for build in wanted if build.state is BuildState.QUEUED]
        if queued:
            await self._finish(lease, queued)
        return {build.key: build for build in queued}

    async def _submit(self, lease: Lease, builder: Builder, keys: Sequence[BuildKey]) -> bool:
        """Write builds down, hand them to the backend, and note what it calls them; return whether to go on with more.

        Where that is cut short, the next poll asks the backend which of those written down it has heard of.
        """
        self.checkpoint("Submit:before")
        rows = await self._change(lease, keys, _submitting)
        self.checkpoint("Submit:written")
        due = [row for key in keys if (row := rows.get(key)) and row.state is _SUBMITTING]
        answers = await each(lambda build: self._hand_over(builder, build), due, _AT_ONCE)
        now = self.world.clock.now()
        started = {build.key: answer for build, answer in zip(due, answers, strict=True) if isinstance(answer, str)}
        over = [answer for answer in answers if isinstance(answer, Build)]
        if over:
            await self._finish(lease, over)
        await self._started(lease, started)
        self.checkpoint("Submit:stored")
        for answer in answers:
            if isinstance(answer, LoginRefused):
                raise answer
        self._note_silence({build.key: answer for build, answer in zip(due, answers, strict=True)}, now)
        if due and not (started or over):
            self._no_more_before = now + backoff(1)
            return False
        return True

    def _note_silence(self, answers: Mapping[BuildKey, object], now: datetime) -> None:
        """Let builds that got no answer wait, each for itself: the others are not to wait for them."""
        silent = {key: answer for key, answer in answers.items() if isinstance(answer, Transient)}
        for key in answers:
            tries, _ = self._unanswered.pop(key, (0, now))
            if key in silent:
                wait = silent[key].retry_after or backoff(tries + 1)
                self._unanswered[key] = (tries + 1, now + wait)
        if silent:
            told = "%s: %s builds could not be submitted, and wait; of one of them: %s"
            log.warning(told, self.backend, len(silent), next(iter(silent.values())))

    async def _hand_over(self, builder: Builder, build: Build) -> BuildRef | Build | LoginRefused | Transient:
        """Return what the backend calls a build, or the build where that is its end, or why neither is known yet."""
        try:
            ref = await builder.submit(build.key, build.request)
        except (LoginRefused, Transient) as trouble:
            return trouble
        except (Rejected, Misconfigured) as refusal:
            return refused(build, refusal, self.world.clock.now())
        self.checkpoint("Submit:submitted")
        return ref

    async def _started(self, lease: Lease, refs: Mapping[BuildKey, BuildRef]) -> Mapping[BuildKey, Build]:
        now = self.world.clock.now()
        return await self._change(
            lease,
            list(refs),
            lambda row: replace(row, state=BuildState.RUNNING, ref=refs[row.key], submitted_at=now),
        )

    async def _change(
        self, lease: Lease, keys: Sequence[BuildKey], change: Callable[[Build], Build]
    ) -> Mapping[BuildKey, Build]:
        """Change rows as they are now: the reconciler may have asked for a cancellation since they were read."""
        if not keys:
            return {}
        async with self.world.store.transaction(lease) as tx:
            changed = {key: change(row) for key, row in (await tx.builds.get(keys)).items()}
            await tx.builds.put(list(changed.values()))
        return changed

    async def _observe(self, lease: Lease, builder: Builder, running: Sequence[Build]) -> Mapping[BuildKey, Build]:
        if not running:
            return {}
        statuses = await builder.poll([build.ref for build in running if build.ref is not None])
        now = self.world.clock.now()
        over, begun, roots = list[Build](), list[Build](), dict[BuildKey, tuple[str, ...]]()
        for build in running:
            status = statuses.get(build.ref) if build.ref is not None else None
            if status is None:
                over.append(lost(build, now))
            elif status.state is BuildState.DONE:
                over.append(ended(build, status, now))
                roots[build.key] = status.installed
            elif build.started_at is None and status.started_at is not None:
                begun.append(replace(build, started_at=status.started_at))
        if begun:
            async with self.world.store.transaction(lease) as tx:
                await _put(tx, begun)
        if over:
            self.checkpoint("Finish:observed")
            await keep_logs(self.world, builder, over)
            self.checkpoint("Finish:logged")
            await self._finish(lease, over, roots)
            self.checkpoint("Finish:stored")
        return {build.key: build for build in (*begun, *over)}

    async def _finish(
        self, lease: Lease, over: Sequence[Build], roots: Mapping[BuildKey, Sequence[str]] = _NO_ROOTS
    ) -> None:
        """Store what ended and, where a root was made, what was in it; wake the changes that wait for it."""
        now = self.world.clock.now()
        async with self.world.store.transaction(lease) as tx:
            await _put(tx, over)
            await tx.roots.put({key: installed for key, installed in roots.items() if installed})
            await _wake(tx, over, now)
        self.woke()


def _submitting(row: Build) -> Build:
    return row if row.cancel_requested else replace(row, state=BuildState.SUBMITTING)


async def _wake(tx: Transaction, builds: Sequence[Build], now: datetime) -> None:
    """Wake the changes whose runs have these builds, or subscribe to them."""
    runs = {build.run for build in builds if build.run is not None}
    baselines = [build.key for build in builds if build.run is None]
    if baselines:
        for subscribers in (await tx.builds.subscribers(baselines)).values():
            runs.update(subscribers)
    waiting = (await tx.runs.several(runs)).values()
    await tx.changes.wake({run.change.id for run in waiting}, now)


async def _put(tx: Transaction, builds: Sequence[Build]) -> None:
    """Store builds, keeping a cancellation that was asked for since they were read."""
    fresh = await tx.builds.get([build.key for build in builds])
    asked = [fresh[build.key].cancel_requested and not build.cancel_requested for build in builds]
    await tx.builds.put(
        [
            replace(build, cancel_requested=True) if meanwhile else build
            for build, meanwhile in zip(builds, asked, strict=True)
        ]
    )
