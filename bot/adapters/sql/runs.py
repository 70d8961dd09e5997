"""Runs with their targets, plans and findings."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.sql import tables
from bot.adapters.sql.codec import decode, encode
from bot.adapters.sql.statements import add, batches, upsert, values_of
from bot.domain.difference import RootDifference
from bot.domain.ids import ChangeId, RunId, SnapshotId
from bot.domain.plan import PlanEntry
from bot.domain.run import Run, RunTarget
from bot.domain.verdict import Finding

T = TypeVar("T")
_run = tables.run
_JOINED = (
    sa.select(_run.c.change)
    .distinct()
    .join(tables.companion, tables.companion.c.run == _run.c.id)
    .join(tables.change, tables.change.c.id == _run.c.change)
    .where(tables.companion.c.change == sa.bindparam("of"), tables.change.c.open)
    .order_by(_run.c.change)
)
_OF_CHANGE = sa.select(_run.c.value).where(_run.c.change == sa.bindparam("of")).order_by(_run.c.sequence.desc())


@dataclass(frozen=True, slots=True)
class SqlRuns:
    """`bot.ports.store.Runs` within one transaction."""

    connection: AsyncConnection

    async def put(self, run: Run) -> None:
        """Insert or replace a run."""
        await upsert(self.connection, _run, [_run_row(run)])
        await add(self.connection, tables.companion, [{"run": run.id, "change": p.change.id} for p in run.companions])

    async def get(self, run: RunId) -> Run | None:
        """Return a run."""
        found = await self._select(Run, sa.select(_run.c.value).where(_run.c.id == run))
        return found[0] if found else None

    async def several(self, runs: Collection[RunId]) -> Mapping[RunId, Run]:
        """Return those of the runs that exist."""
        found: list[Run] = []
        for some in batches(sorted(set(runs))):
            found += await self._select(Run, sa.select(_run.c.value).where(_run.c.id.in_(some)))
        return {run.id: run for run in found}

    async def of_change(self, change: ChangeId) -> Sequence[Run]:
        """Return a change's runs, newest (highest sequence) first."""
        return [decode(Run, value) for value in await self.connection.scalars(_OF_CHANGE, {"of": change})]

    async def joined(self, change: ChangeId) -> Sequence[ChangeId]:
        """Return the open changes that have a run with this one as a companion."""
        return [ChangeId(found) for found in await self.connection.scalars(_JOINED, {"of": change})]

    async def recent(self, limit: int) -> Sequence[Run]:
        """Return the newest runs of all changes, newest first."""
        query = sa.select(_run.c.value).order_by(_run.c.created_at.desc(), _run.c.id.desc())
        return await self._select(Run, query.limit(limit))

    async def put_target(self, target: RunTarget) -> None:
        """Insert or replace a run's target."""
        row = {"run": target.run, "target": target.target.name, "value": encode(target)}
        await upsert(self.connection, tables.run_target, [row])

    async def targets(self, run: RunId) -> Sequence[RunTarget]:
        """Return a run's targets, by name."""
        return await self._of_run(RunTarget, tables.run_target, run)

    async def snapshots(self, since: datetime) -> frozenset[SnapshotId]:
        """Return what runs have pinned that are not finished, or were finished at that time or later."""
        wanted = sa.or_(_run.c.finished_at.is_(None), _run.c.finished_at >= since)
        query = sa.select(tables.run_target.c.value).join(_run, _run.c.id == tables.run_target.c.run).where(wanted)
        found = await self._select(RunTarget, query)
        return frozenset(target.snapshot for target in found if target.snapshot is not None)

    async def put_entries(self, entries: Sequence[PlanEntry]) -> None:
        """Insert or replace entries, by run, target and package."""
        rows = [
            {
                "run": entry.run,
                "target": entry.target,
                "package": entry.package,
                "selection": entry.selection,
                "value": encode(entry),
            }
            for entry in entries
        ]
        await upsert(self.connection, tables.plan_entry, rows)

    async def entries(self, run: RunId) -> Sequence[PlanEntry]:
        """Return a run's plan, by target and package."""
        return await self._of_run(PlanEntry, tables.plan_entry, run)

    async def put_findings(self, findings: Sequence[Finding]) -> None:
        """Insert or replace findings, by run, target and package."""
        rows = [
            {
                "run": finding.run,
                "target": finding.target,
                "package": finding.package,
                "verdict": finding.judgement.verdict,
                "value": encode(finding),
            }
            for finding in findings
        ]
        await upsert(self.connection, tables.finding, rows)

    async def findings(self, run: RunId) -> Sequence[Finding]:
        """Return a run's findings, by target and package."""
        return await self._of_run(Finding, tables.finding, run)

    async def put_differences(self, differences: Sequence[RootDifference]) -> None:
        """Insert or replace what differs in the roots of failed builds, by run, target and package."""
        rows = [
            {"run": found.run, "target": found.target, "package": found.package, "value": encode(found)}
            for found in differences
        ]
        await upsert(self.connection, tables.difference, rows)

    async def differences(self, run: RunId) -> Sequence[RootDifference]:
        """Return what differs in the roots of a run's failed builds, by target and package."""
        return await self._of_run(RootDifference, tables.difference, run)

    async def _of_run(self, kind: type[T], table: sa.Table, run: RunId) -> list[T]:
        return [decode(kind, value) for value in await self.connection.scalars(values_of(table, "run"), {"of": run})]

    async def _select(self, kind: type[T], query: sa.Select[Any]) -> list[T]:
        return [decode(kind, value) for value in await self.connection.scalars(query)]


def _run_row(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "change": run.change.id,
        "sequence": run.sequence,
        "head_sha": run.head_sha,
        "state": run.state,
        "stop": run.stop,
        "conclusion": run.conclusion,
        "created_at": run.created_at,
        "deadline": run.deadline,
        "finished_at": run.finished_at,
        "value": encode(run),
    }
