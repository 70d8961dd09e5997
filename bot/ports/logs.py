"""Where whole build logs are kept after a backend has forgotten them."""

from collections.abc import AsyncIterable
from datetime import datetime
from typing import Protocol

from bot.domain.ids import BuildKey


class LogStore(Protocol):
    """Compressed logs by build key. Reading never loads more than was asked for."""

    async def save(self, key: BuildKey, chunks: AsyncIterable[bytes]) -> int:
        """Keep a log, replacing an earlier one, and return its size in bytes."""
        ...

    async def tail(self, key: BuildKey, length: int) -> bytes | None:
        """Return the last `length` bytes, None where there is no such log."""
        ...

    def read(self, key: BuildKey) -> AsyncIterable[bytes]:
        """Yield the log in chunks; nothing where there is none."""
        ...

    async def prune(self, before: datetime) -> int:
        """Remove the logs that were saved before that time; return how many."""
        ...
