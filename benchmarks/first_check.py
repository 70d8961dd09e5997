"""How long a packager waits for the first sign: from opening a pull request to its first check run on the forge.

The service is a process of its own; in between lie the webhook, its transaction, reading the pull request, and
publishing the check.
"""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.process import WITHOUT_REAL_BUILDS, bot
from benchmarks.service import FILES
from benchmarks.statistics import percentile
from tests.fakes.github.server import GitHubServer

REPO = "octocat/libfoo"
ONE_BY_ONE = 50
AT_ONCE = 50
_LONGEST = 90.0


async def measure(directory: Path) -> dict[str, Any]:
    """Return median and 99th percentile, for pull requests one by one and for many at once."""
    return {
        "one_by_one": _summary(await _one_by_one(directory / "one")),
        "at_once": _summary(await _at_once(directory / "many")),
    }


def _summary(waits: list[float]) -> dict[str, Any]:
    return {
        "pull_requests": len(waits),
        "p50_ms": 1000 * percentile(waits, 50),
        "p99_ms": 1000 * percentile(waits, 99),
    }


async def _one_by_one(directory: Path) -> list[float]:
    async with GitHubServer(rate_limit=10**9) as github:
        await github.create_repository(REPO, FILES)
        async with bot(WITHOUT_REAL_BUILDS, directory, github):
            await github.install("octocat")
            waits = []
            for number in range(ONE_BY_ONE):
                waits += await _first_checks(github, [await _prepared(github, number)])
                # It is closed again, so that its rebuilds are not what the next one waits for.
                await github.close_pull_request(REPO, number + 1)
            return waits


async def _at_once(directory: Path) -> list[float]:
    async with GitHubServer(rate_limit=10**9) as github:
        await github.create_repository(REPO, FILES)
        async with bot(WITHOUT_REAL_BUILDS, directory, github):
            await github.install("octocat")
            return await _first_checks(github, [await _prepared(github, number) for number in range(AT_ONCE)])


async def _prepared(github: GitHubServer, number: int) -> tuple[str, str]:
    """Push a branch, and return its name and its commit."""
    branch = f"change-{number}"
    return branch, await github.push(REPO, branch, {"libfoo.spec": f"Name: libfoo\n# {number}\n"})


async def _first_checks(github: GitHubServer, branches: Sequence[tuple[str, str]]) -> list[float]:
    """Open a pull request from each branch, and return how long its first check took."""
    opening, begun = [], {}
    for branch, sha in branches:
        begun[sha] = time.perf_counter()
        opening.append(asyncio.create_task(github.open_pull_request(REPO, branch, f"Merge {branch}")))
    end = time.perf_counter() + _LONGEST
    waits: dict[str, float] = {}
    while len(waits) < len(branches):
        assert time.perf_counter() < end, f"{len(branches) - len(waits)} have no check after {_LONGEST} seconds"
        for check in github.checks(REPO):
            if check.head_sha in begun:
                waits.setdefault(check.head_sha, time.perf_counter() - begun[check.head_sha])
        await asyncio.sleep(0.005)
    await asyncio.gather(*opening)
    return list(waits.values())
