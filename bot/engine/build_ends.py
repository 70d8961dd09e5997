"""How a build stands once a backend has told its end, has lost it, or did not want it."""

from dataclasses import replace
from datetime import datetime

from bot.domain.build import Build, BuildState, Cancelled, Failed, FailureReason
from bot.ports.builder import BuildStatus
from bot.ports.errors import Gone, Misconfigured, NoSource, Rejected


def ended(build: Build, status: BuildStatus, now: datetime) -> Build:
    """Return a build as the backend says that it ended."""
    outcome = status.outcome
    if isinstance(outcome, Cancelled) and not build.cancel_requested:
        # We did not ask for it: nothing is known of the package, and nobody here wanted that.
        outcome = Failed(reason=FailureReason.INFRASTRUCTURE, cause="somebody cancelled the build in the build system")
    return replace(
        build,
        state=BuildState.DONE,
        outcome=outcome,
        started_at=status.started_at or build.started_at or build.submitted_at,
        ended_at=status.ended_at or now,
        cpu_seconds=status.cpu_seconds,
    )


def lost(build: Build, now: datetime) -> Build:
    """Return a build that the backend does not know any more: nobody can say how it ended."""
    cause = "the backend does not know the build any more"
    outcome = Failed(reason=FailureReason.INFRASTRUCTURE, cause=cause)
    return replace(build, state=BuildState.DONE, outcome=outcome, ended_at=now)


def refused(build: Build, refusal: Rejected | Misconfigured, now: datetime) -> Build:
    """Return a build that the backend does not take."""
    if isinstance(refusal, NoSource):
        outcome = refusal.failed
    else:
        lasting = not isinstance(refusal, Gone)
        outcome = Failed(reason=FailureReason.INFRASTRUCTURE, cause=str(refusal), refused=lasting)
    return replace(build, state=BuildState.DONE, outcome=outcome, ended_at=now)


def cancelled(build: Build, now: datetime) -> Build:
    """Return a build that ended before it was begun, as was asked."""
    return replace(build, state=BuildState.DONE, outcome=Cancelled(), ended_at=now)
