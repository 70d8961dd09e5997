"""Commands in comments, as those who write them see them: answer, reaction, and what becomes of the run."""

import pytest

from bot.domain.permission import Permission
from bot.domain.publication import Reaction
from bot.domain.run import ChangeRef, Conclusion
from bot.domain.verdict import Verdict
from tests.fakes.forge import FakeComment
from tests.fakes.resolver import affected
from tests.scenario.harness import Stage
from tests.scenario.outcomes import breaks, holds_builds


async def tested(revdeps: Stage, **state: object) -> ChangeRef:
    """Return a change whose run has ended: `bar` has regressed, `baz` has not."""
    revdeps.builder.outcome_for = breaks("bar")
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), affected("baz"), sources=10)
    ref = await revdeps.open(**state)
    await revdeps.settle()
    return ref


async def rebuilding(revdeps: Stage) -> ChangeRef:
    """Return a change whose dependents are being built."""
    revdeps.builder.outcome_for = holds_builds
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), affected("baz"), sources=10)
    ref = await revdeps.open()
    await revdeps.settle()
    return ref


def answers(revdeps: Stage, ref: ChangeRef) -> list[str]:
    """Return our answers to commands, oldest first."""
    return [comment.body for comment in revdeps.forge.comments_on(ref) if "revdeps:answer" in comment.body]


def packages(revdeps: Stage, start: int = 0) -> list[str]:
    """Return the packages of the builds that were started, from the `start`th on."""
    return sorted(revdeps.builder.request(key).package for key in revdeps.builder.started[start:])


async def audit(revdeps: Stage, ref: ChangeRef) -> list[tuple[str, str, bool]]:
    async with revdeps.world.store.transaction() as tx:
        return [(entry.actor, entry.action, entry.allowed) for entry in await tx.audit.of_change(ref.id)]


def is_refused(comment: FakeComment) -> bool:
    return comment.reactions == [Reaction.SEEN, Reaction.REFUSED]


def is_done(comment: FakeComment) -> bool:
    return comment.reactions == [Reaction.SEEN, Reaction.DONE]


# What is only read.


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("/revdeps help", "/revdeps retry [PKG"),
        ("/revdeps", "/revdeps retry [PKG"),
        ("/revdeps status", "1 regressed"),
        ("/revdeps why bar", "depends on"),
        ("/revdeps why ba", "none of this run's packages"),
        ("/revdeps why unrelated", "is not affected"),
    ],
)
async def test_anybody_may_ask(revdeps: Stage, command: str, answer: str) -> None:
    ref = await tested(revdeps)
    revdeps.forge.grant("passer-octocat", Permission.READ)
    started = len(revdeps.builder.started)
    comment = await revdeps.say(ref, command, author="passer-octocat")
    assert answer in answers(revdeps, ref)[0]
    assert is_done(comment)
    assert len(revdeps.builder.started) == started


@pytest.mark.parametrize("body", ["Nice work!", "> /revdeps cancel", "```\n/revdeps cancel\n```", "see `/revdeps run`"])
async def test_talk_is_not_answered(revdeps: Stage, body: str) -> None:
    ref = await rebuilding(revdeps)
    comment = await revdeps.say(ref, body)
    assert comment.reactions == []
    assert answers(revdeps, ref) == []
    assert len(revdeps.builder.running) == 2


# What is refused.


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("/revdeps retyr bar", "`retry`"),
        ("/revdeps retest bar", "`retry`"),
        ("/revdeps retry bra", "`bar`"),
        ("/revdeps rebuild", "Which package?"),
        ("/revdeps run limt=3", "`limit`"),
        ("/revdeps run limit=lots", "a number from 1 to 999999"),
        ("/revdeps run target=nowhere", "`rawhide`"),
        ("/revdeps run 'rm -rf /'", "takes no package"),
        ("/revdeps with octocat/other#7", "no such pull request"),
        ("/revdeps waive bar", "A reason is needed"),
        ("/revdeps waive bra -- known", "`bar`"),
        ("/revdeps waive bar until=2026-01-01 -- known", "has to be a day to come"),
        ("/revdeps unwaive bar", "No waiver of `bar`"),
        ("/revdeps priority bar 10", "The run is over"),
        ("/revdeps cancel", "nothing to cancel"),
        ("/revdeps revoke", "No commit of this pull request is approved"),
    ],
)
async def test_what_cannot_be_done_is_told_in_one_short_answer(revdeps: Stage, command: str, answer: str) -> None:
    ref = await tested(revdeps)
    started = len(revdeps.builder.started)
    comment = await revdeps.say(ref, command)
    (body,) = answers(revdeps, ref)
    assert answer in body
    assert len(body) < 600
    assert is_refused(comment)
    assert len(revdeps.builder.started) == started


@pytest.mark.parametrize(
    ("command", "granted", "missing"),
    [
        ("run", Permission.READ, "triage"),
        ("retry bar", Permission.READ, "triage"),
        ("rebuild bar", Permission.READ, "triage"),
        ("cancel", Permission.READ, "triage"),
        ("skip bar", Permission.READ, "triage"),
        ("include bar", Permission.READ, "triage"),
        ("ok", Permission.TRIAGE, "write"),
        ("revoke", Permission.TRIAGE, "write"),
    ],
)
async def test_a_refusal_names_the_missing_permission(
    revdeps: Stage, command: str, granted: Permission, missing: str
) -> None:
    ref = await tested(revdeps)
    revdeps.forge.grant("passer-octocat", granted)
    started = len(revdeps.builder.started)
    comment = await revdeps.say(ref, f"/revdeps {command}", author="passer-octocat")
    assert f"{missing} permission and up" in answers(revdeps, ref)[0]
    assert is_refused(comment)
    assert len(revdeps.builder.started) == started
    assert (await audit(revdeps, ref))[-1] == ("passer-octocat", f"/revdeps {command}", False)


async def test_an_outsider_may_stop_their_own_pull_request_but_not_let_it_through(revdeps: Stage) -> None:
    ref = await revdeps.open(author="mallory-octocat")
    await revdeps.settle()
    revdeps.clock.pass_time(minutes=1)
    comment = await revdeps.say(ref, "/revdeps ok\n/revdeps run\n/revdeps cancel", author="mallory-octocat")
    assert is_refused(comment)
    assert revdeps.builder.started == []
    assert revdeps.check(ref).conclusion is Conclusion.CANCELLED


async def test_a_bare_ok_from_before_the_waiting_check_asks_which_commit_was_read(revdeps: Stage) -> None:
    ref = await revdeps.open(author="mallory-octocat")
    await revdeps.settle()
    comment = await revdeps.ask(ref, "/revdeps ok")
    await revdeps.push(ref)
    revdeps.clock.pass_time(minutes=1)
    await revdeps.settle()
    head = revdeps.forge.changes[ref].head_sha
    assert revdeps.builder.started == []
    assert Reaction.REFUSED in comment.reactions
    await revdeps.say(ref, f"/revdeps ok @{head[:10]}")
    assert len(revdeps.builder.started) == 1


async def test_an_approval_can_be_taken_back(revdeps: Stage) -> None:
    ref = await revdeps.open(author="mallory-octocat")
    await revdeps.settle()
    revdeps.clock.pass_time(minutes=1)
    await revdeps.say(ref, "/revdeps ok")
    await revdeps.say(ref, "/revdeps revoke")
    assert revdeps.builder.running == ()
    assert revdeps.check(ref).conclusion is Conclusion.CANCELLED


async def test_on_a_closed_pull_request_nothing_is_done(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    revdeps.forge.close(ref)
    comment = await revdeps.say(ref, "/revdeps run")
    assert comment.reactions == []
    assert (await revdeps.view(ref)).intents == ()


# What is done.


async def test_several_commands_in_one_comment_are_carried_out_in_order_and_answered_once(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    comment = await revdeps.say(ref, "/revdeps skip baz\nThanks!\n/revdeps nonsense\n/revdeps status")
    (body,) = answers(revdeps, ref)
    assert body.index("nonsense") < body.index("1 of 1 tested")
    assert is_refused(comment)
    assert [action for _, action, _ in await audit(revdeps, ref)] == [
        "/revdeps skip baz",
        "/revdeps nonsense",
        "/revdeps status",
    ]


async def test_run_with_a_limit_builds_no_more_than_that(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    started = len(revdeps.builder.started)
    revdeps.builder.outcome_for = breaks()
    comment = await revdeps.say(ref, "/revdeps run limit=1")
    assert is_done(comment)
    assert packages(revdeps, started) == ["bar", "libfoo"]
    assert "1 of 2 planned" in revdeps.check(ref).title


async def test_the_same_request_twice_joins(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    await revdeps.ask(ref, "/revdeps run")
    await revdeps.ask(ref, "/revdeps run")
    await revdeps.settle()
    assert len((await revdeps.view(ref)).runs) == 2
    assert "joins" in answers(revdeps, ref)[0]


async def test_a_retry_of_what_is_being_built_joins(revdeps: Stage) -> None:
    ref = await rebuilding(revdeps)
    comment = await revdeps.say(ref, "/revdeps retry bar")
    assert "joins" in answers(revdeps, ref)[0]
    assert is_done(comment)
    assert packages(revdeps) == ["bar", "baz", "libfoo"]


async def test_retry_builds_what_failed_and_cancels_nothing(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    started = len(revdeps.builder.started)
    await revdeps.say(ref, "/revdeps retry")
    assert set(packages(revdeps, started)) == {"bar"}
    assert revdeps.builder.cancelled == []


async def test_a_retry_that_passes_takes_the_regression_back(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    revdeps.builder.outcome_for = breaks()
    await revdeps.say(ref, "/revdeps retry bar")
    assert (await revdeps.verdicts(ref))["bar"] is Verdict.FLAKY
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS


async def test_rebuild_builds_even_what_passed(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    started = len(revdeps.builder.started)
    await revdeps.say(ref, "/revdeps rebuild baz")
    assert packages(revdeps, started) == ["baz"]


async def test_cancel_stops_the_run_and_says_who_did(revdeps: Stage) -> None:
    ref = await rebuilding(revdeps)
    await revdeps.say(ref, "/revdeps cancel")
    assert revdeps.builder.running == ()
    assert revdeps.check(ref).conclusion is Conclusion.CANCELLED
    assert "octocat" in revdeps.check(ref).summary


async def test_cancel_of_one_package_leaves_the_others_alone(revdeps: Stage) -> None:
    ref = await rebuilding(revdeps)
    await revdeps.say(ref, "/revdeps cancel bar")
    assert [revdeps.builder.request(key).package for key in revdeps.builder.running] == ["baz"]
    revdeps.builder.outcome_for = breaks()
    await revdeps.settle()
    await revdeps.settle()
    found = await revdeps.verdicts(ref)
    assert found["baz"] is Verdict.STILL_PASSING
    assert found["bar"] is not Verdict.STILL_PASSING


async def test_skip_and_include_are_for_this_pull_request_and_survive_a_new_run(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    await revdeps.say(ref, "/revdeps skip bar")
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS
    assert "1 of 2 planned" in revdeps.check(ref).title
    await revdeps.say(ref, "/revdeps run")
    assert (await revdeps.verdicts(ref)).get("bar") in {None, Verdict.NOT_TESTED}
    await revdeps.say(ref, "/revdeps include bar")
    assert (await revdeps.verdicts(ref))["bar"] is Verdict.REGRESSED


async def test_a_glob_means_all_that_it_names(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    started = len(revdeps.builder.started)
    revdeps.builder.outcome_for = breaks()
    await revdeps.say(ref, "/revdeps rebuild ba*")
    assert packages(revdeps, started) == ["bar", "baz"]


async def test_everything_that_was_asked_for_is_in_the_audit_log(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    await revdeps.say(ref, "/revdeps rebuild baz -- a hunch")
    assert await audit(revdeps, ref) == [("octocat", "/revdeps rebuild baz -- a hunch", True)]
