"""What is kept about a change besides its runs: what was published, who waived what, who asked for what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.sql import tables
from bot.adapters.sql.codec import decode, encode
from bot.adapters.sql.statements import upsert
from bot.domain.ids import ChangeId
from bot.domain.publication import Published
from bot.domain.verdict import Waiver
from bot.ports.store import AuditRecord


@dataclass(frozen=True, slots=True)
class SqlReports:
    """`bot.ports.store.Reports` within one transaction."""

    connection: AsyncConnection

    async def get(self, scope: str) -> Sequence[Published]:
        """Return everything published under a scope, by name."""
        table = tables.published
        query = sa.select(table.c.value).where(table.c.scope == scope).order_by(table.c.name)
        return [decode(Published, value) for value in await self.connection.scalars(query)]

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
        table = tables.waiver
        query = sa.select(table.c.package, table.c.value).where(table.c.change == change).order_by(table.c.package)
        return {row.package: decode(Waiver, row.value) for row in await self.connection.execute(query)}


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
