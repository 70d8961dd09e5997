"""What people do to a repository and to a pull request while it is being checked, over the wire: nothing is left
running for nobody, nothing is told twice, and what can still be told is.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.run import ChangeRef, Conclusion, RepoRef
from bot.engine.resync import Resync
from tests.fakes.github.model import CheckRun
from tests.fakes.github_stage import GitHubStage
from tests.scenario.harness import CONFIG, Engine, engine
from tests.scenario.outcomes import breaks


class Checking:
    """A pull request that is being built, behind GitHub's adapter."""

    def __init__(self, github: GitHubStage, bot: Engine, ref: ChangeRef) -> None:
        self.github, self.bot, self.ref = github, bot, ref
        self.repo = github.server.repository(str(ref.repo))
        self.pull = self.repo.pulls[ref.number]

    async def look(self, *refs: ChangeRef) -> None:
        """Let the bot look at the pull request, and then let time pass until nothing is left to try again."""
        async with self.bot.world.store.transaction() as tx:
            for ref in refs or (self.ref,):
                await tx.changes.touch(ref, self.github.now())
        for _ in range(8):
            await self.bot.settle()
            self.github.clock.shift += timedelta(minutes=16)

    async def sweep(self) -> None:
        await Resync(world=self.bot.world, owner="resync", woke=lambda: None).once()
        for _ in range(2):
            await self.bot.settle()
            self.github.clock.shift += timedelta(minutes=1)

    def checks(self, sha: str | None = None) -> list[CheckRun]:
        return self.github.server.checks(self.repo.full_name, sha or self.pull.head_sha)

    async def conclusions(self, ref: ChangeRef | None = None) -> list[Conclusion | None]:
        return [found.run.conclusion for found in (await self.bot.view(ref or self.ref)).runs]


@pytest.fixture
async def checking(tmp_path: Path) -> AsyncIterator[Checking]:
    (tmp_path / "engine").mkdir()
    async with (
        GitHubStage(tmp_path) as github,
        engine(tmp_path / "engine", {"github": github.forge}, github.clock) as bot,
    ):
        await github.server.push(str(github.repo), "main", {".revdeps.yaml": CONFIG, "libfoo.spec": "Name: libfoo\n"})
        ref = await github.open({"libfoo.spec": "Name: libfoo\nVersion: 2\n"})
        made = Checking(github, bot, ref)
        async with bot.world.store.transaction() as tx:
            await tx.changes.touch(ref, github.now())
        await bot.settle()
        assert len(bot.builder.running) == 1
        yield made


async def test_a_renamed_repository_is_taken_up_under_its_new_name(checking: Checking) -> None:
    checking.github.server.rename_repository(str(checking.ref.repo), "libfoo2")
    await checking.look()
    assert await checking.conclusions() == [Conclusion.CANCELLED]
    await checking.sweep()
    new = ChangeRef(repo=RepoRef(forge="github", owner="octocat", name="libfoo2"), number=checking.ref.number)
    assert await checking.conclusions(new) == [None]
    # What was told under the old name is brought to its end there, through the redirect, and never goes on for ever.
    assert [(check.status, check.conclusion) for check in checking.checks()] == [
        ("completed", "cancelled"),
        ("in_progress", None),
    ]
    assert len(checking.bot.builder.running) == 1


async def test_a_sweep_finds_a_renamed_repository_by_itself(checking: Checking) -> None:
    checking.github.server.rename_repository(str(checking.ref.repo), "libfoo2")
    await checking.sweep()
    assert [check.status for check in checking.checks()] == ["completed", "in_progress"]


@pytest.mark.parametrize("deed", ["transfer", "delete", "uninstall"])
async def test_where_we_are_not_let_in_any_more_nothing_goes_on(checking: Checking, deed: str) -> None:
    server = checking.github.server
    [installation] = server.world.installations.values()
    if deed == "transfer":
        server.transfer_repository(str(checking.ref.repo), "hubot")
    elif deed == "delete":
        server.delete_repository(str(checking.ref.repo))
    else:
        await server.uninstall(installation)
    await checking.look()
    assert await checking.conclusions() == [Conclusion.CANCELLED]
    assert checking.bot.builder.running == ()
    calls = server.calls.total()  # type: ignore[attr-defined]
    checking.github.clock.shift += timedelta(hours=1)
    await checking.bot.settle()
    assert server.calls.total() == calls, "what is over is not asked about for ever"  # type: ignore[attr-defined]


async def test_in_an_archived_repository_nothing_is_written_and_nothing_tried_for_ever(checking: Checking) -> None:
    checking.repo.archived = True
    checking.bot.builder.outcome_for = breaks()
    await checking.bot.finish_all()
    await checking.look()
    writes = checking.github.server.calls["PATCH", "/repos/{owner}/{repo}/check-runs/{check_run_id}"]
    checking.github.clock.shift += timedelta(hours=2)
    await checking.bot.settle()
    assert checking.github.server.calls["PATCH", "/repos/{owner}/{repo}/check-runs/{check_run_id}"] == writes
    assert checking.bot.builder.running == ()


async def test_a_repository_that_becomes_private_goes_on(checking: Checking) -> None:
    checking.repo.private = not checking.repo.private
    checking.bot.builder.outcome_for = breaks()
    await checking.bot.finish_all()
    await checking.look()
    assert [check.conclusion for check in checking.checks()] == ["success"]


async def test_a_push_back_to_an_earlier_commit_is_checked_anew(checking: Checking) -> None:
    server, first = checking.github.server, checking.pull.head_sha
    await server.push(checking.repo.full_name, checking.pull.head_ref, {"libfoo.spec": "Name: libfoo\nVersion: 3\n"})
    await checking.look()
    # The branch is where it was; a commit with the same tree and time has the same id.
    checking.pull.head_sha = first
    await checking.look()
    runs = (await checking.bot.view(checking.ref)).runs
    assert runs[0].run.head_sha == first
    assert checking.checks(first)[-1].status == "in_progress"


async def test_another_base_cancels_and_begins_anew(checking: Checking) -> None:
    server = checking.github.server
    await server.push(checking.repo.full_name, "stable", {"libfoo.spec": "Name: libfoo\n", ".revdeps.yaml": CONFIG})
    await server.retarget(checking.repo.full_name, checking.ref.number, "stable")
    await checking.look()
    assert await checking.conclusions() == [None, Conclusion.CANCELLED]


async def test_a_draft_goes_on_where_drafts_are_checked(checking: Checking) -> None:
    await checking.github.server.mark_draft(checking.repo.full_name, checking.ref.number)
    await checking.look()
    assert await checking.conclusions() == [None]


async def test_a_locked_conversation_gets_its_check_and_no_comment(checking: Checking) -> None:
    checking.pull.locked = True
    checking.bot.builder.outcome_for = breaks("bar")
    await checking.bot.finish_all()
    await checking.look()
    assert [check.status for check in checking.checks()] == ["completed"]
    assert checking.github.comments(checking.ref) == []


async def test_a_token_that_ends_in_the_middle_is_replaced(checking: Checking) -> None:
    checking.github.clock.shift += timedelta(hours=2)
    checking.github.server.world.tokens.clear()
    checking.bot.builder.outcome_for = breaks()
    await checking.bot.finish_all()
    await checking.look()
    assert [check.conclusion for check in checking.checks()] == ["success"]


async def test_whoever_deleted_their_account_may_do_nothing(checking: Checking) -> None:
    checking.github.server.forget_user("octocat")
    permission = await checking.github.forge.permission(checking.ref.repo, "octocat")
    assert permission.name == "NONE"
