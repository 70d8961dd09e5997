"""Bringing a database to this version's schema, and telling whether it is there.

The migrations are Alembic's and are shipped beside this module. They run over the store's own connection, in one
transaction and one at a time, so that several replicas may start at once and a failed upgrade leaves nothing half done.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.ports.errors import Misconfigured

MIGRATIONS = Path(__file__).parent / "migrations"

_UPGRADE_LOCK = 0x72657664
"""Key of the advisory lock that lets one process at a time upgrade a PostgreSQL database."""


def configuration(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration; there is no `alembic.ini`."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


@cache
def newest() -> str:
    """Return the revision that this version of the program works with."""
    head = ScriptDirectory.from_config(configuration()).get_current_head()
    if head is None:
        raise Misconfigured("installation", f"there are no migrations in {MIGRATIONS}", "Install the program again")
    return head


async def present(connection: AsyncConnection) -> str | None:
    """Return the revision that the database is at, None for an empty one."""
    return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


async def upgrade(engine: AsyncEngine, revision: str = "head") -> None:
    """Run the migrations that are missing, up to a revision; raise Misconfigured where a newer version made it."""
    async with _without_foreign_keys(engine) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
        try:
            await connection.run_sync(lambda sync: command.upgrade(configuration(sync), revision))
        except CommandError as error:
            raise Misconfigured(
                "database", f"it cannot be upgraded: {error}", "Run the version that made it"
            ) from error
        if connection.dialect.name == "sqlite":
            await _check_references(connection)


@asynccontextmanager
async def _without_foreign_keys(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a connection on which SQLite does not enforce references.

    SQLite alters a table by making it anew and dropping the old one, and with references enforced that drop would
    delete what refers to it. The setting cannot be changed within a transaction, so it goes past SQLAlchemy.
    """
    async with engine.connect() as connection:
        if connection.dialect.name != "sqlite":
            yield connection
            return
        raw: Any = (await connection.get_raw_connection()).driver_connection
        await raw.execute("PRAGMA foreign_keys=OFF")
        try:
            yield connection
        finally:
            await raw.execute("PRAGMA foreign_keys=ON")


async def _check_references(connection: AsyncConnection) -> None:
    broken = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).all()
    if broken:
        tables = ", ".join(sorted({str(row[0]) for row in broken}))
        raise Misconfigured("database", f"rows in {tables} refer to rows that are gone", "Restore it from a backup")
