"""A Koji hub as a process of its own (`python -m benchmarks.koji_hub DIRECTORY PACKAGES SECONDS`).

It is the tests' hub, over TLS, whose builds take so many seconds on average. It writes a line of JSON that says where
it is; for each line that it reads, one that says what it was asked so far.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakes.koji.certificates import Certificates
from tests.fakes.koji.policies import for_user
from tests.fakes.koji.server import KojiHub
from tests.fakes.koji.worker import Job, Scripted, Work, built, going

TAG = "bench"
ACCOUNT = "bot"
_STEP = 0.05


@dataclass(slots=True)
class Timed(Scripted):
    """Builds take their time, from half of `seconds` to one and a half, and succeed."""

    seconds: float = 1.0
    begun: dict[int, float] = field(default_factory=dict)

    def look(self, job: Job) -> Work:
        """Say how far a job is."""
        since = self.begun.setdefault(job.task_id, time.monotonic())
        if time.monotonic() - since < self.seconds * (0.5 + job.task_id % 100 / 100):
            return going()
        del self.begun[job.task_id]
        return built(job)


async def serve(directory: Path, packages: int, seconds: float) -> None:
    """Serve until there is nothing to read any more."""
    certificates = Certificates(directory)
    worker = Timed(seconds=seconds)
    policies = for_user(ACCOUNT, most=1000)
    async with KojiHub(topdir=directory / "koji", worker=worker, policies=policies, certificates=certificates) as hub:
        hub.add_host(capacity=1e6)
        hub.add_user(ACCOUNT)
        names = [f"dependent-{number:04}" for number in range(packages)]
        base = hub.add_tag(TAG, packages=["libfoo", *names])
        hub.add_target(TAG, base, base)
        for name in ("host-base", *names):
            hub.add_build(base, name)
        place = {
            "hub": hub.url,
            "topurl": hub.topurl,
            "certificate": str(certificates.user(ACCOUNT)),
            "authority": str(certificates.authority),
        }
        print(json.dumps(place), flush=True)
        async with hub.driven(_STEP):
            while await asyncio.to_thread(sys.stdin.readline):
                print(json.dumps({"calls": sum(hub.calls.values()), "violations": hub.violations}), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
