"""Webhook intake beside Probot, of which most GitHub Apps are made: in turns, in one run, each on the same one core.

Probot's app does nothing: it verifies, reads and answers. The service stores every delivery durably before it answers;
its edge alone, without the store, is measured as well.
"""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks import webhooks
from benchmarks.load import Load, send
from benchmarks.process import REVDEPS_SERVE, SECRET, Running, bot, running, started
from benchmarks.service import FILES
from benchmarks.statistics import percentile
from tests.fakes.github.server import GitHubServer
from tests.fakes.service import free_port

CORE = 0
COUNT = 4_000
ROUNDS = 3
PEER = Path(__file__).parents[1] / ".cache" / "probot"
_ACCEPTED = {"200", "202"}


async def measure(directory: Path) -> dict[str, Any]:
    """Return deliveries a second of each; or why they were not measured."""
    node = shutil.which("node")
    if node is None or not (PEER / "node_modules" / "probot").is_dir():
        return {"not_measured": "node or Probot is not here (benchmarks/setup brings it where npm is)"}
    async with AsyncExitStack() as stack:
        github = await stack.enter_async_context(GitHubServer(rate_limit=10**9, secondary=False))
        await github.create_repository(webhooks.REPO, FILES)
        service = await stack.enter_async_context(bot(REVDEPS_SERVE, directory / "bot", github))
        edge = await stack.enter_async_context(_edge(directory / "edge.log"))
        probot = await stack.enter_async_context(_probot(node, directory / "probot.log"))
        await github.install("octocat")
        sides = {"probot": probot, "service": service, "edge": edge}
        for side in sides.values():
            _pin(side.pid)
        rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
        for _ in range(ROUNDS):
            for name, side in sides.items():
                rounds[name].append(await _measured(side))
    return {name: webhooks.typical(figures) for name, figures in rounds.items()}


def _pin(pid: int) -> None:
    """Put every thread of a process on one core."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {CORE})


@asynccontextmanager
async def _edge(log: Path) -> AsyncIterator[Running]:
    port = free_port()
    async with started(("benchmarks.edge", str(port), SECRET), port, log) as side:
        yield side


@asynccontextmanager
async def _probot(node: str, log: Path) -> AsyncIterator[Running]:
    port = free_port()
    async with running((node, str(PEER / "serve.mjs"), str(port), SECRET), port, log) as side:
        yield side


async def _measured(side: Running) -> dict[str, Any]:
    load = Load(
        port=side.port,
        path="/webhook/github",
        secret=SECRET,
        deliveries=webhooks.deliveries("quiet"),
        count=COUNT,
        connections=webhooks.CONNECTIONS,
    )
    before = side.cpu_seconds
    outcome = await send(load)
    assert set(outcome.statuses) <= _ACCEPTED, outcome.statuses
    return {
        "per_second": len(outcome.latencies) / outcome.seconds,
        "p50_ms": 1000 * percentile(outcome.latencies, 50),
        "p99_ms": 1000 * percentile(outcome.latencies, 99),
        "cpu_ms_per_delivery": 1000 * (side.cpu_seconds - before) / len(outcome.latencies),
    }
