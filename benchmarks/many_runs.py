"""What the engine alone costs per build, with many runs at once on a backend in memory.

The same builds as in `benchmarks.backends`, without a hub, a client and TLS: real reconciler, poller and SQLite
database, in a process of its own (`python -m benchmarks.many_runs RUNS PACKAGES SLOTS`). The clock goes on by the poll
interval at each poll, and everything that is due is done in between.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.memory import peak_memory_mib
from benchmarks.statistics import percentile
from benchmarks.turns import to_the_end
from bot.app.running import keep_for_good, run
from bot.domain.build import BuildRequest, BuildState, Succeeded
from bot.domain.ids import BuildKey, BuildRef
from bot.domain.run import RunState
from bot.ports.builder import BuildStatus
from tests.fakes.builder import FakeBuild, FakeBuilder
from tests.fakes.resolver import affected
from tests.scenario.harness import CONFIG, stage

SECONDS = 5.0
"""Of one build, on average."""
_LONGEST = 1800.0
_ROOT = ("host-base-1-1.noarch",)


class Timed(FakeBuilder):
    """Builds end well, after half of `SECONDS` to one and a half; it costs next to nothing."""

    async def submit(self, key: BuildKey, request: BuildRequest) -> BuildRef:
        """Begin a build."""
        ref = BuildRef(f"{len(self.builds)}")
        status = BuildStatus(state=BuildState.RUNNING, started_at=self.clock.now())
        self.builds[ref] = FakeBuild(key=key, request=request, status=status, log=b"it went well\n")
        return ref

    async def poll(self, refs: Sequence[BuildRef]) -> Mapping[BuildRef, BuildStatus]:
        """End those whose time has come."""
        return {ref: self._look(ref) for ref in refs}

    def _look(self, ref: BuildRef) -> BuildStatus:
        build, now = self.builds[ref], self.clock.now()
        assert build.status.started_at is not None
        over = build.status.started_at + timedelta(seconds=SECONDS * (0.5 + int(ref) % 100 / 100))
        if now < over:
            return build.status
        ended = replace(build.status, state=BuildState.DONE, ended_at=over, outcome=Succeeded(), installed=_ROOT)
        self.builds[ref] = replace(build, status=ended)
        return ended


async def measure(runs: int, packages: int, slots: int) -> dict[str, Any]:
    """Take so many runs to their verdicts; return CPU milliseconds per build, wall time and peak memory."""
    with tempfile.TemporaryDirectory() as directory:
        builder = Timed(slots=slots)
        async with stage(Path(directory), builders={"fake": builder}) as revdeps:
            builder.clock = revdeps.clock
            names = [f"dependent-{number:04}" for number in range(packages)]
            # Whose root is not known to be another's, nothing is taken over from.
            found = [affected(name, buildroot_after="") for name in names]
            revdeps.resolver.script_impact(["libfoo"], *found, sources=10 * packages)
            refs = [await revdeps.open(config=CONFIG) for _ in range(runs)]
            keep_for_good()
            cpu, wall = time.process_time(), time.perf_counter()
            # Nothing that goes on takes longer than twice `SECONDS`.
            turns = await to_the_end(revdeps, 2 * SECONDS, _LONGEST)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            for ref in refs:
                (run,) = (await revdeps.view(ref)).runs
                assert run.run.state is RunState.FINISHED
                assert len(run.findings) == packages
    builds = len(builder.builds)
    return {
        "runs": runs,
        "builds": builds,
        "slots": slots,
        "polls": len(turns),
        "cpu_ms_per_build": 1000 * cpu / builds,
        "wall_seconds": wall,
        "round_p50_ms": 1000 * percentile(turns, 50),
        "round_p99_ms": 1000 * percentile(turns, 99),
        "peak_memory_mib": peak_memory_mib(os.getpid()),
    }


if __name__ == "__main__":
    print(json.dumps(run(measure(*(int(each) for each in sys.argv[1:])))))
