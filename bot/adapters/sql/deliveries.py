"""Webhook deliveries and what they ask for: a batch is a handful of statements, however many deliveries are in it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.sql import tables
from bot.adapters.sql.changes import touch
from bot.adapters.sql.codec import decode, decode_intent, encode_intent
from bot.adapters.sql.statements import Row, batches, insert_in
from bot.domain.ids import ChangeId, RunId
from bot.domain.intents import (
    ButtonPressed,
    Commented,
    Intent,
    ReceivedDelivery,
    Refresh,
    RerunRequested,
    StoredIntent,
)
from bot.domain.run import ChangeRef, Run

_intent = tables.intent
_OF_CHANGE = sa.select(_intent).where(_intent.c.change == sa.bindparam("of")).order_by(_intent.c.id)
_DONE = sa.delete(_intent).where(_intent.c.id.in_(sa.bindparam("ids", expanding=True)))
_UNASSIGNED = sa.select(_intent).where(_intent.c.change.is_(None)).order_by(_intent.c.id)


@dataclass(frozen=True, slots=True)
class SqlDeliveries:
    """`bot.ports.store.Deliveries` within one transaction."""

    connection: AsyncConnection

    async def record(self, deliveries: Sequence[ReceivedDelivery]) -> int:
        """Store new deliveries with their intents, wake the changes these are about; return how many of those that ask
        for something were new.
        """
        new = await self._insert_new(deliveries)
        asked = [(delivery.received_at, intent) for delivery in new for intent in delivery.intents]
        runs = await self._changes_of({run for _, intent in asked if (run := _run_of(intent))})
        about = [(at, intent, _change_of(intent, runs)) for at, intent in asked]
        touched: dict[ChangeRef, datetime] = {}
        for at, _, change in about:
            if change is not None:
                touched[change] = min(at, touched.get(change, at))
        await touch(self.connection, touched)
        await self._insert_intents(about)
        return len(new)

    async def prune(self, before: datetime) -> int:
        """Forget deliveries received before that time; return how many."""
        result = await self.connection.execute(sa.delete(tables.delivery).where(tables.delivery.c.received_at < before))
        return result.rowcount

    async def _insert_new(self, deliveries: Sequence[ReceivedDelivery]) -> list[ReceivedDelivery]:
        """Insert what is new; return what is new and asks for something, in the order in which it came."""
        first = {(delivery.forge, delivery.guid): delivery for delivery in reversed(deliveries)}
        ordered = [first[key] for key in sorted(first)]
        asking = [_row(delivery) for delivery in ordered if delivery.intents]
        quiet = [_row(delivery) for delivery in ordered if not delivery.intents]
        dialect = self.connection.dialect.name
        if quiet:
            # Most are, and nobody has to know which of them were new: the database's answer would cost as much again.
            await self.connection.execute(_recording(dialect), quiet)
        if not asking:
            return []
        result = await self.connection.execute(_telling(dialect), asking)
        stored = {tuple(row) for row in result}
        return [delivery for key, delivery in reversed(first.items()) if key in stored]

    async def _changes_of(self, runs: Collection[RunId]) -> Mapping[RunId, ChangeRef]:
        known: dict[RunId, ChangeRef] = {}
        for some in batches(runs):
            rows = await self.connection.execute(sa.select(tables.run.c.value).where(tables.run.c.id.in_(some)))
            known |= {run.id: run.change for run in (decode(Run, row.value) for row in rows)}
        return known

    async def _insert_intents(self, about: Sequence[tuple[datetime, Intent, ChangeRef | None]]) -> None:
        rows = []
        for at, intent, change in about:
            kind, value = encode_intent(intent)
            rows.append({"change": change.id if change else None, "kind": kind, "value": value, "received_at": at})
        if rows:
            await self.connection.execute(sa.insert(_intent), rows)


@dataclass(frozen=True, slots=True)
class SqlIntents:
    """`bot.ports.store.Intents` within one transaction."""

    connection: AsyncConnection

    async def of_change(self, change: ChangeId) -> Sequence[StoredIntent]:
        """Return the pending intents about a change, oldest first."""
        return await self._select(_OF_CHANGE, {"of": change})

    async def unassigned(self) -> Sequence[StoredIntent]:
        """Return the pending intents about no known change, oldest first."""
        return await self._select(_UNASSIGNED, {})

    async def done(self, ids: Collection[int]) -> None:
        """Remove intents that have been acted upon."""
        for some in batches(ids):
            await self.connection.execute(_DONE, {"ids": some})

    async def assign(self, intent: int, change: ChangeId) -> None:
        """Tie an intent to a change, once it is known which it is about."""
        await self.connection.execute(sa.update(_intent).where(_intent.c.id == intent).values(change=change))

    async def _select(self, query: sa.Select[Any], of: Mapping[str, ChangeId]) -> list[StoredIntent]:
        rows = await self.connection.execute(query, of)
        return [
            StoredIntent(id=row.id, intent=decode_intent(row.kind, row.value), received_at=row.received_at)
            for row in rows
        ]


@cache
def _recording(dialect: str) -> sa.Insert:
    """Return the statement; making one costs as much as executing it for a few deliveries."""
    return insert_in(dialect, tables.delivery).on_conflict_do_nothing(index_elements=["forge", "guid"])


@cache
def _telling(dialect: str) -> sa.sql.dml.ReturningInsert[Any]:
    """Return the same statement, which tells what was new."""
    return _recording(dialect).returning(tables.delivery.c.forge, tables.delivery.c.guid)


def _row(delivery: ReceivedDelivery) -> Row:
    return {
        "forge": delivery.forge,
        "guid": delivery.guid,
        "event": delivery.event,
        "received_at": delivery.received_at,
    }


def _run_of(intent: Intent) -> RunId | None:
    return intent.run if isinstance(intent, RerunRequested | ButtonPressed) else None


def _change_of(intent: Intent, runs: Mapping[RunId, ChangeRef]) -> ChangeRef | None:
    """Return the one change that an intent is about, None where it is about several or none is known."""
    if isinstance(intent, Refresh | Commented):
        return intent.change
    run = _run_of(intent)
    return runs.get(run) if run else None
