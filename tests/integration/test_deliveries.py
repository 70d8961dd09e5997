"""Deliveries in a real database: each is acted upon once, however it comes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.adapters.sql.store import SqlStore
from bot.domain.intents import ReceivedDelivery, Refresh
from bot.domain.run import ChangeRef, RepoRef
from bot.engine.intake import Intake

CHANGE = ChangeRef(repo=RepoRef(forge="github", owner="octocat", name="libfoo"), number=7)


def delivery(guid: str) -> ReceivedDelivery:
    return ReceivedDelivery(
        forge="github",
        guid=guid,
        event="pull_request",
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
        intents=(Refresh(change=CHANGE),),
    )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    opened = await SqlStore.open(f"sqlite:///{tmp_path}/revdeps.db")
    await opened.upgrade()
    yield opened
    await opened.close()


async def pending(store: SqlStore) -> Sequence[object]:
    async with store.transaction() as tx:
        return [stored.intent for stored in await tx.intents.of_change(CHANGE.id)]


async def test_the_same_delivery_a_hundred_times_at_once_is_one(store: SqlStore) -> None:
    woken: list[int] = []
    intake = Intake(store, lambda: woken.append(1))
    await asyncio.gather(*(intake.submit(delivery("one")) for _ in range(100)))
    await intake.submit(delivery("one"))
    assert await pending(store) == [Refresh(change=CHANGE)]
    assert woken == [1]


async def test_a_hundred_deliveries_at_once_are_all_stored(store: SqlStore) -> None:
    intake = Intake(store, lambda: None)
    await asyncio.gather(*(intake.submit(delivery(str(number))) for number in range(100)))
    assert len(await pending(store)) == 100


async def test_what_was_answered_is_there_after_a_restart(store: SqlStore, tmp_path: Path) -> None:
    await Intake(store, lambda: None).submit(delivery("one"))
    again = await SqlStore.open(f"sqlite:///{tmp_path}/revdeps.db")
    assert await pending(again) == [Refresh(change=CHANGE)]
    await again.close()
