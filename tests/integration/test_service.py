"""The bot as a process, the fake GitHub, real builds: from a webhook to check and comment, and through a kill."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from tests.fakes.distribution import PACKAGES, Distribution, library
from tests.fakes.github.model import CheckRun
from tests.fakes.service import Service, eventually, gate, service

pytestmark = pytest.mark.rpm

REPO = "octocat/libgreet"


@pytest.fixture
async def bot(tmp_path: Path, distribution: Distribution) -> AsyncIterator[Service]:
    """The bot, installed in a repository of the library."""
    async with service(tmp_path) as made:
        files = {"libgreet.spec": PACKAGES["libgreet"], ".revdeps.yaml": distribution.config}
        await made.github.create_repository(REPO, files)
        await made.start()
        await made.github.install("octocat")
        yield made


async def open_pull_request(bot: Service, title: str, spec: str, user: str = "octocat") -> tuple[int, str]:
    branch = title.replace(" ", "-").lower()
    pull = await bot.github.open_pull_request(
        REPO, branch, title, user, files={"libgreet.spec": spec}, from_fork=user != "octocat"
    )
    return pull.number, pull.head_sha


async def summary(bot: Service, number: int, text: str) -> str:
    """Return the summary comment once it holds the text; it is edited a moment after the check."""

    def summaries() -> list[str]:
        return [comment.body for comment in bot.github.comments(REPO, number) if "revdeps:v1" in comment.body]

    assert await eventually(lambda: any(text in body for body in summaries())), summaries()
    (found,) = summaries()
    return found


async def test_a_pull_request_is_checked_from_webhook_to_comment(bot: Service) -> None:
    number, sha = await open_pull_request(bot, "Update libgreet to 2.0", library("2.0"))
    check = await gate(bot.github, REPO, sha)
    assert check.conclusion == "failure"
    assert "implicit declaration of function" in await summary(bot, number, "shouter")
    assert bot.github.violations == []


async def test_commands_are_answered(bot: Service) -> None:
    number, sha = await open_pull_request(bot, "Update libgreet to 2.0", library("2.0"))
    first = await gate(bot.github, REPO, sha)
    await bot.github.comment(REPO, number, "octocat", "/revdeps why report\n/revdeps retry shouter")
    await gate(bot.github, REPO, sha, lambda check: check.status != "completed")
    again = await gate(bot.github, REPO, sha)
    answers = [comment.body for comment in bot.github.comments(REPO, number) if "revdeps:answer" in comment.body]
    assert (again.id, again.conclusion) == (first.id, "failure")
    assert "`hello`" in answers[0]
    assert "regressed" in await summary(bot, number, "×3")  # noqa: RUF001 (as it is shown)
    assert bot.github.violations == []


async def test_an_outsiders_commit_is_built_once_it_is_approved(bot: Service) -> None:
    number, sha = await open_pull_request(bot, "Greet louder", library("2.0"), user="mallory-octocat")
    waiting = await gate(bot.github, REPO, sha)
    assert waiting.conclusion == "action_required"
    await bot.github.comment(REPO, number, "mallory-octocat", "/revdeps ok")
    await bot.github.comment(REPO, number, "octocat", f"/revdeps ok @{sha[:10]}")
    check = await gate(bot.github, REPO, sha, lambda check: check.conclusion == "failure")
    assert "regressed" in await summary(bot, number, "shouter")
    assert (check.title or "").startswith("1 regressed")
    assert bot.github.violations == []


async def test_killed_at_one_moment_after_the_other_the_run_ends_as_it_would_have(bot: Service) -> None:
    number, sha = await open_pull_request(bot, "Update libgreet to 2.0", library("2.0"))

    def reached(moment: str, check: CheckRun) -> bool:
        return moment in (check.title or "") or check.status == "completed"

    for moment in ("Building the change", "Rebuilding", "regressed"):
        await gate(bot.github, REPO, sha, partial(reached, moment))
        await bot.kill()
        await bot.start()
    check = await gate(bot.github, REPO, sha)
    assert check.conclusion == "failure"
    assert len(bot.github.checks(REPO, sha)) == 1
    assert "regressed" in await summary(bot, number, "shouter")
    jobs = bot.directory / "state/sandbox/jobs"
    starts = [len((job / "starts").read_bytes()) for job in jobs.iterdir() if (job / "starts").exists()]
    assert set(starts) == {1}, "a build was started twice"
