"""How every fake forge sends its webhooks: in the background, over one HTTP session, until a test waits for the end.

What is sent, how it is signed, and in which order, is each forge's own: see its `webhooks` module.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, ClassVar

import aiohttp


@dataclass(kw_only=True)
class BackgroundSender:
    """Runs deliveries as tasks, and holds the session that they share."""

    answer_within: ClassVar[float]
    """Seconds that a receiver has to answer."""
    _session: aiohttp.ClientSession | None = field(default=None, init=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    async def settled(self) -> None:
        """Wait until everything queued so far, and what that brings about, has been delivered or has failed."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """Drop what has not been delivered."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _post(
        self, url: str, body: bytes, headers: dict[str, str]
    ) -> contextlib.AbstractAsyncContextManager[aiohttp.ClientResponse]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self.answer_within))
        return self._session.post(url, data=body, headers=headers)
