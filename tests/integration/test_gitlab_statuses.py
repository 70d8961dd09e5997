"""Where GitLab's adapter puts a check, and what of it a commit status can say."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.publication import CheckStatus
from bot.domain.run import ChangeRef, Conclusion
from bot.ports.errors import Gone, Transient
from tests.fakes.gitlab.model import DEVELOPER
from tests.fakes.gitlab_calls import FILES, PROJECT, REQUEST, STATUS, check, done, forked, publish, told
from tests.fakes.gitlab_stage import BOT, GitLabStage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[GitLabStage]:
    async with GitLabStage(tmp_path) as made:
        yield made


@pytest.fixture
async def ref(stage: GitLabStage) -> ChangeRef:
    return await stage.open(FILES)


# Where a status goes.


async def test_without_a_pipeline_the_status_stands_on_the_branch(stage: GitLabStage, ref: ChangeRef) -> None:
    await publish(stage, ref)
    [pipeline] = stage.server.world.pipelines
    assert (pipeline.source, pipeline.ref) == ("external", stage.server.request(PROJECT, ref.number).source_branch)


@pytest.mark.parametrize("kind", ["head", "merge"])
async def test_the_status_lands_in_the_merge_requests_own_pipeline(
    stage: GitLabStage, ref: ChangeRef, kind: str
) -> None:
    pipeline = await stage.server.run_pipeline(PROJECT, ref.number, kind)
    await publish(stage, ref)
    assert told(pipeline) == ["pending"]
    assert len(stage.server.world.pipelines) == 1


async def test_a_pipeline_that_comes_later_is_told_and_the_first_one_ended(stage: GitLabStage, ref: ChangeRef) -> None:
    identifier = await publish(stage, ref)
    pipeline = await stage.server.run_pipeline(PROJECT, ref.number)
    sha = stage.server.request(PROJECT, ref.number).sha
    await stage.forge.publish_check(stage.repo, done(sha, Conclusion.FAILURE), identifier)
    first = stage.server.world.pipelines[0]
    assert first is not pipeline
    assert told(pipeline) == told(first) == ["failed"]


async def test_a_pipeline_of_another_commit_is_none_of_ours(stage: GitLabStage, ref: ChangeRef) -> None:
    old = stage.server.request(PROJECT, ref.number).sha
    merged = await stage.server.run_pipeline(PROJECT, ref.number, "merge")
    await stage.push(ref, {"foo.spec": "Name: foo\nVersion: 3\n"})
    await publish(stage, ref)
    await stage.forge.publish_check(stage.repo, done(old, Conclusion.CANCELLED), None)
    assert told(merged) == []


async def test_a_fork_where_the_bot_is_a_member_gets_the_status(stage: GitLabStage) -> None:
    ref = await forked(stage)
    stage.server.add_member("hubot-friend/libfoo", BOT, DEVELOPER)
    await publish(stage, ref)
    [pipeline] = stage.server.world.pipelines
    assert pipeline.project.path == "hubot-friend/libfoo"


async def test_a_forks_pipeline_in_our_project_gets_the_status(stage: GitLabStage) -> None:
    ref = await forked(stage)
    pipeline = await stage.server.run_pipeline(PROJECT, ref.number)
    await publish(stage, ref)
    assert told(pipeline) == ["pending"]


@pytest.mark.parametrize("visibility", ["public", "private"])
async def test_where_the_bot_may_set_no_status_one_note_stands_for_it(stage: GitLabStage, visibility: str) -> None:
    ref = await forked(stage, visibility=visibility)
    identifier = await publish(stage, ref)
    sha = stage.server.request(PROJECT, ref.number).sha
    ended = done(sha, Conclusion.FAILURE, details_url="https://revdeps.example/runs/r1")
    assert await stage.forge.publish_check(stage.repo, ended, identifier) == identifier
    [note] = stage.server.notes(PROJECT, ref.number)
    assert "**failed** — It ended" in note.body
    assert "https://revdeps.example/runs/r1" in note.body
    assert len(note.history) == 2
    assert stage.server.world.pipelines == []


async def test_a_commit_of_no_merge_request_is_tried_in_the_project(stage: GitLabStage, ref: ChangeRef) -> None:
    sha = await stage.commit({"b": "c"})
    assert await stage.forge.publish_check(stage.repo, check(sha), None)
    with pytest.raises(Gone):
        await stage.forge.publish_check(stage.repo, check("0123456789" * 4), None)


# What a status says.


@pytest.mark.parametrize(
    ("conclusion", "state"),
    [
        (Conclusion.SUCCESS, "success"),
        (Conclusion.SKIPPED, "success"),
        (Conclusion.FAILURE, "failed"),
        (Conclusion.TIMED_OUT, "failed"),
        (Conclusion.CANCELLED, "canceled"),
        (Conclusion.ACTION_REQUIRED, "canceled"),
    ],
)
async def test_every_conclusion_has_a_state(
    stage: GitLabStage, ref: ChangeRef, conclusion: Conclusion, state: str
) -> None:
    await publish(stage, ref, status=CheckStatus.COMPLETED, conclusion=conclusion)
    assert told(stage.server.world.pipelines[0]) == [state]


async def test_long_words_and_addresses_are_cut_to_what_gitlab_takes(stage: GitLabStage, ref: ChangeRef) -> None:
    await publish(stage, ref, title="ü" * 300, details_url="https://revdeps.example/" + "x" * 300)
    [seen] = stage.checks(stage.server.request(PROJECT, ref.number).sha)
    assert seen.title == "ü" * 254 + "…"
    assert seen.url == ""


async def test_progress_within_a_state_asks_nothing_of_gitlab(stage: GitLabStage, ref: ChangeRef) -> None:
    known = await publish(stage, ref, status=CheckStatus.IN_PROGRESS, title="1 of 9")
    asked = stage.server.calls[STATUS], stage.server.calls[REQUEST]
    for number in range(2, 9):
        assert await publish(stage, ref, known, status=CheckStatus.IN_PROGRESS, title=f"{number} of 9") == known
    assert (stage.server.calls[STATUS], stage.server.calls[REQUEST]) == asked


async def test_a_pipeline_that_somebody_cancelled_hears_of_a_check_in_progress_again(
    stage: GitLabStage, ref: ChangeRef
) -> None:
    known = await publish(stage, ref, status=CheckStatus.IN_PROGRESS)
    [pipeline] = stage.server.world.pipelines
    pipeline.latest[0].status = "canceled"
    stage.clock.shift += timedelta(hours=1, minutes=1)
    await publish(stage, ref, known, status=CheckStatus.IN_PROGRESS)
    assert told(pipeline) == ["running"]


async def test_the_same_state_again_after_a_restart_is_no_error(stage: GitLabStage, ref: ChangeRef) -> None:
    known = await publish(stage, ref, status=CheckStatus.IN_PROGRESS)
    stage.forge = stage.fresh()
    assert await publish(stage, ref, known, status=CheckStatus.IN_PROGRESS) == known
    assert await publish(stage, ref, known) == known  # back to pending GitLab does not let it
    assert told(stage.server.world.pipelines[0]) == ["running"]


async def test_a_status_whose_answer_was_lost_is_there_once(stage: GitLabStage, ref: ChangeRef) -> None:
    stage.server.fail(method="POST", path="/statuses/", lose_answer=True)
    with pytest.raises(Transient):
        await publish(stage, ref)
    await publish(stage, ref)
    assert told(stage.server.world.pipelines[0]) == ["pending"]
