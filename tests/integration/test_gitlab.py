"""GitLab's adapter where GitLab is not well, where pipelines run elsewhere, and with the tokens that it takes there."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.gitlab.forge import GitLabForge
from bot.adapters.gitlab.notes import NOTE_LIMIT
from bot.domain.ids import RunId
from bot.domain.permission import Permission
from bot.domain.publication import Check, CheckStatus, Reaction
from bot.domain.run import ChangeRef, Conclusion, RepoRef
from bot.ports.errors import Gone, Misconfigured, Rejected, RevdepsError, Transient
from tests.fakes.gitlab.model import DEVELOPER, GUEST, MAINTAINER, PLANNER, REPORTER, Pipeline
from tests.fakes.gitlab_stage import BOT, HOOK, GitLabStage

PROJECT = "octocat/rpms/libfoo"
FILES = {"foo.spec": "Name: foo\nVersion: 2\n"}
STATUS = ("POST", "projects/:id/statuses/:sha")
REQUEST = ("GET", "projects/:id/merge_requests/:iid")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[GitLabStage]:
    async with GitLabStage(tmp_path) as made:
        yield made


@pytest.fixture
async def ref(stage: GitLabStage) -> ChangeRef:
    return await stage.open(FILES)


async def forked(stage: GitLabStage, *, visibility: str = "public") -> ChangeRef:
    stage.server.project(PROJECT).visibility = visibility
    opened = await stage.server.open_merge_request(
        PROJECT, "topic", "Update", "hubot-friend", from_fork=True, files=FILES
    )
    return ChangeRef(repo=stage.repo, number=opened.iid)


def check(sha: str, **more: Any) -> Check:
    queued = Check(
        name="revdeps", run=RunId("r1"), head_sha=sha, status=CheckStatus.QUEUED, title="Waiting", summary="It began."
    )
    return replace(queued, **more)


def done(sha: str, conclusion: Conclusion = Conclusion.SUCCESS, **more: Any) -> Check:
    return check(sha, status=CheckStatus.COMPLETED, conclusion=conclusion, title="It ended", **more)


async def publish(stage: GitLabStage, ref: ChangeRef, known: str | None = None, **more: Any) -> str:
    sha = stage.server.request(PROJECT, ref.number).sha
    return await stage.forge.publish_check(stage.repo, check(sha, **more), known)


def told(pipeline: Pipeline) -> list[str]:
    return [status.status for status in pipeline.latest]


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


# Tokens and trouble.


@pytest.mark.parametrize(
    ("what", "why"), [("expired", "has expired"), ("revoked", "was revoked"), ("gone", "not taken")]
)
async def test_a_token_that_is_not_good_any_more_is_a_matter_for_the_operator(
    stage: GitLabStage, ref: ChangeRef, what: str, why: str
) -> None:
    token = stage.server.world.tokens[stage.token]
    match what:
        case "expired":
            token.expires_at = stage.now() - timedelta(days=1)
        case "revoked":
            token.revoked = True
        case _:
            stage.server.world.tokens.clear()
    with pytest.raises(Misconfigured, match=why) as refused:
        await stage.forge.change(ref)
    assert "token-file" in refused.value.mend
    assert "This service is at fault" in refused.value.mend


async def test_a_rotated_token_is_taken_without_a_restart(stage: GitLabStage, ref: ChangeRef, tmp_path: Path) -> None:
    sha = (await stage.forge.change(ref)).head_sha
    stage.server.world.tokens[stage.token].revoked = True
    stage.token = stage.server.create_token(BOT, value="glpat-new").value
    await stage.forge.clone_source(ref, sha, str(tmp_path / "checkout"))
    assert (await stage.forge.change(ref)).open
    stage.server.world.tokens["glpat-new"].revoked = True
    stage.token = stage.server.create_token(BOT, value="glpat-newer").value
    assert (await stage.forge.change(ref)).open


async def test_a_token_without_the_scope_is_named(stage: GitLabStage, ref: ChangeRef) -> None:
    stage.server.world.tokens[stage.token].scopes = ("read_api",)
    with pytest.raises(Misconfigured, match="scope api"):
        await stage.forge.comment(ref, "<!-- x -->", "<!-- x -->")


async def test_nothing_is_sent_while_gitlab_wants_to_be_left_alone(stage: GitLabStage, ref: ChangeRef) -> None:
    stage.server.fail(status=429, message="429 Too Many Requests", headers={"Retry-After": "30"})
    with pytest.raises(Transient) as refused:
        await stage.forge.change(ref)
    assert refused.value.retry_after == timedelta(seconds=30)
    asked = sum(stage.server.calls.values())
    with pytest.raises(Transient):
        await stage.forge.changed_files(ref)
    assert sum(stage.server.calls.values()) == asked
    stage.clock.shift += timedelta(seconds=31)
    assert (await stage.forge.change(ref)).open


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [({}, 60, 60), ({"RateLimit-Reset": "in"}, 40, 50), ({"Retry-After": "999999"}, 7200, 7200)],
)
async def test_how_long_to_wait_is_gitlabs_wish_within_reason(
    stage: GitLabStage, ref: ChangeRef, headers: dict[str, str], least: int, most: int
) -> None:
    if "RateLimit-Reset" in headers:
        headers = {"RateLimit-Reset": str(int(stage.now().timestamp()) + 49)}
    stage.server.fail(status=429, headers=headers)
    with pytest.raises(Transient) as refused:
        await stage.forge.change(ref)
    wait = refused.value.retry_after
    assert wait is not None
    assert timedelta(seconds=least) <= wait <= timedelta(seconds=most)


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (500, "500 Internal Server Error", Transient),
        (502, "502 Bad Gateway", Transient),
        (503, "503", Transient),
        (409, "409 Another update to this commit status is in progress", Transient),
        (403, "You cannot perform write operations on a read-only instance", Transient),
        (403, "403 Forbidden", Rejected),
        (422, "The number of jobs has exceeded the limit", Rejected),
        (404, "404 Not Found", Gone),
    ],
)
async def test_refusals_are_told_in_the_engines_words(
    stage: GitLabStage, ref: ChangeRef, status: int, message: str, kind: type[RevdepsError]
) -> None:
    stage.server.fail(status=status, message=message)
    with pytest.raises(kind, match=str(status)):
        await stage.forge.change(ref)


async def test_a_connection_that_breaks_is_tried_again_later(stage: GitLabStage, ref: ChangeRef) -> None:
    stage.server.fail(drop=True, times=None)
    with pytest.raises(Transient, match="cannot be reached"):
        await stage.forge.change(ref)


async def test_an_answer_that_does_not_come_is_given_up(stage: GitLabStage, ref: ChangeRef) -> None:
    stage.server.fail(delay=5, times=None, status=0)
    impatient = GitLabForge(replace(stage.settings, request_seconds=0.05), stage.session, stage.clock)
    with pytest.raises(Transient, match="did not answer within"):
        await impatient.change(ref)


async def test_the_token_goes_nowhere_else(stage: GitLabStage, ref: ChangeRef) -> None:
    settings = replace(stage.settings, url=stage.server.url.replace("127.0.0.1", "localhost"))
    abroad = GitLabForge(settings, stage.session, stage.clock)
    for number in range(101):
        await stage.server.comment(PROJECT, ref.number, "octocat", f"talk {number}")
    with pytest.raises(Misconfigured, match=r"answers with addresses at http://127\.0\.0\.1"):
        await abroad.upsert_comment(ref, "<!-- x -->", "<!-- x -->", None)


async def test_a_project_is_asked_for_once_an_hour_however_many_need_it(stage: GitLabStage, ref: ChangeRef) -> None:
    await asyncio.gather(*(stage.forge.change(ref) for _ in range(5)))
    assert stage.server.calls["GET", "projects/:id"] == 1
    stage.clock.shift += timedelta(hours=1, minutes=1)
    await stage.forge.change(ref)
    assert stage.server.calls["GET", "projects/:id"] == 2


# Deliveries.


async def test_deliveries_are_looked_up_where_the_bot_is_a_maintainer(stage: GitLabStage) -> None:
    begun = stage.now()
    await stage.deliver("missed", (False,))
    stage.server.add_member(PROJECT, BOT, DEVELOPER)
    assert await stage.forge.missed_deliveries(begun) == ()
    stage.server.add_member(PROJECT, BOT, MAINTAINER)
    assert [one.guid for one in await stage.forge.missed_deliveries(begun)] == ["missed"]


async def test_without_an_address_of_our_own_no_hook_is_known_as_ours(stage: GitLabStage) -> None:
    begun = stage.now()
    await stage.deliver("missed", (False,))
    unknown = GitLabForge(replace(stage.settings, hook_url=""), stage.session, stage.clock)
    assert await unknown.missed_deliveries(begun) == ()
    other = GitLabForge(replace(stage.settings, hook_url=f"{HOOK}-2"), stage.session, stage.clock)
    assert await other.missed_deliveries(begun) == ()


async def test_more_than_five_a_minute_have_to_wait(stage: GitLabStage) -> None:
    begun = stage.now()
    for number in range(6):
        await stage.deliver(f"missed-{number}", (False,))
    missed = await stage.forge.missed_deliveries(begun)
    for delivery in missed[:5]:
        await stage.forge.redeliver(delivery)
    with pytest.raises(Transient) as refused:
        await stage.forge.redeliver(missed[5])
    assert refused.value.retry_after is not None
    assert await stage.forge.open_changes(stage.repo) == []  # all else goes on
    stage.clock.shift += refused.value.retry_after
    await stage.forge.redeliver(missed[5])


async def test_what_was_refused_for_good_is_not_asked_for_again(stage: GitLabStage) -> None:
    begun = stage.now()
    await stage.deliver("malformed", (False,))
    stage.server.world.events[-1].status = "413"
    assert await stage.forge.missed_deliveries(begun) == ()


async def test_many_deliveries_are_read_only_as_far_back_as_needed(stage: GitLabStage) -> None:
    for number in range(50):
        await stage.deliver(f"old-{number}", (True,))
    since = stage.now()
    await stage.deliver("missed", (False,))
    assert [one.guid for one in await stage.forge.missed_deliveries(since)] == ["missed"]
    assert stage.server.calls["GET", "projects/:id/hooks/:hook_id/events"] == 1


async def test_commands_that_were_never_delivered_are_found_until_we_react(stage: GitLabStage, ref: ChangeRef) -> None:
    async def write(body: str, author: str = "octocat", **more: Any) -> str:
        stage.clock.shift += timedelta(seconds=1)
        return str((await stage.server.comment(PROJECT, ref.number, author, body, **more)).id)

    await write("/revdeps run")
    stage.clock.shift += timedelta(days=3)
    since = stage.now()
    first = await write("/revdeps retry")
    await write("nothing for you")
    await write("/revdeps cancel", internal=True)
    stage.server.world.user("robot", bot=True)
    await write("/revdeps cancel", "robot")
    await stage.forge.comment(ref, "<!-- x -->\n`/revdeps help`", "<!-- x -->")
    second = await write("please\n/revdeps why bar", "hubot-friend")
    found = await stage.forge.unheard_comments(stage.repo, since)
    assert [(one.comment, one.author, one.change) for one in found] == [
        (first, "octocat", ref),
        (second, "hubot-friend", ref),
    ]
    assert found[0].body == "/revdeps retry"
    assert since <= found[0].written_at <= stage.now()
    await stage.forge.react(ref, first, Reaction.SEEN)
    assert [one.comment for one in await stage.forge.unheard_comments(stage.repo, since)] == [second]


async def test_a_repository_is_where_the_last_slash_parts_it(stage: GitLabStage) -> None:
    assert list(await stage.forge.repositories()) == [RepoRef(forge="gitlab", owner="octocat/rpms", name="libfoo")]
