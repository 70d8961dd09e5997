"""Observes the builds of one backend, for all runs at once, and submits those for which there is room.

One poller per backend works at a time, wherever it runs: it holds a lease. A row is written before the backend hears of
a build, so a build that was being submitted when the process died is looked up before it is submitted again. This is
the one place that starts builds and the one place that ends them.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.allocate import allocate, ripe
from bot.domain.build import Build, BuildState, Cancelled, Failed, FailureReason
from bot.domain.ids import BuildKey, BuildRef
from bot.domain.run import ChangeRef
from bot.engine.executor import Checkpoint, pass_by
from bot.engine.reconciler import backoff
from bot.engine.world import World
from bot.ports.builder import Builder, BuildStatus
from bot.ports.errors import Gone, LoginRefused, Misconfigured, NoSource, Rejected, Transient
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

_CHUNK = 256 * 1024
_AT_ONCE = 20
"""Builds that are written down together before any of them is handed to the backend."""
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
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _failures: int = 0
    _served: Mapping[str, int] = field(default_factory=dict)
    """Whose turn it was when; whoever takes over begins anew, which costs a turn at most."""

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until `stop` is set."""
        settings = self.world.settings
        while not stop.is_set():
            wait = settings.poll_interval
            try:
                await self.poll_once()
                self._failures = 0
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
            unfinished = await tx.builds.unfinished(self.backend)
        if not unfinished:
            return True
        try:
            await self._work(lease, builder, unfinished)
        except LoginRefused as trouble:
            await self._tell(lease, str(trouble))
            raise
        if any(build.trouble for build in unfinished):
            await self._tell(lease, "")
        return True

    async def _work(self, lease: Lease, builder: Builder, unfinished: Sequence[Build]) -> None:
        await self._adopt(lease, builder, [build for build in unfinished if build.state is BuildState.SUBMITTING])
        running = [build for build in unfinished if build.state is BuildState.RUNNING]
        await self._cancel(lease, builder, unfinished)
        await self._observe(lease, builder, running)
        await self._begin(lease, builder)

    async def _tell(self, lease: Lease, trouble: str) -> None:
        """Note with all unfinished builds what is in their way, for the reports of their runs."""
        async with self.world.store.transaction(lease) as tx:
            unfinished = await tx.builds.unfinished(self.backend)
            news = [replace(build, trouble=trouble) for build in unfinished if build.trouble != trouble]
            await tx.builds.put(news)
            await _wake(tx, news, self.world.clock.now())
        self.woke()

    async def _begin(self, lease: Lease, builder: Builder) -> None:
        """Submit as many of the queued builds as there is room for."""
        async with self.world.store.transaction(lease) as tx:
            unfinished = await tx.builds.unfinished(self.backend)
            runs = await tx.runs.several({build.run for build in unfinished if build.run is not None})
        quotas = self.world.settings.quotas
        queue = ripe(unfinished, self.world.clock.now())
        grant = allocate(queue, await builder.capacity(), runs, quotas, self._served)
        self._served = grant.served
        for start in range(0, len(grant.builds), _AT_ONCE):
            lease = await self.world.store.heartbeat(lease, self.world.clock.now(), self.world.settings.lease)
            await self._submit(lease, builder, grant.builds[start : start + _AT_ONCE])

    async def _adopt(self, lease: Lease, builder: Builder, lost: Sequence[Build]) -> None:
        """Look up what was being submitted when somebody died: adopt it, or queue it again."""
        if not lost:
            return
        found = await builder.find([build.key for build in lost])
        await self._started(lease, found)
        unheard = [build.key for build in lost if build.key not in found]
        await self._change(lease, unheard, lambda row: replace(row, state=BuildState.QUEUED))

    async def _cancel(self, lease: Lease, builder: Builder, unfinished: Sequence[Build]) -> None:
        wanted = [build for build in unfinished if build.cancel_requested]
        refs = [build.ref for build in wanted if build.ref is not None and build.state is BuildState.RUNNING]
        if refs:
            await builder.cancel(refs)
        now = self.world.clock.now()
        queued = [build for build in wanted if build.state is BuildState.QUEUED]
        if queued:
            cancelled = Cancelled()
            await self._finish(
                lease,
                [replace(build, state=BuildState.DONE, outcome=cancelled, ended_at=now) for build in queued],
            )

    async def _submit(self, lease: Lease, builder: Builder, builds: Sequence[Build]) -> None:
        """Write builds down, hand them to the backend, and note what it calls them.

        Where that is cut short, the next poll asks the backend which of those written down it has heard of.
        """
        self.checkpoint("Submit:before")
        keys = [build.key for build in builds]
        await self._change(lease, keys, lambda row: replace(row, state=BuildState.SUBMITTING))
        self.checkpoint("Submit:written")
        started: dict[BuildKey, BuildRef] = {}
        refused: list[Build] = []
        for build in builds:
            try:
                started[build.key] = await builder.submit(build.key, build.request)
            except LoginRefused:  # it was not even heard
                await self._started(lease, started)
                raise
            except (Rejected, Misconfigured) as refusal:
                lasting = not isinstance(refusal, Gone)
                infrastructure = Failed(reason=FailureReason.INFRASTRUCTURE, cause=str(refusal), refused=lasting)
                outcome = refusal.failed if isinstance(refusal, NoSource) else infrastructure
                now = self.world.clock.now()
                refused.append(replace(build, state=BuildState.DONE, outcome=outcome, ended_at=now))
            else:
                self.checkpoint("Submit:submitted")
        if refused:
            await self._finish(lease, refused)
        await self._started(lease, started)
        self.checkpoint("Submit:stored")

    async def _started(self, lease: Lease, refs: Mapping[BuildKey, BuildRef]) -> None:
        now = self.world.clock.now()
        await self._change(
            lease,
            list(refs),
            lambda row: replace(row, state=BuildState.RUNNING, ref=refs[row.key], submitted_at=now),
        )

    async def _change(self, lease: Lease, keys: Sequence[BuildKey], change: Callable[[Build], Build]) -> None:
        """Change rows as they are now: the reconciler may have asked for a cancellation since they were read."""
        if keys:
            async with self.world.store.transaction(lease) as tx:
                await tx.builds.put([change(row) for row in (await tx.builds.get(keys)).values()])

    async def _observe(self, lease: Lease, builder: Builder, running: Sequence[Build]) -> None:
        if not running:
            return
        statuses = await builder.poll([build.ref for build in running if build.ref is not None])
        ended, begun, roots = list[Build](), list[Build](), dict[BuildKey, tuple[str, ...]]()
        for build in running:
            status = statuses.get(build.ref) if build.ref is not None else None
            if status is None:
                ended.append(_lost(build, self.world))
            elif status.state is BuildState.DONE:
                ended.append(_ended(build, status, self.world))
                roots[build.key] = status.installed
            elif build.started_at is None and status.started_at is not None:
                begun.append(replace(build, started_at=status.started_at))
        if begun:
            await self._store(lease, begun)
        if ended:
            self.checkpoint("Finish:observed")
            for build in ended:
                await self._keep_log(builder, build)
            self.checkpoint("Finish:logged")
            await self._finish(lease, ended, roots)
            self.checkpoint("Finish:stored")

    async def _keep_log(self, builder: Builder, build: Build) -> None:
        """Copy the whole log before the backend forgets it; a verdict does not wait for a log that cannot be had."""
        if build.ref is None:
            return
        try:
            await self.world.logs.save(build.key, log_chunks(builder, build.ref))
        except (Transient, Rejected, Misconfigured) as trouble:
            log.warning("%s: its log could not be kept: %s", build.key, trouble)

    async def _store(self, lease: Lease, builds: Sequence[Build]) -> None:
        async with self.world.store.transaction(lease) as tx:
            await _put(tx, builds)

    async def _finish(
        self, lease: Lease, ended: Sequence[Build], roots: Mapping[BuildKey, Sequence[str]] = _NO_ROOTS
    ) -> None:
        """Store what ended and, where a root was made, what was in it; wake the changes that wait for it."""
        now = self.world.clock.now()
        async with self.world.store.transaction(lease) as tx:
            await _put(tx, ended)
            for key, installed in roots.items():
                if installed:
                    await tx.roots.put(key, installed)
            await _wake(tx, ended, now)
        self.woke()


async def _wake(tx: Transaction, builds: Sequence[Build], now: datetime) -> None:
    """Wake the changes whose runs have these builds, or subscribe to them."""
    runs = {build.run for build in builds if build.run is not None}
    baselines = [build.key for build in builds if build.run is None]
    if baselines:
        for subscribers in (await tx.builds.subscribers(baselines)).values():
            runs.update(subscribers)
    changes: set[ChangeRef] = set()
    for run in runs:
        stored = await tx.runs.get(run)
        if stored is not None:
            changes.add(stored.change)
    await tx.changes.wake({change.id for change in changes}, now)


async def _put(tx: Transaction, builds: Sequence[Build]) -> None:
    """Store builds, keeping a cancellation that was asked for since they were read."""
    fresh = await tx.builds.get([build.key for build in builds])
    await tx.builds.put(
        [
            replace(build, cancel_requested=build.cancel_requested or fresh[build.key].cancel_requested)
            for build in builds
        ]
    )


def _ended(build: Build, status: BuildStatus, world: World) -> Build:
    outcome = status.outcome
    if isinstance(outcome, Cancelled) and not build.cancel_requested:
        # We did not ask for it: nothing is known of the package, and nobody here wanted that.
        outcome = Failed(reason=FailureReason.INFRASTRUCTURE, cause="somebody cancelled the build in the build system")
    return replace(
        build,
        state=BuildState.DONE,
        outcome=outcome,
        started_at=status.started_at or build.started_at or build.submitted_at,
        ended_at=status.ended_at or world.clock.now(),
        cpu_seconds=status.cpu_seconds,
    )


def _lost(build: Build, world: World) -> Build:
    """Return a build that the backend does not know any more: nobody can say how it ended."""
    cause = "the backend does not know the build any more"
    outcome = Failed(reason=FailureReason.INFRASTRUCTURE, cause=cause)
    return replace(build, state=BuildState.DONE, outcome=outcome, ended_at=world.clock.now())


async def log_chunks(builder: Builder, ref: BuildRef) -> AsyncIterator[bytes]:
    """Yield a build's log as far as it is written, a piece at a time."""
    offset = 0
    while chunk := await builder.log(ref, offset, _CHUNK):
        yield chunk
        offset += len(chunk)
