"""The bot as a process, the fake Forgejo, real builds: from a webhook to status and comment, and commands."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.distribution import PACKAGES, Distribution, library
from tests.fakes.forgejo import ForgejoServer
from tests.fakes.forgejo.model import Comment, Status
from tests.fakes.service import Process, eventually

pytestmark = pytest.mark.rpm

REPO = "octocat/libgreet"
_FORGES = """
codeberg:
  kind: forgejo
  url: {url}
  user: revdeps
  token-file: {directory}/token
  webhook-secret-file: {directory}/webhook-secret
"""


@dataclass(slots=True, kw_only=True)
class Bot(Process):
    """The bot with an account on the fake Forgejo."""

    forgejo: ForgejoServer

    def register(self) -> None:
        """Make the account's token and the webhook, and write down the secrets."""
        token = self.forgejo.create_token("revdeps")
        self.forgejo.add_hook(f"{self.url}/webhook/codeberg", REPO, "hook secret")
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "token").write_text(token.value)
        (self.directory / "webhook-secret").write_text("hook secret\n")
        file = self.directory / "forges.yaml"
        file.write_text(_FORGES.format(url=self.forgejo.url, directory=self.directory))
        self.environment = {"REVDEPS_FORGES_FILE": str(file)}

    async def status(self, sha: str, until: Callable[[Status], bool] = lambda one: one.state != "pending") -> Status:
        """Wait until the status that counts is as it is to be."""

        def status() -> Status | None:
            return self.forgejo.status(REPO, sha)

        found = await eventually(lambda: one if (one := status()) and until(one) else None)
        assert found, f"the status of {sha} did not get there: {status()}\n{self.log.read_text()[-4000:]}"
        return found

    async def comment(self, number: int, *texts: str) -> Comment:
        """Wait for a comment of the bot's that holds the texts."""

        def ours() -> list[Comment]:
            return [one for one in self.forgejo.comments(REPO, number) if one.user.login == "revdeps"]

        found = await eventually(lambda: [one for one in ours() if all(text in one.body for text in texts)])
        assert found, f"no comment holds {texts}: {[one.body for one in ours()]}"
        return found[0]


@pytest.fixture
async def bot(tmp_path: Path, distribution: Distribution) -> AsyncIterator[Bot]:
    """The bot, an administrator of a repository of the library; not started yet."""
    async with ForgejoServer(check_answers=True) as forgejo:
        await forgejo.create_repository(
            REPO, {"libgreet.spec": PACKAGES["libgreet"], ".revdeps.yaml": distribution.config}, private=True
        )
        forgejo.set_permission(REPO, "revdeps", "admin")
        made = Bot(directory=tmp_path, forgejo=forgejo)
        made.register()
        yield made
        await made.stop()
        assert forgejo.violations == []


async def test_a_pull_request_is_checked_from_webhook_to_comment(bot: Bot) -> None:
    await bot.start()
    pull = await bot.forgejo.open_pull_request(
        REPO, "update", "Update libgreet to 2.0", files={"libgreet.spec": library("2.0")}
    )
    status = await bot.status(pull.head_sha)
    assert (status.state, status.context) == ("failure", "revdeps")
    assert status.description.startswith("1 regressed")
    assert status.target_url.startswith(f"{bot.url}/runs/")
    await bot.comment(pull.number, "revdeps:v1", "shouter", "implicit declaration of function")
    command = await bot.forgejo.comment(REPO, pull.number, "octocat", "/revdeps why report")
    await bot.comment(pull.number, "revdeps:answer", "`hello`")
    assert {reaction.content for reaction in command.reactions} >= {"eyes"}


async def test_an_outsiders_commit_from_a_fork_is_built_once_it_is_approved(bot: Bot) -> None:
    await bot.start()
    pull = await bot.forgejo.open_pull_request(
        REPO, "louder", "Greet louder", "mallory-octocat", files={"libgreet.spec": library("2.0")}, from_fork=True
    )
    waiting = await bot.status(pull.head_sha)
    assert waiting.state == "warning"
    await bot.forgejo.comment(REPO, pull.number, "mallory-octocat", "/revdeps ok")
    await bot.forgejo.comment(REPO, pull.number, "octocat", f"/revdeps ok @{pull.head_sha[:10]}")
    assert (await bot.status(pull.head_sha, lambda status: status.state == "failure")).description.startswith("1 regr")


async def test_what_was_opened_before_the_bot_was_there_is_found(bot: Bot) -> None:
    pull = await bot.forgejo.open_pull_request(REPO, "bump", "Rebuild", files={"libgreet.spec": library("1.0")})
    assert {delivery.status_code for delivery in bot.forgejo.deliveries} == {0}
    await bot.start()
    assert (await bot.status(pull.head_sha)).state == "success"
