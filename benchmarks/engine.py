"""What the engine costs per build: a change that affects a thousand packages, on a backend whose builds end at once.

The real reconciler, poller and SQLite database, with fakes at the ports; it runs in a process of its own
(`python -m benchmarks.engine PACKAGES SLOTS`), so that CPU time and memory are the engine's alone. The clock goes on by
the poll interval at each poll, so that reports are held back, and published, as often as they would be.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.memory import peak_memory_mib
from benchmarks.statistics import percentile
from benchmarks.turns import to_the_end
from bot.app.running import keep_for_good, run
from bot.domain.build import BuildRequest, Outcome, Succeeded
from bot.domain.run import RunState
from tests.fakes.builder import failed
from tests.fakes.resolver import affected
from tests.scenario.harness import CONFIG, stage

FAILING_SHARE = 20
"""One in so many packages fails with the change, each for a cause of its own."""

_LONGEST = 300.0
"""Seconds after which the measurement is given up."""


def outcome(request: BuildRequest) -> Outcome:
    """With the change every twentieth package fails; without it everything passes."""
    name, _, number = request.package.rpartition("-")
    if name == "dependent" and int(number) % FAILING_SHARE == 0 and "baseline" not in request.workspace:
        return failed(f"error: no function called old_name_{number}")
    return Succeeded()


async def measure(packages: int, slots: int) -> dict[str, Any]:
    """Run one change through to its verdict; return CPU milliseconds per build, wall time and peak memory."""
    with tempfile.TemporaryDirectory() as directory:
        async with stage(Path(directory)) as revdeps:
            revdeps.builder.slots = slots
            revdeps.builder.outcome_for = outcome
            names = [f"dependent-{number:04}" for number in range(packages)]
            revdeps.resolver.script_impact(
                ["libfoo"],
                *(affected(name, contains=tuple(names[max(0, at - 5) : at])) for at, name in enumerate(names)),
                sources=10 * packages,
            )
            ref = await revdeps.open(config=CONFIG + f"reverse-dependencies: {{limit: {packages}}}\n")
            memory_before = peak_memory_mib(os.getpid())
            keep_for_good()
            cpu, wall = time.process_time(), time.perf_counter()
            # What ended in the first of two idle turns has been taken up in the second.
            polls = (await to_the_end(revdeps, 2, _LONGEST, lambda: bool(revdeps.builder.running)))[:-2]
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            view = await revdeps.view(ref)
            assert view.runs[0].run.state is RunState.FINISHED
            assert len(view.runs[0].findings) == packages
            builds = len(revdeps.builder.started)
    return {
        "packages": packages,
        "slots": slots,
        "builds": builds,
        "polls": len(polls),
        "cpu_ms_per_build": 1000 * cpu / builds,
        "wall_seconds": wall,
        "round_p50_ms": 1000 * percentile(polls, 50),
        "round_p99_ms": 1000 * percentile(polls, 99),
        "peak_memory_mib": peak_memory_mib(os.getpid()),
        "memory_before_mib": memory_before,
    }


if __name__ == "__main__":
    print(json.dumps(run(measure(int(sys.argv[1]), int(sys.argv[2])))))
