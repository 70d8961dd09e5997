"""GitLab's adapter with projects, merge requests, people and notes that are not as they mostly are."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.gitlab.notes import NOTE_LIMIT
from bot.domain.permission import Permission
from bot.domain.run import ChangeRef
from bot.ports.errors import Gone, Rejected, Transient
from tests.fakes.gitlab.model import DEVELOPER, GUEST, MAINTAINER, PLANNER, REPORTER
from tests.fakes.gitlab_calls import FILES, PROJECT, check, forked
from tests.fakes.gitlab_stage import BOT, GitLabStage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[GitLabStage]:
    async with GitLabStage(tmp_path) as made:
        yield made


@pytest.fixture
async def ref(stage: GitLabStage) -> ChangeRef:
    return await stage.open(FILES)


# Projects.


async def test_a_renamed_project_is_another_and_what_was_said_in_it_can_be_ended(
    stage: GitLabStage, ref: ChangeRef
) -> None:
    await stage.forge.change(ref)
    stage.server.rename_project(PROJECT, "hubot-friend/foo")
    for forge in (stage.forge, stage.fresh()):
        stage.forge = forge
        for asked in (forge.change(ref), forge.open_changes(ref.repo)):
            with pytest.raises(Gone, match="is hubot-friend/foo now"):
                await asked
        await publish_renamed(stage, ref)  # GitLab leads from the old path to the new one.
    await stage.forge.comment(ref, "<!-- x -->", "<!-- x -->")
    now = replace(ref, repo=replace(ref.repo, owner="hubot-friend", name="foo"))
    assert (await stage.forge.change(now)).open


async def publish_renamed(stage: GitLabStage, ref: ChangeRef) -> None:
    sha = stage.server.request("hubot-friend/foo", ref.number).sha
    await stage.forge.publish_check(stage.repo, check(sha), None)


async def test_a_project_that_is_deleted_is_gone(stage: GitLabStage, ref: ChangeRef) -> None:
    await stage.forge.change(ref)
    stage.server.world.projects.clear()
    with pytest.raises(Gone):
        await stage.forge.change(ref)


async def test_archived_projects_are_left_out(stage: GitLabStage) -> None:
    stage.server.project(PROJECT).archived = True
    assert list(await stage.forge.repositories()) == []


async def test_a_public_project_that_took_the_bot_out_is_gone_within_an_hour(
    stage: GitLabStage, ref: ChangeRef
) -> None:
    stage.server.project(PROJECT).visibility = "public"
    await stage.forge.open_changes(stage.repo)
    stage.server.remove_member(PROJECT, BOT)
    stage.clock.shift += timedelta(hours=1, minutes=1)
    with pytest.raises(Gone, match="no member"):
        await stage.forge.open_changes(stage.repo)


async def test_a_member_by_an_invited_group_is_one(stage: GitLabStage, ref: ChangeRef) -> None:
    stage.server.remove_member(PROJECT, BOT)
    stage.server.add_member(PROJECT, BOT, invited=True)
    assert (await stage.forge.change(ref)).open


async def test_many_projects_are_read_page_by_page(stage: GitLabStage) -> None:
    world = stage.server.world
    for number in range(120):
        project = replace(stage.server.project(PROJECT), path=f"octocat/p{number}", id=1000 + number)
        world.projects[project.id] = project
    assert len(await stage.forge.repositories()) == 121


# Merge requests.


async def test_a_fork_is_named_and_a_deleted_one_is_not(stage: GitLabStage) -> None:
    ref = await forked(stage)
    assert (await stage.forge.change(ref)).head_repo == "hubot-friend/libfoo"
    stage.server.request(PROJECT, ref.number).source = None
    assert (await stage.forge.change(ref)).head_repo == ""


async def test_a_fork_that_may_not_be_seen_has_no_name(stage: GitLabStage) -> None:
    ref = await forked(stage, visibility="private")
    assert (await stage.forge.change(ref)).head_repo == ""


async def test_one_that_is_not_prepared_yet_is_asked_for_again(stage: GitLabStage, ref: ChangeRef) -> None:
    stage.server.request(PROJECT, ref.number).prepared = False
    with pytest.raises(Transient) as refused:
        await stage.forge.change(ref)
    assert refused.value.retry_after == timedelta(seconds=3)
    assert await stage.forge.open_changes(stage.repo) == []


async def test_old_and_new_names_of_a_renamed_file_are_told(stage: GitLabStage) -> None:
    ref = await stage.open({"foo.spec": None, "bar.spec": "Name: foo\nVersion: 1\n"})  # type: ignore[dict-item]
    assert sorted(await stage.forge.changed_files(ref)) == ["bar.spec", "foo.spec"]


# People.


@pytest.mark.parametrize(
    ("level", "permission"),
    [
        (5, Permission.NONE),
        (GUEST, Permission.READ),
        (PLANNER, Permission.READ),
        (REPORTER, Permission.TRIAGE),
        (DEVELOPER, Permission.WRITE),
        (MAINTAINER, Permission.MAINTAIN),
    ],
)
async def test_access_levels_are_permissions(stage: GitLabStage, level: int, permission: Permission) -> None:
    stage.server.add_member(PROJECT, "hubot-friend", level)
    assert await stage.forge.permission(stage.repo, "Hubot-Friend") is permission


async def test_a_blocked_user_may_nothing_and_everybody_may_read_what_is_public(stage: GitLabStage) -> None:
    stage.server.add_member(PROJECT, "hubot-friend", DEVELOPER)
    stage.server.world.user("hubot-friend").state = "blocked"
    assert await stage.forge.permission(stage.repo, "hubot-friend") is Permission.NONE
    stage.server.world.user("passer-by")
    assert await stage.forge.permission(stage.repo, "passer-by") is Permission.NONE
    stage.server.project(PROJECT).visibility = "public"
    assert await stage.fresh().permission(stage.repo, "passer-by") is Permission.READ


# Notes.


@pytest.mark.parametrize("before", ["", "````text\n```\nlog\n", "<details>\n\n", "  "])
async def test_no_text_of_ours_makes_gitlab_do_anything(stage: GitLabStage, ref: ChangeRef, before: str) -> None:
    text = (
        f"<!-- x -->\n{before}/merge\n/close\n/approve now\r\n/La\rbel ~x\n/title Mine\n/revdeps retry\n/usr/bin/ld: no"
    )
    note = await stage.forge.upsert_comment(ref, text, "<!-- x -->", None)
    await stage.forge.upsert_comment(ref, text + "\n/reopen", "<!-- x -->", note)
    await stage.forge.minimise(ref, note)
    assert stage.server.world.quick_actions == []
    body = stage.server.notes(PROJECT, ref.number)[0].body
    assert "\n/revdeps retry\n/usr/bin/ld: no" in body


async def test_an_order_that_is_not_defused_would_be_carried_out(stage: GitLabStage, ref: ChangeRef) -> None:
    await stage.server.comment(PROJECT, ref.number, "octocat", "````\n```\n/close\n````")
    assert stage.server.world.quick_actions == ["/close"]
    stage.server.world.quick_actions.clear()


async def test_a_folded_note_keeps_its_words(stage: GitLabStage, ref: ChangeRef) -> None:
    note = await stage.forge.comment(ref, "<!-- x -->\nold news", "<!-- x -->")
    await stage.forge.minimise(ref, note)
    assert stage.comments(ref)[0].body == "<details>\n<summary>Outdated</summary>\n\n<!-- x -->\nold news\n\n</details>"
    assert await stage.forge.comment(ref, "<!-- x -->\nold news", "<!-- x -->") == note


async def test_a_locked_discussion_takes_notes_of_members(stage: GitLabStage, ref: ChangeRef) -> None:
    stage.server.request(PROJECT, ref.number).discussion_locked = True
    await stage.forge.comment(ref, "<!-- x -->", "<!-- x -->")
    stage.server.project(PROJECT).archived = True
    with pytest.raises(Rejected, match="403"):
        await stage.forge.comment(ref, "<!-- y -->", "<!-- y -->")


async def test_a_note_whose_answer_was_lost_is_there_once(stage: GitLabStage, ref: ChangeRef) -> None:
    stage.server.fail(method="POST", path="/notes", lose_answer=True)
    with pytest.raises(Transient):
        await stage.forge.upsert_comment(ref, "<!-- x -->", "<!-- x -->", None)
    await stage.forge.upsert_comment(ref, "<!-- x -->", "<!-- x -->", None)
    assert len(stage.comments(ref)) == 1


async def test_a_note_is_no_longer_than_a_mail_should_be(stage: GitLabStage, ref: ChangeRef) -> None:
    assert stage.forge.capabilities.comment_limit == NOTE_LIMIT
    with pytest.raises(Rejected, match="65537 characters"):
        await stage.forge.comment(ref, "x" * (NOTE_LIMIT + 1), "x")
