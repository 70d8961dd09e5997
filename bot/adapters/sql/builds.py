"""Candidate and baseline builds, and which runs wait for which baselines."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.sql import tables
from bot.adapters.sql.codec import KEPT, decode, decode_outcome, encode, encode_outcome
from bot.adapters.sql.columns import UtcTime
from bot.adapters.sql.statements import add, batches
from bot.domain.allocate import Line
from bot.domain.build import Build, BuildState, Failed, FailureReason, Purpose
from bot.domain.history import PastBuild
from bot.domain.ids import BuildKey, BuildRef, RunId
from bot.domain.run import RepoRef, RunTarget
from bot.domain.target import Target

_build, _subscription = tables.build, tables.subscription
_COLUMNS_ALONE = frozenset({"outcome"})
_READ = (_build.c.value, _build.c.progress, _build.c.outcome, _build.c.failure)
_HISTORY = tuple(_build.c[name] for name in ("package", "purpose", "outcome", "started_at", "ended_at", "cpu_seconds"))
_OF_A_DEPENDENT = _build.c.purpose.not_in((Purpose.SUBJECT, Purpose.ALONE))
_IS_RESULT = sa.and_(
    _build.c.outcome.in_(("SUCCEEDED", "FAILED")),
    _build.c.reason.is_distinct_from(FailureReason.INFRASTRUCTURE),
    _build.c.ended_at.is_not(None),
)


def _of_run() -> sa.Select[Any]:
    of: sa.BindParameter[str] = sa.bindparam("of")
    subscribed = sa.select(_subscription.c.baseline).where(_subscription.c.run == of)
    own = sa.select(_build.c.key).where(_build.c.run == of)
    query = sa.select(*_READ).where(_build.c.key.in_(sa.union_all(own, subscribed)))
    return query.order_by(_build.c.queued_at, _build.c.key)


def _at_hand() -> sa.Select[Any]:
    here = sa.select(_build.c.key).where(_build.c.backend == sa.bindparam("at"))
    begun = here.where(_build.c.state.in_((BuildState.SUBMITTING, BuildState.RUNNING)))
    unwanted = here.where(_build.c.state == BuildState.QUEUED, _build.c.cancel_requested)
    return sa.select(*_READ).where(_build.c.key.in_(sa.union_all(begun, unwanted)))


def _may_begin() -> sa.ColumnElement[bool]:
    due = sa.or_(_build.c.not_before.is_(None), _build.c.not_before <= sa.bindparam("now", type_=UtcTime))
    waits = sa.and_(_build.c.state == BuildState.QUEUED, ~_build.c.cancel_requested)
    return sa.and_(_build.c.backend == sa.bindparam("at"), waits, due)


def _in_line(whose: sa.ColumnElement[bool]) -> sa.Select[Any]:
    query = sa.select(_build.c.key).where(_may_begin(), whose)
    return query.order_by(_build.c.priority.desc(), _build.c.queued_at, _build.c.key).limit(sa.bindparam("most"))


_OF_RUN = _of_run()
"""Made once, like those that follow: making it costs more than executing it."""
_AT_HAND = _at_hand()
_OLDEST = sa.func.min(_build.c.queued_at, type_=UtcTime)
_LINES = sa.select(_build.c.run, sa.func.count(), _OLDEST).where(_may_begin()).group_by(_build.c.run)
_IN_LINE = _in_line(_build.c.run == sa.bindparam("of"))
_BASELINES_IN_LINE = _in_line(_build.c.run.is_(None))
_PUT = sa.update(_build).where(_build.c.key == sa.bindparam("of"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Progress:
    """What of a build changes once it was asked for, but for its outcome."""

    purpose: Purpose
    state: BuildState
    not_before: datetime | None
    priority: int
    ref: BuildRef | None
    submitted_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    cancel_requested: bool
    trouble: str
    cpu_seconds: float | None


_CHANGING = tuple(field.name for field in fields(_Progress))


@dataclass(frozen=True, slots=True)
class SqlBuilds:
    """`bot.ports.store.Builds` within one transaction."""

    connection: AsyncConnection

    async def add(self, builds: Sequence[Build]) -> None:
        """Insert builds; one whose key exists already is left as it is."""
        await add(self.connection, _build, [_row(build) for build in builds])

    async def put(self, builds: Sequence[Build]) -> None:
        """Store what has become of stored builds; what they were asked for with does not change."""
        # In the order of their keys, so that two writers of the same rows wait for each other.
        ordered = sorted(builds, key=attrgetter("key"))
        if ordered:
            await self.connection.execute(_PUT, [_progress(build) for build in ordered])

    async def get(self, keys: Collection[BuildKey]) -> Mapping[BuildKey, Build]:
        """Return those of the builds that exist, and hold them against other writers until the transaction ends.

        A build is written by the run that asked for it and by the poller that observes it: whoever changes one reads
        it here in the same transaction.
        """
        found: dict[BuildKey, Build] = {}
        for some in batches(sorted(set(keys))):
            query = sa.select(*_READ).where(_build.c.key.in_(some)).order_by(_build.c.key)
            rows = await self.connection.execute(query.with_for_update(key_share=True))
            found |= {build.key: build for build in (_from_row(*row) for row in rows)}
        return found

    async def of_run(self, run: RunId) -> Sequence[Build]:
        """Return the run's candidates and the baselines it subscribes to, in the order they were queued."""
        return [_from_row(*row) for row in await self.connection.execute(_OF_RUN, {"of": run})]

    async def subscribe(self, run: RunId, baselines: Collection[BuildKey]) -> None:
        """Note that the run waits for, or uses, these baselines; again is no error."""
        rows = [{"run": run, "baseline": baseline} for baseline in set(baselines)]
        await add(self.connection, _subscription, rows)

    async def subscribers(self, keys: Collection[BuildKey]) -> Mapping[BuildKey, Sequence[RunId]]:
        """Return the runs that subscribe to each baseline; one without any is left out."""
        found: dict[BuildKey, list[RunId]] = defaultdict(list)
        for some in batches(keys):
            query = sa.select(_subscription).where(_subscription.c.baseline.in_(some)).order_by(_subscription.c.run)
            for row in await self.connection.execute(query):
                found[row.baseline].append(row.run)
        return dict(found)

    async def unfinished(self, backend: str) -> Sequence[Build]:
        """Return the builds of a backend that are not DONE, in no order."""
        states = [state for state in BuildState if state is not BuildState.DONE]
        query = sa.select(*_READ).where(_build.c.backend == backend, _build.c.state.in_(states))
        return [_from_row(*row) for row in await self.connection.execute(query)]

    async def at_hand(self, backend: str) -> Sequence[Build]:
        """Return those that are being submitted or go on, and those that wait and are to be cancelled, in no order."""
        return [_from_row(*row) for row in await self.connection.execute(_AT_HAND, {"at": backend})]

    async def lines(self, backend: str, now: datetime) -> Sequence[Line]:
        """Return how many builds wait and may be begun, by run, in no order."""
        rows = await self.connection.execute(_LINES, {"at": backend, "now": now})
        return [Line(run=run, builds=builds, oldest=oldest) for run, builds, oldest in rows]

    async def in_line(self, backend: str, run: RunId | None, now: datetime, limit: int) -> Sequence[BuildKey]:
        """Return the first so many of these of a run: the larger priority first, then the older one."""
        which = {"at": backend, "now": now, "most": limit}
        if run is None:
            return list(await self.connection.scalars(_BASELINES_IN_LINE, which))
        return list(await self.connection.scalars(_IN_LINE, {**which, "of": run}))

    async def past(self, target: str, packages: Collection[str], each: int) -> Sequence[PastBuild]:
        """Return the last results of dependents on a target, newest first, `each` of every package on either side."""
        side = (_build.c.package, _build.c.purpose == Purpose.BASELINE)
        place = sa.func.row_number().over(partition_by=side, order_by=(_build.c.ended_at.desc(), _build.c.key))
        found: list[PastBuild] = []
        for some in batches(sorted(set(packages))):
            wanted = sa.and_(_build.c.target == target, _build.c.package.in_(some), _OF_A_DEPENDENT)
            placed = sa.select(*_HISTORY, place.label("place")).where(wanted, _IS_RESULT).subquery()
            query = sa.select(placed).where(placed.c.place <= each)
            found += [_past(row) for row in await self.connection.execute(query)]
        return sorted(found, key=lambda build: build.ended_at, reverse=True)

    async def earlier(
        self, repo: RepoRef, target: Target, packages: Collection[str], since: datetime
    ) -> Sequence[Build]:
        """Return the builds of dependents with a repository's changes that ended since, on that very target."""
        change, run, place = tables.change, tables.run, tables.run_target
        at_home = sa.and_(change.c.forge == repo.forge, change.c.owner == repo.owner, change.c.name == repo.name)
        joined = (
            sa.select(*_READ, place.c.value.label("place"))
            .join(run, run.c.id == _build.c.run)
            .join(change, change.c.id == run.c.change)
            .join(place, sa.and_(place.c.run == run.c.id, place.c.target == target.name))
            .where(at_home, _build.c.target == target.name, _OF_A_DEPENDENT)
            .where(_build.c.outcome.in_(("SUCCEEDED", "FAILED")), _build.c.ended_at >= since)
        )
        found: list[Build] = []
        for some in batches(sorted(set(packages))):
            rows = await self.connection.execute(joined.where(_build.c.package.in_(some)))
            # Two commits may call two different targets by one name.
            there = [row for row in rows if decode(RunTarget, row.place).target == target]
            found += [_from_row(row.value, row.progress, row.outcome, row.failure) for row in there]
        return found

    async def lately(self, target: str, limit: int) -> Sequence[PastBuild]:
        """Return the last results on a target, of any package and of changes themselves too, newest first."""
        query = sa.select(*_HISTORY).where(_build.c.target == target, _IS_RESULT)
        query = query.order_by(_build.c.ended_at.desc(), _build.c.key).limit(limit)
        return [_past(row) for row in await self.connection.execute(query)]


def _past(row: sa.Row[Any]) -> PastBuild:
    return PastBuild(
        package=row.package,
        passed=row.outcome == "SUCCEEDED",
        baseline=row.purpose is Purpose.BASELINE,
        ended_at=row.ended_at,
        duration=None if row.started_at is None else row.ended_at - row.started_at,
        cpu_seconds=row.cpu_seconds,
    )


def _row(build: Build) -> dict[str, Any]:
    return {
        "key": build.key,
        "run": build.run,
        "target": build.target,
        "package": build.package,
        "backend": build.backend,
        "queued_at": build.queued_at,
        "value": encode(build, _COLUMNS_ALONE),
        **_columns(build),
    }


def _progress(build: Build) -> dict[str, Any]:
    progress = _Progress(**{name: getattr(build, name) for name in _CHANGING})
    return {"of": build.key, "progress": encode(progress), **_columns(build)}


def _columns(build: Build) -> dict[str, Any]:
    """Return what is searched by, as it is now, and the outcome."""
    outcome, failure = encode_outcome(build.outcome)
    return {
        "purpose": build.purpose,
        "state": build.state,
        "cancel_requested": build.cancel_requested,
        "priority": build.priority,
        "not_before": build.not_before,
        "outcome": outcome,
        "reason": build.outcome.reason if isinstance(build.outcome, Failed) else None,
        "started_at": build.started_at,
        "ended_at": build.ended_at,
        "cpu_seconds": build.cpu_seconds,
        "failure": failure,
    }


@lru_cache(maxsize=KEPT)
def _from_row(value: str, progress: str | None, outcome: str | None, failure: str | None) -> Build:
    changed: dict[str, Any] = {}
    if progress is not None:
        since = decode(_Progress, progress)
        changed = {name: getattr(since, name) for name in _CHANGING}
    return decode(Build, value, outcome=decode_outcome(outcome, failure), **changed)
