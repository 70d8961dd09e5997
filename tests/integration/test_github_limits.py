"""GitHub's limits, enforced by a server that is as strict as its docs: the adapter keeps within them by itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.github.budget import CHASTENED, RESERVE, UNLIMITED
from bot.adapters.github.forge import GitHubForge
from bot.domain.ids import RunId
from bot.domain.publication import Check, CheckStatus, Reaction
from bot.domain.run import ChangeRef
from bot.ports.errors import Postponed, Transient
from tests.fakes.github_stage import GitHubStage

MARK = "<!-- m -->"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[GitHubStage]:
    async with GitHubStage(tmp_path) as made:
        yield made


@pytest.fixture
async def ref(stage: GitHubStage) -> ChangeRef:
    opened = await stage.open({"foo.spec": "Name: foo\nVersion: 2\n"})
    await stage.forge.change(opened)
    stage.clock.stop()
    return opened


def unlimited(stage: GitHubStage) -> GitHubForge:
    return GitHubForge(replace(stage.settings, limits=UNLIMITED), stage.session, stage.clock)


def check(sha: str, **more: object) -> Check:
    queued = Check(
        name="revdeps", run=RunId("r1"), head_sha=sha, status=CheckStatus.QUEUED, title="Waiting", summary="Soon."
    )
    return replace(queued, **more)  # type: ignore[arg-type]


async def as_often_as_it_goes(ask: Callable[[], Awaitable[object]], most: int) -> tuple[int, timedelta]:
    """Ask until we are told to wait; return how often that was, and how long to wait."""
    for number in range(most):
        try:
            await ask()
        except Transient as told:
            return number, told.retry_after or timedelta()
    raise AssertionError(f"nobody said stop after {most} times")


async def test_points_are_spent_and_no_more(stage: GitHubStage, ref: ChangeRef) -> None:
    number, wait = await as_often_as_it_goes(lambda: stage.forge.change(ref), 1000)
    assert 890 <= number <= 900
    assert timedelta() < wait <= timedelta(minutes=1, seconds=5)
    assert stage.server.gate.secondary.refused == []
    stage.clock.shift += wait
    assert (await stage.forge.change(ref)).open


async def test_a_server_that_counts_tells_a_client_that_does_not(stage: GitHubStage, ref: ChangeRef) -> None:
    forge = unlimited(stage)
    number, wait = await as_often_as_it_goes(lambda: forge.change(ref), 1000)
    assert number >= 100
    assert wait == timedelta(minutes=1)
    assert stage.server.gate.secondary.refused == ["more than 900 points a minute (core)"]


async def test_comments_are_counted_by_the_minute_and_by_the_hour(stage: GitHubStage, ref: ChangeRef) -> None:
    written = iter(range(10_000))

    async def write() -> None:
        stage.server.world.comments.clear()  # which are all read before each is written
        marker = f"<!-- {next(written)} -->"
        await stage.forge.upsert_comment(ref, marker, marker, None)

    counts = []
    for _ in range(8):
        number, wait = await as_often_as_it_goes(write, 100)
        counts.append(number)
        stage.clock.shift += wait
    assert counts[0] == 80
    assert sum(counts) <= 500 + 80
    assert stage.server.gate.secondary.refused == []


async def test_no_more_than_fifty_requests_are_made_at_once(stage: GitHubStage, ref: ChangeRef) -> None:
    stage.server.gate.latency = 0.05
    await asyncio.gather(*(stage.forge.change(ref) for _ in range(120)))
    [usage] = [used for number, used in stage.server.gate.secondary.usage.items() if number]
    assert 20 < usage.most_at_once <= 50


async def test_news_of_progress_leaves_half_of_it_to_others(stage: GitHubStage, ref: ChangeRef) -> None:
    sha = (await stage.forge.change(ref)).head_sha
    known = await stage.forge.publish_check(stage.repo, check(sha), None)
    going = check(sha, status=CheckStatus.IN_PROGRESS)
    number, _ = await as_often_as_it_goes(lambda: stage.forge.publish_check(stage.repo, going, known), 200)
    assert 80 <= number <= 90
    await stage.forge.publish_check(stage.repo, check(sha), known)


async def test_after_a_complaint_requests_are_made_one_by_one_for_a_while(stage: GitHubStage, ref: ChangeRef) -> None:
    stage.server.fail(path="/pulls/", status=403, secondary=True, retry_after=5)
    with pytest.raises(Transient):
        await stage.forge.change(ref)
    stage.clock.shift += timedelta(seconds=6)
    [usage] = [used for number, used in stage.server.gate.secondary.usage.items() if number]
    usage.most_at_once = 0
    stage.server.gate.latency = 0.01
    await asyncio.gather(*(stage.forge.change(ref) for _ in range(10)))
    assert usage.most_at_once == 1
    stage.clock.shift += CHASTENED
    await asyncio.gather(*(stage.forge.change(ref) for _ in range(10)))
    assert usage.most_at_once > 1


async def test_where_github_says_no_time_the_waits_double(stage: GitHubStage, ref: ChangeRef) -> None:
    stage.server.fail(path="/pulls/", status=429, times=3)
    waits = []
    for _ in range(3):
        with pytest.raises(Transient) as told:
            await stage.forge.change(ref)
        assert told.value.retry_after is not None
        waits.append(told.value.retry_after)
        stage.clock.shift += told.value.retry_after
    assert waits == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert (await stage.forge.change(ref)).open


async def test_the_last_request_of_the_hour_is_the_last(stage: GitHubStage, ref: ChangeRef) -> None:
    [installation] = stage.server.world.installations.values()
    stage.server.gate.rate_limit = installation.used + 1
    await stage.forge.change(ref)
    asked = stage.server.calls.total()  # type: ignore[attr-defined]
    with pytest.raises(Transient) as told:
        await stage.forge.change(ref)
    assert stage.server.calls.total() == asked  # type: ignore[attr-defined]
    assert told.value.retry_after is not None
    assert told.value.retry_after > timedelta(minutes=50)
    stage.clock.shift += told.value.retry_after
    assert (await stage.forge.change(ref)).open


async def test_the_last_of_the_hour_is_kept_for_what_somebody_waits_for(stage: GitHubStage, ref: ChangeRef) -> None:
    sha = (await stage.forge.change(ref)).head_sha
    known = await stage.forge.publish_check(stage.repo, check(sha), None)
    going = check(sha, status=CheckStatus.IN_PROGRESS)
    [installation] = stage.server.world.installations.values()
    installation.used = int(stage.server.gate.rate_limit * (1 - RESERVE))
    await stage.forge.open_changes(stage.repo)
    asked = stage.server.calls.total()  # type: ignore[attr-defined]
    for waits in (
        stage.forge.publish_check(stage.repo, going, known),
        stage.forge.open_changes(stage.repo),
    ):
        with pytest.raises(Postponed) as told:
            await waits
        assert told.value.wait > timedelta(minutes=50)
    assert stage.server.calls.total() == asked  # type: ignore[attr-defined]
    await stage.forge.publish_check(stage.repo, check(sha), known)
    await stage.forge.comment(ref, MARK, MARK)
    assert (await stage.forge.change(ref)).open
    stage.clock.shift += told.value.wait
    await stage.forge.publish_check(stage.repo, going, known)
    await stage.forge.open_changes(stage.repo)


async def test_an_answer_that_nothing_has_changed_is_free(stage: GitHubStage, ref: ChangeRef) -> None:
    known = await stage.forge.change(ref)
    [installation] = stage.server.world.installations.values()
    used = installation.used
    for _ in range(20):
        assert await stage.forge.change(ref, known) is known
    assert installation.used == used


async def test_graphql_has_points_of_its_own(stage: GitHubStage, ref: ChangeRef) -> None:
    comment = await stage.forge.comment(ref, f"{MARK} old", MARK)
    await stage.forge.minimise(ref, comment)
    [usage] = [used for number, used in stage.server.gate.secondary.usage.items() if number]
    assert sum(points for _, points in usage.points["graphql"]) == 5


async def test_a_limit_of_graphql_that_comes_as_an_answer_is_waited_for(stage: GitHubStage, ref: ChangeRef) -> None:
    comment = await stage.forge.comment(ref, f"{MARK} old", MARK)
    stage.server.world.graphql_exhausted = True
    with pytest.raises(Transient):
        await stage.forge.minimise(ref, comment)
    await stage.forge.react(ref, comment, Reaction.SEEN)
