"""What may be asked of GitHub: counted here, for each installation, so that GitHub never has to refuse it.

The figures are GitHub's own ("Rate limits for the REST API"); which requests create content is what its description
says of them (that they trigger notifications). GitHub advises to make requests one after another, too: that is done
for a while after it has complained, and not before (docs/decisions/0012).

Nobody is kept waiting here for long: who comes too early is told how long to wait by `Transient`.
"""

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.adapters.github.failures import Limited
from bot.adapters.http_refusal import LEAST_WAIT, MOST_WAIT
from bot.ports.clock import Clock
from bot.ports.errors import Postponed, Transient

_ON_THE_WAY = timedelta(seconds=5)
"""GitHub counts a request when it arrives: a minute of ours has to be longer than one of GitHub's."""
_MINUTE, _HOUR = timedelta(minutes=1) + _ON_THE_WAY, timedelta(hours=1) + _ON_THE_WAY
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_NOTIFIES = re.compile(r"/issues/\d+/comments$")
PATIENT_SHARE = 0.5
"""What nobody waits for leaves so much of a minute to what somebody waits for."""
RESERVE = 0.05
"""And so much of the hour's limit."""

CHASTENED = timedelta(minutes=15)
"""So long requests are made one after another once GitHub has complained of too many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """GitHub's limits for one installation; None: there is none, as on an Enterprise Server by default.

    `concurrent` is half of what GitHub takes, for there may be another process.
    """

    concurrent: int = 50
    points_per_minute: int | None = 900
    graphql_points_per_minute: int | None = 2_000
    content_per_minute: int | None = 80
    content_per_hour: int | None = 500


UNLIMITED = RateLimits(
    points_per_minute=None, graphql_points_per_minute=None, content_per_minute=None, content_per_hour=None
)


@dataclass(slots=True)
class _Window:
    """At most `limit` in any time of length `span`."""

    limit: int
    span: timedelta
    spent: deque[tuple[datetime, int]] = field(default_factory=deque)
    total: int = 0

    def wait(self, amount: int, now: datetime, share: float) -> timedelta:
        """Return how long it takes until so much may be spent without exceeding a share of the limit."""
        while self.spent and self.spent[0][0] + self.span <= now:
            self.total -= self.spent.popleft()[1]
        over, wait = self.total + amount - self.limit * share, timedelta()
        for moment, each in self.spent:
            if over <= 0:
                break
            over, wait = over - each, moment + self.span - now
        return wait

    def spend(self, amount: int, now: datetime) -> None:
        """Note that so much is spent."""
        self.spent.append((now, amount))
        self.total += amount


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cost:
    resource: str
    points: int
    content: int

    @classmethod
    def of(cls, method: str, path: str) -> "_Cost":
        """Reading costs a point, writing five ("Calculating points"); every question of ours in GraphQL writes."""
        return cls(
            resource="graphql" if path.endswith("/graphql") else "core",
            points=1 if method in _READS else 5,
            content=1 if method == "POST" and _NOTIFIES.search(path) else 0,
        )


class Budget:
    """One installation's budget, or the App's own."""

    def __init__(self, limits: RateLimits, clock: Clock) -> None:
        self._clock = clock
        self._room = asyncio.Semaphore(limits.concurrent)
        self._alone = asyncio.Lock()
        self._chastened_until = datetime.min.replace(tzinfo=UTC)
        self._complaints = 0
        self._held: dict[str, datetime] = {}
        self._low: dict[str, datetime] = {}
        """By resource: until when what is left of the hour's limit is kept for what somebody waits for."""
        self._points = {
            "core": _windows((limits.points_per_minute, _MINUTE)),
            "graphql": _windows((limits.graphql_points_per_minute, _MINUTE)),
        }
        self._content = _windows((limits.content_per_minute, _MINUTE), (limits.content_per_hour, _HOUR))

    @contextlib.asynccontextmanager
    async def request(self, method: str, path: str, *, patient: bool = False) -> AsyncIterator[None]:
        """Make one request inside, when it may be made; raise `Transient` where that is not soon.

        `patient` requests are made only as long as enough is left for others, and raise `Postponed` where it is not.
        """
        cost = _Cost.of(method, path)
        async with contextlib.AsyncExitStack() as turn:
            await turn.enter_async_context(self._room)
            if self._clock.now() < self._chastened_until:
                await turn.enter_async_context(self._alone)
            self._spend(cost, patient=patient)
            try:
                yield
            except Limited as trouble:
                self._complained(trouble)
                raise
            except Transient as trouble:
                if trouble.retry_after is not None:
                    self._hold(trouble.retry_after)
                raise

    def heard(self, headers: Mapping[str, str]) -> None:
        """Take note of what an answer that is no refusal says about the hour's limit."""
        self._complaints = 0
        told = [headers.get(f"X-RateLimit-{name}", "") for name in ("Limit", "Remaining", "Reset")]
        if not all(number.isascii() and number.isdecimal() for number in told):
            return
        limit, remaining, reset = (int(number[:12]) for number in told)
        resource = headers.get("X-RateLimit-Resource", "core")
        until = min(datetime.fromtimestamp(reset, UTC), self._clock.now() + MOST_WAIT)
        if remaining == 0:
            self._held[resource] = until
        if remaining < limit * RESERVE:
            self._low[resource] = until
        else:
            self._low.pop(resource, None)

    def _spend(self, cost: _Cost, *, patient: bool) -> None:
        now = self._clock.now()
        for resource in ("all", cost.resource):
            until = self._held.get(resource)
            if until is not None and now < until:
                raise Transient("GitHub's rate limit is exceeded", until - now)
        low = self._low.get(cost.resource)
        if patient and low is not None and now < low:
            raise Postponed("what is left of GitHub's rate limit is kept for what people wait for", low - now)
        wanted = [(window, cost.points) for window in self._points[cost.resource]]
        wanted += [(window, cost.content) for window in self._content if cost.content]
        share = PATIENT_SHARE if patient else 1.0
        wait = max((window.wait(amount, now, share) for window, amount in wanted), default=timedelta())
        if wait:
            raise (Postponed if patient else Transient)("GitHub's rate limit would be exceeded", wait)
        for window, amount in wanted:
            window.spend(amount, now)

    def _complained(self, trouble: Limited) -> None:
        """Wait as long as GitHub says, else longer at each complaint in a row, and be more careful for a while."""
        if not trouble.told:
            trouble.retry_after = min(LEAST_WAIT * 2**self._complaints, MOST_WAIT)
            self._complaints += 1
        self._chastened_until = self._clock.now() + CHASTENED
        self._hold(trouble.retry_after or LEAST_WAIT)

    def _hold(self, wait: timedelta) -> None:
        self._held["all"] = max(self._held.get("all", self._clock.now()), self._clock.now() + wait)


def _windows(*limits: tuple[int | None, timedelta]) -> tuple[_Window, ...]:
    return tuple(_Window(limit, span) for limit, span in limits if limit is not None)
