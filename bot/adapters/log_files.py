"""Build logs as gzip files in a directory: whole, compressed, and removed when they are old.

The tails of long ones are kept beside them as they are, so that a report of a thousand failures decompresses little.
"""

import asyncio
import contextlib
import gzip
import hashlib
import os
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.domain.ids import BuildKey

_TAIL = 64 * 1024
"""Bytes of a longer log that stay uncompressed, too."""

_CHUNK = 256 * 1024
_LEVEL = 6
_HELD = 4
"""Pieces of a log that are handed to a thread together."""


class LogFiles:
    """Implements `bot.ports.logs.LogStore` under `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def _place(self, key: BuildKey) -> Path:
        """Return the log's path without its ending; candidates lie in their run's directory."""
        parts = key.split("/")
        owner = parts[1] if parts[0] == "c" and len(parts) > 1 else "baselines"
        safe = hashlib.sha256(owner.encode()).hexdigest()[:16]
        return self._directory / safe / hashlib.sha256(key.encode()).hexdigest()

    async def save(self, key: BuildKey, chunks: AsyncIterable[bytes]) -> int:
        """Keep a log, replacing an earlier one whole, and return its size in bytes."""
        writing = _Writing(self._place(key))
        held: list[bytes] = []
        try:
            async for chunk in chunks:
                held.append(chunk)
                if len(held) >= _HELD:
                    await asyncio.to_thread(writing.write, held)
                    held = []
            return await asyncio.to_thread(writing.finish, held)
        finally:
            writing.forget()

    async def tail(self, key: BuildKey, length: int) -> bytes | None:
        """Return the last `length` bytes, at most 64 KiB of them; None where there is no such log."""
        kept = await asyncio.to_thread(_kept_of, self._place(key))
        return None if kept is None else kept[-length:]

    async def read(self, key: BuildKey) -> AsyncIterator[bytes]:
        """Yield the log in chunks, as far as the file can be read; nothing where there is none."""
        path = self._place(key).with_suffix(".gz")
        if not await asyncio.to_thread(path.exists):
            return
        with gzip.open(path, "rb") as file:
            while chunk := await asyncio.to_thread(_next, file):
                yield chunk

    async def prune(self, before: datetime) -> int:
        """Remove the logs that were saved before that time; return how many."""
        return await asyncio.to_thread(self._prune, before.timestamp())

    def _prune(self, before: float) -> int:
        old = [path for path in self._directory.glob("*/*") if path.stat().st_mtime < before]
        for path in old:
            path.unlink(missing_ok=True)
        for directory in {path.parent for path in old}:
            with contextlib.suppress(OSError):  # it is not empty
                directory.rmdir()
        return sum(path.suffix == ".gz" for path in old)


@dataclass(slots=True)
class _Writing:
    """A log that is being written, in the thread that its pieces are handed to: most are one piece."""

    place: Path
    size: int = 0
    _tail: bytes = b""
    _file: gzip.GzipFile | None = None
    _begun: bool = False

    @property
    def _partial(self) -> Path:
        return self.place.with_suffix(f".{os.getpid()}.partial")

    def write(self, chunks: Sequence[bytes]) -> None:
        """Add pieces."""
        if self._file is None:
            self._begin()
            self._file = gzip.open(self._partial, "wb", compresslevel=_LEVEL)  # noqa: SIM115 - several calls write to it
        for chunk in chunks:
            self._file.write(chunk)
            self.size += len(chunk)
            self._tail = (self._tail + chunk[-_TAIL:])[-_TAIL:]

    def finish(self, chunks: Sequence[bytes]) -> int:
        """Add the last pieces and let the log be seen; return its size in bytes."""
        if self._file is None:
            self._write_whole(b"".join(chunks))
        else:
            self.write(chunks)
            self._close()
        tail = self.place.with_suffix(".tail")
        if self.size > _TAIL:
            tail.write_bytes(self._tail)
        self._partial.rename(self.place.with_suffix(".gz"))
        if self.size <= _TAIL:
            tail.unlink(missing_ok=True)
        self._begun = False
        return self.size

    def _write_whole(self, log: bytes) -> None:
        self._begin()
        self._partial.write_bytes(gzip.compress(log, _LEVEL))
        self.size, self._tail = len(log), log[-_TAIL:]

    def forget(self) -> None:
        """Leave nothing behind of what was cut off."""
        if self._begun:
            self._close()
            self._partial.unlink(missing_ok=True)

    def _begin(self) -> None:
        self.place.parent.mkdir(parents=True, exist_ok=True)
        self._begun = True

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()


def _kept_of(place: Path) -> bytes | None:
    """Return the tail of a long log, a short one as a whole, None where there is no log."""
    try:
        return place.with_suffix(".tail").read_bytes()
    except FileNotFoundError:
        pass
    try:
        with gzip.open(place.with_suffix(".gz"), "rb") as file:
            return b"".join(iter(lambda: _next(file), b""))
    except FileNotFoundError:
        return None


def _next(file: gzip.GzipFile) -> bytes:
    """Return the next chunk, empty at the end: of the log, or of what a full or broken disk left of it."""
    try:
        return file.read1(_CHUNK)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return b""
