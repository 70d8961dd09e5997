"""Who may work on what: leases on changes, which live in their rows, and on named duties.

A lease is taken in one statement, so that two processes cannot take the same one; PostgreSQL's waiters skip what
another is just taking. The fencing token rises with every new lease, and whatever is written under a lease holds its
row.
"""

from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.sql import tables
from bot.adapters.sql.columns import UtcTime
from bot.adapters.sql.statements import insert, sooner
from bot.ports.store import Lease, LeaseLost

_change, _duty = tables.change, tables.duty


def _lease_change() -> sa.sql.dml.ReturningUpdate[Any]:
    now = sa.bindparam("now", type_=UtcTime)
    candidate = (
        sa.select(_change.c.id)
        .where(_change.c.due_at <= now, sa.or_(_change.c.lease_until.is_(None), _change.c.lease_until <= now))
        .order_by(_change.c.due_at, _change.c.id)
        .limit(1)
        .with_for_update(skip_locked=True, key_share=True)
    )
    taken = {"lease_owner": sa.bindparam("whose"), "lease_until": sa.bindparam("till", type_=UtcTime), "woken_at": None}
    return (
        sa.update(_change)
        .where(_change.c.id == candidate.scalar_subquery())
        .values(**taken, fence=_change.c.fence + 1)
        .returning(_change.c.id, _change.c.fence, _change.c.failures)
    )


_LEASE_CHANGE = _lease_change()
"""Made once: making it costs more than executing it."""


async def lease_change(connection: AsyncConnection, owner: str, now: datetime, until: datetime) -> Lease | None:
    """Lease the change that has been due longest and that nobody holds."""
    row = (await connection.execute(_LEASE_CHANGE, {"whose": owner, "now": now, "till": until})).one_or_none()
    if row is None:
        return None
    return Lease(subject=row.id, owner=owner, fence=row.fence, until=until, failures=row.failures)


async def lease_duty(
    connection: AsyncConnection, subject: str, owner: str, now: datetime, until: datetime
) -> Lease | None:
    """Lease a named duty; one's own is extended."""
    statement = insert(connection, _duty).values(subject=subject, lease_owner=owner, lease_until=until, fence=1)
    own = _duty.c.lease_owner == owner
    statement = statement.on_conflict_do_update(
        index_elements=["subject"],
        set_={
            "lease_owner": owner,
            "lease_until": until,
            "fence": sa.case((own, _duty.c.fence), else_=_duty.c.fence + 1),
        },
        where=sa.or_(own, _duty.c.lease_owner.is_(None), _duty.c.lease_until <= now),
    )
    row = (await connection.execute(statement.returning(_duty.c.fence, _duty.c.failures))).one_or_none()
    if row is None:
        return None
    return Lease(subject=subject, owner=owner, fence=row.fence, until=until, failures=row.failures)


async def extend(connection: AsyncConnection, lease: Lease, until: datetime) -> Lease:
    """Return the lease extended; raise `LeaseLost` where it has passed on."""
    table = _table(lease)
    result = await connection.execute(_extension(table), {**_this(lease), "till": until})
    if not result.rowcount:
        raise _lost(lease)
    return replace(lease, until=until)


async def give_back(connection: AsyncConnection, lease: Lease, due: datetime | None, failures: int) -> None:
    """End a lease, where it is still held. A change is due at `due`, or sooner where it was woken meanwhile."""
    table = _table(lease)
    moment = {} if due is None or table is _duty else {"due": due}
    await connection.execute(_release(table, never=not moment), {**_this(lease), "failed": failures, **moment})


async def hold(connection: AsyncConnection, lease: Lease) -> None:
    """Keep the lease from passing on until the transaction ends; raise `LeaseLost` where it has already."""
    table = _table(lease)
    if (await connection.execute(_hold(table), _this(lease))).one_or_none() is None:
        raise _lost(lease)


async def next_due(connection: AsyncConnection) -> datetime | None:
    """Return when the next change can be leased: when it is due, or when the lease that is on it ends."""
    held = sa.and_(_change.c.lease_until.is_not(None), _change.c.lease_until > _change.c.due_at)
    soonest = sa.func.min(sa.case((held, _change.c.lease_until), else_=_change.c.due_at), type_=UtcTime)
    # Most changes are over and not due; the index tells them from the rest.
    moment: datetime | None = await connection.scalar(sa.select(soonest).where(_change.c.due_at.is_not(None)))
    return moment


def _table(lease: Lease) -> sa.Table:
    # A change's id has its number after a "#"; the name of a duty has none.
    return _change if "#" in lease.subject else _duty


def _this(lease: Lease) -> dict[str, Any]:
    return {"about": lease.subject, "whose": lease.owner, "token": lease.fence}


def _held(table: sa.Table) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        (table.c.id if table is _change else table.c.subject) == sa.bindparam("about"),
        table.c.fence == sa.bindparam("token"),
        table.c.lease_owner == sa.bindparam("whose"),
    )


@cache
def _hold(table: sa.Table) -> sa.Select[Any]:
    return sa.select(table.c.fence).where(*_held(table)).with_for_update(key_share=True)


@cache
def _extension(table: sa.Table) -> sa.Update:
    return sa.update(table).where(*_held(table)).values(lease_until=sa.bindparam("till", type_=UtcTime))


@cache
def _release(table: sa.Table, *, never: bool) -> sa.Update:
    values: dict[str, Any] = {"lease_owner": None, "lease_until": None, "failures": sa.bindparam("failed")}
    if table is _change:
        woken = _change.c.woken_at
        values["due_at"] = woken if never else sooner(woken, sa.bindparam("due", type_=UtcTime))
        values["woken_at"] = None
    return sa.update(table).where(*_held(table)).values(values)


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(f"{lease.owner} does not hold the lease on {lease.subject} any more (fence {lease.fence})")
