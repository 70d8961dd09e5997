"""What is still to come, as far as the run itself can tell: builds to go, and when they are expected to end."""

import math
from datetime import datetime, timedelta

from bot.domain.build import BuildState
from bot.domain.plan import WITHOUT_A_BUILD
from bot.domain.report.assemble import Stored
from bot.domain.report.values import Forecast
from bot.domain.run import RunState


def forecast(stored: Stored, now: datetime) -> Forecast | None:
    """Return the builds to go, and their expected end; None before there is a plan and after the run's end.

    The mean duration of what this run has built so far, the change itself at first, stands for the rest; as many
    builds go on at once as do now. The end is rounded up to a full minute.
    """
    if stored.run.state is not RunState.ACTIVE or not stored.entries:
        return None
    judged = {(finding.target, finding.package) for finding in stored.findings}
    unbuilt = [
        entry
        for entry in stored.entries
        if entry.planned
        and entry.affected.effect not in WITHOUT_A_BUILD
        and (entry.target, entry.package) not in judged
    ]
    begun = {(build.target, build.package) for build in stored.builds}
    open_builds = [build for build in stored.builds if build.state is not BuildState.DONE]
    waiting = sum((entry.target, entry.package) not in begun for entry in unbuilt)
    builds = waiting + len(open_builds)
    durations = [build.duration for build in stored.builds if build.duration is not None]
    if not builds or not durations:
        return Forecast(builds=builds)
    running = sum(build.state is BuildState.RUNNING for build in open_builds)
    mean = sum(durations, timedelta()) / len(durations)
    end = now + mean * math.ceil(builds / max(1, running))
    minute = timedelta(minutes=1)
    rounded = end.replace(second=0, microsecond=0)
    return Forecast(builds=builds, ends_at=rounded if rounded == end else rounded + minute)
