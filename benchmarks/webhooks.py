"""How many webhooks a second the service takes, each durable before it is answered, and how long one takes.

The service is measured beside a bare handler that only verifies the signature, in turns in the same run, so that what
the machine and aiohttp cost is known. The deliveries are of a kind that is stored and asks for nothing (a check run of
another App: most of what an App is sent), and pull requests that moved, each of which also has the engine read the
pull request from the forge.
"""

import asyncio
import json
import statistics
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from benchmarks.load import Load, Outcome, send
from benchmarks.process import REVDEPS_SERVE, SECRET, WITHOUT_REAL_BUILDS, Running, bot, started
from benchmarks.service import FILES
from benchmarks.statistics import percentile
from tests.fakes.github.server import GitHubServer
from tests.fakes.service import free_port

REPO = "octocat/libfoo"
SIZE = 20_000
"""Bytes of a payload, about what GitHub's are."""
ROUNDS = 3
COUNT = 4_000
CONNECTIONS = 64
RATE = 200
RATE_SECONDS = 10
PULLS = 5
"""Pull requests that the deliveries are about; they are closed where no runs are to be active."""
RUNS = 5
"""Pull requests whose dependents are being rebuilt meanwhile."""


def check_event(number: int) -> dict[str, Any]:
    """Another App's check run, on one of the repository's commits."""
    check = {"id": 1000 + number, "app": {"id": 99}, "head_sha": f"{number:040x}", "external_id": ""}
    return {"action": "created", "check_run": check, "repository": {"full_name": REPO}, "sender": {"login": "octocat"}}


def pull_event(number: int) -> dict[str, Any]:
    """A pull request that got a new commit."""
    pull = {"number": number, "head": {"sha": f"{number:040x}"}}
    return {
        "action": "synchronize",
        "number": number,
        "pull_request": pull,
        "repository": {"full_name": REPO},
        "sender": {"login": "octocat"},
    }


def padded(payload: Mapping[str, Any]) -> str:
    """Return a payload's JSON, as large as GitHub's, which describe the repository in some hundred fields."""
    text = json.dumps(payload)
    fields = {f"field_{number}_url": f"https://api.github.com/repos/{REPO}/things{{/thing}}" for number in range(250)}
    more = dict(list(fields.items())[: max(0, (SIZE - len(text)) // 75)])
    return json.dumps({**payload, "more": more})


def summary(outcome: Outcome) -> dict[str, Any]:
    """Return the figures of one load; every delivery must have been accepted."""
    assert set(outcome.statuses) == {"202"}, outcome.statuses
    return {
        "per_second": len(outcome.latencies) / outcome.seconds,
        "p50_ms": 1000 * percentile(outcome.latencies, 50),
        "p99_ms": 1000 * percentile(outcome.latencies, 99),
        "generator_cpu_share": outcome.cpu_seconds / outcome.seconds,
    }


def typical(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the median of every figure of several rounds."""
    return {name: statistics.median(figures[name] for figures in rounds) for name in rounds[0]}


def deliveries(kind: str) -> list[tuple[str, str]]:
    """Return fifty deliveries: all of another App's checks, all of pull requests, or nine to one (`mixed`)."""
    share = {"quiet": 0, "mixed": 10, "pull_request": 1}[kind]
    made = []
    for number in range(50):
        pull = share and number % share == 0
        event = pull_event(number // share % PULLS + 1) if pull else check_event(number)
        made.append(("pull_request" if pull else "check_run", padded(event)))
    return made


async def _measured(running: Running, kind: str, **how: Any) -> dict[str, Any]:
    load = Load(port=running.port, path="/webhook/github", secret=SECRET, deliveries=deliveries(kind), **how)
    before = running.cpu_seconds
    outcome = await send(load)
    cpu = running.cpu_seconds - before
    return summary(outcome) | {"cpu_ms_per_delivery": 1000 * cpu / len(outcome.latencies)}


_FAST: dict[str, Any] = {"count": COUNT, "connections": CONNECTIONS}
_STEADY: dict[str, Any] = {"count": RATE * RATE_SECONDS, "connections": CONNECTIONS, "rate": RATE}


async def measure(directory: Path) -> dict[str, Any]:
    """Return the figures by situation."""
    async with AsyncExitStack() as stack:
        github = await stack.enter_async_context(GitHubServer(rate_limit=10**9, secondary=False))
        await _pull_requests(github, PULLS, closed=True)
        port = free_port()
        bare = await stack.enter_async_context(
            started(("benchmarks.bare", str(port), SECRET), port, directory / "bare.log")
        )
        service = await stack.enter_async_context(bot(REVDEPS_SERVE, directory / "bot", github))
        await github.install("octocat")
        rounds: dict[str, list[dict[str, Any]]] = {"bare": [], "quiet": [], "pull_request": []}
        for _ in range(ROUNDS):
            rounds["bare"].append(await _measured(bare, "quiet", **_FAST))
            rounds["quiet"].append(await _measured(service, "quiet", **_FAST))
            rounds["pull_request"].append(await _measured(service, "pull_request", **_FAST))
        found = {name: typical(figures) for name, figures in rounds.items()}
        found["bare_at_rate"] = await _measured(bare, "mixed", **_STEADY)
        found["at_rate"] = await _measured(service, "mixed", **_STEADY)
        memory = service.peak_memory_mib
    active = await _while_runs_are_active(directory / "active")
    return {**found, **active, "payload_bytes": len(padded(pull_event(1))), "peak_memory_mib": memory, "rate": RATE}


async def _pull_requests(github: GitHubServer, count: int, *, closed: bool = False) -> None:
    if REPO not in github.world.repositories:
        await github.create_repository(REPO, FILES)
    for number in range(count):
        files = {"libfoo.spec": f"Name: libfoo\n# {number}\n"}
        pull = await github.open_pull_request(REPO, f"change-{number}", f"Change {number}", files=files)
        if closed:
            await github.close_pull_request(REPO, pull.number)


async def _while_runs_are_active(directory: Path) -> dict[str, Any]:
    """Measure while pull requests are being checked by the same process."""
    async with GitHubServer(rate_limit=10**9, secondary=False) as github:
        await github.create_repository(REPO, FILES)
        async with bot(WITHOUT_REAL_BUILDS, directory, github) as service:
            await github.install("octocat")
            await _pull_requests(github, RUNS)
            await asyncio.sleep(2)
            full = await _measured(service, "quiet", **_FAST)
            at_rate = await _measured(service, "mixed", **_STEADY)
            unfinished = sum(check.status != "completed" for check in github.checks(REPO))
        assert unfinished, "the runs had ended before the measurement had"
    return {"active_at_rate": at_rate, "active_quiet": full, "active_runs": RUNS}
