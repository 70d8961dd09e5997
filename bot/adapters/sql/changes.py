"""Pull requests: their rows, and who is woken when.

A wake is written twice: into `due_at`, and into `woken_at`, which a lease empties when it begins. So the release can
tell a wake that came meanwhile from the reason for which the change was due before. Likewise `hints` counts: a change
that was read before a hint came in and is written after it stays stale.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.sql import tables
from bot.adapters.sql.codec import decode, encode
from bot.adapters.sql.columns import UtcTime
from bot.adapters.sql.statements import batches, insert_in, sooner
from bot.domain.ids import ChangeId
from bot.domain.run import Change, ChangeRef, RepoRef

_COLUMNS_ALONE = frozenset({"stale", "hints"})
_change = tables.change
_READ = sa.select(_change.c.value, _change.c.stale, _change.c.hints)
_ONE = _READ.where(_change.c.id == sa.bindparam("of"))


@dataclass(frozen=True, slots=True)
class SqlChanges:
    """`bot.ports.store.Changes` within one transaction."""

    connection: AsyncConnection

    async def get(self, change: ChangeId) -> Change | None:
        """Return a change."""
        found = _found(await self.connection.execute(_ONE, {"of": change}))
        return found[0] if found else None

    async def put(self, change: Change) -> None:
        """Insert or replace a change; it stays stale where a hint came in since it was read."""
        await self.connection.execute(_replacing(self.connection.dialect.name), _row(change))

    async def touch(self, change: ChangeRef, at: datetime) -> None:
        """Mark a change as stale, making its row where there is none, and make it due at that time or sooner."""
        await touch(self.connection, {change: at})

    async def wake(self, changes: Collection[ChangeId], at: datetime) -> None:
        """Make changes due at that time, or sooner if they already are."""
        moment = sa.bindparam("at", at, UtcTime)
        for some in batches(changes):
            # Locked in order of their ids, as everywhere, so that two that wake the same changes cannot deadlock.
            ordered = sa.select(_change.c.id).where(_change.c.id.in_(some)).order_by(_change.c.id)
            await self.connection.execute(
                sa.update(_change)
                .where(_change.c.id.in_(ordered.with_for_update(key_share=True)))
                .values(due_at=sooner(_change.c.due_at, moment), woken_at=sooner(_change.c.woken_at, moment))
            )

    async def open_in(self, repo: RepoRef) -> Sequence[Change]:
        """Return the changes of a repository that were open when last seen, by number."""
        return await self._select(_within(repo), _change.c.open)

    async def with_head(self, repo: RepoRef, sha: str) -> Sequence[Change]:
        """Return the changes of a repository that have, or had in a run, this head commit; newest first."""
        had = sa.select(tables.run.c.change).where(tables.run.c.head_sha == sha)
        has = sa.select(_change.c.id).where(_within(repo), _change.c.head_sha == sha)
        found = await self._select(_within(repo), _change.c.id.in_(sa.union_all(had, has)))
        return found[::-1]

    async def _select(self, *where: sa.ColumnElement[bool]) -> list[Change]:
        return _found(await self.connection.execute(_READ.where(*where).order_by(_change.c.number)))


def _found(rows: sa.CursorResult[Any]) -> list[Change]:
    return [decode(Change, row.value, stale=row.stale, hints=row.hints) for row in rows]


async def touch(connection: AsyncConnection, changes: Mapping[ChangeRef, datetime]) -> None:
    """Mark many changes as stale and due, each at its time or sooner, in one statement."""
    if not changes:
        return
    await connection.execute(_touching(connection.dialect.name), list(_new_rows(changes)))


@cache
def _replacing(dialect: str) -> sa.Insert:
    """Return the statement; making one costs more than executing it."""
    statement = insert_in(dialect, _change)
    new = statement.excluded
    replaced: dict[str, sa.ColumnElement[Any]] = {name: new[name] for name in ("head_sha", "open", "value")}
    replaced["stale"] = sa.or_(new.stale, _change.c.hints > new.hints)
    return statement.on_conflict_do_update(index_elements=["id"], set_=replaced)


@cache
def _touching(dialect: str) -> sa.Insert:
    statement = insert_in(dialect, _change)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["id"],
        set_={
            "stale": sa.true(),
            "hints": _change.c.hints + 1,
            "due_at": sooner(_change.c.due_at, new.due_at),
            "woken_at": sooner(_change.c.woken_at, new.woken_at),
        },
    )


def _new_rows(changes: Mapping[ChangeRef, datetime]) -> Iterable[dict[str, Any]]:
    for ref in sorted(changes, key=lambda ref: ref.id):
        yield {**_row(Change(ref=ref, hints=1)), "due_at": changes[ref], "woken_at": changes[ref]}


def _row(change: Change) -> dict[str, Any]:
    repo, state = change.ref.repo, change.state
    return {
        "id": change.ref.id,
        "forge": repo.forge,
        "owner": repo.owner,
        "name": repo.name,
        "number": change.ref.number,
        "head_sha": state.head_sha if state else None,
        "open": state is not None and state.open,
        "stale": change.stale,
        "hints": change.hints,
        "value": encode(change, _COLUMNS_ALONE),
    }


def _within(repo: RepoRef) -> sa.ColumnElement[bool]:
    return sa.and_(_change.c.forge == repo.forge, _change.c.owner == repo.owner, _change.c.name == repo.name)
