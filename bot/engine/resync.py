"""Compares the world with the store: whatever a webhook failed to tell is found here.

Two duties under one lease: hints about no single change (a push to a base branch, an installation, a check suite) are
spread over the changes that they concern, at once; and every few minutes missed deliveries are asked for again, open
pull requests are compared with what is stored, and workspaces that nobody needs are discarded.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.ids import WorkspaceRef
from bot.domain.intents import ButtonPressed, RepositoryTouched, RerunRequested, StoredIntent
from bot.domain.run import Change, ChangeState, RepoRef, RunState
from bot.engine.world import World
from bot.ports.errors import Gone, RevdepsError
from bot.ports.forge import Forge
from bot.ports.store import Lease

log = logging.getLogger(__name__)

_RECENT_RUNS = 1000


@dataclass(slots=True)
class Resync:
    """Runs until it is told to stop; of all processes, one at a time does the work."""

    world: World
    owner: str
    woke: Callable[[], None]
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _next_sweep: datetime | None = None
    _since: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Resync until `stop` is set; the first sweep is made at once."""
        while not stop.is_set():
            self.wake.clear()
            try:
                await self.once()
            except RevdepsError as trouble:
                log.warning("resync: %s", trouble)
            except Exception:
                log.exception("resync: something unexpected; trying again")
            waits = [asyncio.ensure_future(self.wake.wait()), asyncio.ensure_future(stop.wait())]
            limit = self.world.settings.tick.total_seconds()
            await asyncio.wait(waits, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()

    async def once(self) -> None:
        """Spread hints; sweep where it is time."""
        settings = self.world.settings
        now = self.world.clock.now()
        lease = await self.world.store.lease_named("resync", self.owner, now, settings.lease * 5)
        if lease is None:
            return
        await self._spread(lease)
        if self._next_sweep is None or now >= self._next_sweep:
            await self._sweep(now)
            self._next_sweep = now + settings.resync_interval
        self.woke()

    async def _spread(self, lease: Lease) -> None:
        async with self.world.store.transaction(lease) as tx:
            pending = await tx.intents.unassigned()
        for stored in pending:
            match stored.intent:
                case RepositoryTouched() as touched:
                    await self._touch(touched)
                    await self._done(stored)
                case RerunRequested(repo=repo, head_sha=sha) | ButtonPressed(repo=repo, head_sha=sha):
                    await self._assign(stored, repo, sha)
                case _:
                    await self._done(stored)

    async def _assign(self, stored: StoredIntent, repo: RepoRef, sha: str) -> None:
        """Give the intent to the newest change with that head; without one it is about nothing of ours."""
        async with self.world.store.transaction() as tx:
            found = await tx.changes.with_head(repo, sha)
            if found:
                await tx.intents.assign(stored.id, found[0].ref.id)
                await tx.changes.wake([found[0].ref.id], self.world.clock.now())
            else:
                await tx.intents.done([stored.id])

    async def _done(self, stored: StoredIntent) -> None:
        async with self.world.store.transaction() as tx:
            await tx.intents.done([stored.id])

    async def _touch(self, touched: RepositoryTouched) -> None:
        if touched.removed:
            await self._forget(touched.repo)
            return
        forge = self.world.forge(touched.repo.forge)
        await self._compare(forge, touched.repo, branch=touched.branch)

    async def _forget(self, repo: RepoRef) -> None:
        """We have no access any more: treat what was open as closed, so that its builds are stopped."""
        now = self.world.clock.now()
        async with self.world.store.transaction() as tx:
            for change in await tx.changes.open_in(repo):
                if change.state is not None:
                    await tx.changes.put(replace(change, state=replace(change.state, open=False), stale=False))
                    await tx.changes.wake([change.ref.id], now)

    async def _sweep(self, now: datetime) -> None:
        since = self._since or now - self.world.settings.retention
        for name, forge in self.world.forges.items():
            try:
                for delivery in await forge.missed_deliveries(since):
                    await forge.redeliver(delivery)
                for repo in await forge.repositories():
                    await self._compare(forge, repo)
            except RevdepsError as trouble:
                log.warning("resync with %s: %s", name, trouble)
        self._since = now
        await self._discard_leftovers()

    async def _compare(self, forge: Forge, repo: RepoRef, branch: str | None = None) -> None:
        """Touch the changes that are not on the forge as they are with us."""
        try:
            present = {state.ref.id: state for state in await forge.open_changes(repo)}
        except Gone:
            await self._forget(repo)
            return
        now = self.world.clock.now()
        async with self.world.store.transaction() as tx:
            known = {change.ref.id: change for change in await tx.changes.open_in(repo)}
            moved = [state.ref for ref, state in present.items() if _moved(known.get(ref), state)]
            moved += [change.ref for ref, change in known.items() if ref not in present]
            moved += [state.ref for state in present.values() if branch is not None and state.base_branch == branch]
            for ref in dict.fromkeys(moved):
                await tx.changes.touch(ref, now)

    async def _discard_leftovers(self) -> None:
        """Discard workspaces that belong to no run that may still need them."""
        wanted = await self._wanted()
        for name, builder in self.world.builders.items():
            with contextlib.suppress(RevdepsError):
                for workspace in await builder.leftovers():
                    if workspace not in wanted:
                        log.info("discarding %s on %s: no run needs it", workspace, name)
                        await builder.discard(workspace)

    async def _wanted(self) -> set[WorkspaceRef]:
        wanted: set[WorkspaceRef] = set()
        async with self.world.store.transaction() as tx:
            for run in await tx.runs.recent(_RECENT_RUNS):
                if run.state is RunState.FINISHED and run.cleaned:
                    continue
                for target in await tx.runs.targets(run.id):
                    wanted |= {ref for ref in (target.workspace, target.baseline_workspace) if ref is not None}
        return wanted


def _moved(known: Change | None, state: ChangeState) -> bool:
    """Whether the forge shows something that is news to us. The base's commit moves all the time and is none."""
    if known is None or known.state is None:
        return True
    seen = known.state
    return (seen.head_sha, seen.base_branch, seen.draft, seen.labels, seen.open) != (
        state.head_sha,
        state.base_branch,
        state.draft,
        state.labels,
        state.open,
    )
