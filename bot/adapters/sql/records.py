"""What is kept about a change besides its runs: what was published, who waived what, who asked for what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.sql import tables
from bot.adapters.sql.codec import decode, encode
from bot.adapters.sql.statements import upsert, values_of
from bot.domain.ids import ChangeId
from bot.domain.publication import Published
from bot.domain.verdict import Waiver
from bot.ports.store import AuditRecord

_waiver = tables.waiver
_WAIVERS = (
    sa.select(_waiver.c.package, _waiver.c.value)
    .where(_waiver.c.change == sa.bindparam("of"))
    .order_by(_waiver.c.package)
)
"""Made once, like all that is read at every step of a run: making it costs more than executing it."""


@dataclass(frozen=True, slots=True)
class SqlReports:
    """`bot.ports.store.Reports` within one transaction."""

    connection: AsyncConnection

    async def get(self, scope: str) -> Sequence[Published]:
        """Return everything published under a scope, by name."""
        query = values_of(tables.published, "scope")
        return [decode(Published, value) for value in await self.connection.scalars(query, {"of": scope})]

    async def put(self, published: Published) -> None:
        """Insert or replace, by scope and name."""
        row = {
            "scope": published.scope,
            "name": published.name,
            "published_at": published.published_at,
            "value": encode(published),
        }
        await upsert(self.connection, tables.published, [row])


@dataclass(frozen=True, slots=True)
class SqlWaivers:
    """`bot.ports.store.Waivers` within one transaction."""

    connection: AsyncConnection

    async def put(self, change: ChangeId, package: str, waiver: Waiver | None) -> None:
        """Set a waiver; None lifts it."""
        table = tables.waiver
        if waiver is None:
            await self.connection.execute(sa.delete(table).where(table.c.change == change, table.c.package == package))
            return
        await upsert(self.connection, table, [{"change": change, "package": package, "value": encode(waiver)}])

    async def of_change(self, change: ChangeId) -> Mapping[str, Waiver]:
        """Return the waivers of a change by package."""
        rows = await self.connection.execute(_WAIVERS, {"of": change})
        return {row.package: decode(Waiver, row.value) for row in rows}


@dataclass(frozen=True, slots=True)
class SqlAudit:
    """`bot.ports.store.Audit` within one transaction."""

    connection: AsyncConnection

    async def add(self, record: AuditRecord) -> None:
        """Append a record."""
        columns = {name: getattr(record, name) for name in ("change", "at", "actor", "action", "allowed")}
        await self.connection.execute(sa.insert(tables.audit).values(**columns, value=encode(record)))

    async def of_change(self, change: ChangeId) -> Sequence[AuditRecord]:
        """Return a change's records, oldest first."""
        table = tables.audit
        query = sa.select(table.c.value).where(table.c.change == change).order_by(table.c.id)
        return [decode(AuditRecord, value) for value in await self.connection.scalars(query)]
