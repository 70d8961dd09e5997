"""What comes in is durable before it is answered, and cheap: deliveries share transactions.

A delivery that arrives while a transaction is under way waits in the next one together with all others that do (group
commit), so that the cost of a commit is spread over as many deliveries as came in meanwhile, and a lone one waits for
nobody. Each caller returns once its own delivery is stored, and hears of its own failure only.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.domain.intents import Intent, ReceivedDelivery
from bot.ports.errors import RevdepsError, Transient
from bot.ports.store import Store

MAX_BATCH = 500
"""Deliveries in one transaction: more would make the first of them wait for the last."""


class MalformedEvent(RevdepsError):
    """A webhook's content is not what its forge documents; the text says what is missing or of the wrong type."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Deliveries that are committed together by one task; more may join until it begins."""

    deliveries: list[ReceivedDelivery]
    commit: asyncio.Task[None]


class Intake:
    """Stores deliveries, several to a transaction. `wake` is called after one that brought something to do, and `heard`
    with what that is.
    """

    def __init__(
        self, store: Store, wake: Callable[[], None], heard: Callable[[Iterable[Intent]], None] | None = None
    ) -> None:
        self._store = store
        self._wake = wake
        self._heard = heard
        self._turn = asyncio.Lock()
        self._open: _Batch | None = None
        self._commits: set[asyncio.Task[None]] = set()
        self._closed = False

    async def submit(self, delivery: ReceivedDelivery) -> None:
        """Return once the delivery is durable; one that was seen before is no error.

        A caller that is cancelled loses the answer, not the delivery. Raises `Transient` where the database cannot be
        written or the service is going down, and whatever else the store raises about this very delivery.
        """
        if self._closed:
            raise Transient("the service is going down")
        batch = self._join(delivery)
        error = await _outcome(batch)
        if error is None:
            return
        if len(batch.deliveries) == 1 or isinstance(error, Transient):
            raise error
        # One of the batch cannot be stored. It must not take the others with it, so each is tried by itself.
        alone = self._begin([delivery])
        error = await _outcome(alone)
        if error is not None:
            raise error

    async def close(self) -> None:
        """Take nothing more, and return when everything that was taken is stored or has failed."""
        self._closed = True
        while self._commits:
            await asyncio.wait(self._commits)

    def _join(self, delivery: ReceivedDelivery) -> _Batch:
        if self._open is None or len(self._open.deliveries) >= MAX_BATCH:
            self._open = self._begin([])
        self._open.deliveries.append(delivery)
        return self._open

    def _begin(self, deliveries: list[ReceivedDelivery]) -> _Batch:
        commit = asyncio.create_task(self._commit(deliveries))
        self._commits.add(commit)
        commit.add_done_callback(self._forget)
        return _Batch(deliveries, commit)

    def _forget(self, commit: asyncio.Task[None]) -> None:
        self._commits.discard(commit)
        if not commit.cancelled():
            commit.exception()  # Every caller may have gone: asyncio would complain of an error that nobody asked for.

    async def _commit(self, deliveries: list[ReceivedDelivery]) -> None:
        async with self._turn:
            if self._open is not None and self._open.deliveries is deliveries:
                self._open = None
            async with self._store.transaction() as tx:
                new = await tx.deliveries.record(deliveries)
        # Most deliveries are about nothing of ours: whoever works must not look up for each of them.
        if new and any(delivery.intents for delivery in deliveries):
            self._wake()
            if self._heard is not None:
                self._heard(intent for delivery in deliveries for intent in delivery.intents)


async def _outcome(batch: _Batch) -> BaseException | None:
    """Wait for a batch without owning it: cancelling one who waits cancels nothing."""
    await asyncio.wait([batch.commit])
    if batch.commit.cancelled():
        return Transient("the service is going down")
    return batch.commit.exception()
