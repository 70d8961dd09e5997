"""What waits is waited for in the connection's thread; everything else is done at once, where the loop is."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.sql.store import SqlStore
from tests.fakes.stored import change, change_ref

FILE = "revdeps.db"


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[SqlStore]:
    store = await SqlStore.open(f"sqlite:///{tmp_path / FILE}")
    await store.upgrade()
    yield store
    await store.close()


async def thread_of(connection: AsyncConnection, statement: str) -> set[int]:
    """Return in which threads SQLite evaluates a statement that calls `here()`."""
    seen: set[int] = set()

    def here() -> int:
        seen.add(threading.get_ident())
        return 1

    raw: Any = (await connection.get_raw_connection()).driver_connection
    await raw.create_function("here", 0, here)
    await connection.exec_driver_sql(statement)
    return seen


async def test_a_statement_is_not_handed_to_a_thread(opened: SqlStore) -> None:
    async with opened.transaction() as tx:
        assert await thread_of(tx.changes.connection, "SELECT here()") == {threading.get_ident()}


async def test_what_may_remove_much_is(opened: SqlStore) -> None:
    async with opened.transaction() as tx:
        await tx.changes.put(change())
        (thread,) = await thread_of(tx.changes.connection, "DELETE FROM change WHERE here() = 1")
        assert thread != threading.get_ident()
        assert await tx.changes.get(change_ref().id) is None


async def test_what_removes_a_few_rows_by_their_ids_is_not(opened: SqlStore) -> None:
    statements: list[str] = []
    async with opened.transaction() as tx:
        raw: Any = (await tx.intents.connection.get_raw_connection()).driver_connection
        await raw.set_trace_callback(statements.append)
        await tx.intents.done([7])
        [removing] = statements
        assert await thread_of(tx.intents.connection, removing.replace("(7)", "(here())")) == {threading.get_ident()}


async def test_the_loop_goes_on_while_another_process_writes(opened: SqlStore, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def write() -> None:
        async with opened.transaction() as tx:
            await tx.changes.put(change())

    writing = asyncio.create_task(write())
    for _ in range(100):
        await asyncio.sleep(0)
    assert not writing.done()
    other.execute("COMMIT")
    await writing
    assert other.execute("SELECT count(*) FROM change").fetchone() == (1,)
    other.close()
