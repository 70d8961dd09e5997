"""Clocks for the fakes: the real time, and the real time moved on by a test."""

from datetime import UTC, datetime, timedelta


class SystemClock:
    """The real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class ShiftedClock:
    """The real time, moved on by the test; or, once it is stopped, moved on by nothing else."""

    def __init__(self) -> None:
        self.shift = timedelta(0)
        self._stands_at: datetime | None = None

    def stop(self) -> None:
        self._stands_at = datetime.now(UTC)

    def now(self) -> datetime:
        return (self._stands_at or datetime.now(UTC)) + self.shift
