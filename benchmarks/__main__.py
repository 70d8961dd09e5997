"""`python -m benchmarks`: measures everything, writes results.json and docs/performance.md, and prints the tables.

`python -m benchmarks resolver` measures the resolver alone and leaves the other figures as they were; `backends` does
the same with what builds in Koji cost, `forge` with webhooks and first checks.
"""

import asyncio
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import backends, first_check, probot, webhooks
from benchmarks.machine import described, disk
from benchmarks.resolver import everything
from benchmarks.tables import page, tables

_TOP = Path(__file__).parents[1]
_RESULTS = _TOP / "benchmarks" / "results.json"
_PACKAGES = 1_000
_SLOTS = 20


async def _engine() -> dict[str, Any]:
    """Measure the engine in a process of its own, so that CPU time and memory are its alone."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.engine", str(_PACKAGES), str(_SLOTS), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, "the measurement of the engine failed"
    found: dict[str, Any] = json.loads(output)
    return found


async def _backends() -> dict[str, Any]:
    """Measure what builds in Koji cost, and what the engine alone does, each in a process of its own."""
    begun, load = time.monotonic(), described()["load"]
    found = await _of_builds("benchmarks.backends")
    alone = await _of_builds("benchmarks.many_runs")
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return {"measured_at": at, "load": load, "seconds": time.monotonic() - begun} | found | {"alone": alone}


async def _of_builds(module: str) -> dict[str, Any]:
    size = (backends.RUNS, backends.PACKAGES, backends.SLOTS)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *map(str, size), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, f"the measurement of {module} failed"
    found: dict[str, Any] = json.loads(output)
    return found


async def measure() -> dict[str, Any]:
    """Run every measurement, one after the other."""
    begun = time.monotonic()
    results: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": described() | disk(),
    }
    results |= await _forge()
    print("engine …", flush=True)
    results["engine"] = await _engine()
    results["resolver"] = await _resolver()
    print("backends …", flush=True)
    results["backends"] = await _backends()
    results["machine"]["load_after"] = described()["load"]
    results["seconds"] = time.monotonic() - begun
    return results


async def _forge() -> dict[str, Any]:
    """Measure what lies between the service and a forge."""
    begun, load = time.monotonic(), described()["load"]
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="revdeps-bench-") as directory:
        print("webhooks …", flush=True)
        found["webhooks"] = await webhooks.measure(Path(directory))
        print("webhooks beside Probot …", flush=True)
        found["probot"] = await probot.measure(Path(tempfile.mkdtemp(dir=directory)))
        print("first check …", flush=True)
        found["first_check"] = await first_check.measure(Path(directory))
    at = datetime.now(UTC).isoformat(timespec="seconds")
    found["forge"] = {"measured_at": at, "load": load, "seconds": time.monotonic() - begun}
    return found


async def _resolver() -> dict[str, Any]:
    begun, load = time.monotonic(), described()["load"]
    found = await everything.measure()
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return {"measured_at": at, "load": load, "seconds": time.monotonic() - begun} | found


def main() -> None:
    """Measure, write, print."""
    if sys.argv[1:] == ["resolver"]:
        results = json.loads(_RESULTS.read_text())
        results["resolver"] = asyncio.run(_resolver())
    elif sys.argv[1:] == ["backends"]:
        results = json.loads(_RESULTS.read_text())
        results["backends"] = asyncio.run(_backends())
    elif sys.argv[1:] == ["forge"]:
        results = json.loads(_RESULTS.read_text()) | asyncio.run(_forge())
    elif sys.argv[1:]:
        raise SystemExit("usage: python -m benchmarks [resolver|backends|forge]")
    else:
        results = asyncio.run(measure())
    _RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    (_TOP / "docs" / "performance.md").write_text(page(results))
    print(tables(results))


if __name__ == "__main__":
    main()
