"""Which queued builds get the free slots of a backend.

Repositories take turns (`bot.domain.turns`), each as far as its quota goes; within a run the larger priority goes
first, then the older build. Baselines belong to no run and take their turns together. What a pause holds gets none.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from bot.domain.build import Build, BuildState
from bot.domain.ids import RunId
from bot.domain.run import Run
from bot.domain.systemic import holds
from bot.domain.turns import Owner, Turns

Quotas = Sequence[tuple[str, int]]
"""(glob over `owner/name`, the most builds of one such repository at once): the first that matches counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The builds to submit now, in order, and the last turns of all repositories, for the next time."""

    builds: tuple[Build, ...]
    served: Mapping[str, int]


def allocate(
    queue: Sequence[Build],
    capacity: int,
    runs: Mapping[RunId, Run],
    quotas: Quotas = (),
    served: Mapping[str, int] | None = None,
) -> Grant:
    """Give free slots away. `queue` is everything unfinished on one backend, `capacity` its slots."""
    turns: Turns[Build] = Turns(limits(runs, quotas), served or {})
    owner_of = owners_of(runs)
    pausing = {name for name, run in runs.items() if run.pause is not None}
    waiting: defaultdict[RunId | None, list[Build]] = defaultdict(list)
    free = capacity
    for build in queue:
        if build.state is not BuildState.QUEUED:
            turns.begin(owner_of(build))
            free -= 1
        elif not build.cancel_requested and not (build.run in pausing and is_held(build, runs)):
            waiting[build.run].append(build)
    for builds in waiting.values():
        oldest = min(build.queued_at for build in builds)
        turns.wait(owner_of(builds[0]), builds, _rank, oldest.timestamp())
    granted: list[Build] = []
    while len(granted) < free:
        build_or_none = turns.next()
        if build_or_none is None:
            break
        granted.append(build_or_none)
    return Grant(builds=tuple(granted), served=turns.served)


def _rank(build: Build) -> tuple[int, datetime, str]:
    return (-build.priority, build.queued_at, build.key)


def ripe(queue: Sequence[Build], now: datetime) -> tuple[Build, ...]:
    """Return a queue without those builds that may not be begun yet (`Build.not_before`)."""
    return tuple(
        build
        for build in queue
        if build.state is not BuildState.QUEUED or build.not_before is None or build.not_before <= now
    )


def owners_of(runs: Mapping[RunId, Run]) -> Callable[[Build], Owner]:
    """Return a function that tells whose turn a build takes."""
    nobody = Owner()
    known: dict[RunId | None, Owner] = {name: run_owner(run) for name, run in runs.items()}
    return lambda build: known.get(build.run, nobody)


def run_owner(run: Run) -> Owner:
    """Return whose turn the builds of a run take."""
    return Owner(repository=_name(run), run=run.id)


def is_held(build: Build, runs: Mapping[RunId, Run]) -> bool:
    """Whether the build is not to be begun, because its run pauses."""
    run = runs.get(build.run) if build.run is not None else None
    return run is not None and run.pause is not None and holds(run.pause, build)


def limits(runs: Mapping[RunId, Run], quotas: Quotas) -> Mapping[str, int]:
    """Return the most builds at once of those repositories for which there is a quota."""
    found: dict[str, int] = {}
    for run in runs.values():
        most = next((most for glob, most in quotas if fnmatchcase(str(run.change.repo), glob)), None)
        if most is not None:
            found[_name(run)] = most
    return found


def _name(run: Run) -> str:
    return f"{run.change.repo.forge}:{run.change.repo}"
