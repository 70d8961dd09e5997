"""What waits and goes on at the backends, as forecasts look at it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.build import Build
from bot.domain.ids import RunId
from bot.domain.run import Run
from bot.ports.store import Transaction

_GOOD_FOR = timedelta(seconds=5)
"""For how long the queue of a backend is believed to be as it was: ends are foretold to the minute."""

Queue = tuple[Sequence[Build], Mapping[RunId, Run]]


@dataclass(slots=True)
class Queues:
    """What waits and goes on at each backend, with the runs that these builds belong to, as read a moment ago.

    Many runs are told of at once when a service is busy, and that is when the queue is long.
    """

    _read: dict[str, tuple[datetime, Queue]] = field(default_factory=dict)

    async def of(self, tx: Transaction, backend: str, now: datetime) -> Queue:
        """Return all unfinished builds of a backend."""
        known = self._read.get(backend)
        if known is not None and known[0] <= now < known[0] + _GOOD_FOR:
            return known[1]
        builds = await tx.builds.unfinished(backend)
        found = builds, await tx.runs.several({build.run for build in builds if build.run is not None})
        self._read[backend] = now, found
        return found
