"""Stores on both databases, each test on one of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.adapters.sql.store import SqlStore
from tests.fakes.postgres import PostgresServer, postgres

__all__ = ["postgres"]


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an up-to-date, empty database."""
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        return await server.migrated()
    url = f"sqlite:///{tmp_path / 'revdeps.db'}"
    opened = await SqlStore.open(url)
    await opened.upgrade()
    await opened.close()
    return url


@pytest.fixture
async def store(database: str) -> AsyncIterator[SqlStore]:
    """The store under test."""
    opened = await SqlStore.open(database)
    yield opened
    await opened.close()
