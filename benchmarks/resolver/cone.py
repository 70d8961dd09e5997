"""The whole cone over Requires and BuildRequires, no solving: the service beside `dose-ceve -r`."""

import shutil
import time
from pathlib import Path
from typing import Any

from benchmarks.distribution import Distribution, distribution
from benchmarks.resolver.place import resolver, target, whole_process
from benchmarks.statistics import percentile
from bot.app.running import run
from bot.ports.resolver import Question

SUBJECT = "zlib1g-dev"
_ROUNDS = 5


async def measure(cache: Path) -> dict[str, Any]:
    """Ask the service, the first time apart."""
    wanted = target(distribution())
    async with resolver(cache) as asked:
        snapshot = await asked.snapshot(wanted)
        question = Question(subject=SUBJECT, binary=True)
        times = []
        for _ in range(2 + _ROUNDS):
            begun = time.perf_counter()
            found = await asked.cone(snapshot.id, wanted, question)
            times.append(time.perf_counter() - begun)
    return {"first_seconds": times[0], "seconds": percentile(times[-_ROUNDS:], 50), "found": len(found)}


def dose(made: Distribution) -> dict[str, Any]:
    """Ask dose-ceve, a whole process: it keeps nothing between questions."""
    if shutil.which("dose-ceve") is None:
        return {"not_measured": "dose-ceve is not installed"}
    command = ["dose-ceve", "-T", "debsrc", "-G", "pkg", "-r", SUBJECT, "--deb-native-arch=amd64"]
    took, output = whole_process([*command, f"deb://{made.packages_index}", f"debsrc://{made.sources_index}"])
    return {"seconds": took, "found": output.count("\nBuild-Depends:")}


def main(cache: str) -> dict[str, Any]:
    """Measure."""
    return run(measure(Path(cache)))
