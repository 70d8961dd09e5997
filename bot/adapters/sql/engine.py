"""Making a database engine out of an address, and what a connection is set to.

SQLite: WAL, so that other processes read while one writes; `synchronous=FULL`, because WAL with NORMAL may lose the
last commits when the power fails, and a lost SUBMITTING row is a build that is started twice (deliveries are committed
in groups, so the one fsync per commit is affordable). Every transaction is BEGIN IMMEDIATE: one that reads first and
writes later would fail in the middle otherwise. There is one connection per process: writers take turns in any case,
and they do so more fairly in the pool's queue than in SQLite's polling.

aiosqlite hands every operation to a thread and back, which costs more than most of them take: a cursor that is made,
executed, read and closed goes there four times. Here only what may wait goes: for another process's write, for the
disk, and what removes many rows. What was asked for is removed by its ids at every look at a change: that stays.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, TypeVar

import aiosqlite
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from bot.ports.errors import Misconfigured

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}

BUSY_SECONDS = 30
"""How long to wait for another process's write, or for a free connection, before it is `Transient`."""

_MAY_WAIT = ("BEGIN", "DELETE")
_AT_ONCE = "DELETE FROM intent WHERE intent.id IN "
_ROWS_AT_ONCE = 64
"""aiosqlite's own default, for a way of reading that is not used here."""

T = TypeVar("T")


class _Connection(aiosqlite.Connection):
    """An SQLite connection whose thread has only to do what may wait. One task uses it at a time."""

    _written = 0

    def begin_now(self) -> bool:
        """Begin a transaction that may write, unless that has to be waited for; return whether it has begun."""
        connection = self._conn
        (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
        connection.execute("PRAGMA busy_timeout=0")
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error:
            return False  # whoever waits for it learns why it could not be
        finally:
            connection.execute(f"PRAGMA busy_timeout={patience}")
        self._written = connection.total_changes
        return True

    async def commit(self) -> None:
        """Commit: in the thread where something was written, as the disk is waited for."""
        if self.total_changes == self._written:
            self._conn.commit()
        else:
            await self._in_thread(self._conn.commit)

    async def rollback(self) -> None:
        """Roll back; the pool does so after every commit too, when there is nothing."""
        if self.in_transaction:
            self._conn.rollback()

    async def _execute(self, fn: Callable[..., T], *args: Any, **options: Any) -> T:
        statement = args[0] if args and isinstance(args[0], str) else ""
        if statement.startswith(_MAY_WAIT) and not statement.startswith(_AT_ONCE):
            return await self._in_thread(fn, *args, **options)
        if not self._running or self._connection is None:
            raise ValueError("Connection closed")
        return fn(*args, **options)

    async def _in_thread(self, fn: Callable[..., T], *args: Any, **options: Any) -> T:
        hand_over: Any = super()._execute
        found: T = await hand_over(fn, *args, **options)
        return found


def make_engine(url: str, connections: int = 10) -> AsyncEngine:
    """Return an engine for `sqlite:///path` or `postgresql://…`, with or without a driver; nothing is opened yet.

    `connections` bounds those to PostgreSQL. Raise `Misconfigured` for any other address.
    """
    address = _address(url)
    if address.get_backend_name() == "postgresql":
        return create_async_engine(
            address, pool_size=connections, max_overflow=0, pool_timeout=BUSY_SECONDS, pool_pre_ping=True
        )
    engine = create_async_engine(
        address,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
        connect_args={"timeout": BUSY_SECONDS, "async_creator_fn": _open_file},
    )
    event.listen(engine.sync_engine, "connect", _set_up_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_immediate)
    return engine


def _address(url: str) -> sa.URL:
    try:
        address = sa.make_url(url)
    except ArgumentError as error:
        raise _unknown("it is no database address") from error
    driver = _DRIVERS.get(address.drivername.partition("+")[0])
    if driver is None:
        raise _unknown(f"{address.drivername} is not supported")
    return address.set(drivername=driver)


def _unknown(what: str) -> Misconfigured:
    # The address itself may hold a password, so it is not shown.
    return Misconfigured("database address", what, "Write sqlite:///path/to/file or postgresql://user@host/name")


async def _open_file(*arguments: Any, **options: Any) -> aiosqlite.Connection:
    """Open a database file as SQLAlchemy would, and leave no thread behind where that fails."""
    opened = partial(sqlite3.connect, *arguments, **options | {"check_same_thread": False})
    connection = _Connection(opened, _ROWS_AT_ONCE)
    worker: Any = getattr(connection, "_thread", connection)  # before 0.22 the connection is the thread itself
    worker.daemon = True
    try:
        return await connection
    except sqlite3.Error:
        # aiosqlite does not wait for it, and it fails noisily where the event loop (of a command) ends sooner.
        await asyncio.to_thread(worker.join)
        raise


def _set_up_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # Python's sqlite3 would otherwise begin transactions by itself, and not before the first write.
    connection.isolation_level = None
    with ExitStack() as undo:
        # SQLAlchemy does not close a connection that could not be set up: a file that is no database says so here.
        undo.callback(connection.close)
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        undo.pop_all()


def _begin_immediate(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    if not driver.begin_now():
        connection.exec_driver_sql("BEGIN IMMEDIATE")
