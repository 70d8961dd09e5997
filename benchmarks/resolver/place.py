"""What the measurements of the resolver share: the target, the resolver as the service has it, processes and clocks."""

import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.distribution import CACHE, Distribution
from benchmarks.memory import peak_memory_mib
from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.target import Repository, Target

LONGEST = 900.0
"""Seconds after which a process that is measured is given up."""

TICK = 0.001

WORK = CACHE / "resolver"
"""Where what is made for the measurements lies, and the caches of who is measured."""


def target(made: Distribution, *, excludes: tuple[str, ...] = ()) -> Target:
    """Return the distribution as something to build for."""
    return Target(
        name="distribution",
        arch="x86_64",
        backend="none",
        repositories=(Repository(url=made.url, excludes=excludes),),
        buildroot=made.buildroot,
    )


class Clock:
    """Notes the longest time for which the event loop was held up, in seconds: the wall's, and of its own CPU time."""

    def __init__(self) -> None:
        self.longest = self.longest_cpu = 0.0

    async def run(self) -> None:
        """Wake every millisecond, until this is cancelled."""
        while True:
            wall, cpu = time.perf_counter(), time.thread_time()
            await asyncio.sleep(TICK)
            self.longest = max(self.longest, time.perf_counter() - wall - TICK)
            self.longest_cpu = max(self.longest_cpu, time.thread_time() - cpu)

    def read(self) -> dict[str, float]:
        """Return both in milliseconds, and begin anew."""
        found = {"longest_block_ms": 1000 * self.longest, "longest_block_cpu_ms": 1000 * self.longest_cpu}
        self.longest = self.longest_cpu = 0.0
        return found


@asynccontextmanager
async def resolver(cache: Path) -> AsyncIterator[HawkeyResolver]:
    """The resolver with the settings that a service has by default."""
    made = HawkeyResolver(HawkeySettings(cache=cache, allow_file=True))
    try:
        yield made
    finally:
        await made.close()


def solver_memory() -> list[float]:
    """Return the most memory that each solver process has had resident, in MiB."""
    return [peak_memory_mib(child.pid) for child in multiprocessing.active_children() if child.pid is not None]


def own_memory() -> float:
    """Return the most memory that this process has had resident, in MiB."""
    return peak_memory_mib(os.getpid())


def alone(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a measurement of this package in a process of its own (see `alone`)."""
    return [sys.executable, "-W", "ignore", "-m", "benchmarks.resolver.alone", module, *arguments]


async def measured_alone(module: str, *arguments: str) -> dict[str, Any]:
    """Run a measurement in a process of its own; it prints what it measured as JSON on its last line."""
    command = alone(module, *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(LONGEST):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, f"{module} {' '.join(arguments)} failed"
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


def whole_process(command: Sequence[str], **environment: str) -> tuple[float, str]:
    """Return how long a command took from its start to its end, and what it printed."""
    begun = time.perf_counter()
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=LONGEST, check=False
    )
    took = time.perf_counter() - begun
    assert done.returncode == 0, f"{command[0]} failed: {done.stderr[-500:]}"
    return took, done.stdout
