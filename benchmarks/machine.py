"""On what it was measured."""

import os
import platform
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.statistics import percentile

_FLUSHES = 100


def described() -> dict[str, Any]:
    """Return what a reader has to know of the machine to compare figures; `load` is what else it is doing."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    models = [line.partition(":")[2].strip() for line in cpuinfo.splitlines() if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "load": round(os.getloadavg()[0], 1),
    }


def disk() -> dict[str, float]:
    """Return how long it takes to flush 8 KiB to the disk: no durable answer is quicker."""
    times = []
    with tempfile.NamedTemporaryFile(buffering=0) as file:
        for _ in range(_FLUSHES):
            file.write(bytes(8192))
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(1000 * (time.perf_counter() - begun))
    return {"flush_p50_ms": percentile(times, 50), "flush_p99_ms": percentile(times, 99)}
