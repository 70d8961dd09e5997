"""The exact impact of changes, in the service.

`zlib CACHE DIRECTORY`: of changes to zlib, which is in nearly every buildroot. `random CACHE DIRECTORY`: of changes to
packages picked at random, always the same ones.
"""

import asyncio
import random
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.changes import Changes, Kind
from benchmarks.distribution import distribution
from benchmarks.resolver.place import TICK, Clock, own_memory, resolver, solver_memory, target
from benchmarks.statistics import percentile
from bot.app.running import run
from bot.domain.plan import Impact

SUBJECT = "zlib"
_SEED = 20_261_121
_PICKED = 50
_LONGEST = 180.0
"""Seconds after which no more of them are asked for; the table tells how many there were."""
_ZLIB = (
    ("cold", Kind.EXTENDED, "cold"),
    ("base_cached", Kind.EXTENDED, "cached"),
    ("raised", Kind.RAISED, "raised"),
    ("rebuilt", Kind.REBUILT, "rebuilt"),
    ("requiring", Kind.REQUIRING, "requiring"),
)
"""What is asked in turn: the first has nothing to build on."""


async def zlib(cache: Path, directory: Path) -> dict[str, Any]:
    """Measure changes to zlib one after the other."""
    made = distribution()
    changes, wanted = Changes.of(made), target(made)
    results: dict[str, Any] = {}
    async with resolver(cache) as asked:
        snapshot = await asked.snapshot(wanted)
        clock = Clock()
        ticking = asyncio.create_task(clock.run())
        for name, kind, mark in _ZLIB:
            overlay = changes.write(directory / name, SUBJECT, kind, mark)
            await asyncio.sleep(2 * TICK)  # the clock has then seen how long the writing took
            clock.read()
            begun = time.perf_counter()
            found = await asked.impact(snapshot.id, wanted, overlay)
            results[name] = {"seconds": time.perf_counter() - begun} | _summary(found) | clock.read()
            results[name]["solver_memory_mib"] = max(solver_memory())
            print(name, results[name], file=sys.stderr, flush=True)
        ticking.cancel()
        results["service_memory_mib"] = own_memory()
    return results


async def packages(cache: Path, directory: Path) -> dict[str, Any]:
    """Measure changes to packages picked at random: their versions raised, and each provides something new."""
    made = distribution()
    changes, wanted = Changes.of(made), target(made)
    picked = random.Random(_SEED).sample(sorted(changes.by_source), _PICKED)
    times, affected = [], 0
    async with resolver(cache) as asked:
        snapshot = await asked.snapshot(wanted)
        end = time.monotonic() + _LONGEST
        for name in picked:
            if time.monotonic() > end:
                break
            overlay = changes.write(directory / name, name, Kind.EXTENDED)
            begun = time.perf_counter()
            affected += len((await asked.impact(snapshot.id, wanted, overlay)).affected)
            times.append(time.perf_counter() - begun)
        memory = max(solver_memory())
    return {
        "packages": len(times),
        "p50_seconds": percentile(times, 50),
        "p90_seconds": percentile(times, 90),
        "max_seconds": max(times),
        "first_seconds": times[0],
        "affected": affected,
        "solver_memory_mib": memory,
    }


def _summary(found: Impact) -> dict[str, Any]:
    return {"sources": found.sources, "affected": len(found.affected), "uninstallable": len(found.uninstallable)}


def main(question: str, cache: str, directory: str) -> dict[str, Any]:
    """Ask one of the two questions."""
    ask = zlib if question == "zlib" else packages
    return run(ask(Path(cache), Path(directory)))
