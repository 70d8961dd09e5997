"""Ten resolutions at once, on ten targets: memory of all processes, and how long the loop was held.

The targets differ in what they leave out, so that none can answer for another. A clock on the event loop wakes every
millisecond meanwhile; the longest time by which it woke late is the longest that anything held the loop.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

from benchmarks.distribution import distribution
from benchmarks.resolver.place import Clock, own_memory, resolver, solver_memory, target
from bot.app.running import run
from bot.ports.resolver import Question

TARGETS = 10
_SUBJECT = "libyaml"


async def measure(cache: Path) -> dict[str, Any]:
    """Ask for everybody who has libyaml in the buildroot, on every target at once."""
    made = distribution()
    targets = [target(made, excludes=(f"left-out-{number}",)) for number in range(TARGETS)]
    async with resolver(cache) as asked:
        snapshot = await asked.snapshot(targets[0])
        clock = Clock()
        ticking = asyncio.create_task(clock.run())
        begun = time.perf_counter()
        answers = await asyncio.gather(
            *(asked.reverse_dependencies(snapshot.id, wanted, Question(subject=_SUBJECT)) for wanted in targets)
        )
        took = time.perf_counter() - begun
        ticking.cancel()
        solvers = solver_memory()
    assert len({len(answer) for answer in answers}) == 1, "the same question, the same answer"
    return {
        "targets": TARGETS,
        "seconds": took,
        "found": len(answers[0]),
        "solver_memory_mib": max(solvers),
        "summed_memory_mib": sum(solvers) + own_memory(),
    } | clock.read()


def main(cache: str) -> dict[str, Any]:
    """Measure."""
    return run(measure(Path(cache)))
