"""Pins a target's metadata: what each repository has now, or, where the settings allow it, what it last had."""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime

from bot.adapters.hawkey.metadata import check_allowed, fetch_metadata
from bot.adapters.hawkey.pins import Pin, PinnedRepository, latest_pin, make_pin
from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.target import Repository, Target
from bot.ports.errors import Misconfigured, Transient


class Snapshots:
    """Reads repositories in threads, each one once at a time."""

    def __init__(self, settings: HawkeySettings) -> None:
        self._settings = settings
        self._fetching: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def pin(self, target: Target) -> tuple[Pin, bool]:
        """Return the target's metadata as they are now, or, marked as stale (True), as they were.

        Raises Misconfigured where there is no such repository, and Transient where it cannot be reached.
        """
        if not target.repositories:
            raise Misconfigured(f"target {target.name}", "it names no repository", "Name at least one.")
        for repository in target.repositories:
            check_allowed(repository.url, self._settings)
        try:
            pinned = await asyncio.gather(*(self._fetch(repository) for repository in target.repositories))
        except Transient:
            last = await asyncio.to_thread(latest_pin, self._settings.cache, target)
            if last is None or not self._settings.serve_stale:
                raise
            return last, True
        return make_pin(target.arch, pinned, datetime.now(UTC)), False

    async def _fetch(self, repository: Repository) -> PinnedRepository:
        async with self._fetching[repository.url]:
            digest = await asyncio.to_thread(fetch_metadata, repository.url, self._settings)
        return PinnedRepository(url=repository.url, digest=digest)
