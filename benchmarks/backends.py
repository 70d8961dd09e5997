"""What builds in Koji cost: many runs at once on one hub, with the real engine, adapter and client.

The engine runs in a process of its own (`python -m benchmarks.backends RUNS PACKAGES SLOTS`), the hub in another, so
that CPU time and memory are the engine's alone. Time is real: builds take seconds, and are looked at every second.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.koji_hub import TAG
from benchmarks.memory import peak_memory_mib
from benchmarks.statistics import percentile
from bot.adapters.config_file import Offer, load
from bot.adapters.koji import Certificate, KojiBuilder, KojiSettings
from bot.app.running import keep_for_good, run
from bot.app.service import Workers
from bot.domain.build import BuildState, TreeSource
from bot.domain.ids import BuildRef
from bot.domain.run import RunState
from bot.domain.target import KojiHub
from bot.ports.builder import BuildStatus
from tests.fakes.koji.stage import make_srpm
from tests.fakes.resolver import affected
from tests.scenario.harness import Stage, stage

RUNS, PACKAGES, SLOTS = 50, 200, 500
_SECONDS = 5.0
"""Of one build, on average."""
_INTERVAL = 1.0
"""Seconds between two looks at whether all is done."""
_MANY = 100
"""Running builds from which on a poll counts for the calls per hundred."""
_LONGEST = 1800.0
_CONFIG = f"""\
version: 1
packages: [{{spec: libfoo.spec, name: libfoo}}]
targets:
  - {{name: bench, backend: koji, arch: x86_64, repositories: [{{koji: {{tag: {TAG}}}}}]}}
"""


class Clock:
    """The machine's."""

    def now(self) -> datetime:
        """Return the present time."""
        return datetime.now(UTC)


class Hub:
    """The hub's process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.place: Mapping[str, str] = self._read()

    def calls(self) -> int:
        """Return how many requests it has had."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        told = self._read()
        assert not told["violations"], told["violations"]
        return int(told["calls"])

    def _read(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@contextmanager
def _hub(directory: Path, packages: int) -> Iterator[Hub]:
    directory.mkdir()
    command = [sys.executable, "-m", "benchmarks.koji_hub", str(directory), str(packages), str(_SECONDS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Hub(process)
        finally:
            process.terminate()


@dataclass(slots=True)
class Observed:
    """What was seen at the polls."""

    looks: list[tuple[int, int]] = field(default_factory=list)
    """Running builds, and calls, of each poll."""
    delays: list[float] = field(default_factory=list)
    """Seconds from a build's end to when it was seen."""
    begun: list[float] = field(default_factory=list)
    """When each poll was begun."""


class Watching(KojiBuilder):
    """The adapter, with somebody counting."""

    def __init__(self, settings: KojiSettings, source: Path, hub: Hub, observed: Observed) -> None:
        async def make_source(_: TreeSource) -> Path:
            return source

        super().__init__(settings, make_source)
        self._counted, self._observed = hub, observed

    async def poll(self, refs: Sequence[BuildRef]) -> Mapping[BuildRef, BuildStatus]:
        """Poll, and note what it took."""
        before = self._counted.calls()
        self._observed.begun.append(time.time())
        found = await super().poll(refs)
        self._observed.looks.append((len(refs), self._counted.calls() - before))
        now = time.time()
        self._observed.delays += [
            now - status.ended_at.timestamp()
            for status in found.values()
            if status.state is BuildState.DONE and status.ended_at is not None
        ]
        return found


async def measure(runs: int, packages: int, slots: int) -> dict[str, Any]:
    """Take so many runs to their verdicts."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        source = make_srpm(directory / "source", "libfoo", "2")
        with _hub(directory / "hub", packages) as hub:
            return await _measure(directory, hub, source, (runs, packages, slots))


async def _measure(directory: Path, hub: Hub, source: Path, size: tuple[int, int, int]) -> dict[str, Any]:
    runs, packages, slots = size
    observed = Observed()
    settings = KojiSettings(
        name="bench",
        hub=hub.place["hub"],
        topurl=hub.place["topurl"],
        state=directory / "state",
        credentials=Certificate(file=Path(hub.place["certificate"]), authority=Path(hub.place["authority"])),
        max_running=slots,
        busy=1.0,
        pause=timedelta(seconds=0.2),
    )
    builder = Watching(settings, source, hub, observed)
    offer = Offer(
        presets={}, backends=("koji",), koji_hubs={"bench": KojiHub(hub=settings.hub, topurl=settings.topurl)}
    )
    (directory / "engine").mkdir()
    changes = {
        "builders": {"koji": builder},
        "load_config": lambda text, path, specs: load(text, path, specs, offer),
    }
    async with stage(directory / "engine", **changes) as revdeps:
        revdeps.world = replace(revdeps.world, clock=Clock())
        _script(revdeps, settings.topurl, packages)
        refs = [await revdeps.open(config=_CONFIG) for _ in range(runs)]
        keep_for_good()
        calls, cpu, wall = hub.calls(), time.process_time(), time.perf_counter()
        await _to_the_end(revdeps)
        cpu, wall, calls = time.process_time() - cpu, time.perf_counter() - wall, hub.calls() - calls
        for ref in refs:
            (run,) = (await revdeps.view(ref)).runs
            assert run.run.state is RunState.FINISHED
            assert len(run.findings) == packages
        await builder.close()
    return _figures(observed, {"cpu": cpu, "wall": wall, "calls": calls}, size)


def _figures(observed: Observed, used: Mapping[str, float], size: tuple[int, int, int]) -> dict[str, Any]:
    builds = len(observed.delays)
    full = [(running, calls) for running, calls in observed.looks if running >= _MANY] or observed.looks
    gaps = [later - earlier for earlier, later in zip(observed.begun, observed.begun[1:], strict=False)]
    return {
        "runs": size[0],
        "builds": builds,
        "slots": size[2],
        "polls": len(observed.looks),
        "most_running": max(running for running, _ in observed.looks),
        "calls_per_100_running": 100 * sum(calls for _, calls in full) / sum(running for running, _ in full),
        "calls_one_by_one": sum(running for running, _ in observed.looks),
        "calls_polling": sum(calls for _, calls in observed.looks),
        "calls_per_build": used["calls"] / builds,
        "cpu_ms_per_build": 1000 * used["cpu"] / builds,
        "wall_seconds": used["wall"],
        "seen_p50_s": percentile(observed.delays, 50),
        "seen_p99_s": percentile(observed.delays, 99),
        "gap_p50_s": percentile(gaps, 50),
        "gap_p99_s": percentile(gaps, 99),
        "peak_memory_mib": peak_memory_mib(os.getpid()),
    }


def _script(revdeps: Stage, topurl: str, packages: int) -> None:
    names = [f"dependent-{number:04}" for number in range(packages)]
    found = []
    for name in names:
        plain = affected(name, buildroot_after="")  # not known to be another's: nothing is taken over from one
        location = f"{topurl}/packages/{name}/1/1/src/{name}-1-1.src.rpm"
        found.append(replace(plain, source=replace(plain.source, location=location)))
    revdeps.resolver.script_impact(["libfoo"], *found, sources=10 * packages)


async def _to_the_end(revdeps: Stage) -> None:
    """Let the loops of the service run until every run has ended."""
    stop = asyncio.Event()
    workers = Workers(world=revdeps.world)
    loops = asyncio.create_task(workers.run(stop))
    workers.hint()
    async with asyncio.timeout(_LONGEST):
        while not await _is_over(revdeps):
            await asyncio.sleep(_INTERVAL)
            assert not loops.done(), "a loop of the engine has ended"
    stop.set()
    workers.hint()
    await loops


async def _is_over(revdeps: Stage) -> bool:
    async with revdeps.world.store.transaction() as tx:
        states = [run.state for run in await tx.runs.recent(1000)]
    return len(states) == len(revdeps.forge.changes) and all(state is RunState.FINISHED for state in states)


if __name__ == "__main__":
    print(json.dumps(run(measure(*(int(each) for each in sys.argv[1:])))))
