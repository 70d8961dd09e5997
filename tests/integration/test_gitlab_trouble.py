"""GitLab's adapter where a token is not good or GitLab is not well, and how it finds what no webhook told."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.gitlab.forge import GitLabForge
from bot.domain.run import ChangeRef, RepoRef
from bot.ports.errors import Gone, Misconfigured, Rejected, RevdepsError, Transient
from tests.fakes.forge_stages import check_unheard
from tests.fakes.gitlab.model import DEVELOPER, MAINTAINER
from tests.fakes.gitlab_calls import FILES, PROJECT
from tests.fakes.gitlab_stage import BOT, HOOK, GitLabStage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[GitLabStage]:
    async with GitLabStage(tmp_path) as made:
        yield made


@pytest.fixture
async def ref(stage: GitLabStage) -> ChangeRef:
    return await stage.open(FILES)


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
    await check_unheard(stage, ref, since, {first: "octocat", second: "hubot-friend"})


async def test_a_repository_is_where_the_last_slash_parts_it(stage: GitLabStage) -> None:
    assert list(await stage.forge.repositories()) == [RepoRef(forge="gitlab", owner="octocat/rpms", name="libfoo")]
