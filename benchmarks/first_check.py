"""How long a packager waits for the first sign: from a webhook to the first check run, or to a command's reaction.

The service is a process of its own; in between lie the webhook, its transaction, reading the pull request, and
publishing the check. The forge answers every request a tenth of a second late, and holds the bot to GitHub's limits.
"""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.process import WITHOUT_REAL_BUILDS, Running, bot
from benchmarks.service import DEPENDENTS, FILES
from benchmarks.statistics import percentile
from tests.fakes.github.model import HookDelivery
from tests.fakes.github.server import GitHubServer

REPO = "octocat/libfoo"
ONE_BY_ONE = 10
AT_ONCE = 100
COMMANDS = 40
"""A command that is answered costs 17 of the 900 points that GitHub grants in a minute."""
_MINUTE = 70.0
"""Seconds after which points that were spent on preparations can be spent again."""
LATENCY = 0.1
"""Seconds that the forge takes for every answer."""
_LONGEST = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """The forge, and the bot that is an App of it."""

    github: GitHubServer
    service: Running
    session: aiohttp.ClientSession

    async def send(self, delivery: HookDelivery) -> float:
        """Deliver a webhook that was held back; return when it was sent."""
        begun = time.perf_counter()
        url = f"http://127.0.0.1:{self.service.port}/webhook/github"
        body = json.dumps(delivery.payload, separators=(",", ":")).encode()
        async with self.session.post(url, data=body, headers=delivery.request_headers) as answer:
            assert answer.status == 202, await answer.text()
        return begun

    async def waits(self, sent: Iterable[HookDelivery], seen: Callable[[HookDelivery], bool]) -> list[float]:
        """Send all at once, and return how long each took until its effect was seen."""
        waiting = list(sent)
        begun = time.perf_counter()
        sending = asyncio.gather(*(self.send(delivery) for delivery in waiting))
        found = []
        while waiting:
            assert time.perf_counter() < begun + _LONGEST, f"{len(waiting)} have seen nothing for {_LONGEST} seconds"
            there = [delivery for delivery in waiting if seen(delivery)]
            found += [time.perf_counter() - begun] * len(there)
            waiting = [delivery for delivery in waiting if delivery not in there]
            await asyncio.sleep(0.005)
        await sending
        return found


async def measure(directory: Path) -> dict[str, Any]:
    """Return median and 99th percentile, for pull requests one by one and for many at once, and for commands."""
    async with _stage(directory / "one") as stage:
        one_by_one = await _one_by_one(stage)
    async with _stage(directory / "many") as stage:
        at_once = await _at_once(stage)
    # Without a configuration there is nothing to test, and commands are all that is going on.
    async with _stage(directory / "commands", {"libfoo.spec": FILES["libfoo.spec"]}) as stage:
        commands = await _commands(stage)
    async with _stage(directory / "calls") as stage:
        calls = await _calls(stage)
    return {
        "one_by_one": one_by_one,
        "at_once": at_once,
        "commands": commands,
        "calls": calls,
        "latency_ms": 1000 * LATENCY,
    }


@asynccontextmanager
async def _stage(directory: Path, files: Mapping[str, str] = FILES) -> AsyncIterator[_Stage]:
    async with GitHubServer() as github, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await github.create_repository(REPO, files)
        async with bot(WITHOUT_REAL_BUILDS, directory, github) as service:
            await github.install("octocat")
            # The bot has looked round by then: what is held back from now on it does not find by itself.
            looked = ("GET", "/app/hook/deliveries"), ("GET", "/repos/{owner}/{repo}/pulls")
            while not all(github.calls[call] for call in looked):  # noqa: ASYNC110 (the fake has no event for it)
                await asyncio.sleep(0.05)
            github.gate.latency = LATENCY
            yield _Stage(github=github, service=service, session=session)


def _summary(waits: list[float], **more: float) -> dict[str, Any]:
    return {
        "count": len(waits),
        "p50_ms": 1000 * percentile(waits, 50),
        "p99_ms": 1000 * percentile(waits, 99),
        **more,
    }


async def _one_by_one(stage: _Stage) -> dict[str, Any]:
    waits = []
    for number in range(ONE_BY_ONE):
        waits += await stage.waits([await _opened(stage.github, number)], _has_check(stage.github))
        # It is closed again, so that its rebuilds are not what the next one waits for.
        await stage.github.close_pull_request(REPO, number + 1)
    return _summary(waits)


async def _at_once(stage: _Stage) -> dict[str, Any]:
    held = [await _opened(stage.github, number) for number in range(AT_ONCE)]
    bots, ours = stage.service.cpu_seconds, sum(os.times()[:2])
    waits = await stage.waits(held, _has_check(stage.github))
    bots, ours = stage.service.cpu_seconds - bots, sum(os.times()[:2]) - ours
    return _summary(waits, service_cpu_seconds=bots, forge_cpu_seconds=ours)


async def _opened(github: GitHubServer, number: int) -> HookDelivery:
    """Open a pull request, and return the webhook that tells of it, which is held back."""
    files = {"libfoo.spec": f"Name: libfoo\n# {number}\n"}
    return await _held(github, github.open_pull_request(REPO, f"change-{number}", f"Change {number}", files=files))


async def _held(github: GitHubServer, deed: Any) -> HookDelivery:
    github.webhooks.down = True
    await deed
    await github.settled()
    github.webhooks.down = False
    about = {"pull_request", "issue_comment"}
    told: HookDelivery = next(sent for sent in reversed(github.deliveries) if sent.event in about)
    return told


def _has_check(github: GitHubServer) -> Callable[[HookDelivery], bool]:
    return lambda delivery: bool(github.checks(REPO, delivery.payload["pull_request"]["head"]["sha"]))


def _over(github: GitHubServer) -> Callable[[HookDelivery], bool]:
    def over(delivery: HookDelivery) -> bool:
        found = github.checks(REPO, delivery.payload["pull_request"]["head"]["sha"])
        return bool(found) and found[-1].status == "completed"

    return over


async def _commands(stage: _Stage) -> dict[str, Any]:
    """Comment on as many pull requests at once."""
    github = stage.github
    opened = [await _opened(github, number) for number in range(COMMANDS)]
    await stage.waits(opened, _over(github))
    await asyncio.sleep(_MINUTE)
    held = [
        await _held(github, github.comment(REPO, delivery.payload["number"], "octocat", "/revdeps status"))
        for delivery in opened
    ]

    def seen(delivery: HookDelivery) -> bool:
        return bool(github.world.comments[delivery.payload["comment"]["id"]].reactions)

    return _summary(await stage.waits(held, seen))


async def _calls(stage: _Stage) -> dict[str, Any]:
    """Count what one whole run asks of the forge's API, from its webhook to its verdict."""
    github = stage.github
    held = await _opened(github, 0)
    before, begun = Counter(github.calls), time.perf_counter()

    await stage.waits([held], _over(github))
    seconds = time.perf_counter() - begun
    asked = Counter(github.calls) - before
    api = {" ".join(call): count for call, count in asked.items() if call[1].startswith("/repos/")}
    return {"packages": DEPENDENTS, "seconds": seconds, "calls": sum(api.values()), "by_kind": api}
