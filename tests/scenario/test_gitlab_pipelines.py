"""A merge request's pipeline decides whether it may be merged: the check stands in whichever is the newest."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.gitlab_stage import GitLabStage
from tests.scenario.outcomes import breaks, holds_builds
from tests.scenario.wire import Talk, talking


@pytest.fixture
async def stage(tmp_path: Path) -> GitLabStage:
    return GitLabStage(tmp_path)


@pytest.fixture
async def talk(stage: GitLabStage, tmp_path: Path) -> AsyncIterator[Talk]:
    async with talking(stage, tmp_path) as made:
        made.engine.builder.outcome_for = breaks("bar")
        yield made


@pytest.mark.parametrize("kind", ["head", "merge"])
async def test_a_failed_check_is_not_got_rid_of_by_a_new_pipeline(stage: GitLabStage, talk: Talk, kind: str) -> None:
    ref = await talk.open()
    assert (await talk.gate(ref)).conclusion == "failure"
    pipeline = await stage.server.run_pipeline(str(ref.repo), ref.number, kind)
    assert pipeline.latest == []
    await talk.settle()
    assert [(one.name, one.status) for one in pipeline.latest] == [("revdeps", "failed")]


async def test_a_pipeline_that_begins_in_mid_run_waits_for_the_check(stage: GitLabStage, talk: Talk) -> None:
    talk.engine.builder.outcome_for = holds_builds
    ref = await talk.open()
    pipeline = await stage.server.run_pipeline(str(ref.repo), ref.number)
    await talk.settle()
    assert [one.status for one in pipeline.latest] == ["running"]
    talk.engine.builder.outcome_for = breaks()
    await talk.say(ref, "/revdeps run limit=1")
    await talk.settle()
    first, newest = stage.server.world.pipelines
    assert newest is pipeline
    assert [one.status for one in newest.latest] == [one.status for one in first.latest] == ["success"]


async def test_our_own_status_makes_no_work(stage: GitLabStage, talk: Talk) -> None:
    ref = await talk.open()
    told = stage.server.calls["POST", "projects/:id/statuses/:sha"]
    await talk.engine.settle()
    await stage.server.alter(str(ref.repo), ref.number, title="Another")
    await talk.settle()
    assert stage.server.calls["POST", "projects/:id/statuses/:sha"] == told
