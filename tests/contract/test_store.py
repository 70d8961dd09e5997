"""What a store is, on SQLite and on PostgreSQL: transactions, and what is kept of changes and runs.

Builds are in test_store_builds.py, leases in test_store_leases.py.
"""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from bot.adapters.sql.store import SqlStore, SqlTransaction
from bot.domain.ids import RunId, SnapshotId
from bot.domain.intents import Commented
from bot.domain.publication import Published
from bot.domain.run import Part, RunState
from bot.domain.verdict import Verdict
from bot.ports.store import AuditRecord, Store, Transaction
from tests.fakes.domain import waiver
from tests.fakes.stored import (
    MINUTE,
    NOW,
    REPO,
    RUN,
    build,
    change,
    change_ref,
    delivery,
    entry,
    finding,
    run,
    run_target,
    with_run,
)

CHANGE = change_ref().id
COMMENT = Commented(change=change_ref(), comment="c1", author="octocat", body="/revdeps help", written_at=NOW)


def as_port(store: SqlStore, transaction: SqlTransaction) -> tuple[Store, Transaction]:
    """The type checker compares the adapter with the port here."""
    return store, transaction


async def test_what_was_put_is_read_back_as_it_was(store: SqlStore) -> None:
    async with store.transaction() as tx:
        await tx.changes.put(change())
        await tx.runs.put(run())
        await tx.runs.put_target(run_target())
        await tx.builds.add([build()])
    async with store.transaction() as tx:
        assert await tx.changes.get(CHANGE) == change()
        assert await tx.runs.get(RUN) == run()
        assert await tx.runs.targets(RUN) == [run_target()]
        assert await tx.builds.get([build().key]) == {build().key: build()}


async def test_what_does_not_exist_is_none(store: SqlStore) -> None:
    async with store.transaction() as tx:
        assert await tx.changes.get(CHANGE) is None
        assert await tx.runs.get(RUN) is None
        assert await tx.builds.get([build().key]) == {}
        assert await tx.builds.get([]) == {}
        assert await tx.reports.get(RUN) == []


async def test_a_transaction_that_fails_leaves_nothing(store: SqlStore) -> None:
    async def fail() -> None:
        async with store.transaction() as tx:
            await tx.changes.put(change())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with store.transaction() as tx:
        assert await tx.changes.get(CHANGE) is None


async def test_open_changes_are_those_that_were_seen_open(store: SqlStore) -> None:
    async with store.transaction() as tx:
        for known in (change(3), change(1), change(2, is_open=False)):
            await tx.changes.put(known)
        await tx.changes.touch(change_ref(4), NOW)
        assert [known.ref.number for known in await tx.changes.open_in(REPO)] == [1, 3]
        assert await tx.changes.open_in(replace(REPO, name="other")) == []


async def test_changes_are_found_by_the_head_they_have_or_had(store: SqlStore) -> None:
    async with store.transaction() as tx:
        for known in (change(1, head="c" * 40), change(2, head="c" * 40), change(3, head="d" * 40)):
            await tx.changes.put(known)
        await tx.runs.put(run("old", number=3, head="c" * 40))
        assert [known.ref.number for known in await tx.changes.with_head(REPO, "c" * 40)] == [3, 2, 1]
        assert await tx.changes.with_head(replace(REPO, owner="other"), "c" * 40) == []


async def test_a_hint_that_came_in_since_a_change_was_read_keeps_it_stale(store: SqlStore) -> None:
    async with store.transaction() as tx:
        await tx.changes.touch(change_ref(), NOW)
        read = await tx.changes.get(CHANGE)
    assert read is not None
    async with store.transaction() as tx:
        await tx.changes.touch(change_ref(), NOW + MINUTE)
    async with store.transaction() as tx:
        await tx.changes.put(replace(read, stale=False, approved_sha="a" * 40))
        again = await tx.changes.get(CHANGE)
        assert again == replace(read, stale=True, approved_sha="a" * 40, hints=2)
        await tx.changes.put(replace(again, stale=False))
        assert await tx.changes.get(CHANGE) == replace(again, stale=False)


async def test_runs_are_read_newest_first(store: SqlStore) -> None:
    async with store.transaction() as tx:
        await tx.changes.put(change(7))
        await tx.changes.put(change(8))
        for known in (run("r2", sequence=2), run("r1"), run("r3", number=8, sequence=3)):
            await tx.runs.put(known)
        assert [known.id for known in await tx.runs.of_change(CHANGE)] == ["r2", "r1"]
        assert [known.id for known in await tx.runs.recent(2)] == ["r3", "r2"]


async def test_a_run_of_several_changes_is_found_by_each_of_the_others_while_its_own_is_open(store: SqlStore) -> None:
    other = Part(change=change_ref(9), head_sha="c" * 40, base_sha="b" * 40)
    async with store.transaction() as tx:
        await tx.changes.put(change())
        await tx.runs.put(replace(run(), companions=(other,)))
        await tx.runs.put(replace(run("r2", sequence=2), companions=(other,)))
        await tx.runs.put(replace(run("r2", sequence=2), companions=(other,), head_sha="d" * 40))
        assert await tx.runs.joined(change_ref(9).id) == [CHANGE]
        assert await tx.runs.joined(CHANGE) == []
        await tx.changes.put(change(is_open=False))
        assert await tx.runs.joined(change_ref(9).id) == []


async def test_a_run_that_is_put_again_keeps_what_belongs_to_it(store: SqlStore) -> None:
    await with_run(store)
    async with store.transaction() as tx:
        await tx.runs.put_entries([entry()])
        await tx.runs.put(replace(run(), trusted=True))
        assert await tx.runs.get(RUN) == replace(run(), trusted=True)
        assert await tx.runs.entries(RUN) == [entry()]


async def test_plans_and_findings_are_replaced_by_target_and_package_and_read_in_that_order(store: SqlStore) -> None:
    await with_run(store)
    async with store.transaction() as tx:
        await tx.runs.put_entries([entry("zlib"), entry("Bar"), entry("bar", "epel")])
        await tx.runs.put_entries([replace(entry("zlib"), ready=False)])
        await tx.runs.put_entries([])
        await tx.runs.put_findings([finding("bar"), finding("bar", target="epel")])
        await tx.runs.put_findings([finding("bar", Verdict.REGRESSED)])
        expected = [entry("bar", "epel"), entry("Bar"), replace(entry("zlib"), ready=False)]
        assert await tx.runs.entries(RUN) == expected
        assert await tx.runs.findings(RUN) == [finding("bar", target="epel"), finding("bar", Verdict.REGRESSED)]


async def test_targets_are_read_by_name(store: SqlStore) -> None:
    await with_run(store)
    async with store.transaction() as tx:
        for name in ("fedora", "epel"):
            await tx.runs.put_target(run_target(name))
        assert [known.target.name for known in await tx.runs.targets(RUN)] == ["epel", "fedora"]


async def test_snapshots_are_in_use_until_a_while_after_their_runs(store: SqlStore) -> None:
    await with_run(store)
    async with store.transaction() as tx:
        for name, sequence, finished in (("old", 2, NOW), ("late", 3, NOW + MINUTE)):
            known = replace(run(name, sequence=sequence), state=RunState.FINISHED, finished_at=finished)
            await tx.runs.put(known)
            await tx.runs.put_target(replace(run_target(), run=known.id, snapshot=SnapshotId(f"of {name}")))
        await tx.runs.put_target(replace(run_target("fedora"), snapshot=SnapshotId("of this")))
        await tx.runs.put_target(run_target("epel"))
        assert await tx.runs.snapshots(NOW + MINUTE) == {"of this", "of late"}
        assert await tx.runs.snapshots(NOW) == {"of this", "of late", "of old"}


async def test_what_was_published_is_replaced_by_scope_and_name(store: SqlStore) -> None:
    first = Published(scope=RUN, name="revdeps", digest="1", published_at=NOW, forge_id="42")
    other = replace(first, name="comment")
    async with store.transaction() as tx:
        for published in (first, other, replace(first, digest="2")):
            await tx.reports.put(published)
        assert await tx.reports.get(RUN) == [other, replace(first, digest="2")]


async def test_a_waiver_is_set_replaced_and_lifted(store: SqlStore) -> None:
    async with store.transaction() as tx:
        await tx.changes.put(change())
        await tx.waivers.put(CHANGE, "bar", waiver())
        await tx.waivers.put(CHANGE, "bar", waiver(reason="known, see upstream", until=NOW))
        await tx.waivers.put(CHANGE, "foo", waiver(reason="flaky"))
        await tx.waivers.put(CHANGE, "foo", None)
        assert await tx.waivers.of_change(CHANGE) == {"bar": waiver(reason="known, see upstream", until=NOW)}


async def test_the_audit_log_is_read_in_the_order_in_which_it_was_written(store: SqlStore) -> None:
    records = [
        AuditRecord(
            at=NOW,
            change=CHANGE,
            actor="octocat",
            action=action,
            allowed=False,
            answer="not\x00allowed",
            source="rerun",
        )
        for action in ("retry", "cancel")
    ]
    async with store.transaction() as tx:
        for record in records:
            await tx.audit.add(record)
        assert await tx.audit.of_change(CHANGE) == records


async def test_a_time_without_a_zone_is_refused(store: SqlStore) -> None:
    naive = datetime(2026, 3, 1, 12)  # noqa: DTZ001 - that is what is tested
    async with store.transaction() as tx:
        await tx.changes.put(change())
    for value in (replace(run(), created_at=naive), replace(run(), deadline=naive)):
        with pytest.raises(Exception, match="no time zone"):
            async with store.transaction() as tx:
                await tx.runs.put(value)
    with pytest.raises(ValueError, match="no time zone"):
        async with store.transaction() as tx:
            await tx.deliveries.record([delivery("1", replace(COMMENT, written_at=naive))])


async def test_a_time_of_another_zone_is_the_same_moment(store: SqlStore) -> None:
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    async with store.transaction() as tx:
        await tx.changes.touch(change_ref(), NOW.astimezone(kathmandu))
    due = await store.next_due()
    assert due == NOW
    assert due.utcoffset() == timedelta(0)


async def test_a_run_of_an_unknown_change_is_refused(store: SqlStore) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        async with store.transaction() as tx:
            await tx.runs.put(run())


async def test_several_runs_are_read_at_once(store: SqlStore) -> None:
    await with_run(store)
    async with store.transaction() as tx:
        assert await tx.runs.several([RUN, RunId("unknown"), RUN]) == {RUN: run()}
