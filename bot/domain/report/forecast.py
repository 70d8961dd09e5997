"""What is still to come: builds to go, what they are likely to cost, and when the last of them is expected to end.

Rebuilds that failures will ask for are not foreseen.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.allocate import Quotas, limits, run_owner
from bot.domain.backlog import Backlog, jobs_of, lined_up, slots
from bot.domain.build import Build, BuildState, Purpose
from bot.domain.costs import Costs, Place
from bot.domain.plan import WITHOUT_A_BUILD, PlanEntry
from bot.domain.queue import priority_of
from bot.domain.report.assemble import Stored
from bot.domain.report.values import Forecast
from bot.domain.run import RunState
from bot.domain.schedule import Job, seconds_until_done


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """What is known besides the run itself; all of it may be missing."""

    costs: Costs = field(default_factory=Costs)
    backlogs: Mapping[str, Backlog] = field(default_factory=dict)
    """By backend; they may be as they were a moment ago."""
    quotas: Quotas = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToCome:
    """What of a run is still to be built: entries of which no build is written down, and builds that have not ended."""

    waiting: Sequence[PlanEntry]
    going: Sequence[Build]

    @property
    def places(self) -> list[Place]:
        """Where these are built."""
        found = [(entry.target, entry.package) for entry in self.waiting]
        return found + [(build.target, build.package) for build in self.going]


_NONE = Experience()
_NOTHING = Backlog()


def forecast(stored: Stored, now: datetime, experience: Experience = _NONE) -> Forecast | None:
    """Return what is still to come; None before there is a plan and after the run's end.

    The end is rounded up to a full minute, and missing where nothing was ever built on one of the targets.
    """
    if not has_future(stored):
        return None
    to_come = to_come_of(stored)
    costs = [experience.costs.of(*place) for place in to_come.places]
    wall = [cost.wall for cost in costs]
    end = _end(stored, to_come, now, experience) if costs and None not in wall else None
    return Forecast(
        builds=len(costs),
        wall=_sum(wall),
        cpu=_sum([cost.cpu for cost in costs]),
        ends_at=None if end is None else _full_minute(end),
    )


def to_come_of(stored: Stored) -> ToCome:
    """Return what of a run is still to be built, as far as it is known."""
    begun = {(build.target, build.package) for build in stored.builds}
    return ToCome(
        waiting=[entry for entry in _unbuilt(stored) if (entry.target, entry.package) not in begun],
        going=[build for build in stored.builds if build.state is not BuildState.DONE],
    )


def has_future(stored: Stored) -> bool:
    """Whether there is a plan that is not over, and nobody has to decide first."""
    return stored.run.state is RunState.ACTIVE and stored.run.pause is None and bool(stored.entries)


def _unbuilt(stored: Stored) -> list[PlanEntry]:
    """Return the entries of which a build is still to tell, the nearest first."""
    judged = {(finding.target, finding.package) for finding in stored.findings}
    found = [
        entry
        for entry in stored.entries
        if entry.planned
        and entry.affected.effect not in WITHOUT_A_BUILD
        and (entry.target, entry.package) not in judged
    ]
    return sorted(found, key=lambda entry: (entry.affected.distance, entry.package))


def _end(stored: Stored, to_come: ToCome, now: datetime, experience: Experience) -> datetime:
    """Return when the last build of ours will have ended."""
    known = [experience.backlogs.get(build.backend, _NOTHING).ends.get(build.key) for build in to_come.going]
    ends = [end for end in known if end is not None]
    if not to_come.waiting and len(ends) == len(known):
        return max(now, *ends)
    backends = {target.target.name: target.target.backend for target in stored.targets}
    waiting: defaultdict[str, list[PlanEntry]] = defaultdict(list)
    for entry in to_come.waiting:
        waiting[backends.get(entry.target, "")].append(entry)
    going: defaultdict[str, list[Build]] = defaultdict(list)
    for build in to_come.going:
        going[build.backend].append(build)
    seconds = [
        _seconds(stored, ToCome(waiting=waiting[backend], going=going[backend]), now, experience, backend)
        for backend in {*waiting, *going}
    ]
    return now + timedelta(seconds=max(seconds))


def _seconds(stored: Stored, to_come: ToCome, now: datetime, experience: Experience, backend: str) -> float:
    """Return how long it takes until the last build of ours on one backend has ended, with what others have there."""
    backlog, costs = experience.backlogs.get(backend, _NOTHING), experience.costs
    ours = {build.key for build in stored.builds}
    runs = {**backlog.runs, stored.run.id: stored.run}
    others = [build for build in backlog.builds if build.key not in ours]
    jobs = jobs_of(lined_up([*to_come.going, *others], runs), runs, costs, now, ours)
    mine = run_owner(stored.run)
    for entry in to_come.waiting:
        needs = frozenset() if entry.ready else frozenset((entry.target, need) for need in entry.needs)
        seconds = costs.of(entry.target, entry.package).wall or 0.0
        priority = priority_of(stored.run, entry, Purpose.FIRST)
        name = (entry.target, entry.package)
        jobs.append(Job(name=name, owner=mine, seconds=seconds, needs=needs, priority=priority))
    return seconds_until_done(jobs, slots(backlog, jobs), limits(runs, experience.quotas))


def _sum(seconds: Sequence[float | None]) -> timedelta | None:
    """Return all of them together, None where there are none or one is not known."""
    known = [each for each in seconds if each is not None]
    return timedelta(seconds=sum(known)) if known and len(known) == len(seconds) else None


def _full_minute(moment: datetime) -> datetime:
    minute = timedelta(minutes=1)
    rounded = moment.replace(second=0, microsecond=0)
    return rounded if rounded == moment else rounded + minute
