"""The asynchronous face of the resolver: downloads run in threads, everything else in solver processes."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from bot.adapters.hawkey import worker
from bot.adapters.hawkey.architectures import check_architecture, check_binaries
from bot.adapters.hawkey.eviction import evict
from bot.adapters.hawkey.finding import find_impact
from bot.adapters.hawkey.headers import fetch_headers
from bot.adapters.hawkey.packed_order import order_from
from bot.adapters.hawkey.parcels import dependents_from, gently
from bot.adapters.hawkey.pins import Pin, read_pin, write_pin
from bot.adapters.hawkey.pool import SolverPool
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.snapshots import Snapshots
from bot.adapters.hawkey.stack import fetch_filelists, stack
from bot.adapters.hawkey.universe import UniverseSpec
from bot.domain.difference import RootChange
from bot.domain.ids import SnapshotId
from bot.domain.packages import SourcePackage
from bot.domain.plan import Impact, RebuildOrder, Uninstallable
from bot.domain.target import Target
from bot.ports.resolver import Buildroot, Overlay, Question, ReverseDependency, Snapshot, Unsolvable


class HawkeyResolver:
    """Implements `bot.ports.resolver.Resolver`. Cheap to make; the solver processes start with the first question."""

    def __init__(self, settings: HawkeySettings) -> None:
        self._settings = settings
        self._pool = SolverPool(settings.workers, worker.start, settings.universes, most=settings.solver_bytes)
        self._snapshots = Snapshots(settings)

    async def snapshot(self, target: Target) -> Snapshot:
        """Fetch what has changed of the target's metadata, verify it, and pin it. Equal metadata, equal id."""
        self._pool.wake()  # while the metadata are read
        pin, stale = await self._snapshots.pin(target)
        spec = await self._complete(pin, target)
        counts = await self._pool.ask(worker.count, spec)
        check_architecture(target, counts.only_for)
        check_binaries(target, there=counts.binaries > 0)
        if not stale:
            await asyncio.to_thread(write_pin, self._settings.cache, target, pin)
        return Snapshot(id=pin.id, binaries=counts.binaries, sources=counts.sources, stale=stale)

    async def source_names(self, snapshot: SnapshotId, target: Target) -> Sequence[str]:
        """Return the names of the target's source packages, sorted."""
        return await self._pool.ask(worker.list_sources, await self._spec(snapshot, target))

    async def describe(
        self, snapshot: SnapshotId, target: Target, sources: Sequence[str]
    ) -> Mapping[str, SourcePackage]:
        """Return the named source packages as the target has them; one that it has not is left out."""
        return await self._pool.ask(worker.describe_sources, await self._spec(snapshot, target), tuple(sources))

    async def reverse_dependencies(
        self, snapshot: SnapshotId, target: Target, question: Question
    ) -> Sequence[ReverseDependency]:
        """Return the source packages that have the subject in their solved buildroot, nearest first, then by name."""
        found = await self._pool.ask(worker.find_dependents, await self._spec(snapshot, target), question)
        return tuple(await gently(dependents_from(found)))

    async def cone(self, snapshot: SnapshotId, target: Target, question: Question) -> Sequence[str]:
        """Return the names of the source packages that can reach the subject over requirements, sorted."""
        return await self._pool.ask(worker.find_cone, await self._spec(snapshot, target), question)

    async def impact(self, snapshot: SnapshotId, target: Target, change: Overlay) -> Impact:
        """Solve every source package that the change can touch before and after, and compare."""
        before, after = await self._spec(snapshot, target), await self._spec(snapshot, target, change)
        self._pool.prepare(worker.load, before, after)  # in all processes, while headers are fetched
        await self._fetch_headers(after)
        return await find_impact(self._pool, before, after, self._settings.workers)

    async def buildroots(
        self, snapshot: SnapshotId, target: Target, sources: Sequence[str], change: Overlay | None = None
    ) -> Mapping[str, Buildroot | Unsolvable]:
        """Solve the buildroots of the named source packages, with or without a change."""
        spec = await self._spec(snapshot, target, change)
        await self._fetch_headers(spec)
        return await self._pool.ask(worker.solve_buildroots, spec, tuple(sources))

    async def distances(
        self, snapshot: SnapshotId, target: Target, sources: Sequence[str], change: Overlay | None = None
    ) -> Mapping[str, Mapping[str, int]]:
        """Return how far each package of the named sources' buildroots is from them, by name."""
        return await self._pool.ask(worker.find_distances, await self._spec(snapshot, target, change), tuple(sources))

    async def differences(
        self, snapshot: SnapshotId, target: Target, sources: Sequence[str], change: Overlay
    ) -> Mapping[str, tuple[RootChange, ...]]:
        """Return what the change alters in the buildroots of the named source packages, its own packages first."""
        before, after = await self._spec(snapshot, target), await self._spec(snapshot, target, change)
        return await self._pool.ask(worker.find_differences, before, after, tuple(sources))

    async def installability(
        self, snapshot: SnapshotId, target: Target, binaries: Sequence[str], change: Overlay
    ) -> Mapping[str, str]:
        """Try to install each of these binary packages over the change; return the problems of those that fail."""
        spec = await self._spec(snapshot, target, change)
        return await self._pool.ask(worker.try_to_install, spec, tuple(binaries))

    async def broken_of_change(
        self, snapshot: SnapshotId, target: Target, change: Overlay
    ) -> tuple[Uninstallable, ...]:
        """Try to install every binary package that the change brings; return those that cannot be, by NEVRA."""
        before, after = await self._spec(snapshot, target), await self._spec(snapshot, target, change)
        return await self._pool.ask(worker.find_broken_of_change, before, after)

    async def order(
        self, snapshot: SnapshotId, target: Target, sources: Sequence[str], change: Overlay, *, thin: bool = False
    ) -> RebuildOrder:
        """Return the order in which the named sources must be rebuilt; `thin` without edges that others imply."""
        before, after = await self._spec(snapshot, target), await self._spec(snapshot, target, change)
        return await order_from(await self._pool.ask(worker.find_order, before, after, tuple(sources), thin=thin))

    async def _fetch_headers(self, spec: UniverseSpec) -> None:
        """Fetch what tells the contents of a change that was built elsewhere, before anybody asks for them."""
        remote = [layer.url for layer in spec.change if not layer.url.startswith("file:")]
        wanted = await self._pool.ask(worker.unread_headers, spec) if remote else ()
        if wanted:
            await asyncio.to_thread(fetch_headers, wanted, remote, self._settings)

    async def prune(self, in_use: Collection[SnapshotId]) -> int:
        """Remove what was not used for the longest time from the cache, down to its bound; never what is in use."""
        settings = self._settings
        return await asyncio.to_thread(evict, settings.cache, settings.cache_bytes, in_use)

    async def close(self) -> None:
        """End the solver processes."""
        await self._pool.close()

    async def _spec(self, snapshot: SnapshotId, target: Target, change: Overlay | None = None) -> UniverseSpec:
        if change is None:  # what the base needs was fetched when it was pinned
            return await asyncio.to_thread(self._base, snapshot, target)
        pin = await asyncio.to_thread(read_pin, self._settings.cache, snapshot)
        return await self._complete(pin, target, change)

    def _base(self, snapshot: SnapshotId, target: Target) -> UniverseSpec:
        return stack(self._settings, read_pin(self._settings.cache, snapshot), target)

    async def _complete(self, pin: Pin, target: Target, change: Overlay | None = None) -> UniverseSpec:
        """Return what to load, after fetching filelists where they are needed and not here yet.

        Raises Transient where a repository does not have them any more.
        """
        spec = await asyncio.to_thread(stack, self._settings, pin, target, change)
        if spec.files or not await self._pool.ask(worker.lacks_filelists, spec):
            return spec
        await asyncio.to_thread(fetch_filelists, self._settings, pin)
        return await asyncio.to_thread(stack, self._settings, pin, target, change)
