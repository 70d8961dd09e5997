"""What waits and goes on at a backend, and when each of these builds is expected to end.

They are played through once for all who ask at about the same moment: a service is asked most when it is busy, and that
is when the queue is long.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter

from bot.domain.allocate import Quotas, is_held, limits, owners_of
from bot.domain.build import Build, BuildState
from bot.domain.costs import Costs
from bot.domain.ids import BuildKey, RunId
from bot.domain.run import Run
from bot.domain.schedule import Job, seconds_until_each
from bot.domain.turns import Owner

_NOBODY: frozenset[BuildKey] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Every build on a backend that has not ended."""

    builds: Sequence[Build] = ()
    runs: Mapping[RunId, Run] = field(default_factory=dict)
    """The runs that these belong to."""
    slots: int = 0
    """How many builds go on at once; 0 where that is not known."""
    ends: Mapping[BuildKey, datetime] = field(default_factory=dict)
    """When each is expected to end, if nothing else is asked for; what a pause holds is left out."""


def expected_ends(backlog: Backlog, costs: Costs, quotas: Quotas, now: datetime) -> Mapping[BuildKey, datetime]:
    """Return when each build of a backlog is expected to end, but for those that a pause holds."""
    builds = lined_up(backlog.builds, backlog.runs)
    jobs = jobs_of(builds, backlog.runs, costs, now)
    seconds = seconds_until_each(jobs, slots(backlog, jobs), limits(backlog.runs, quotas))
    return {build.key: now + timedelta(seconds=each) for build, each in zip(builds, seconds, strict=True)}


def lined_up(builds: Sequence[Build], runs: Mapping[RunId, Run]) -> list[Build]:
    """Return builds in the order in which they were asked for, without those that a pause holds."""
    pausing = {name for name, run in runs.items() if run.pause is not None}
    going = [build for build in builds if not (build.run in pausing and is_held(build, runs))]
    return sorted(going, key=attrgetter("queued_at"))


def jobs_of(
    builds: Sequence[Build],
    runs: Mapping[RunId, Run],
    costs: Costs,
    now: datetime,
    ours: Collection[BuildKey] = _NOBODY,
) -> list[Job]:
    """Return what is still to be done for each build; of one whose cost is not known, nothing."""
    owner_of = owners_of(runs)
    return [_job_of(build, owner_of(build), costs, now, ours=build.key in ours) for build in builds]


def slots(backlog: Backlog, jobs: Sequence[Job]) -> int:
    """Return how many builds go on at once, as many as do where that is not known."""
    return backlog.slots or max(1, sum(job.running for job in jobs))


def _job_of(build: Build, owner: Owner, costs: Costs, now: datetime, *, ours: bool) -> Job:
    seconds = costs.of(build.target, build.package).wall or 0.0
    if build.started_at is not None:
        seconds = max(0.0, seconds - (now - build.started_at).total_seconds())
    return Job(
        name=(build.target, build.package),
        owner=owner,
        seconds=seconds,
        ours=ours,
        running=build.state is not BuildState.QUEUED,
        priority=build.priority,
    )
