"""A forge that is not well, at every kind of call, with every kind of answer: once it heals, nothing is lost.

What a status means is `tests/unit/test_github_failures.py`'s; here it is what becomes of the run, over the fake forge
and then over HTTP.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.build import Succeeded
from bot.domain.permission import Permission
from bot.domain.publication import CheckStatus, Reaction
from bot.domain.run import ChangeRef, Conclusion
from bot.domain.verdict import Verdict
from bot.engine.resync import Resync
from bot.ports.errors import Gone, Misconfigured, Postponed, Rejected, RevdepsError, Transient
from tests.fakes.github_stage import GitHubStage
from tests.fakes.resolver import affected
from tests.scenario.harness import CONFIG, Stage, engine
from tests.scenario.outcomes import breaks

CALLS = (
    "change",
    "changed_files",
    "read_file",
    "permission",
    "clone_source",
    "publish_check",
    "upsert_comment",
    "comment",
    "react",
)
"""Every method of a forge that a run needs."""

WRONG_KEY = Misconfigured("the GitHub App's credentials", "GitHub answered 401: Bad credentials", "Compare the key.")
LIMIT = Transient("GitHub answered 429: Too many requests", timedelta(minutes=10))
DOWN = Transient("GitHub answered 500: Server Error")
MISSING = Gone("GitHub answered 404: Not Found")
UNPROCESSABLE = Rejected("GitHub answered 422: Validation Failed")


async def story(revdeps: Stage) -> ChangeRef:
    """A pull request that breaks `bar`."""
    revdeps.builder.outcome_for = breaks("bar")
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), affected("baz"), sources=10)
    ref = await revdeps.open()
    await revdeps.settle()
    return ref


async def building(revdeps: Stage) -> ChangeRef:
    """A pull request of which the only dependent is being built."""
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), sources=10)
    revdeps.builder.outcome_for = lambda request: Succeeded() if request.package == "libfoo" else None
    ref = await revdeps.open()
    await revdeps.settle()
    assert [revdeps.builder.request(key).package for key in revdeps.builder.running] == ["bar"]
    return ref


async def heal(revdeps: Stage) -> None:
    """Let time pass until nothing is left to try again; resync looks after what was taken for closed."""
    for _ in range(7):
        revdeps.clock.pass_time(minutes=16)
        await revdeps.settle()
    await Resync(world=revdeps.world, owner="resync", woke=lambda: None).once()
    await revdeps.settle()


async def assert_nothing_is_lost(revdeps: Stage, ref: ChangeRef) -> None:
    view = await revdeps.view(ref)
    assert revdeps.check(ref).conclusion is Conclusion.FAILURE
    assert await revdeps.verdicts(ref) == {"bar": Verdict.REGRESSED, "baz": Verdict.STILL_PASSING}
    assert "soft_unicode" in revdeps.comment(ref)
    assert view.intents == ()
    answers = [comment for comment in revdeps.forge.comments_on(ref) if "revdeps:answer" in comment.body]
    assert len(answers) == 1
    (asked,) = revdeps.forge.comments_on(ref, "octocat")
    assert Reaction.DONE in asked.reactions
    assert set(revdeps.builder.submits.values()) == {1}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("troubles", [(DOWN, LIMIT, WRONG_KEY), (MISSING,)], ids=["down-limit-401", "404"])
async def test_whatever_goes_wrong_for_a_while_nothing_is_lost(
    revdeps: Stage, call: str, troubles: tuple[RevdepsError, ...]
) -> None:
    def fail() -> None:
        revdeps.forge.heal()
        for trouble in troubles:
            revdeps.forge.fail_next(call, trouble)

    fail()
    ref = await story(revdeps)
    await heal(revdeps)
    if (call, troubles) != ("change", (MISSING,)):  # a pull request that is gone is not talked to
        fail()
    await revdeps.say(ref, "/revdeps why bar")
    await heal(revdeps)
    await assert_nothing_is_lost(revdeps, ref)


@pytest.mark.parametrize("call", ["publish_check", "upsert_comment", "react"])
async def test_a_report_that_is_refused_is_tried_again(revdeps: Stage, call: str) -> None:
    revdeps.forge.fail_next(call, UNPROCESSABLE)
    ref = await story(revdeps)
    await revdeps.say(ref, "/revdeps why bar")
    await heal(revdeps)
    await assert_nothing_is_lost(revdeps, ref)


@pytest.mark.parametrize("call", ["changed_files", "read_file", "clone_source"])
async def test_a_request_that_is_refused_for_its_own_sake_is_told_in_the_check(revdeps: Stage, call: str) -> None:
    revdeps.forge.fail_next(call, UNPROCESSABLE)
    ref = await revdeps.open()
    await revdeps.settle()
    check = revdeps.check(ref)
    assert check.conclusion is Conclusion.ACTION_REQUIRED
    assert "422" in check.summary
    await revdeps.say(ref, "/revdeps run")
    assert revdeps.builder.started


@pytest.mark.parametrize("call", ["change", "changed_files", "read_file", "permission", "clone_source"])
async def test_before_the_forge_wants_to_be_asked_again_it_is_not(revdeps: Stage, call: str) -> None:
    revdeps.forge.fail_next(call, Transient("rate limit", timedelta(minutes=30)))
    await revdeps.open()
    await revdeps.settle()
    calls = revdeps.forge.calls.total()
    for _ in range(3):
        revdeps.clock.pass_time(minutes=9)
        await revdeps.settle()
    assert revdeps.forge.calls.total() == calls
    revdeps.clock.pass_time(minutes=4)
    await revdeps.settle()
    assert revdeps.builder.started


async def test_a_check_that_cannot_be_published_keeps_no_build_waiting(revdeps: Stage) -> None:
    revdeps.forge.fail_next("publish_check", LIMIT, times=100)
    ref = await revdeps.open()
    await revdeps.settle()
    assert len(revdeps.builder.started) == 1
    revdeps.forge.heal()
    revdeps.clock.pass_time(minutes=11)
    await revdeps.settle()
    assert revdeps.check(ref).status is CheckStatus.IN_PROGRESS


async def test_a_verdict_does_not_wait_for_news_of_progress_that_was_put_off(revdeps: Stage) -> None:
    ref = await building(revdeps)
    revdeps.builder.finish_all()
    await revdeps.settle()  # the build's end is known now, and not looked at
    revdeps.clock.pass_time(minutes=5)
    revdeps.forge.fail_next("publish_check", Postponed("kept for others", timedelta(minutes=50)))
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS


async def test_news_that_were_put_off_are_told_when_they_may_be(revdeps: Stage) -> None:
    revdeps.forge.fail_next("publish_check", Postponed("kept for others", timedelta(minutes=50)), times=99)
    ref = await building(revdeps)
    revdeps.forge.heal()
    revdeps.clock.pass_time(minutes=51)
    await revdeps.settle()
    assert revdeps.check(ref).title == "Rebuilding: 1 to go, 1 building now · 0 of 1 tested"


async def test_updates_become_rarer_the_longer_a_run_takes(revdeps: Stage) -> None:
    revdeps.builder.slots = 1
    revdeps.resolver.script_impact(["libfoo"], *(affected(f"dependent-{number}") for number in range(60)), sources=100)
    ref = await revdeps.open()
    await revdeps.settle()
    for _ in range(70):
        revdeps.clock.pass_time(minutes=1)
        for key in revdeps.builder.running:
            revdeps.builder.finish(key)
        await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS
    assert 8 <= revdeps.forge.calls["publish_check"] <= 25
    assert revdeps.forge.calls.total() <= 40


async def test_a_refused_report_is_remembered_however_much_there_is_to_do(revdeps: Stage) -> None:
    revdeps.forge.fail_next("publish_check", DOWN, times=100)
    await revdeps.open()
    for _ in range(30):
        await revdeps.settle()
        revdeps.clock.pass_time(minutes=1)
    assert 4 <= revdeps.forge.calls["publish_check"] <= 8
    revdeps.forge.heal()
    await heal(revdeps)


async def test_a_report_that_is_refused_for_good_is_given_up_until_there_is_news(revdeps: Stage) -> None:
    revdeps.forge.fail_next("publish_check", UNPROCESSABLE, times=1000)
    ref = await revdeps.open()
    for _ in range(20):
        await revdeps.settle()
        revdeps.clock.pass_time(minutes=15)
    tries = revdeps.forge.calls["publish_check"]
    assert tries == 6
    revdeps.forge.heal()
    revdeps.builder.outcome_for = breaks()
    await revdeps.finish_all()
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS


async def test_without_a_wish_of_the_forge_the_waits_grow(revdeps: Stage) -> None:
    revdeps.forge.fail_next("change", DOWN, times=100)
    await revdeps.open()
    for _ in range(60):
        await revdeps.settle()
        revdeps.clock.pass_time(minutes=1)
    assert 5 <= revdeps.forge.calls["change"] <= 10


async def test_what_a_run_waits_for_stands_in_its_check(revdeps: Stage) -> None:
    revdeps.forge.fail_next("clone_source", WRONG_KEY, times=2)
    ref = await revdeps.open()
    await revdeps.settle()
    revdeps.clock.pass_time(minutes=1)
    await revdeps.settle()
    assert "401" in revdeps.check(ref).summary
    assert "tried again by itself" in revdeps.check(ref).summary
    await heal(revdeps)
    assert "401" not in revdeps.check(ref).summary


async def test_a_command_whose_comment_was_deleted_is_carried_out_all_the_same(revdeps: Stage) -> None:
    ref = await revdeps.open()
    await revdeps.settle()
    comment = await revdeps.ask(ref, "/revdeps cancel")
    del revdeps.forge.comments[comment.id]
    await revdeps.settle()
    revdeps.clock.pass_time(minutes=1)
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.CANCELLED


async def test_a_command_that_is_refused_for_ever_does_not_keep_a_push_waiting(revdeps: Stage) -> None:
    ref = await revdeps.open()
    await revdeps.settle()
    revdeps.forge.fail_next("permission", WRONG_KEY, times=6)
    await revdeps.ask(ref, "/revdeps status")
    await revdeps.push(ref)
    await revdeps.settle()
    await heal(revdeps)
    runs = (await revdeps.view(ref)).runs
    assert runs[0].run.head_sha == revdeps.forge.changes[ref].head_sha
    assert len(revdeps.builder.running) == 1


async def test_a_comment_that_is_too_long_for_the_forge_is_shortened_rather_than_lost(revdeps: Stage) -> None:
    revdeps.forge.fail_next("upsert_comment", Rejected("body is too long (maximum is 65536 characters)"))
    ref = await story(revdeps)
    (summary,) = [found for found in revdeps.forge.comments_on(ref) if "revdeps:v1" in found.body]
    assert len(summary.history[0]) <= 2_000
    assert "full report" in summary.history[0]


# Over HTTP.


async def played(tmp_path: Path, github: GitHubStage, trouble: Mapping[str, object]) -> ChangeRef:
    """Play the story against GitHub's adapter, with the first requests of every part failing."""
    (tmp_path / "engine").mkdir()
    async with engine(tmp_path / "engine", {"github": github.forge}, github.clock) as revdeps:
        revdeps.builder.outcome_for = breaks("bar")
        revdeps.resolver.script_impact(["libfoo"], affected("bar"), sources=10)
        await github.grant("octocat", Permission.WRITE)
        await github.server.push(str(github.repo), "main", {".revdeps.yaml": CONFIG, "libfoo.spec": "Name: libfoo\n"})
        ref = await github.open({"libfoo.spec": "Name: libfoo\nVersion: 2\n"})
        github.server.fail(**trouble)
        async with revdeps.world.store.transaction() as tx:
            await tx.changes.touch(ref, github.now())
        for _ in range(12):
            await revdeps.settle()
            github.clock.shift += timedelta(minutes=16)
        return ref


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 401},
        {"status": 403},
        {"status": 403, "retry_after": 600},
        {"status": 404, "path": "/check-runs"},
        {"status": 422, "path": "/check-runs"},
        {"status": 429},
        {"status": 500},
        {"status": 500, "path": "/issues/"},
        {"status": 0, "drop": True},
    ],
    ids=lambda trouble: "-".join(str(value) for value in trouble.values()),
)
async def test_over_http_too_the_end_is_what_it_would_have_been(tmp_path: Path, trouble: dict[str, object]) -> None:
    async with GitHubStage(tmp_path) as github:
        ref = await played(tmp_path, github, {**trouble, "times": 3})
        pull = github.server.pull(str(ref.repo), ref.number)
        (check,) = github.checks(pull.head_sha)
        assert (check.status, check.conclusion) == ("completed", "failure")
        (comment,) = github.comments(ref)
        assert "soft_unicode" in comment.body
