"""Which builds a backend with free slots is given next: only their rows are read, as there may be thousands behind."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.allocate import Line, Quotas, allocate, is_held
from bot.domain.ids import BuildKey, RunId
from bot.domain.run import Run
from bot.ports.store import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What waits for a backend, and how many builds it takes: `going` are the runs of those that it has."""

    tx: Transaction
    backend: str
    now: datetime
    lines: Sequence[Line]
    going: Sequence[RunId | None]
    capacity: int

    async def next(self, quotas: Quotas, served: Mapping[str, int]) -> tuple[list[BuildKey], Mapping[str, int]]:
        """Return the builds whose turn it is, in order, and the last turns of all repositories, for the next time."""
        known = {*self.going, *(line.run for line in self.lines)}
        runs = await self.tx.runs.several({run for run in known if run is not None})
        pausing = {name for name, run in runs.items() if run.pause is not None}
        lines, keys = [], dict[RunId | None, Sequence[BuildKey]]()
        for line in self.lines:
            if line.run in pausing:
                shorter, keys[line.run] = await self._not_held(line, runs)
                lines += shorter
            else:
                lines.append(line)
        grant = allocate(lines, self.going, self.capacity, runs, quotas, served)
        for run, count in Counter(line.run for line in grant.turns).items():
            keys[run] = keys.get(run) or await self._first(run, count)
        turns = {run: iter(several) for run, several in keys.items()}
        # What was to be cancelled meanwhile is not in line any more.
        return [key for line in grant.turns if (key := next(turns[line.run], None)) is not None], grant.served

    async def _first(self, run: RunId | None, count: int) -> Sequence[BuildKey]:
        return await self.tx.builds.in_line(self.backend, run, self.now, count)

    async def _not_held(self, line: Line, runs: Mapping[RunId, Run]) -> tuple[list[Line], list[BuildKey]]:
        """Return the line, if any, of what may be begun of a run that pauses, and the builds in it."""
        keys = await self._first(line.run, line.builds)
        builds = await self.tx.builds.get(keys)
        free = [builds[key] for key in keys if not is_held(builds[key], runs)]
        oldest = min((build.queued_at for build in free), default=None)
        lines = [] if oldest is None else [Line(run=line.run, builds=len(free), oldest=oldest)]
        return lines, [build.key for build in free]
