"""What is still to come: builds to go, what they are likely to cost, and when the last of them is expected to end.

A package is expected to take what it took before on this target (the median of its last builds that passed, or of all
where none did), one that was never built there what is usual on the target. Rebuilds that failures will ask for are not
foreseen.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from statistics import median

from bot.domain.allocate import Quotas, is_held, limits, owners_of, run_owner
from bot.domain.build import Build, BuildState, Purpose
from bot.domain.history import PastBuild
from bot.domain.ids import RunId
from bot.domain.plan import WITHOUT_A_BUILD, PlanEntry
from bot.domain.queue import priority_of
from bot.domain.report.assemble import Stored
from bot.domain.report.values import Forecast
from bot.domain.run import Run, RunState
from bot.domain.schedule import Job, seconds_until_done
from bot.domain.turns import Owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """What is known besides the run itself; all of it may be missing. The first three are by target or backend."""

    past: Mapping[str, Sequence[PastBuild]] = field(default_factory=dict)
    """Results of the packages of the plan, by target."""
    lately: Mapping[str, Sequence[PastBuild]] = field(default_factory=dict)
    """Results of whatever was built, by target."""
    slots: Mapping[str, int] = field(default_factory=dict)
    """How many builds go on at once, by backend."""
    queue: Sequence[Build] = ()
    """Every build on these backends that has not ended."""
    runs: Mapping[RunId, Run] = field(default_factory=dict)
    """The runs that these belong to."""
    quotas: Quotas = ()


_NONE = Experience()


def forecast(stored: Stored, now: datetime, experience: Experience = _NONE) -> Forecast | None:
    """Return what is still to come; None before there is a plan and after the run's end.

    The end is rounded up to a full minute, and missing where nothing was ever built on one of the targets.
    """
    if not has_future(stored):
        return None
    begun = {(build.target, build.package) for build in stored.builds}
    waiting = [entry for entry in unbuilt(stored) if (entry.target, entry.package) not in begun]
    going = [build for build in stored.builds if build.state is not BuildState.DONE]
    places = [(entry.target, entry.package) for entry in waiting]
    places += [(build.target, build.package) for build in going]
    costs = _Costs(experience)
    wall = [costs.wall(*place) for place in places]
    cpu = [costs.cpu(*place) for place in places]
    seconds = _seconds(stored, waiting, going, costs, now) if places and None not in wall else None
    return Forecast(
        builds=len(places),
        wall=_sum(wall),
        cpu=_sum(cpu),
        ends_at=None if seconds is None else _full_minute(now + timedelta(seconds=seconds)),
    )


def has_future(stored: Stored) -> bool:
    """Whether there is a plan that is not over, and nobody has to decide first."""
    return stored.run.state is RunState.ACTIVE and stored.run.pause is None and bool(stored.entries)


def unbuilt(stored: Stored) -> list[PlanEntry]:
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


class _Costs:
    """What a build is likely to take, in seconds, by target and package."""

    def __init__(self, experience: Experience) -> None:
        self.experience = experience
        self._usual = {target: _medians(builds) for target, builds in experience.lately.items()}
        self._own: dict[tuple[str, str], tuple[float | None, float | None]] = {}
        for target, builds in experience.past.items():
            packages: defaultdict[str, list[PastBuild]] = defaultdict(list)
            for build in builds:
                packages[build.package].append(build)
            for package, found in packages.items():
                self._own[target, package] = _medians([build for build in found if build.passed] or found)

    def wall(self, target: str, package: str) -> float | None:
        """From start to end."""
        return self._told(target, package)[0]

    def cpu(self, target: str, package: str) -> float | None:
        """Of all processors together."""
        return self._told(target, package)[1]

    def _told(self, target: str, package: str) -> tuple[float | None, float | None]:
        usual = self._usual.get(target, (None, None))
        own = self._own.get((target, package), (None, None))
        return usual[0] if own[0] is None else own[0], usual[1] if own[1] is None else own[1]


def _medians(builds: Iterable[PastBuild]) -> tuple[float | None, float | None]:
    wall, cpu = [], []
    for build in builds:
        if build.duration is not None:
            wall.append(build.duration.total_seconds())
        if build.cpu_seconds is not None:
            cpu.append(build.cpu_seconds)
    return median(wall) if wall else None, median(cpu) if cpu else None


def _seconds(
    stored: Stored, waiting: Sequence[PlanEntry], going: Sequence[Build], costs: _Costs, now: datetime
) -> float:
    """Return how long it takes until the last build of ours has ended, on the slowest of the backends."""
    experience = costs.experience
    backends = {target.target.name: target.target.backend for target in stored.targets}
    jobs: defaultdict[str, list[Job]] = defaultdict(list)
    ours = {build.key for build in going}
    runs = {**experience.runs, stored.run.id: stored.run}
    pausing = {name for name, run in runs.items() if run.pause is not None}
    others = [
        build
        for build in experience.queue
        if build.key not in ours and not (build.run in pausing and is_held(build, runs))
    ]
    owner_of = owners_of(runs)
    for build in sorted((*going, *others), key=attrgetter("queued_at")):
        seconds = costs.wall(build.target, build.package) or 0.0
        jobs[build.backend].append(_job_of(build, owner_of(build), seconds, now, ours=build.key in ours))
    mine = run_owner(stored.run)
    for entry in waiting:
        needs = frozenset() if entry.ready else frozenset((entry.target, need) for need in entry.needs)
        seconds = costs.wall(entry.target, entry.package) or 0.0
        name = (entry.target, entry.package)
        priority = priority_of(stored.run, entry, Purpose.FIRST)
        job = Job(name=name, owner=mine, seconds=seconds, needs=needs, priority=priority)
        jobs[backends.get(entry.target, "")].append(job)
    quotas = limits(runs, experience.quotas)
    return max(
        seconds_until_done(found, experience.slots.get(backend) or _running(found), quotas)
        for backend, found in jobs.items()
    )


def _job_of(build: Build, owner: Owner, seconds: float, now: datetime, *, ours: bool) -> Job:
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


def _running(jobs: Sequence[Job]) -> int:
    """Return how many slots there are at least."""
    return max(1, sum(job.running for job in jobs))


def _sum(seconds: Sequence[float | None]) -> timedelta | None:
    """Return all of them together, None where there are none or one is not known."""
    known = [each for each in seconds if each is not None]
    return timedelta(seconds=sum(known)) if known and len(known) == len(seconds) else None


def _full_minute(moment: datetime) -> datetime:
    minute = timedelta(minutes=1)
    rounded = moment.replace(second=0, microsecond=0)
    return rounded if rounded == moment else rounded + minute
