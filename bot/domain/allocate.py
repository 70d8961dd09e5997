"""Which queued builds get the free slots of a backend.

Runs take turns, so that a plan of a thousand packages does not keep a plan of three waiting; within a run the larger
priority goes first, then the older build. Baselines belong to no run and take one turn together.
"""

from collections import defaultdict
from collections.abc import Sequence

from bot.domain.build import Build, BuildState


def allocate(queue: Sequence[Build], capacity: int) -> tuple[Build, ...]:
    """Return the builds to submit now. `queue` is everything unfinished on one backend, `capacity` its slots."""
    busy = sum(1 for build in queue if build.state is not BuildState.QUEUED)
    free = capacity - busy
    waiting: dict[str, list[Build]] = defaultdict(list)
    running: dict[str, int] = defaultdict(int)
    for build in queue:
        owner = build.run or ""
        if build.state is BuildState.QUEUED and not build.cancel_requested:
            waiting[owner].append(build)
        else:
            running[owner] += 1
    for builds in waiting.values():
        builds.sort(key=lambda build: (-build.priority, build.queued_at, build.key))
    granted: list[Build] = []
    while len(granted) < free and any(waiting.values()):
        owner = min((owner for owner in waiting if waiting[owner]), key=lambda owner: (running[owner], owner))
        granted.append(waiting[owner].pop(0))
        running[owner] += 1
    return tuple(granted)
