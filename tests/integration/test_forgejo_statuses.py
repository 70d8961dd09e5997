"""What Forgejo's adapter writes, statuses and comments, and the commands that no webhook told of."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.publication import CheckStatus
from bot.domain.run import ChangeRef, Conclusion
from bot.ports.errors import Gone, Transient
from tests.fakes.forge_stages import check_unheard
from tests.fakes.forgejo_calls import MARKER, UNKNOWN, another, check, head
from tests.fakes.forgejo_stage import BOT, ForgejoStage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[ForgejoStage]:
    async with ForgejoStage(tmp_path) as made:
        yield made


@pytest.fixture
async def ref(stage: ForgejoStage) -> ChangeRef:
    return await stage.open({"foo.spec": "Name: foo\nVersion: 2\n"})


# Statuses.


STATES = {
    None: "pending",
    Conclusion.SUCCESS: "success",
    Conclusion.SKIPPED: "success",
    Conclusion.FAILURE: "failure",
    Conclusion.ACTION_REQUIRED: "warning",
    Conclusion.CANCELLED: "error",
    Conclusion.TIMED_OUT: "error",
}


@pytest.mark.parametrize("conclusion", [None, *Conclusion])
async def test_every_conclusion_is_a_state(stage: ForgejoStage, ref: ChangeRef, conclusion: Conclusion | None) -> None:
    sha = await head(stage, ref)
    status = CheckStatus.IN_PROGRESS if conclusion is None else CheckStatus.COMPLETED
    await stage.forge.publish_check(stage.repo, check(sha, status=status, conclusion=conclusion), None)
    [written] = stage.server.statuses(str(stage.repo), sha)
    assert (written.state, written.context, written.description) == (STATES[conclusion], "revdeps", "Building")


async def test_news_of_a_check_is_one_request(stage: ForgejoStage, ref: ChangeRef) -> None:
    sha = await head(stage, ref)
    before = sum(stage.server.calls.values())
    for number in range(5):
        await stage.forge.publish_check(stage.repo, check(sha, title=f"Building {number}"), None)
    assert sum(stage.server.calls.values()) == before + 5


async def test_a_status_whose_answer_was_lost_can_be_written_again(stage: ForgejoStage, ref: ChangeRef) -> None:
    sha = await head(stage, ref)
    stage.server.fail(method="POST", path="/statuses/", status=0, lose_answer=True)
    with pytest.raises(Transient):
        await stage.forge.publish_check(stage.repo, check(sha), None)
    await stage.forge.publish_check(stage.repo, check(sha), None)
    [seen] = stage.checks(sha)
    assert (seen.status, seen.title) == ("queued", "Building")


async def test_statuses_of_others_are_none_of_our_business(stage: ForgejoStage, ref: ChangeRef) -> None:
    sha = await head(stage, ref)
    await stage.forge.publish_check(stage.repo, check(sha, name="another"), None)
    await stage.forge.publish_check(stage.repo, check(sha), None)
    contexts = [status.context for status in stage.server.statuses(str(stage.repo), sha)]
    assert contexts == ["another", "revdeps"]


async def test_a_long_title_is_cut(stage: ForgejoStage, ref: ChangeRef) -> None:
    sha = await head(stage, ref)
    await stage.forge.publish_check(stage.repo, check(sha, title="long " * 100), None)
    [written] = stage.server.statuses(str(stage.repo), sha)
    assert len(written.description) == 250
    assert written.description.endswith("…")


async def test_a_commit_that_is_not_there_is_gone_and_no_trouble_of_the_servers(stage: ForgejoStage) -> None:
    with pytest.raises(Gone, match="no commit"):
        await stage.forge.publish_check(stage.repo, check(UNKNOWN), None)


async def test_trouble_of_the_server_is_told_from_a_commit_that_is_not_there(
    stage: ForgejoStage, ref: ChangeRef
) -> None:
    sha = await head(stage, ref)
    stage.server.fail(method="POST", path="/statuses/", status=500)
    with pytest.raises(Transient):
        await stage.forge.publish_check(stage.repo, check(sha), None)
    stage.server.fail(path="/(statuses/|git/)", status=500, times=2)
    with pytest.raises(Transient):
        await stage.forge.publish_check(stage.repo, check(sha), None)


async def test_a_small_server_is_not_overrun(stage: ForgejoStage, ref: ChangeRef) -> None:
    sha = await head(stage, ref)
    names = [f"gate-{number}" for number in range(20)]
    slow = stage.server.fail(method="POST", path="/statuses/", status=0, delay=0.05, times=None)
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(stage.forge.publish_check(stage.repo, check(sha, name=name), None) for name in names))
    assert slow.hits == 20
    assert asyncio.get_running_loop().time() - began >= 3 * 0.05
    assert {status.context for status in stage.server.statuses(str(stage.repo), sha)} == set(names)


# Comments.


async def test_a_comment_whose_answer_was_lost_is_not_written_twice(stage: ForgejoStage, ref: ChangeRef) -> None:
    stage.server.fail(method="POST", path="/comments", status=0, lose_answer=True)
    with pytest.raises(Transient):
        await stage.forge.upsert_comment(ref, MARKER, MARKER, None)
    await stage.forge.upsert_comment(ref, MARKER, MARKER, None)
    assert len(stage.comments(ref)) == 1


async def test_our_comments_are_known_whatever_the_case_of_our_name(stage: ForgejoStage, ref: ChangeRef) -> None:
    forge = another(stage, user="RevDeps")
    first = await forge.comment(ref, MARKER, MARKER)
    assert await forge.comment(ref, MARKER, MARKER) == first


async def test_a_folded_comment_keeps_its_text_and_its_limit(stage: ForgejoStage, ref: ChangeRef) -> None:
    limit = stage.forge.capabilities.comment_limit
    short = await stage.forge.comment(ref, f"{MARKER}\nAll is lost.", MARKER)
    long = await stage.forge.comment(ref, "<!-- x -->".ljust(limit, "y"), "<!-- x -->")
    for comment in (short, long):
        await stage.forge.minimise(ref, comment)
    first, second = (seen.body for seen in stage.comments(ref))
    assert first == f"<details><summary>Outdated</summary>\n\n{MARKER}\nAll is lost.\n\n</details>\n"
    assert len(second) == limit


# Commands that no webhook told of.


async def test_commands_that_were_never_delivered_are_found_until_we_react(stage: ForgejoStage, ref: ChangeRef) -> None:
    async def write(body: str, author: str = "octocat", to: ChangeRef = ref) -> str:
        stage.clock.shift += timedelta(seconds=1)
        return await stage.write(to, body, author)

    closed = await stage.open({"b": "c"})
    await write("/revdeps run")
    stage.clock.shift += timedelta(days=3)
    since = stage.now()
    first = await write("/revdeps retry")
    for _ in range(60):
        await write("nothing for you")
    await write("/revdeps cancel", BOT)
    await write("/revdeps cancel", to=closed)
    await stage.close(closed)
    edited = int(await write("please", "hubot-friend"))
    stage.clock.shift += timedelta(seconds=5)
    await stage.server.edit_comment(stage.server.world.comments[edited], "/revdeps cancel", "octocat")
    await stage.forge.comment(ref, "<!-- x -->\n`/revdeps help`", "<!-- x -->")
    second = await write("please\n/RevDeps why bar", "hubot-friend")
    await check_unheard(stage, ref, since, {first: "octocat", second: "hubot-friend"})


async def test_where_nobody_called_one_request_is_enough(stage: ForgejoStage, ref: ChangeRef) -> None:
    await stage.write(ref, "nothing for you", "octocat")
    before = sum(stage.server.calls.values())
    assert await stage.forge.unheard_comments(stage.repo, stage.now() - timedelta(days=1)) == ()
    assert sum(stage.server.calls.values()) == before + 1
