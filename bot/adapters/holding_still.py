"""Sends a server nothing while it wants to be left alone, whoever of us it said so to."""

import contextlib
from collections.abc import Iterator
from datetime import datetime

from bot.ports.clock import Clock
from bot.ports.errors import Transient


class HoldingStill:
    """Remembers until when a server, named by `who`, wants to hear nothing."""

    def __init__(self, clock: Clock, who: str) -> None:
        self._clock = clock
        self._who = who
        self._until: datetime | None = None

    @contextlib.contextmanager
    def obeyed(self) -> Iterator[None]:
        """Raise `Transient` instead of asking too early; take note where the answer says how long to wait."""
        now = self._clock.now()
        if self._until is not None and now < self._until:
            raise Transient(f"{self._who} wants to be left alone for a while", self._until - now)
        try:
            yield
        except Transient as error:
            if error.retry_after is not None:
                self._until = self._clock.now() + error.retry_after
            raise
