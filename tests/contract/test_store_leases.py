"""Who may work on what: leases within a process, between processes, and after a process was killed."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from bot.adapters.sql.store import SqlStore
from bot.domain.run import Change
from bot.ports.store import Lease, LeaseLost
from tests.fakes.stored import MINUTE, NOW, change, change_ref, delivery

CHANGE = change_ref().id
FIVE = timedelta(minutes=5)


async def touch(store: SqlStore, *numbers: int, at: timedelta = timedelta(0)) -> None:
    async with store.transaction() as tx:
        for number in numbers or (7,):
            await tx.changes.touch(change_ref(number), NOW + at)


async def wake(store: SqlStore, at: timedelta) -> None:
    async with store.transaction() as tx:
        await tx.changes.wake([CHANGE, change_ref(99).id], NOW + at)


async def leased(store: SqlStore, owner: str = "one", after: timedelta = timedelta(0)) -> Lease:
    lease = await store.lease_change(owner, NOW + after, FIVE)
    assert lease is not None
    return lease


async def test_the_change_that_was_due_longest_is_leased_first(store: SqlStore) -> None:
    await touch(store, 1, at=MINUTE)
    await touch(store, 2)
    subjects = [(await leased(store, after=MINUTE)).subject for _ in range(2)]
    assert subjects == [change_ref(2).id, change_ref(1).id]
    assert await store.lease_change("one", NOW + MINUTE, FIVE) is None


async def test_what_is_not_due_yet_is_not_leased(store: SqlStore) -> None:
    await touch(store, at=MINUTE)
    assert await store.lease_change("one", NOW, FIVE) is None
    assert await store.next_due() == NOW + MINUTE


async def test_a_lease_is_not_given_twice_before_it_ends(store: SqlStore) -> None:
    await touch(store)
    first = await leased(store)
    assert first == Lease(subject=CHANGE, owner="one", fence=1, until=NOW + FIVE)
    assert await store.lease_change("two", NOW + FIVE - MINUTE, FIVE) is None
    assert await store.next_due() == NOW + FIVE
    assert (await leased(store, "two", after=FIVE)).fence == 2


async def test_a_heartbeat_extends_a_lease(store: SqlStore) -> None:
    await touch(store)
    extended = await store.heartbeat(await leased(store), NOW + MINUTE, FIVE)
    assert extended.until == NOW + MINUTE + FIVE
    assert await store.lease_change("two", NOW + FIVE, FIVE) is None


async def test_a_lease_that_passed_on_can_do_nothing_any_more(store: SqlStore) -> None:
    await touch(store)
    lost = await leased(store)
    held = await leased(store, "two", after=FIVE)
    with pytest.raises(LeaseLost):
        await store.heartbeat(lost, NOW + FIVE, FIVE)
    with pytest.raises(LeaseLost):
        async with store.transaction(lost):
            pytest.fail("it was opened")
    await store.release(lost, None)
    async with store.transaction(held) as tx:
        assert await tx.changes.get(CHANGE) == Change(ref=change_ref(), hints=1)


async def test_a_lease_that_ended_and_that_nobody_took_still_holds(store: SqlStore) -> None:
    await touch(store)
    lease = await leased(store)
    await store.heartbeat(lease, NOW + 2 * FIVE, FIVE)
    async with store.transaction(lease) as tx:
        await tx.changes.put(change())


async def test_a_lease_that_was_given_back_is_lost(store: SqlStore) -> None:
    await touch(store)
    lease = await leased(store)
    await store.release(lease, NOW)
    with pytest.raises(LeaseLost):
        async with store.transaction(lease):
            pytest.fail("it was opened")


async def test_a_lease_cannot_pass_on_within_a_transaction_under_it(store: SqlStore, database: str) -> None:
    await touch(store)
    lease = await leased(store)
    other = await SqlStore.open(database)
    async with store.transaction(lease) as tx:
        taking = asyncio.create_task(other.lease_change("two", NOW + FIVE, FIVE))
        if database.startswith("postgresql"):
            # PostgreSQL skips the row; SQLite makes the other wait for the commit.
            assert await taking is None
        await tx.changes.put(change())
    await taking
    await other.close()


@pytest.mark.parametrize("due", [None, NOW + FIVE])
async def test_a_change_that_is_given_back_is_due_when_asked_for(store: SqlStore, due: datetime | None) -> None:
    await touch(store)
    await store.release(await leased(store), due)
    assert await store.next_due() == due


@pytest.mark.parametrize("due", [None, NOW + FIVE])
async def test_a_wake_during_a_lease_is_not_lost(store: SqlStore, due: datetime | None) -> None:
    await touch(store)
    lease = await leased(store)
    await wake(store, MINUTE)
    await wake(store, 2 * MINUTE)
    await store.release(lease, due)
    assert await store.next_due() == NOW + MINUTE


async def test_a_wake_for_later_does_not_delay_what_is_due_sooner(store: SqlStore) -> None:
    await touch(store)
    lease = await leased(store)
    await wake(store, 2 * FIVE)
    await store.release(lease, NOW + FIVE)
    assert await store.next_due() == NOW + FIVE
    await wake(store, 2 * FIVE)
    assert await store.next_due() == NOW + FIVE


async def test_a_wake_before_a_lease_is_answered_by_it(store: SqlStore) -> None:
    await touch(store)
    await store.release(await leased(store), None)
    await wake(store, MINUTE)
    await store.release(await leased(store, after=MINUTE), None)
    assert await store.next_due() is None


async def test_a_delivery_during_a_lease_makes_the_change_due_and_stale_again(store: SqlStore) -> None:
    await touch(store)
    lease = await leased(store)
    async with store.transaction(lease) as tx:
        read = await tx.changes.get(CHANGE)
    assert read is not None
    async with store.transaction() as tx:
        await tx.deliveries.record([delivery("1", at=NOW + MINUTE)])
    async with store.transaction(lease) as tx:
        await tx.changes.put(replace(change(), hints=read.hints, stale=False))
    await store.release(lease, None)
    assert await store.next_due() == NOW + MINUTE
    async with store.transaction() as tx:
        assert await tx.changes.get(CHANGE) == replace(change(), stale=True, hints=2)


async def test_failures_are_counted_from_lease_to_lease(store: SqlStore) -> None:
    await touch(store)
    await store.release(await leased(store), NOW, failures=3)
    lease = await leased(store)
    assert lease.failures == 3
    await store.release(lease, NOW)
    assert (await leased(store)).failures == 0


async def test_a_duty_has_one_holder(store: SqlStore) -> None:
    first = await store.lease_named("resync", "one", NOW, FIVE)
    assert first == Lease(subject="resync", owner="one", fence=1, until=NOW + FIVE)
    assert await store.lease_named("resync", "two", NOW + MINUTE, FIVE) is None
    assert await store.lease_named("poller:koji", "two", NOW, FIVE) is not None
    extended = await store.lease_named("resync", "one", NOW + MINUTE, FIVE)
    assert extended == replace(first, until=NOW + MINUTE + FIVE)
    taken = await store.lease_named("resync", "two", NOW + MINUTE + FIVE, FIVE)
    assert taken is not None
    assert taken.fence == 2
    with pytest.raises(LeaseLost):
        async with store.transaction(first):
            pytest.fail("it was opened")


async def test_a_duty_that_is_given_back_is_free(store: SqlStore) -> None:
    lease = await store.lease_named("resync", "one", NOW, FIVE)
    assert lease is not None
    async with store.transaction(lease):
        pass
    await store.release(lease, None, failures=2)
    again = await store.lease_named("resync", "two", NOW, FIVE)
    assert again is not None
    assert (again.fence, again.failures) == (2, 2)


@dataclass
class Other:
    """Another process: `tests.fakes.store_process`."""

    process: asyncio.subprocess.Process

    async def line(self) -> str:
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode().strip()

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"go\n")

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.communicate()


Spawn = Callable[[str, str], Awaitable[Other]]


@pytest.fixture
async def spawn(database: str) -> AsyncIterator[Spawn]:
    """Starts another process on the same database; it waits for `go`."""
    async with AsyncExitStack() as stack:

        async def start(command: str, owner: str) -> Other:
            pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
            words = (sys.executable, "-m", "tests.fakes.store_process", database, command, owner)
            other = Other(await asyncio.create_subprocess_exec(*words, **pipes))
            stack.push_async_callback(other.kill)
            assert await other.line() == "ready"
            return other

        yield start


async def test_two_processes_never_lease_the_same_change(store: SqlStore, spawn: Spawn) -> None:
    await touch(store, *range(60))
    others = [await spawn("lease_all", "one"), await spawn("lease_all", "two")]
    for other in others:
        other.go()

    async def subjects(other: Other) -> list[str]:
        found = []
        while (line := await other.line()) != "no more":
            found.append(line)
        return found

    one, two = await asyncio.gather(*map(subjects, others))
    assert sorted(one + two) == sorted(change_ref(number).id for number in range(60))


async def test_two_processes_never_hold_the_same_duty(spawn: Spawn) -> None:
    others = [await spawn("lease_duty", "one"), await spawn("lease_duty", "two")]
    for other in others:
        other.go()
    assert sorted([await other.line() for other in others]) == ["leased", "refused"]


async def test_a_killed_process_s_lease_passes_on_when_it_ends(store: SqlStore, spawn: Spawn) -> None:
    await touch(store)
    other = await spawn("lease_all", "killed")
    other.go()
    assert await other.line() == CHANGE
    await other.kill()
    assert await store.lease_change("heir", NOW + FIVE, FIVE) is None
    lease = await leased(store, "heir", after=timedelta(hours=1))
    assert (lease.subject, lease.fence) == (CHANGE, 2)


async def test_what_was_committed_outlives_a_kill(store: SqlStore, spawn: Spawn) -> None:
    other = await spawn("commit", "killed")
    other.go()
    committed = [await other.line() for _ in range(5)]
    await other.kill()
    assert committed == ["committed"] * 5
    async with store.transaction() as tx:
        assert await tx.deliveries.record([delivery(f"killed-{number}") for number in range(5)]) == 0


async def test_what_was_not_committed_is_gone_after_a_kill(store: SqlStore, spawn: Spawn) -> None:
    other = await spawn("hold", "killed")
    other.go()
    assert await other.line() == "written"
    await other.kill()
    async with store.transaction() as tx:
        assert await tx.deliveries.record([delivery("killed")]) == 1


async def test_a_task_that_is_cancelled_in_a_transaction_leaves_nothing_and_the_store_usable(store: SqlStore) -> None:
    written = asyncio.Event()

    async def never_commit() -> None:
        async with store.transaction() as tx:
            await tx.changes.put(change())
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(never_commit())
    await written.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with store.transaction() as tx:
        assert await tx.changes.get(CHANGE) is None


async def test_many_tasks_share_one_store(store: SqlStore) -> None:
    async def record(number: int) -> int:
        async with store.transaction() as tx:
            return await tx.deliveries.record([delivery(str(number % 25))])

    assert sum(await asyncio.gather(*map(record, range(50)))) == 25
