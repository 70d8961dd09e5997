"""What a store makes of deliveries and of the intents in them, on SQLite and on PostgreSQL."""

from dataclasses import replace

import pytest

from bot.adapters.sql.store import SqlStore
from bot.domain.ids import RunId
from bot.domain.intents import ButtonPressed, Commented, Intent, Refresh, RepositoryTouched, RerunRequested
from bot.domain.run import Change
from tests.fakes.stored import (
    MINUTE,
    NOW,
    REPO,
    RUN,
    change,
    change_ref,
    delivery,
    with_run,
)

CHANGE = change_ref().id
COMMENT = Commented(change=change_ref(), comment="c1", author="octocat", body="/revdeps help", written_at=NOW)


async def test_a_delivery_is_recorded_once(store: SqlStore) -> None:
    async with store.transaction() as tx:
        assert await tx.deliveries.record([delivery("1"), delivery("2"), delivery("1")]) == 2
    async with store.transaction() as tx:
        assert await tx.deliveries.record([delivery("2"), delivery("3")]) == 1
        assert len(await tx.intents.of_change(CHANGE)) == 3
        assert await tx.deliveries.record([]) == 0


async def test_the_same_guid_of_another_forge_is_another_delivery(store: SqlStore) -> None:
    async with store.transaction() as tx:
        assert await tx.deliveries.record([delivery("1"), replace(delivery("1"), forge="gitlab")]) == 2


async def test_a_delivery_makes_its_change_known_stale_and_due(store: SqlStore) -> None:
    async with store.transaction() as tx:
        await tx.deliveries.record([delivery("1")])
        found = await tx.changes.get(CHANGE)
    assert found == Change(ref=change_ref(), hints=1)
    assert await store.next_due() == NOW


async def test_a_delivery_without_intents_is_recorded_once_and_wakes_nobody(store: SqlStore) -> None:
    quiet = replace(delivery("1"), intents=())
    for deliveries in ([quiet, quiet], [quiet]):
        async with store.transaction() as tx:
            assert await tx.deliveries.record(deliveries) == 0
    assert await store.next_due() is None
    async with store.transaction() as tx:
        assert await tx.deliveries.prune(before=NOW + MINUTE) == 1


async def test_deliveries_with_and_without_intents_are_recorded_together(store: SqlStore) -> None:
    async with store.transaction() as tx:
        assert await tx.deliveries.record([delivery("b"), replace(delivery("c"), intents=()), delivery("a")]) == 2
        assert len(await tx.intents.of_change(CHANGE)) == 2
        assert await tx.deliveries.prune(before=NOW + MINUTE) == 3


async def test_a_forgotten_delivery_would_be_new_again(store: SqlStore) -> None:
    async with store.transaction() as tx:
        await tx.deliveries.record([delivery("old"), delivery("new", at=NOW + MINUTE)])
        assert await tx.deliveries.prune(NOW + MINUTE) == 1
        assert await tx.deliveries.record([delivery("old"), delivery("new")]) == 1


async def test_intents_are_read_in_the_order_in_which_they_came(store: SqlStore) -> None:
    refresh = Refresh(change=change_ref())
    async with store.transaction() as tx:
        await tx.deliveries.record([delivery("z", COMMENT, refresh), delivery("a", replace(COMMENT, comment="c2"))])
    async with store.transaction() as tx:
        await tx.deliveries.record([delivery("m", replace(COMMENT, comment="c3"))])
        stored = await tx.intents.of_change(CHANGE)
    expected = [COMMENT, refresh, replace(COMMENT, comment="c2"), replace(COMMENT, comment="c3")]
    assert [intent.intent for intent in stored] == expected
    assert {intent.received_at for intent in stored} == {NOW}


async def test_an_intent_that_is_done_is_gone_and_its_id_is_never_used_again(store: SqlStore) -> None:
    async with store.transaction() as tx:
        await tx.deliveries.record([delivery("1")])
        (first,) = await tx.intents.of_change(CHANGE)
        await tx.intents.done([first.id])
        assert await tx.intents.of_change(CHANGE) == []
    async with store.transaction() as tx:
        await tx.deliveries.record([delivery("2")])
        (second,) = await tx.intents.of_change(CHANGE)
    assert second.id > first.id


@pytest.mark.parametrize(
    "intent",
    [
        ButtonPressed(repo=REPO, run=RUN, head_sha="a" * 40, identifier="retry", user="octocat"),
        RerunRequested(repo=REPO, head_sha="a" * 40, user="octocat", run=RUN),
    ],
)
async def test_an_intent_about_a_run_goes_to_the_run_s_change(store: SqlStore, intent: Intent) -> None:
    await with_run(store)
    async with store.transaction() as tx:
        await tx.deliveries.record([delivery("1", intent)])
        assert [stored.intent for stored in await tx.intents.of_change(CHANGE)] == [intent]
        assert await tx.intents.unassigned() == []
    assert await store.next_due() == NOW


@pytest.mark.parametrize(
    "intent",
    [
        RepositoryTouched(repo=REPO, branch="main"),
        RerunRequested(repo=REPO, head_sha="a" * 40, user="octocat"),
        ButtonPressed(repo=REPO, run=RunId("unknown"), head_sha="a" * 40, identifier="retry", user="octocat"),
    ],
)
async def test_an_intent_about_no_known_change_waits_to_be_assigned(store: SqlStore, intent: Intent) -> None:
    async with store.transaction() as tx:
        await tx.changes.put(change())
        await tx.deliveries.record([delivery("1", intent)])
        (stored,) = await tx.intents.unassigned()
        assert stored.intent == intent
        await tx.intents.assign(stored.id, CHANGE)
        assert await tx.intents.unassigned() == []
        assert await tx.intents.of_change(CHANGE) == [stored]
