"""A build's log: written as it comes, bounded, with an eye on the phase and the last part kept for the diagnosis."""

from pathlib import Path
from types import TracebackType
from typing import Self

from bot.domain.build import Phase
from bot.domain.failure import phase_of

_TAIL = 512 * 1024
_LINE = 16 * 1024


class Console:
    """Writes a log file of at most `limit` bytes. Bytes are kept as they are: cleaning is for those who show them."""

    def __init__(self, path: Path, limit: int) -> None:
        self.phase: Phase | None = None
        self.full = False
        self._file = path.open("ab")
        self._room = limit - self._file.tell()
        self._tail = bytearray()
        self._line = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, data: bytes) -> None:
        """Append output of the build; what is over the limit is dropped and `full` says so."""
        kept = data[: max(self._room, 0)]
        self._room -= len(kept)
        self.full = self.full or len(kept) < len(data)
        self._append(kept)
        self._watch_phase(kept)

    def say(self, text: str) -> None:
        """Append a line of ours, whether or not the limit is reached."""
        self._append(f"{text}\n".encode())

    def tail(self) -> str:
        """Return the last part of what was written."""
        return self._tail.decode(errors="replace")

    def forget_tail(self) -> None:
        """Begin a new part: what was written so far is not the cause of what comes."""
        self._tail.clear()

    def _append(self, data: bytes) -> None:
        self._tail += data
        if len(self._tail) > 2 * _TAIL:
            del self._tail[:-_TAIL]
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            # The disk is full: the build will notice by itself, and its end has to be written down all the same.
            self._tail += f"\n{error.strerror}\n".encode()

    def _watch_phase(self, data: bytes) -> None:
        *lines, rest = (bytes(self._line) + data).split(b"\n")
        for line in lines:
            self.phase = phase_of(line[:_LINE].decode(errors="replace")) or self.phase
        self._line = bytearray(rest[-_LINE:])
