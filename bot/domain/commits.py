"""The search for the commits that dependents are built from, where a dist-git does not answer.

Nothing else of a run waits for it. A package that no commit is known of yet is asked about again, ever less often; in
the end it is built from its source package, with the change and without it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.plan import PlanEntry, Unanswered
from bot.domain.report.words import count
from bot.domain.run import Problem, Run, RunState
from bot.domain.target import DistGit

PATIENCE = timedelta(minutes=30)
"""So long an answer is waited for."""
_SOONEST, _LATEST = timedelta(seconds=15), timedelta(minutes=5)
"""Between two questions passes as much time as since the first one, but no less and no more than this."""


def asked_again(run: Run, entries: Iterable[PlanEntry], now: datetime) -> tuple[PlanEntry, ...]:
    """Return the entries of which a commit is asked for now."""
    return tuple(entry for entry in _searched(run, entries) if (until := entry.asks_at) is not None and until <= now)


def next_question(run: Run, entries: Iterable[PlanEntry]) -> datetime | None:
    """Return when a commit is asked for next, None where none is."""
    return min((entry.asks_at for entry in _searched(run, entries) if entry.asks_at is not None), default=None)


def with_answers(
    entries: Iterable[PlanEntry], dist_git: DistGit, found: Mapping[str, str], silent: Mapping[str, str], now: datetime
) -> tuple[PlanEntry, ...]:
    """Return entries that were asked about: those `found` with their commits, and those of which the dist-git said
    nothing, with its reason, as they go on. What it does not have keeps its source package.
    """
    answered = []
    for entry in entries:
        source, unanswered = entry.affected.source, None
        if entry.package in found:
            source = source.at_commit(dist_git.repository(entry.package), found[entry.package])
        elif entry.package in silent:
            unanswered = _without_answer(entry.unanswered, silent[entry.package], now)
        answered.append(replace(entry, affected=replace(entry.affected, source=source), unanswered=unanswered))
    return tuple(answered)


def problem(run: Run, entries: Iterable[PlanEntry]) -> Problem | None:
    """Return what stands in the way of packages that wait for their commits, None where none does."""
    held = _searched(run, entries)
    if not held:
        return None
    many = len({entry.package for entry in held})
    first = f"`{held[0].package}`" + (f" and {many - 1:,} more" if many > 1 else "")
    until = max(entry.unanswered.since for entry in held if entry.unanswered is not None) + PATIENCE
    return Problem(
        what=f"It is not known yet from which commit of the dist-git to build {first}: {reasons(held)}.",
        hint=f"This is asked again by itself; from {until:%H:%M} UTC on the source package is built instead.",
    )


def reasons(entries: Iterable[PlanEntry]) -> str:
    """Return why there was no answer, one of the reasons where there are several."""
    told = sorted({entry.unanswered.why for entry in entries if entry.unanswered is not None})
    return told[0].rstrip(".") + (f" (and {len(told) - 1:,} more)" if len(told) > 1 else "")


def note(planned: Sequence[PlanEntry]) -> str:
    """Return what a reader should know of where planned packages of targets with a dist-git are built from."""
    searched = [entry for entry in planned if entry.asks_at is not None]
    silent = [entry for entry in planned if entry.unanswered is not None and entry.asks_at is None]
    tied = sum(entry.affected.source.from_dist_git for entry in planned)
    others = len(planned) - tied - len(searched) - len(silent)
    told = f"{count(tied, 'package')} built from the dist-git, at commits that were found in planning"
    if others:
        told += f", and {count(others, 'package')} that it does not have from source packages"
    if silent:
        told += f", and {count(len(silent), 'package')} from source packages since it did not answer: {reasons(silent)}"
    return f"{told}." if planned else ""


def _searched(run: Run, entries: Iterable[PlanEntry]) -> tuple[PlanEntry, ...]:
    """Return what waits in a run that goes on: nothing is asked for packages that somebody cancelled."""
    if run.state is not RunState.ACTIVE or run.stop is not None:
        return ()
    waiting = (entry for entry in entries if entry.planned and entry.asks_at is not None)
    return tuple(entry for entry in waiting if entry.package not in run.cancelled_packages)


def _without_answer(before: Unanswered | None, why: str, now: datetime) -> Unanswered:
    since = now if before is None or before.again is None else before.since
    end = since + PATIENCE
    again = None if now >= end else min(end, now + min(max(now - since, _SOONEST), _LATEST))
    return Unanswered(since=since, again=again, why=why)
