"""Column types that SQLite and PostgreSQL agree on.

Both must give back what was put in: aware UTC times, names sorted by code point, JSON with every
character that it had.
"""

from datetime import UTC, datetime
from enum import Enum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect


class UtcTime(sa.TypeDecorator[datetime]):
    """An aware time. SQLite keeps no zones, so all is UTC on the way in and marked as UTC on the way out."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the signature is SQLAlchemy's
        """Refuse naive times: nobody knows which moment they mean."""
        return None if value is None else aware(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the signature is SQLAlchemy's
        """Return the time as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def aware(value: datetime) -> datetime:
    """Return the time in UTC; raise ValueError where it has no zone."""
    if value.utcoffset() is None:
        raise ValueError(f"{value!r} has no time zone; times are aware UTC and come from the Clock")
    return value.astimezone(UTC)


Name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Text that identifies: PostgreSQL would otherwise sort it by the language of the cluster, and SQLite does not."""


class Json(sa.TypeDecorator[Any]):
    """Values, read as the text that they are stored as (`bot.adapters.sql.codec` parses it, or knows it already).

    In PostgreSQL `json`, as `jsonb` refuses the NUL that a log may hold.
    """

    impl = sa.JSON(none_as_null=True)
    cache_ok = True

    def column_expression(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Have the driver return text: asyncpg would parse it."""
        return sa.cast(column, sa.Text)

    def result_processor(self, dialect: Dialect, coltype: object) -> None:  # noqa: ARG002 - the signature is SQLAlchemy's
        """Leave the text as it is."""
        return


Serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""A number that the database gives: SQLite only counts by itself in a column that is called INTEGER."""


def by_name(kind: type[Enum], constraint: str) -> sa.Enum:
    """Return the type of a column that holds an enum by name, under a CHECK constraint of that name."""
    return sa.Enum(kind, native_enum=False, create_constraint=True, length=40, name=constraint)


def one_of(column: str, *names: str) -> sa.CheckConstraint:
    """Return a CHECK constraint that a text column holds one of these names, or NULL where it may."""
    listed = ", ".join(f"'{name}'" for name in names)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)
