"""What comes in is durable before it is answered, and cheap: deliveries share transactions.

A delivery that arrives while a transaction is under way waits in the next one together with all others that do (group
commit), so that the cost of a commit is spread over as many deliveries as came in meanwhile, and a lone one waits for
nobody. Each caller returns once its own delivery is stored, and hears of its own failure only.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bot.domain.intents import Intent, ReceivedDelivery
from bot.ports.errors import RevdepsError, Transient
from bot.ports.store import Store

MAX_BATCH = 500
"""Deliveries in one transaction: more would make the first of them wait for the last."""


class MalformedEvent(RevdepsError):
    """A webhook's content is not what its forge documents; the text says what is missing or of the wrong type."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """A delivery, and what its caller waits for. A caller that went away has cancelled it."""

    delivery: ReceivedDelivery
    stored: asyncio.Future[None]

    def answer(self, error: BaseException | None) -> None:
        """Let the caller go on."""
        if self.stored.done():
            return
        if error is None:
            self.stored.set_result(None)
        else:
            self.stored.set_exception(error)
            self.stored.exception()  # a caller may go away even now: asyncio would complain that nobody asked for it


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
        self._waiting: list[_Taken] = []
        self._worker: asyncio.Task[None] | None = None
        self._closed = False

    async def submit(self, delivery: ReceivedDelivery) -> None:
        """Return once the delivery is durable; one that was seen before is no error.

        A caller that is cancelled loses the answer, not the delivery. Raises `Transient` where the database cannot be
        written or the service is going down, and whatever else the store raises about this very delivery.
        """
        if self._closed:
            raise Transient("the service is going down")
        taken = _Taken(delivery, asyncio.get_running_loop().create_future())
        self._waiting.append(taken)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        await taken.stored

    async def close(self) -> None:
        """Take nothing more, and return when everything that was taken is stored or has failed."""
        self._closed = True
        if self._worker is not None:
            await asyncio.wait([self._worker])

    async def _work(self) -> None:
        """Store everything that waits, and what comes meanwhile."""
        batch: Sequence[_Taken] = ()
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                await self._store_all(batch)
        finally:
            self._worker = None
            for taken in (*batch, *self._waiting):  # where the loop is torn down; otherwise all have their answer
                taken.answer(Transient("the service is going down"))

    async def _store_all(self, batch: Sequence[_Taken]) -> None:
        try:
            await self._commit([taken.delivery for taken in batch])
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, Transient):
                # One of the batch cannot be stored, and must not take the others with it.
                middle = len(batch) // 2
                await self._store_all(batch[:middle])
                await self._store_all(batch[middle:])
                return
            for taken in batch:
                taken.answer(error)
        else:
            for taken in batch:
                taken.answer(None)

    async def _commit(self, deliveries: Sequence[ReceivedDelivery]) -> None:
        async with self._store.transaction() as tx:
            new = await tx.deliveries.record(deliveries)
        # Most deliveries are about nothing of ours: whoever works must not look up for each of them.
        if new:
            self._wake()
            if self._heard is not None:
                self._heard(intent for delivery in deliveries for intent in delivery.intents)
