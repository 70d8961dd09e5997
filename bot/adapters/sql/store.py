"""The store: `bot.ports.store.Store` on SQLite or PostgreSQL.

Leases and everything that is written go through `_begin`, so that there is one place where a transaction starts and one
where the database's errors become the port's. A transaction must not be opened within another one of the same task: on
SQLite, which has one connection, the inner one would wait for the outer one until it is refused as `Transient`.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.adapters.sql import leases, schema, tables
from bot.adapters.sql.builds import SqlBuilds
from bot.adapters.sql.changes import SqlChanges
from bot.adapters.sql.deliveries import SqlDeliveries, SqlIntents
from bot.adapters.sql.engine import make_engine
from bot.adapters.sql.errors import outdated, reaching, translated
from bot.adapters.sql.records import SqlAudit, SqlReports, SqlWaivers
from bot.adapters.sql.roots import SqlRoots
from bot.adapters.sql.runs import SqlRuns
from bot.adapters.sql.statements import insert
from bot.ports.store import Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlTransaction:
    """All repositories over one connection: `bot.ports.store.Transaction`."""

    deliveries: SqlDeliveries
    intents: SqlIntents
    changes: SqlChanges
    runs: SqlRuns
    builds: SqlBuilds
    roots: SqlRoots
    reports: SqlReports
    waivers: SqlWaivers
    audit: SqlAudit

    @classmethod
    def over(cls, connection: AsyncConnection) -> Self:
        """Return the repositories of a connection in a transaction."""
        return cls(
            deliveries=SqlDeliveries(connection),
            intents=SqlIntents(connection),
            changes=SqlChanges(connection),
            runs=SqlRuns(connection),
            builds=SqlBuilds(connection),
            roots=SqlRoots(connection),
            reports=SqlReports(connection),
            waivers=SqlWaivers(connection),
            audit=SqlAudit(connection),
        )


class SqlStore:
    """A database, opened by `SqlStore.open`; every method may raise `Transient` or `Misconfigured`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @classmethod
    async def open(cls, url: str, *, connections: int = 10) -> Self:
        """Return the store at `sqlite:///path` or `postgresql://…`; `connections` bounds those to PostgreSQL.

        Nothing is read yet: call `check`, or `upgrade` for a database of one's own. Raise `Misconfigured` for an
        address that is neither.
        """
        return cls(make_engine(url, connections))

    async def upgrade(self) -> None:
        """Bring the schema to this version's, making all of it in an empty database; again is no error."""
        with translated(), reaching():
            await schema.upgrade(self._engine)

    async def check(self) -> None:
        """Raise `Transient` where the database cannot be written, `Misconfigured` where its schema is not current."""
        newest = schema.newest()
        async with self._begin() as connection:
            present = await schema.present(connection)
            if present is None:
                raise outdated("it is empty")
            if present != newest:
                raise outdated(f"its schema is {present}, and this version of the program needs {newest}")
            written = insert(connection, tables.probe).values(id=1, count=1)
            count = {"count": tables.probe.c.count + 1}
            await connection.execute(written.on_conflict_do_update(index_elements=["id"], set_=count))

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    @asynccontextmanager
    async def transaction(self, lease: Lease | None = None) -> AsyncIterator[SqlTransaction]:
        """Open a transaction that commits at the end and rolls back on an exception.

        Under a lease it raises `LeaseLost` at once where that has passed on, and keeps it from passing on otherwise.
        """
        async with self._begin() as connection:
            if lease is not None:
                await leases.hold(connection, lease)
            yield SqlTransaction.over(connection)

    async def lease_change(self, owner: str, now: datetime, duration: timedelta) -> Lease | None:
        """Lease the change that has been due longest and that nobody holds; None where there is none."""
        async with self._begin() as connection:
            return await leases.lease_change(connection, owner, now, now + duration)

    async def lease_named(self, subject: str, owner: str, now: datetime, duration: timedelta) -> Lease | None:
        """Lease a duty (`poller:koji`; no `#` in it), None where somebody else holds it. One's own is extended."""
        async with self._begin() as connection:
            return await leases.lease_duty(connection, subject, owner, now, now + duration)

    async def heartbeat(self, lease: Lease, now: datetime, duration: timedelta) -> Lease:
        """Extend a lease; raise `LeaseLost` where it has passed on."""
        async with self._begin() as connection:
            return await leases.extend(connection, lease, now + duration)

    async def release(self, lease: Lease, due: datetime | None, failures: int = 0) -> None:
        """Give a lease back; a change is due at `due`, or sooner where it was woken meanwhile."""
        async with self._begin() as connection:
            await leases.give_back(connection, lease, due, failures)

    async def next_due(self) -> datetime | None:
        """Return when the next change can be leased, None where none will be by itself."""
        async with self._begin() as connection:
            return await leases.next_due(connection)

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[AsyncConnection]:
        with translated():
            async with AsyncExitStack() as stack:
                with reaching():
                    connection = await stack.enter_async_context(self._engine.begin())
                yield connection
