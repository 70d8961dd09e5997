"""Which queued builds get the free slots of a backend.

Repositories take turns (`bot.domain.turns`), each as far as its quota goes; within a run the larger priority goes
first, then the older build. Baselines belong to no run and take their turns together. What a pause holds gets none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from bot.domain.build import Build
from bot.domain.ids import RunId
from bot.domain.run import Run
from bot.domain.systemic import holds
from bot.domain.turns import Owner, Turns

Quotas = Sequence[tuple[str, int]]
"""(glob over `owner/name`, the most builds of one such repository at once): the first that matches counts."""

_NOBODY = Owner()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The builds of one run that wait for one backend and may be begun: how many, and since when the oldest waits."""

    run: RunId | None
    """None for baselines."""
    builds: int
    oldest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The line from which each free slot is filled, in order, and the last turns of all repositories, for next time."""

    turns: tuple[Line, ...]
    served: Mapping[str, int]


def allocate(
    lines: Sequence[Line],
    going: Sequence[RunId | None],
    capacity: int,
    runs: Mapping[RunId, Run],
    quotas: Quotas = (),
    served: Mapping[str, int] | None = None,
) -> Grant:
    """Give free slots away. `lines` and `going` (the run of each build that goes on) are all that is unfinished on one
    backend, `capacity` its slots.
    """
    turns: Turns[Line] = Turns(limits(runs, quotas), served or {})
    owners: dict[RunId | None, Owner] = {name: run_owner(run) for name, run in runs.items()}
    for run in going:
        turns.begin(owners.get(run, _NOBODY))
    free = max(0, capacity - len(going))
    for line in lines:
        first = [line] * min(free, line.builds)
        behind = line.builds - len(first)
        turns.wait(owners.get(line.run, _NOBODY), first, _rank, line.oldest.timestamp(), behind)
    granted: list[Line] = []
    while len(granted) < free and (turn := turns.next()) is not None:
        granted.append(turn)
    return Grant(turns=tuple(granted), served=turns.served)


def _rank(line: Line) -> tuple[datetime, str]:
    return line.oldest, line.run or ""


def owners_of(runs: Mapping[RunId, Run]) -> Callable[[Build], Owner]:
    """Return a function that tells whose turn a build takes."""
    known: dict[RunId | None, Owner] = {name: run_owner(run) for name, run in runs.items()}
    return lambda build: known.get(build.run, _NOBODY)


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
