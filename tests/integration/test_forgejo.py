"""Forgejo's adapter where Forgejo is not well, or the account may not what it has to."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from bot.domain.permission import Permission
from bot.domain.publication import Reaction
from bot.domain.run import ChangeRef
from bot.ports.errors import Gone, Misconfigured, Rejected, RevdepsError, Transient
from bot.ports.forge import Delivery
from tests.fakes.forgejo_calls import MARKER, another, check, head
from tests.fakes.forgejo_stage import BOT, ForgejoStage
from tests.fakes.service import free_port


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[ForgejoStage]:
    async with ForgejoStage(tmp_path) as made:
        yield made


@pytest.fixture
async def ref(stage: ForgejoStage) -> ChangeRef:
    return await stage.open({"foo.spec": "Name: foo\nVersion: 2\n"})


# The token and what the account may do.


async def test_a_revoked_token_is_a_matter_for_the_operator(stage: ForgejoStage, ref: ChangeRef) -> None:
    stage.server.revoke(stage.token)
    with pytest.raises(Misconfigured, match="make a new one as revdeps"):
        await stage.forge.change(ref)


async def test_a_new_token_is_taken_up_without_a_restart(stage: ForgejoStage, ref: ChangeRef) -> None:
    await stage.forge.change(ref)
    stage.server.revoke(stage.token)
    stage.token = stage.server.create_token(BOT)
    assert (await stage.forge.change(ref)).open


async def test_git_takes_up_a_new_token_as_well(stage: ForgejoStage, ref: ChangeRef, tmp_path: Path) -> None:
    sha = await head(stage, ref)
    stage.server.revoke(stage.token)
    with pytest.raises(Misconfigured, match="make a new one as revdeps"):
        await stage.forge.clone_source(ref, sha, str(tmp_path / "checkout"))
    stage.token = stage.server.create_token(BOT)
    await stage.forge.clone_source(ref, sha, str(tmp_path / "checkout"))
    assert (tmp_path / "checkout" / "foo.spec").exists()


async def test_missing_scopes_are_named(stage: ForgejoStage, ref: ChangeRef) -> None:
    stage.token = stage.server.create_token(BOT, ["read:repository", "read:issue"])
    sha = await head(stage, ref)
    with pytest.raises(Misconfigured, match=r"write:repository.* make one as revdeps with write:repository, write:iss"):
        await stage.forge.publish_check(stage.repo, check(sha), None)
    with pytest.raises(Misconfigured, match="write:issue"):
        await stage.forge.comment(ref, MARKER, MARKER)
    with pytest.raises(Misconfigured, match="read:user"):
        await stage.forge.repositories()


async def test_who_may_not_write_is_told_to_ask_for_more(stage: ForgejoStage, ref: ChangeRef) -> None:
    sha = await head(stage, ref)
    stage.server.set_permission(str(stage.repo), BOT, "read")
    with pytest.raises(Misconfigured, match="Make revdeps a collaborator with the permission Administrator"):
        await stage.forge.publish_check(stage.repo, check(sha), None)


async def test_who_is_no_administrator_is_told_of_nobodys_permission(stage: ForgejoStage) -> None:
    stage.server.set_permission(str(stage.repo), BOT, "write")
    with pytest.raises(Misconfigured, match=r"Only admins.* Administrator"):
        await stage.forge.permission(stage.repo, "octocat")


async def test_somebody_whom_nobody_knows_may_nothing(stage: ForgejoStage) -> None:
    assert await stage.forge.permission(stage.repo, "nobody-at-all") is Permission.NONE


async def test_the_owner_may_everything(stage: ForgejoStage) -> None:
    assert await stage.forge.permission(stage.repo, "octocat") is Permission.ADMIN


async def test_an_account_that_may_not_sign_in_is_named(stage: ForgejoStage, ref: ChangeRef) -> None:
    stage.token.user.active = False
    with pytest.raises(Misconfigured, match="revdeps has to be able to sign in"):
        await stage.forge.change(ref)


async def test_the_token_does_not_show_when_settings_are_printed(stage: ForgejoStage) -> None:
    assert stage.token.value not in repr(stage.settings)


# Trouble on the way.


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        ({"status": 500}, Transient),
        ({"status": 502, "page": "<h1>Bad Gateway</h1>"}, Transient),
        ({"status": 503, "headers": {"Retry-After": "7"}}, Transient),
        ({"status": 403, "page": "<h1>Are you a robot?</h1>"}, Transient),
        ({"status": 200, "page": "<h1>Maintenance</h1>"}, Transient),
        ({"status": 200, "page": "{half", "headers": {"Content-Type": "application/json"}}, Transient),
        ({"status": 307, "headers": {"Location": "mailto:octocat@forgejo.example"}}, Misconfigured),
        ({"status": 403, "message": "You are blocked by this user"}, Rejected),
        ({"status": 404, "message": "The target couldn't be found."}, Gone),
        ({"status": 422, "message": "no"}, Rejected),
        ({"status": 0, "lose_answer": True, "times": None}, Transient),
    ],
)
async def test_every_trouble_becomes_an_error_that_the_engine_knows(
    stage: ForgejoStage, ref: ChangeRef, failure: dict[str, object], error: type[RevdepsError]
) -> None:
    stage.server.fail(path="/pulls/", **failure)
    with pytest.raises(error) as raised:
        await stage.forge.change(ref)
    assert type(raised.value) is error


async def test_while_a_proxy_wants_to_be_left_alone_nothing_is_sent(stage: ForgejoStage, ref: ChangeRef) -> None:
    stage.server.fail(path="/pulls/", status=429, headers={"Retry-After": "90"})
    with pytest.raises(Transient) as told:
        await stage.forge.change(ref)
    assert told.value.retry_after == timedelta(seconds=90)
    with pytest.raises(Transient, match="left alone"):
        await stage.forge.repositories()
    assert stage.server.calls["GET", "/user/repos"] == 0
    stage.clock.shift += timedelta(seconds=91)
    assert (await stage.forge.change(ref)).open


async def test_a_limit_without_a_time_is_waited_out_a_minute(stage: ForgejoStage, ref: ChangeRef) -> None:
    stage.server.fail(path="/pulls/", status=429)
    with pytest.raises(Transient) as told:
        await stage.forge.change(ref)
    assert told.value.retry_after == timedelta(minutes=1)


async def test_a_forge_that_never_answers_is_not_waited_for(stage: ForgejoStage, ref: ChangeRef) -> None:
    stage.server.fail(path="/pulls/", status=0, delay=5)
    with pytest.raises(Transient, match="did not answer"):
        await another(stage, request_seconds=0.05).change(ref)


async def test_a_forge_that_is_not_there_is_named(stage: ForgejoStage, ref: ChangeRef) -> None:
    with pytest.raises(Transient, match="cannot be reached"):
        await another(stage, url=f"http://127.0.0.1:{free_port()}").change(ref)


async def test_a_page_instead_of_a_file_is_no_file(stage: ForgejoStage) -> None:
    stage.server.fail(path="/raw/", status=200, page="<h1>Are you a robot?</h1>")
    with pytest.raises(Transient, match="something else than a file"):
        await stage.forge.read_file(stage.repo, ".revdeps.yaml", "main")


async def test_the_token_follows_no_redirection_elsewhere(stage: ForgejoStage, ref: ChangeRef) -> None:
    seen: list[str | None] = []

    async def listen(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.json_response({})

    elsewhere = web.Application()
    elsewhere.router.add_route("*", "/{anything:.*}", listen)
    runner = web.AppRunner(elsewhere, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    stage.server.fail(path="/pulls/", status=301, headers={"Location": f"http://127.0.0.1:{port}/"})
    with pytest.raises(Misconfigured, match="redirects to"):
        await stage.forge.change(ref)
    await runner.cleanup()
    assert seen == []


async def test_a_circle_of_redirections_ends(stage: ForgejoStage, ref: ChangeRef) -> None:
    stage.server.fail(path="/pulls/", status=307, times=None, headers={"Location": "?again"})
    with pytest.raises(Transient, match="circle"):
        await stage.forge.change(ref)


# What happens to repositories and pull requests.


async def test_a_renamed_repository_is_another_and_what_was_said_in_it_can_be_ended(
    stage: ForgejoStage, ref: ChangeRef
) -> None:
    sha = await head(stage, ref)
    stage.server.rename(str(stage.repo), "hubot/libbar")
    stage.server.set_permission("hubot/libbar", BOT, "admin")
    for asked in (stage.forge.change(ref), stage.forge.open_changes(ref.repo)):
        with pytest.raises(Gone, match="is hubot/libbar now"):
            await asked
    await stage.forge.publish_check(stage.repo, check(sha), None)
    await stage.forge.comment(ref, MARKER, MARKER)
    now = replace(ref, repo=replace(ref.repo, owner="hubot", name="libbar"))
    assert (await stage.forge.change(now)).open
    assert stage.server.status("hubot/libbar", sha) is not None
    assert len(stage.server.comments("hubot/libbar", ref.number)) == 1
    assert await stage.forge.read_file(stage.repo, "foo.spec", "main") is not None


async def test_where_we_lost_all_access_everything_is_gone(stage: ForgejoStage, ref: ChangeRef) -> None:
    stage.server.set_permission(str(stage.repo), BOT, "none")
    for asked in (stage.forge.change(ref), stage.forge.open_changes(stage.repo), stage.forge.changed_files(ref)):
        with pytest.raises(Gone):
            await asked


async def test_an_archived_repository_is_read_and_takes_no_comment(stage: ForgejoStage, ref: ChangeRef) -> None:
    stage.server.repository(str(stage.repo)).archived = True
    assert (await stage.forge.change(ref)).open
    assert await stage.forge.repositories() == ()
    with pytest.raises(Rejected, match="is archived"):
        await stage.forge.comment(ref, MARKER, MARKER)


async def test_a_locked_conversation_refuses_those_who_may_only_read(stage: ForgejoStage, ref: ChangeRef) -> None:
    comment = await stage.write(ref, "/revdeps run", "octocat")
    stage.server.pull(str(ref.repo), ref.number).locked = True
    stage.server.set_permission(str(stage.repo), BOT, "read")
    with pytest.raises(Rejected, match="locked"):
        await stage.forge.comment(ref, MARKER, MARKER)
    with pytest.raises(Rejected, match="no permission to change reaction"):
        await stage.forge.react(ref, comment, Reaction.SEEN)


async def test_a_forks_pull_request_has_its_status_and_its_files_in_the_base_repository(
    stage: ForgejoStage, tmp_path: Path
) -> None:
    server = stage.server
    pull = await server.open_pull_request(
        str(stage.repo), "topic", "Patch", "hubot-friend", from_fork=True, files={"a.patch": "x\n"}
    )
    ref = ChangeRef(repo=stage.repo, number=pull.number)
    state = await stage.forge.change(ref)
    assert (state.head_repo, state.author) == ("hubot-friend/libfoo", "hubot-friend")
    await stage.forge.publish_check(stage.repo, check(state.head_sha), None)
    assert server.status(str(stage.repo), state.head_sha) is not None
    assert await stage.forge.changed_files(ref) == ("a.patch",)
    assert await stage.forge.read_file(stage.repo, "a.patch", state.head_sha) == b"x\n"
    await server.delete_fork(pull)
    assert (await stage.forge.change(ref)).head_repo == ""
    await stage.forge.clone_source(ref, state.head_sha, str(tmp_path / "checkout"))
    assert (tmp_path / "checkout" / "a.patch").read_text() == "x\n"


async def test_both_names_of_a_renamed_file_are_told(stage: ForgejoStage) -> None:
    text = "".join(f"line {number}\n" for number in range(40))
    await stage.server.push(str(stage.repo), "main", {"old.patch": text})
    ref = await stage.open({"old.patch": None, "new.patch": text})  # type: ignore[dict-item]
    assert set(await stage.forge.changed_files(ref)) == {"old.patch", "new.patch"}


async def test_a_new_title_makes_a_draft_and_unmakes_it(stage: ForgejoStage, ref: ChangeRef) -> None:
    await stage.server.retitle(str(ref.repo), ref.number, "wip: Update")
    assert (await stage.forge.change(ref)).draft
    await stage.server.retitle(str(ref.repo), ref.number, "Update")
    assert not (await stage.forge.change(ref)).draft


async def test_another_base_shows(stage: ForgejoStage, ref: ChangeRef) -> None:
    sha = await stage.server.push(str(ref.repo), "next", {"b": "c"})
    await stage.server.retarget(str(ref.repo), ref.number, "next")
    state = await stage.forge.change(ref)
    assert (state.base_branch, state.base_sha) == ("next", sha)


async def test_nobody_can_be_asked_to_deliver_again(stage: ForgejoStage) -> None:
    lost = Delivery(guid="g", delivered_at=stage.now(), succeeded=False, ref="1")
    with pytest.raises(Rejected):
        await stage.forge.redeliver(lost)
