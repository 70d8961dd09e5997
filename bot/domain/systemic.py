"""The circuit breaker: where the first rebuilds of a run all fail in one way, the rest of them waits for a person.

The packages that failed go on to be judged, with their baselines: these tell whether the change is at fault, or the
distribution or the build system. What else runs already is left to run. Nothing else is begun.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from heapq import nsmallest

from bot.domain.build import ASIDE, Build, BuildState, Failed, Purpose, Succeeded
from bot.domain.run import Pause, Run

MOST = 8
"""So many first rebuilds with one signature are no accident, unless the operator says otherwise."""

_EARLY = datetime.min.replace(tzinfo=UTC)


def common_failure(builds: Sequence[Build], target: str, accepted: Sequence[str], most: int) -> Pause | None:
    """Return why a run is to pause: the first `most` rebuilds that ended on a target failed with one signature.

    Failures with a signature that was accepted are passed over; with `most` 0 nothing is ever a reason.
    """
    ended = [
        build for build in builds if build.target == target and _tells(build) and _signature(build) not in accepted
    ]
    first = nsmallest(most, ended, key=lambda build: (build.ended_at or _EARLY, build.key))
    signatures = {_signature(build) for build in first}
    if not first or len(first) < most or len(signatures) > 1 or "" in signatures:
        return None
    return Pause(
        target=target,
        signature=_signature(first[0]),
        cause=first[0].outcome.cause if isinstance(first[0].outcome, Failed) else "",
        packages=tuple(build.package for build in first),
    )


def holds(pause: Pause, build: Build) -> bool:
    """Whether a pause keeps a build of the run from being begun."""
    return not (build.purpose is Purpose.BY_HAND or (build.target == pause.target and build.package in pause.packages))


def is_over(pause: Pause, builds: Iterable[Build]) -> bool:
    """Whether every one of the packages that failed was built since: what stood in their way is gone."""
    passed = {
        build.package
        for build in builds
        if build.run
        and build.purpose not in ASIDE
        and build.target == pause.target
        and isinstance(build.outcome, Succeeded)
    }
    return passed >= set(pause.packages)


def waits(builds: Iterable[Build], pause: Pause) -> bool:
    """Whether a first rebuild is queued that the pause would hold."""
    return any(
        build.purpose is Purpose.FIRST and build.state is BuildState.QUEUED and holds(pause, build) for build in builds
    )


def resumed(run: Run) -> Run:
    """Return the run as it goes on: it does not pause for the same signature again."""
    if run.pause is None:
        return run
    return replace(run, pause=None, accepted_failures=(*run.accepted_failures, run.pause.signature))


def _tells(build: Build) -> bool:
    """Whether it is a first rebuild that was really done, and ended by itself."""
    return (
        build.purpose is Purpose.FIRST and build.reused_from is None and isinstance(build.outcome, Failed | Succeeded)
    )


def _signature(build: Build) -> str:
    """Return what a failure has in common with others, empty for a success."""
    return (build.outcome.signature or build.outcome.cause) if isinstance(build.outcome, Failed) else ""
