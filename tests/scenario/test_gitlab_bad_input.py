"""What people, bots and GitLab itself do that is not as it should be, from the webhook on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.gitlab_stage import BOT, GitLabStage
from tests.scenario.outcomes import holds_builds
from tests.scenario.wire import Talk, talking

PROJECT = "octocat/rpms/libfoo"


@pytest.fixture
async def stage(tmp_path: Path) -> GitLabStage:
    return GitLabStage(tmp_path)


@pytest.fixture
async def talk(stage: GitLabStage, tmp_path: Path) -> AsyncIterator[Talk]:
    async with talking(stage, tmp_path) as made:
        yield made


async def test_an_internal_note_is_not_answered_in_public(stage: GitLabStage, talk: Talk) -> None:
    ref = await talk.open()
    note = await stage.server.comment(PROJECT, ref.number, "octocat", "/revdeps rebuild bar", internal=True)
    await talk.settle()
    assert (note.awards, talk.answers(ref)) == ([], [])


async def test_a_project_that_takes_the_bot_out_in_mid_run_ends_it(stage: GitLabStage, talk: Talk) -> None:
    talk.engine.builder.outcome_for = holds_builds
    await talk.open()
    stage.server.remove_member(PROJECT, BOT)
    await stage.server.push(PROJECT, "change-0", {"libfoo.spec": "Name: libfoo\n# newer\n"})
    await talk.settle(minutes=70)
    await talk.settle(minutes=70)
    assert talk.engine.builder.running == ()
