"""Migrations: only ever appended, ending in the schema of the models, and keeping what a database holds."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from click.testing import CliRunner
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.adapters.sql import schema
from bot.adapters.sql.engine import make_engine
from bot.adapters.sql.store import SqlStore
from bot.adapters.sql.tables import metadata
from bot.cli.db import db
from tests.fakes import stored
from tests.fakes.postgres import PostgresServer, postgres

__all__ = ["postgres"]

POPULATED = Path(__file__).parent / "populated"

RELEASED = {"0001": "8f4239e551d9752988598d1c68bef11b9b486ac457a552796964dfec36efcc08"}
"""Digests of the migrations that databases may have been through: a new one is added, an old one never edited."""


def revisions() -> list[str]:
    scripts = ScriptDirectory.from_config(schema.configuration())
    return [script.revision for script in scripts.walk_revisions()][::-1]


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        return await server.database()
    return f"sqlite:///{tmp_path / 'revdeps.db'}"


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on the empty database."""
    made = make_engine(url)
    yield made
    await made.dispose()


def test_migrations_are_one_line_and_are_never_edited() -> None:
    assert revisions() == [f"{number:04}" for number in range(1, len(revisions()) + 1)]
    found = {}
    for file in (schema.MIGRATIONS / "versions").glob("*.py"):
        found[file.name.partition("_")[0]] = hashlib.sha256(file.read_bytes()).hexdigest()
    assert found == RELEASED


async def test_the_migrations_end_in_the_schema_of_the_models(engine: AsyncEngine) -> None:
    await schema.upgrade(engine)

    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return compare_metadata(context, metadata)

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


def checks(connection: Connection) -> dict[str, set[tuple[str, str]]]:
    """What each table's CHECK constraints say, as the database tells it."""
    inspector = sa.inspect(connection)
    return {
        table: {(str(check["name"]), check["sqltext"]) for check in inspector.get_check_constraints(table)}
        for table in metadata.tables
    }


async def test_the_migrations_allow_the_very_names_that_the_models_do(engine: AsyncEngine) -> None:
    await schema.upgrade(engine)
    async with engine.begin() as connection:
        migrated = await connection.run_sync(checks)
        for table in reversed(metadata.sorted_tables):
            await connection.execute(sa.text(f'DROP TABLE "{table.name}"'))
        await connection.run_sync(metadata.create_all)
        assert migrated == await connection.run_sync(checks)
    assert sum(map(len, migrated.values())) > 8


def insert_rows(connection: Connection, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Insert rows as an earlier version wrote them, into the tables as they were then."""
    for name, values in rows.items():
        table = sa.Table(name, sa.MetaData(), autoload_with=connection)
        times = {column.name for column in table.columns if isinstance(column.type, sa.DateTime)}
        for value in values:
            read = {key: datetime.fromisoformat(held) if held and key in times else held for key, held in value.items()}
            connection.execute(table.insert().values(read))


@pytest.mark.parametrize("revision", revisions())
async def test_a_populated_database_is_upgraded_with_all_that_it_holds(
    url: str, engine: AsyncEngine, revision: str
) -> None:
    await schema.upgrade(engine, revision)
    rows = json.loads((POPULATED / f"{revision}.json").read_text())
    async with engine.begin() as connection:
        await connection.run_sync(insert_rows, rows)
    store = await SqlStore.open(url)
    await store.upgrade()
    await store.check()
    async with store.transaction() as tx:
        assert await tx.changes.get(stored.change_ref().id) == stored.change()
        assert await tx.runs.get(stored.RUN) == stored.run()
        assert await tx.runs.targets(stored.RUN) == [stored.run_target()]
        assert await tx.runs.entries(stored.RUN) == [stored.entry()]
        assert await tx.runs.findings(stored.RUN) == [stored.finding()]
        assert await tx.runs.differences(stored.RUN) == [stored.difference()]
        assert await tx.builds.of_run(stored.RUN) == [stored.baseline(), stored.build()]
        root = ("bash-5.2-1.x86_64", "zlib-1.3-1.x86_64")
        assert await tx.roots.get([stored.baseline().key]) == {stored.baseline().key: root}
        assert len(await tx.intents.of_change(stored.change_ref().id)) == 1
    await store.close()


async def test_upgrading_again_and_all_at_once_is_no_error(url: str) -> None:
    stores = [await SqlStore.open(url) for _ in range(4)]
    await asyncio.gather(*(store.upgrade() for store in stores))
    for store in stores:
        await store.upgrade()
        await store.check()
        await store.close()


async def test_an_upgrade_leaves_references_enforced(tmp_path: Path) -> None:
    store = await SqlStore.open(f"sqlite:///{tmp_path / 'revdeps.db'}")
    await store.upgrade()
    with pytest.raises(sa.exc.IntegrityError):
        async with store.transaction() as tx:
            await tx.runs.put(stored.run())
    await store.close()


def test_the_command_upgrades_and_then_finds_the_database_fit(tmp_path: Path) -> None:
    environment = {"REVDEPS_DATABASE_URL": f"sqlite:///{tmp_path / 'revdeps.db'}"}
    before = CliRunner().invoke(db, ["check"], env=environment)
    assert before.exit_code == 2
    assert "Run `revdeps db upgrade`" in before.output
    assert CliRunner().invoke(db, ["upgrade"], env=environment).exit_code == 0
    assert CliRunner().invoke(db, ["check"], env=environment).exit_code == 0


def test_the_command_says_that_a_database_is_away(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'unmounted' / 'revdeps.db'}"
    ended = CliRunner().invoke(db, ["check", "--database", address])
    assert ended.exit_code == 1
    assert "unable to open" in ended.output
