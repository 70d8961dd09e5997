"""Direct reverse dependencies and loading, in the service: `direct CACHE NAME…` or `load CACHE`."""

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.distribution import distribution
from benchmarks.resolver.bare import ROUNDS
from benchmarks.resolver.place import own_memory, resolver, solver_memory, target
from benchmarks.statistics import percentile
from bot.app.running import run
from bot.domain.config import Depth
from bot.ports.resolver import Question


async def load(cache: Path) -> dict[str, Any]:
    """From nothing to a snapshot: processes started, metadata fetched, verified, parsed and counted."""
    shutil.rmtree(cache, ignore_errors=True)
    made = distribution()
    async with resolver(cache) as asked:
        begun = time.perf_counter()
        snapshot = await asked.snapshot(target(made))
        took = time.perf_counter() - begun
        return {"seconds": took, "sources": snapshot.sources, "solver_memory_mib": max(solver_memory())}


async def direct(cache: Path, names: Sequence[str]) -> dict[str, Any]:
    """Ask for the direct reverse dependencies of each package, the first round apart."""
    wanted = target(distribution())
    async with resolver(cache) as asked:
        snapshot = await asked.snapshot(wanted)

        async def ask() -> dict[str, int]:
            found = {}
            for name in names:
                question = Question(subject=name, depth=Depth(levels=1), binary=True)
                found[name] = len(await asked.reverse_dependencies(snapshot.id, wanted, question))
            return found

        times = []
        for _ in range(1 + 2 * ROUNDS):  # there are two solver processes: each has met every question before it counts
            begun = time.perf_counter()
            counts = await ask()
            times.append(time.perf_counter() - begun)
        return {
            "first_seconds": times[0],
            "seconds": percentile(times[-ROUNDS:], 50),
            "found": counts,
            "solver_memory_mib": max(solver_memory()),
            "service_memory_mib": own_memory(),
        }


def main(question: str, cache: str, *names: str) -> dict[str, Any]:
    """Ask one of the two questions."""
    return run(load(Path(cache)) if question == "load" else direct(Path(cache), names))
