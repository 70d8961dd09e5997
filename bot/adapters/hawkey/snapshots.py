"""Pins a target's metadata: what each repository has now, or, where the settings allow it, what it last had."""

import asyncio
from datetime import UTC, datetime

from bot.adapters.hawkey.access import check_allowed
from bot.adapters.hawkey.koji_tags import pin_repository
from bot.adapters.hawkey.pins import Pin, PinnedRepository, latest_pin, make_pin
from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.target import Repository, Target
from bot.ports.errors import Misconfigured, Transient


class Snapshots:
    """Reads repositories in threads. Whoever asks for one that is being read just now gets what that comes to."""

    def __init__(self, settings: HawkeySettings) -> None:
        self._settings = settings
        self._reading: dict[Repository, asyncio.Task[PinnedRepository]] = {}

    async def pin(self, target: Target) -> tuple[Pin, bool]:
        """Return the target's metadata as they are now, or, marked as stale (True), as they were.

        Raises Misconfigured where there is no such repository, and Transient where it cannot be reached.
        """
        if not target.repositories:
            raise Misconfigured(f"target {target.name}", "it names no repository", "Name at least one.")
        for repository in target.repositories:
            check_allowed(repository.url, self._settings)
        try:
            pinned = await asyncio.gather(*(self._read(repository, target.arch) for repository in target.repositories))
        except Transient:
            last = await asyncio.to_thread(latest_pin, self._settings.cache, target)
            if last is None or not self._settings.serve_stale:
                raise
            return last, True
        return make_pin(target.arch, pinned, datetime.now(UTC)), False

    async def _read(self, repository: Repository, arch: str) -> PinnedRepository:
        # What a target makes of a repository does not matter here, its architecture only to Koji: it is in the address.
        what = Repository(url=repository.url, kind=repository.kind, gpgkey=repository.gpgkey, koji=repository.koji)
        task = self._reading.get(what)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(pin_repository, what, arch, self._settings))
            self._reading[what] = task
            task.add_done_callback(lambda done: self._done(what, done))
        # One who no longer waits does not end it for the others.
        return await asyncio.shield(task)

    def _done(self, what: Repository, task: asyncio.Task[PinnedRepository]) -> None:
        del self._reading[what]
        if not task.cancelled():
            task.exception()  # looked at, even where nobody waits any more
