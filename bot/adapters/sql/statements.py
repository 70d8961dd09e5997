"""Statements that both dialects know but SQLAlchemy spells twice: insert, unless or in place of what is there."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")
Row = Mapping[str, Any]

_PARAMETERS = 5_000
"""Both databases take some 32,000 parameters in a statement; much smaller lists lose nothing."""


def insert(connection: AsyncConnection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Return the dialect's own INSERT, which has ON CONFLICT."""
    return insert_in(connection.dialect.name, table)


def insert_in(dialect: str, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Return the INSERT of a dialect by its name, for statements that are made once."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


@cache
def values_of(table: sa.Table, column: str) -> sa.Select[Any]:
    """Return the query for the values of those rows that have `:of` in a column, in the order of their keys."""
    return sa.select(table.c.value).where(table.c[column] == sa.bindparam("of")).order_by(*table.primary_key.columns)


async def upsert(connection: AsyncConnection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Insert rows, or replace what the rows name of those that have the same primary key.

    The rows name the same columns. They are written in the order of their keys, so that two writers of the same rows
    wait for each other instead of locking each other out.
    """
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    ordered = sorted(rows, key=lambda row: [row[key] for key in keys])
    await connection.execute(_replacing(connection.dialect.name, table, tuple(rows[0])), ordered)


@cache
def _replacing(dialect: str, table: sa.Table, names: tuple[str, ...]) -> sa.Insert:
    """Return the statement; making one costs more than executing it."""
    keys = [column.name for column in table.primary_key]
    statement = insert_in(dialect, table)
    replaced = {name: statement.excluded[name] for name in names if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=replaced)


async def add(connection: AsyncConnection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Insert those rows whose key is new."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    ordered = sorted(rows, key=lambda row: [row[key] for key in keys])
    await connection.execute(insert(connection, table).on_conflict_do_nothing(index_elements=keys), ordered)


def batches(items: Collection[T]) -> Iterator[list[T]]:
    """Cut a collection into lists that fit into an `IN (…)`."""
    everything = list(items)
    for start in range(0, len(everything), _PARAMETERS):
        yield everything[start : start + _PARAMETERS]


def sooner(column: sa.ColumnElement[Any], moment: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return the earlier of a column that may be NULL and a time that is not."""
    return sa.case((sa.or_(column.is_(None), column > moment), moment), else_=column)
