"""Whose turn it is in a queue in memory, as the poller finds it out in the store."""

from collections.abc import Mapping, Sequence
from operator import attrgetter

from bot.domain.allocate import Line, Quotas, allocate, is_held
from bot.domain.build import Build, BuildState
from bot.domain.ids import RunId
from bot.domain.run import Run


def _waiting(queue: Sequence[Build], runs: Mapping[RunId, Run]) -> dict[RunId | None, list[Build]]:
    """What may be begun of each run, in the order in which it may be."""
    free = [build for build in queue if not build.cancel_requested and not is_held(build, runs)]
    waiting = [build for build in free if build.state is BuildState.QUEUED]
    ordered = sorted(waiting, key=lambda build: (-build.priority, build.queued_at, build.key))
    return {run: [build for build in ordered if build.run == run] for run in {build.run for build in waiting}}


def in_turn(
    queue: Sequence[Build],
    capacity: int,
    runs: Mapping[RunId, Run],
    quotas: Quotas = (),
    served: Mapping[str, int] | None = None,
) -> tuple[list[Build], Mapping[str, int]]:
    """The builds whose turn it is, and the last turns of all repositories."""
    found = _waiting(queue, runs)
    lines = [
        Line(run=run, builds=len(builds), oldest=min(map(attrgetter("queued_at"), builds)))
        for run, builds in found.items()
    ]
    going = [build.run for build in queue if build.state is not BuildState.QUEUED]
    grant = allocate(lines, going, capacity, runs, quotas, served)
    return [found[line.run].pop(0) for line in grant.turns], grant.served
