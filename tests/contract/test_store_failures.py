"""What a store says when the database is away, full, busy, not upgraded or not a database at all."""

import os
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.adapters.sql.store import SqlStore
from bot.ports.errors import Misconfigured, Transient
from tests.fakes.postgres import PostgresServer
from tests.fakes.stored import change, change_ref, delivery


async def put(store: SqlStore) -> None:
    async with store.transaction() as tx:
        await tx.changes.put(change())


async def execute(store: SqlStore, statement: str) -> None:
    async with store.transaction() as tx:
        await tx.changes.connection.exec_driver_sql(statement)


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size: a write past it fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_database_that_is_current_passes_the_check(store: SqlStore) -> None:
    await store.check()
    await store.check()


async def test_an_empty_database_has_to_be_upgraded(postgres: PostgresServer, tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path / 'empty.db'}", await postgres.database()):
        store = await SqlStore.open(url)
        with pytest.raises(Misconfigured, match=r"it is empty\. Run `revdeps db upgrade`"):
            await store.check()
        with pytest.raises(Misconfigured, match="Run `revdeps db upgrade`"):
            await put(store)
        await store.upgrade()
        await store.check()
        await store.close()


async def test_a_database_of_another_version_has_to_be_upgraded(store: SqlStore) -> None:
    await execute(store, "UPDATE alembic_version SET version_num = 'later'")
    with pytest.raises(Misconfigured, match="its schema is later"):
        await store.check()
    with pytest.raises(Misconfigured, match="cannot be upgraded"):
        await store.upgrade()


async def test_a_full_disk_is_worth_another_try(tmp_path: Path) -> None:
    store = await SqlStore.open(f"sqlite:///{tmp_path / 'revdeps.db'}")
    await store.upgrade()
    with full_disk((tmp_path / "revdeps.db-wal").stat().st_size):
        for operation in (store.check(), put(store)):
            with pytest.raises(Transient):
                await operation
    await put(store)
    await store.check()
    async with store.transaction() as tx:
        assert await tx.changes.get(change_ref().id) == change()
    await store.close()


async def test_a_database_without_room_is_worth_another_try(tmp_path: Path) -> None:
    store = await SqlStore.open(f"sqlite:///{tmp_path / 'revdeps.db'}")
    await store.upgrade()
    await execute(store, "PRAGMA max_page_count = 1")
    with pytest.raises(Transient, match="full"):
        async with store.transaction() as tx:
            await tx.deliveries.record([delivery(str(number)) for number in range(5_000)])
    await store.close()


@pytest.mark.parametrize("state", ["53100", "40001", "40P01", "57P01", "25006"])
async def test_what_postgresql_cannot_do_now_is_worth_another_try(postgres: PostgresServer, state: str) -> None:
    store = await SqlStore.open(await postgres.migrated())
    with pytest.raises(Transient):
        await execute(store, f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$")
    await store.check()
    await store.close()


async def test_a_connection_that_breaks_is_made_anew(postgres: PostgresServer) -> None:
    store = await SqlStore.open(await postgres.migrated())

    async def lose_the_connection() -> None:
        async with store.transaction() as tx:
            pid = await tx.changes.connection.scalar(text("SELECT pg_backend_pid()"))
            await postgres.execute(f"SELECT pg_terminate_backend({pid})")
            await tx.changes.put(change())

    with pytest.raises(Transient):
        await lose_the_connection()
    await store.check()
    await store.close()


async def test_a_server_that_is_away_is_worth_another_try(tmp_path: Path) -> None:
    for url in (f"postgresql://postgres@/revdeps?host={tmp_path}", "postgresql://postgres@127.0.0.1:9/revdeps"):
        store = await SqlStore.open(url)
        for operation in (store.check(), store.next_due(), store.upgrade()):
            with pytest.raises(Transient, match="cannot be reached"):
                await operation
        await store.close()


async def test_a_postgresql_database_that_does_not_exist_is_the_operator_s_to_make(postgres: PostgresServer) -> None:
    store = await SqlStore.open(postgres.url("nowhere"))
    with pytest.raises(Misconfigured, match="does not exist"):
        await store.check()
    await store.close()


async def test_a_directory_that_does_not_exist_is_worth_another_try(tmp_path: Path) -> None:
    store = await SqlStore.open(f"sqlite:///{tmp_path / 'unmounted' / 'revdeps.db'}")
    with pytest.raises(Transient, match="unable to open"):
        await store.check()
    await store.close()


async def test_a_file_that_is_no_database_is_the_operator_s_to_mend(tmp_path: Path) -> None:
    (tmp_path / "revdeps.db").write_text("not a database " * 100)
    store = await SqlStore.open(f"sqlite:///{tmp_path / 'revdeps.db'}")
    with pytest.raises(Misconfigured, match="not a database"):
        await store.check()
    await store.close()


async def test_a_database_that_another_process_keeps_is_worth_another_try(tmp_path: Path) -> None:
    store = await SqlStore.open(f"sqlite:///{tmp_path / 'revdeps.db'}")
    await store.upgrade()
    await execute(store, "PRAGMA busy_timeout = 0")
    other = sqlite3.connect(tmp_path / "revdeps.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Transient, match="locked"):
        await store.check()
    other.close()
    await store.check()
    await store.close()


async def test_an_error_of_the_caller_passes_through_a_transaction_as_it_is(store: SqlStore) -> None:
    with pytest.raises(FileNotFoundError):
        async with store.transaction():
            os.stat("/nonexistent")  # noqa: PTH116 - any OSError will do


@pytest.mark.parametrize("url", ["mysql://octocat:secret@localhost/x", "secret", ""])
async def test_an_address_of_something_else_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(Misconfigured, match="sqlite:///path") as caught:
        await SqlStore.open(url)
    assert "secret" not in str(caught.value)


async def test_sqlite_is_set_to_survive_a_power_failure(tmp_path: Path) -> None:
    store = await SqlStore.open(f"sqlite:///{tmp_path / 'revdeps.db'}")
    async with store.transaction() as tx:
        pragmas = [
            await tx.changes.connection.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert pragmas == ["wal", 2, 1]
    await store.close()
