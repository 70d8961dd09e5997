"""Compares the world with the store: whatever a webhook failed to tell is found here.

Two duties under one lease: hints about no single change (a push to a base branch, an installation, a check suite) are
spread over the changes that they concern, at once; and every few minutes missed deliveries are asked for again, open
pull requests are compared with what is stored, and workspaces that nobody needs are discarded.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain.ids import WorkspaceRef
from bot.domain.intents import (
    ButtonPressed,
    ReceivedDelivery,
    RepositoryTouched,
    RerunRequested,
    StoredIntent,
    name_of_delivery,
)
from bot.domain.run import Change, ChangeState, RepoRef, Run, RunState
from bot.domain.waivers import moved_since
from bot.engine.world import World
from bot.ports.builder import Builder
from bot.ports.errors import Gone, Misconfigured, Postponed, Rejected, RevdepsError, Transient
from bot.ports.forge import Forge
from bot.ports.store import Lease

log = logging.getLogger(__name__)

_REMEMBERED = timedelta(days=30)
"""How long a delivery is known as seen; GitHub makes none again after three days."""

_RECENT_RUNS = 1000
_ON_ITS_WAY = timedelta(minutes=2)

_HELD = timedelta(seconds=30)
"""How long the duty is held beyond the last sign of life: what was missed is looked for within a minute of a start,
also where the process before was killed.
"""
_UNTIL_FREE = timedelta(seconds=5)
"""How often the duty is asked for while another process has it."""


@dataclass(slots=True)
class Resync:
    """Runs until it is told to stop; of all processes, one at a time does the work."""

    world: World
    owner: str
    woke: Callable[[], None]
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _lease: Lease | None = None
    _next_sweep: datetime | None = None
    _since: dict[str, datetime] = field(default_factory=dict)
    """By forge: from when on its deliveries are still to be looked at."""
    _unfinished: dict[str, datetime] = field(default_factory=dict)
    """By forge that gave only some of its missed deliveries again: when it may be asked for the rest."""
    _not_before: dict[str, datetime] = field(default_factory=dict)
    """By forge: until when it wants to be left alone."""
    _unwanted: set[tuple[str, WorkspaceRef]] = field(default_factory=set)
    """By backend: workspaces that nobody wanted at the last sweep."""

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
            limit = min(self.world.settings.tick, _HELD / 2) if self._lease else _UNTIL_FREE
            await asyncio.wait(waits, timeout=limit.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
        if self._lease is not None:
            with contextlib.suppress(RevdepsError):
                await self.world.store.release(self._lease, None)

    async def once(self) -> None:
        """Spread hints; sweep where it is time."""
        now = self.world.clock.now()
        self._lease = lease = await self._hold()
        if lease is None:
            return
        heart = asyncio.create_task(self._heartbeat())
        try:
            await self._spread(lease)
            if self._next_sweep is None or now >= self._next_sweep:
                await self._sweep(now)
                self._next_sweep = min([now + self.world.settings.resync_interval, *self._unfinished.values()])
        finally:
            heart.cancel()
        self.woke()

    async def _hold(self) -> Lease | None:
        return await self.world.store.lease_named("resync", self.owner, self.world.clock.now(), _HELD)

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(_HELD.total_seconds() / 3)
            with contextlib.suppress(RevdepsError):
                await self._hold()

    async def _spread(self, lease: Lease) -> None:
        """Give every hint to the changes that it concerns; what the forge is needed for comes last, and may wait."""
        async with self.world.store.transaction(lease) as tx:
            pending = await tx.intents.unassigned()
        touched = [stored for stored in pending if isinstance(stored.intent, RepositoryTouched)]
        for stored in pending:
            match stored.intent:
                case RerunRequested(repo=repo, head_sha=sha) | ButtonPressed(repo=repo, head_sha=sha):
                    await self._assign(stored, repo, sha)
                case RepositoryTouched():
                    pass
                case _:
                    await self._done(stored)
        for stored in touched:
            await self._spread_touch(stored)

    async def _spread_touch(self, stored: StoredIntent) -> None:
        assert isinstance(stored.intent, RepositoryTouched)  # chosen by the caller
        repo = stored.intent.repo
        now = self.world.clock.now()
        if not stored.intent.removed and now < self._not_before.get(repo.forge, now):
            return
        if stored.intent.branch is not None:
            await self._base_moved(repo, stored.intent.branch, stored.received_at)
        try:
            await self._touch(stored.intent)
        except Postponed as later:
            log.info("resync of %s: %s", repo, later)  # other repositories need not wait
        except (Transient, Misconfigured) as trouble:
            self._wait(repo.forge, trouble)
        except Rejected as refusal:
            log.warning("resync of %s: %s", repo, refusal)
            await self._done(stored)
        else:
            await self._done(stored)

    def _wait(self, forge: str, trouble: Transient | Misconfigured) -> None:
        wait = getattr(trouble, "retry_after", None) or self.world.settings.tick
        log.warning("resync with %s: %s; trying again in %s", forge, trouble, wait)
        self._not_before[forge] = self.world.clock.now() + wait

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

    async def _base_moved(self, repo: RepoRef, branch: str, pushed_at: datetime) -> None:
        """Let the waivers lapse that were given for the branch as it was; GitHub does not name its tip reliably."""
        async with self.world.store.transaction() as tx:
            for change in await tx.changes.open_in(repo):
                if change.state is None or change.state.base_branch != branch:
                    continue
                lapsed = moved_since(await tx.waivers.of_change(change.ref.id), pushed_at)
                for package, waiver in lapsed.items():
                    await tx.waivers.put(change.ref.id, package, waiver)
                if lapsed:
                    await tx.changes.wake([change.ref.id], self.world.clock.now())

    async def _forget(self, repo: RepoRef) -> None:
        """We have no access any more: treat what was open as closed, so that its builds are stopped."""
        now = self.world.clock.now()
        async with self.world.store.transaction() as tx:
            for change in await tx.changes.open_in(repo):
                if change.state is not None:
                    await tx.changes.put(replace(change, state=change.state.gone(), stale=False))
                    await tx.changes.wake([change.ref.id, *await tx.runs.joined(change.ref.id)], now)

    async def _sweep(self, now: datetime) -> None:
        for name, forge in self.world.forges.items():
            if now < self._not_before.get(name, now):
                continue
            since = self._since.get(name, now - self.world.settings.retention)
            try:
                await self._ask_again(name, forge, now)
                # What we worked on and are no longer shown is compared too, and so found to be gone.
                for repo in dict.fromkeys([*await forge.repositories(), *await self._worked_on(name)]):
                    await self._compare_one(forge, repo, since)
            except Rejected as refusal:
                log.warning("resync with %s: %s", name, refusal)
            except (Transient, Misconfigured) as trouble:
                self._wait(name, trouble)
        await self._discard_leftovers()
        async with self.world.store.transaction() as tx:
            await tx.deliveries.prune(now - _REMEMBERED)

    async def _ask_again(self, name: str, forge: Forge, now: datetime) -> None:
        """Ask for the deliveries that did not arrive since the last time that this was done to the end."""
        for delivery in await forge.missed_deliveries(self._since.get(name, now - self.world.settings.retention)):
            try:
                await forge.redeliver(delivery)
            except Rejected as refusal:
                log.warning("resync with %s: delivery %s cannot be had again: %s", name, delivery.guid, refusal)
            except Transient as limit:
                # What is open has to be compared all the same, and the rest is asked for as soon as it may be.
                self._unfinished[name] = now + (limit.retry_after or self.world.settings.tick)
                log.warning("resync with %s: %s; the other missed deliveries come later", name, limit)
                return
        self._unfinished.pop(name, None)
        # The forge lists a delivery a little later than it was made, and by its own clock.
        self._since[name] = now - self.world.settings.resync_interval

    async def _worked_on(self, forge: str) -> Sequence[RepoRef]:
        async with self.world.store.transaction() as tx:
            runs = await tx.runs.recent(_RECENT_RUNS)
        return [run.change.repo for run in runs if run.change.repo.forge == forge and not _over(run)]

    async def _compare_one(self, forge: Forge, repo: RepoRef, since: datetime) -> None:
        """Compare one repository of many: what is wrong with it must not keep the others from being looked at."""
        try:
            await self._compare(forge, repo)
            await self._hear(forge, repo, since)
        except Postponed as later:
            log.info("resync of %s: %s", repo, later)
        except (Rejected, Misconfigured) as trouble:
            log.warning("resync of %s: %s", repo, trouble)

    async def _hear(self, forge: Forge, repo: RepoRef, since: datetime) -> None:
        """Take up commands that no delivery brought; one that is only late may be on its way."""
        now = self.world.clock.now()
        heard = [
            ReceivedDelivery(
                forge=repo.forge, guid=name_of_delivery("", [one]), event="comment", received_at=now, intents=(one,)
            )
            for one in await forge.unheard_comments(repo, since)
            if one.written_at <= now - _ON_ITS_WAY
        ]
        if heard:
            async with self.world.store.transaction() as tx:
                await tx.deliveries.record(heard)

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
        """Discard workspaces that belong to no run that may still need them.

        One that is seen for the first time may just have been made, by somebody who is about to write that down.
        """
        found = {
            (name, workspace)
            for name, builder in self.world.builders.items()
            for workspace in await _leftovers(name, builder)
        }
        wanted = await self._wanted()
        unwanted = {(name, workspace) for name, workspace in found if workspace not in wanted}
        for name, workspace in sorted(unwanted & self._unwanted):
            log.info("discarding %s on %s: no run needs it", workspace, name)
            with contextlib.suppress(RevdepsError):
                await self.world.builder(name).discard(workspace)
        self._unwanted = unwanted

    async def _wanted(self) -> set[WorkspaceRef]:
        wanted: set[WorkspaceRef] = set()
        async with self.world.store.transaction() as tx:
            for run in await tx.runs.recent(_RECENT_RUNS):
                if _over(run):
                    continue
                for target in await tx.runs.targets(run.id):
                    known = (target.workspace, target.baseline_workspace, *(each.workspace for each in target.alone))
                    wanted |= {ref for ref in known if ref is not None}
        return wanted


def _over(run: Run) -> bool:
    return run.state is RunState.FINISHED and run.cleaned


async def _leftovers(name: str, builder: Builder) -> Sequence[WorkspaceRef]:
    try:
        return await builder.leftovers()
    except RevdepsError as trouble:
        log.warning("resync with %s: %s", name, trouble)
        return ()


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
