"""Group commit: what shares a transaction, and what happens to whom when one fails."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from bot.domain.intents import Intent, ReceivedDelivery, RepositoryTouched
from bot.domain.run import RepoRef
from bot.engine.intake import MAX_BATCH, Intake
from bot.ports.errors import Transient

REPO = RepoRef(forge="github", owner="octocat", name="libfoo")


def delivery(guid: str, *intents: Intent) -> ReceivedDelivery:
    return ReceivedDelivery(
        forge="github", guid=guid, event="push", received_at=datetime(2026, 1, 1, tzinfo=UTC), intents=intents
    )


class SlowStore:
    """Keeps the guids of each transaction; commits when `gate` is open. A delivery called `poison` cannot be stored."""

    def __init__(self) -> None:
        self.transactions: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.down = False
        self.deliveries = self

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["SlowStore"]:
        yield self
        await self.gate.wait()

    async def record(self, deliveries: Sequence[ReceivedDelivery]) -> int:
        guids = [one.guid for one in deliveries]
        self.transactions.append(guids)
        if self.down:
            raise Transient("the disk is full")
        if "poison" in guids:
            raise ValueError("cannot be stored")
        return sum(bool(one.intents) for one in deliveries)


@pytest.fixture
def store() -> SlowStore:
    return SlowStore()


@pytest.fixture
def woken() -> list[int]:
    return []


@pytest.fixture
def intake(store: SlowStore, woken: list[int]) -> Intake:
    return Intake(store, lambda: woken.append(1))  # type: ignore[arg-type]


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_lone_delivery_is_stored_at_once_and_wakes(intake: Intake, store: SlowStore, woken: list[int]) -> None:
    await intake.submit(delivery("a", RepositoryTouched(repo=REPO)))
    assert store.transactions == [["a"]]
    assert woken == [1]


async def test_a_delivery_that_asks_for_nothing_wakes_nobody(intake: Intake, woken: list[int]) -> None:
    await intake.submit(delivery("a"))
    assert woken == []


async def test_what_arrives_during_a_commit_shares_the_next_one(intake: Intake, store: SlowStore) -> None:
    store.gate.clear()
    first = asyncio.create_task(intake.submit(delivery("a")))
    await settle()
    others = [asyncio.create_task(intake.submit(delivery(guid))) for guid in "bcd"]
    await settle()
    assert not first.done()
    store.gate.set()
    await asyncio.gather(first, *others)
    assert store.transactions == [["a"], ["b", "c", "d"]]


async def test_nobody_is_answered_before_the_commit(intake: Intake, store: SlowStore, woken: list[int]) -> None:
    store.gate.clear()
    task = asyncio.create_task(intake.submit(delivery("a")))
    await settle()
    assert store.transactions == [["a"]]
    assert not task.done()
    assert not woken
    store.gate.set()
    await task


async def test_one_that_cannot_be_stored_takes_no_other_with_it(intake: Intake, store: SlowStore) -> None:
    answers = await asyncio.gather(
        *(intake.submit(delivery(guid)) for guid in ("a", "poison", "b")), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [type(None), ValueError, type(None)]
    assert ["a"] in store.transactions
    assert ["b"] in store.transactions


async def test_what_was_taken_with_one_that_cannot_be_stored_is_stored_though_its_caller_has_gone(
    intake: Intake, store: SlowStore
) -> None:
    store.gate.clear()
    first = asyncio.create_task(intake.submit(delivery("first")))
    await settle()
    gone, poison = (asyncio.create_task(intake.submit(delivery(guid))) for guid in ("gone", "poison"))
    await settle()
    gone.cancel()
    store.gate.set()
    await first
    with pytest.raises(ValueError, match="cannot"):
        await poison
    assert ["gone"] in store.transactions


async def test_what_waits_when_the_loop_is_torn_down_is_to_be_delivered_again(store: SlowStore) -> None:
    store.gate.clear()
    others = asyncio.all_tasks()
    intake = Intake(store, lambda: None)  # type: ignore[arg-type]
    waiting = [asyncio.ensure_future(intake.submit(delivery(guid))) for guid in ("poison", "a")]
    await settle()
    waiting.append(asyncio.ensure_future(intake.submit(delivery("b"))))
    await settle()
    [worker] = asyncio.all_tasks() - others - set(waiting)
    worker.cancel()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(answer) for answer in answers] == [ValueError, Transient, Transient]


async def test_a_database_that_is_down_is_asked_once_for_all(intake: Intake, store: SlowStore) -> None:
    store.down = True
    answers = await asyncio.gather(*(intake.submit(delivery(guid)) for guid in "abc"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Transient] * 3
    assert store.transactions == [["a", "b", "c"]]


async def test_it_works_again_after_a_failure(intake: Intake, store: SlowStore) -> None:
    store.down = True
    with pytest.raises(Transient):
        await intake.submit(delivery("a"))
    store.down = False
    await intake.submit(delivery("a"))


async def test_a_caller_that_goes_away_loses_neither_its_delivery_nor_anybody_elses(
    intake: Intake, store: SlowStore
) -> None:
    store.gate.clear()
    tasks = [asyncio.create_task(intake.submit(delivery(guid))) for guid in "ab"]
    await settle()
    tasks[0].cancel()
    store.gate.set()
    await tasks[1]
    assert store.transactions == [["a", "b"]]
    assert tasks[0].cancelled()


async def test_an_error_that_nobody_waits_for_any_more_is_no_complaint(intake: Intake, store: SlowStore) -> None:
    store.gate.clear()
    task = asyncio.create_task(intake.submit(delivery("a")))
    await settle()
    task.cancel()
    store.down = True
    store.gate.set()
    await intake.close()


async def test_batches_are_bounded(intake: Intake, store: SlowStore) -> None:
    await asyncio.gather(*(intake.submit(delivery(str(number))) for number in range(MAX_BATCH + 1)))
    assert [len(guids) for guids in store.transactions] == [MAX_BATCH, 1]


async def test_closing_stores_what_was_taken_and_takes_no_more(intake: Intake, store: SlowStore) -> None:
    store.gate.clear()
    task = asyncio.create_task(intake.submit(delivery("a")))
    await settle()
    closing = asyncio.create_task(intake.close())
    await settle()
    assert not closing.done()
    store.gate.set()
    await closing
    await task
    with pytest.raises(Transient, match="going down"):
        await intake.submit(delivery("b"))
