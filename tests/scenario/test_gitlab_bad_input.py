"""What people, bots and GitLab itself do that is not as it should be, from the webhook on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.gitlab_stage import BOT, GitLabStage
from tests.fakes.resolver import affected
from tests.scenario.test_first_light import breaks
from tests.scenario.test_wire_conversations import holds_builds
from tests.scenario.wire import Talk, talking

PROJECT = "octocat/rpms/libfoo"


@pytest.fixture
async def stage(tmp_path: Path) -> GitLabStage:
    return GitLabStage(tmp_path)


@pytest.fixture
async def talk(stage: GitLabStage, tmp_path: Path) -> AsyncIterator[Talk]:
    async with talking(stage, tmp_path) as made:
        made.engine.resolver.script_impact(["libfoo"], affected("bar"), affected("baz"), sources=10)
        made.engine.builder.outcome_for = breaks()
        yield made


async def test_events_that_come_twice_start_one_run(stage: GitLabStage, talk: Talk) -> None:
    stage.server.webhooks.twice = True
    ref = await talk.open()
    await talk.push(ref)
    assert talk.built().count("libfoo") == 2
    assert len((await talk.engine.view(ref)).runs) == 2


async def test_an_edited_note_is_no_command(stage: GitLabStage, talk: Talk) -> None:
    ref = await talk.open()
    built = talk.built()
    note = await stage.server.comment(PROJECT, ref.number, "octocat", "looks good")
    await stage.server.edit_note(note, "/revdeps rebuild bar")
    await talk.settle()
    assert (talk.built(), note.awards, talk.answers(ref)) == (built, [], [])


async def test_an_internal_note_is_not_answered_in_public(stage: GitLabStage, talk: Talk) -> None:
    ref = await talk.open()
    note = await stage.server.comment(PROJECT, ref.number, "octocat", "/revdeps rebuild bar", internal=True)
    await talk.settle()
    assert (note.awards, talk.answers(ref)) == ([], [])


@pytest.mark.parametrize("author", [BOT, "project_3_bot_0123456789abcdef"])
async def test_what_the_bot_or_a_bot_writes_is_no_command(stage: GitLabStage, talk: Talk, author: str) -> None:
    talk.engine.builder.outcome_for = breaks("bar")
    ref = await talk.open()
    started = list(talk.engine.builder.started)
    body = talk.summary(ref) if author == BOT else "/revdeps rebuild bar"
    await stage.server.comment(PROJECT, ref.number, author, f"{body}\n/revdeps rebuild bar")
    await talk.settle()
    assert list(talk.engine.builder.started) == started


async def test_a_summary_that_somebody_deleted_is_written_again(stage: GitLabStage, talk: Talk) -> None:
    talk.engine.builder.outcome_for = breaks("bar")
    ref = await talk.open()
    [ours] = [note for note in stage.server.notes(PROJECT, ref.number) if note.author.username == BOT]
    stage.server.delete_note(ours)
    await talk.say(ref, "/revdeps retry bar")
    assert "`bar`" in talk.summary(ref)


async def test_five_hundred_commands_in_a_note_are_answered_once(stage: GitLabStage, talk: Talk) -> None:
    ref = await talk.open()
    asked = await talk.say(ref, "/revdeps retyr\n" * 500)
    assert asked.reactions == ("eyes", "confused")
    assert len(talk.answers(ref)) == 1


async def test_a_force_push_to_an_earlier_commit_is_tested_again(stage: GitLabStage, talk: Talk) -> None:
    ref = await talk.open()
    first = (await stage.forge.change(ref)).head_sha
    await talk.push(ref)
    request = stage.server.request(PROJECT, ref.number)
    await stage.server.push(PROJECT, request.source_branch, {"libfoo.spec": "Name: libfoo\n# third\n"}, parent=first)
    await talk.settle()
    assert len((await talk.engine.view(ref)).runs) == 3
    assert (await talk.gate(ref)).conclusion == "success"


async def test_a_draft_and_a_new_target_are_seen(stage: GitLabStage, talk: Talk) -> None:
    await stage.server.push(PROJECT, "stable", {"notes.txt": "of the stable branch"})
    ref = await talk.open()
    await stage.server.alter(PROJECT, ref.number, draft=True)
    await stage.server.alter(PROJECT, ref.number, draft=False, target_branch="stable")
    await talk.settle()
    state = (await talk.engine.view(ref)).change.state
    assert state is not None
    assert (state.base_branch, state.draft) == ("stable", False)


async def test_a_token_that_ends_in_mid_run_loses_nothing(stage: GitLabStage, talk: Talk) -> None:
    talk.engine.builder.outcome_for = holds_builds
    ref = await talk.open()
    stage.server.world.tokens[stage.token].revoked = True
    for key in talk.engine.builder.running:
        talk.engine.builder.finish(key)
    await talk.settle(minutes=10)
    stage.token = stage.server.create_token(BOT, value="glpat-new").value
    await talk.settle(minutes=30)
    assert (await talk.gate(ref)).conclusion == "success"


async def test_a_project_that_takes_the_bot_out_in_mid_run_ends_it(stage: GitLabStage, talk: Talk) -> None:
    talk.engine.builder.outcome_for = holds_builds
    await talk.open()
    stage.server.remove_member(PROJECT, BOT)
    await stage.server.push(PROJECT, "change-0", {"libfoo.spec": "Name: libfoo\n# newer\n"})
    await talk.settle(minutes=70)
    await talk.settle(minutes=70)
    assert talk.engine.builder.running == ()
