"""What came while the bot was down is found and dealt with within a minute of its start, as a process of its own."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.service import Service, gate, service

REPO = "octocat/libfoo"
WITHIN = 60.0


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Service]:
    """The bot, installed in a repository that asks for nothing yet: its checks are skipped at once."""
    async with service(tmp_path, REVDEPS_LEASE_SECONDS="60") as made:
        await made.github.create_repository(REPO, {"libfoo.spec": "Name: libfoo\n"})
        await made.start()
        await made.github.install("octocat")
        yield made


async def opened(bot: Service, branch: str) -> tuple[int, str]:
    files = {"libfoo.spec": f"Name: libfoo\n# {branch}\n"}
    pull = await bot.github.open_pull_request(REPO, branch, f"Merge {branch}", files=files)
    return pull.number, pull.head_sha


async def seen(bot: Service, comment: int) -> None:
    """Wait until somebody's comment has a reaction."""
    async with asyncio.timeout(WITHIN):
        while not bot.github.world.comments[comment].reactions:  # noqa: ASYNC110 (it is another process's)
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_what_was_missed_is_dealt_with_within_a_minute_of_the_start(bot: Service, end: str) -> None:
    number, sha = await opened(bot, "before")
    await gate(bot.github, REPO, sha, seconds=WITHIN)
    await (bot.kill() if end == "kill" else bot.stop())
    _, missed = await opened(bot, "while-down")
    pushed = await bot.github.push(REPO, "before", {"libfoo.spec": "Name: libfoo\n# pushed\n"})
    comment = await bot.github.comment(REPO, number, "octocat", "/revdeps help")
    # One that the forge does not remember any more: only the list of open pull requests tells of it.
    _, forgotten = await opened(bot, "forgotten")
    bot.github.world.deliveries[:] = [
        delivery
        for delivery in bot.github.world.deliveries
        if delivery.payload.get("pull_request", {}).get("head", {}).get("sha") != forgotten
    ]
    await bot.start()
    async with asyncio.timeout(WITHIN):
        for commit in (missed, pushed, forgotten):
            await gate(bot.github, REPO, commit, seconds=WITHIN)
        await seen(bot, comment.id)
    assert [len(bot.github.checks(REPO, commit)) for commit in (sha, missed, pushed, forgotten)] == [1, 1, 1, 1]
    assert bot.github.violations == []
