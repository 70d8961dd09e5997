"""Whose changes are built, by whose word, and with whose configuration; and comments that are made to get around it."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.intents import Commented, Refresh
from bot.domain.permission import Permission
from bot.domain.publication import CheckStatus, Reaction
from bot.domain.run import ChangeRef, Conclusion, RunState
from bot.engine.world import EngineSettings
from bot.ports.errors import Rejected, Transient
from tests.fakes.forge import FakeComment
from tests.scenario.harness import CONFIG, Stage, stage
from tests.scenario.test_conversations import answers, audit, is_done, is_refused, packages, rebuilding, tested
from tests.scenario.test_lifecycle import press

OUTSIDER = "mallory-octocat"


async def waiting(revdeps: Stage, **state: object) -> ChangeRef:
    """Return an outsider's pull request, the check of which has waited for a while."""
    ref = await revdeps.open(author=OUTSIDER, **state)  # type: ignore[arg-type]
    await revdeps.settle()
    revdeps.clock.pass_time(minutes=1)
    return ref


async def go_back(revdeps: Stage, ref: ChangeRef, head: str) -> None:
    """Force-push an earlier commit."""
    revdeps.forge.push(ref, head)
    await revdeps.deliver(Refresh(change=ref, pushed_sha=head, pushed_by=OUTSIDER))


async def say_late(revdeps: Stage, ref: ChangeRef, body: str, written_at: datetime) -> FakeComment:
    """Let a comment become known some time after it was written, and settle."""
    comment = revdeps.forge.write(ref, body, "octocat")
    await revdeps.deliver(Commented(change=ref, comment=comment.id, author="octocat", body=body, written_at=written_at))
    await revdeps.settle()
    return comment


# Who runs by themselves.


@pytest.mark.parametrize("permission", list(Permission))
async def test_a_pull_request_runs_by_itself_when_its_author_may_write(revdeps: Stage, permission: Permission) -> None:
    revdeps.forge.grant("mona-octocat", permission)
    await revdeps.open(author="mona-octocat")
    await revdeps.settle()
    assert bool(revdeps.builder.started) is (permission >= Permission.WRITE)


async def test_an_app_that_the_operator_lists_runs_by_itself(tmp_path: Path) -> None:
    settings = EngineSettings(state=tmp_path, trusted_apps=("updates[bot]",))
    async with stage(tmp_path, settings=settings) as revdeps:
        await revdeps.open(author="updates[bot]")
        await revdeps.open(author="other[bot]")
        await revdeps.settle()
        assert packages(revdeps) == ["libfoo"]


async def test_everyone_elses_waits_and_says_what_an_approver_must_read(revdeps: Stage) -> None:
    ref = await waiting(revdeps, paths=("libfoo.spec", "fix.patch", ".revdeps.yaml"))
    check = revdeps.check(ref)
    assert (check.status, check.conclusion) == (CheckStatus.COMPLETED, Conclusion.ACTION_REQUIRED)
    head = revdeps.forge.changes[ref].head_sha
    assert f"`/revdeps ok @{head[:12]}`" in check.summary
    for path in ("`libfoo.spec`", "`fix.patch`", "`.revdeps.yaml`"):
        assert path in check.summary
    assert revdeps.builder.started == []
    assert revdeps.forge.clones == []


async def test_whoever_pushed_last_has_to_be_trusted_too(revdeps: Stage) -> None:
    ref = await revdeps.open()
    await revdeps.push(ref, user=OUTSIDER)
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED
    assert revdeps.builder.started == []


@pytest.mark.parametrize(("author", "applies"), [("octocat", "head"), (OUTSIDER, "base")])
async def test_an_outsiders_configuration_does_not_count_and_the_report_says_that_it_changed(
    revdeps: Stage, author: str, applies: str
) -> None:
    ref = await revdeps.open(author=author, paths=("libfoo.spec", ".revdeps.yaml"))
    own = CONFIG.replace("name: rawhide", "name: head")
    revdeps.forge.put_files("main", {".revdeps.yaml": CONFIG.replace("name: rawhide", "name: base")})
    revdeps.forge.put_files(revdeps.forge.changes[ref].head_sha, {".revdeps.yaml": own})
    await revdeps.settle()
    await revdeps.say(ref, f"/revdeps ok @{revdeps.forge.changes[ref].head_sha}\n/revdeps config")
    view = await revdeps.view(ref)
    assert [target.target.name for target in view.runs[0].targets] == [applies]
    told = answers(revdeps, ref)[0]
    assert ("own version of it does not count" in told) is (applies == "base")


# By whose word.


async def test_a_permission_that_was_withdrawn_before_the_command_is_handled_does_not_count(revdeps: Stage) -> None:
    ref = await waiting(revdeps)
    comment = await revdeps.ask(ref, f"/revdeps ok @{revdeps.forge.changes[ref].head_sha}")
    revdeps.forge.grant("octocat", Permission.READ)
    await revdeps.settle()
    assert is_refused(comment)
    assert "has read permission" in answers(revdeps, ref)[0]
    assert revdeps.builder.started == []


async def test_a_run_by_somebody_who_steers_does_not_let_an_outsiders_commit_through(revdeps: Stage) -> None:
    ref = await waiting(revdeps)
    await revdeps.say(ref, "/revdeps run\n/revdeps retry\n/revdeps rebuild libfoo\n/revdeps include libfoo")
    assert revdeps.builder.started == []
    assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED


async def test_the_author_of_an_approved_commit_may_not_ask_for_more(revdeps: Stage) -> None:
    ref = await waiting(revdeps)
    await revdeps.say(ref, "/revdeps ok")
    assert packages(revdeps) == ["libfoo"]
    comment = await revdeps.say(ref, "/revdeps run", author=OUTSIDER)
    assert is_refused(comment)


async def test_after_a_revoke_nothing_of_the_commit_is_built_on(revdeps: Stage) -> None:
    ref = await tested(revdeps, author=OUTSIDER)
    await revdeps.say(ref, f"/revdeps ok @{revdeps.forge.changes[ref].head_sha}")
    assert revdeps.check(ref).conclusion is Conclusion.FAILURE
    await revdeps.say(ref, "/revdeps revoke")
    started = len(revdeps.builder.started)
    await revdeps.say(ref, "/revdeps retry bar")
    assert len(revdeps.builder.started) == started
    assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED


# For one commit.


async def test_a_bare_ok_is_for_the_check_that_its_writer_saw(revdeps: Stage) -> None:
    ref = await waiting(revdeps)
    comment = await revdeps.say(ref, "/revdeps ok")
    assert is_done(comment)
    assert packages(revdeps) == ["libfoo"]


async def test_a_bare_ok_counts_although_the_check_was_published_again_since(revdeps: Stage) -> None:
    ref = await waiting(revdeps)
    comment = await revdeps.ask(ref, "/revdeps ok")
    revdeps.clock.pass_time(minutes=1)
    revdeps.forge.alter(ref, place="another pipeline")
    await revdeps.deliver_refresh(ref)
    published = revdeps.forge.calls["publish_check"]
    await revdeps.settle(until=lambda: bool(comment.reactions))
    assert revdeps.forge.calls["publish_check"] > published
    await revdeps.settle()
    assert is_done(comment)
    assert packages(revdeps) == ["libfoo"]


async def test_a_bare_ok_counts_although_another_run_of_the_commit_asks_for_it_since(revdeps: Stage) -> None:
    ref = await waiting(revdeps)
    written_at = revdeps.clock.now()
    revdeps.clock.pass_time(minutes=1)
    await revdeps.say(ref, "/revdeps run")
    assert is_done(await say_late(revdeps, ref, "/revdeps ok", written_at))
    assert packages(revdeps) == ["libfoo"]


async def test_a_bare_ok_from_before_a_revoke_does_not_count(revdeps: Stage) -> None:
    ref = await waiting(revdeps)
    written_at = revdeps.clock.now()
    revdeps.clock.pass_time(minutes=1)
    await revdeps.say(ref, "/revdeps ok")
    await revdeps.say(ref, "/revdeps revoke")
    revdeps.clock.pass_time(minutes=1)
    await revdeps.say(ref, "/revdeps run")
    assert is_refused(await say_late(revdeps, ref, "/revdeps ok", written_at))
    assert (await revdeps.view(ref)).change.approved_sha is None


async def test_a_bare_ok_to_a_check_that_does_not_ask_for_it_yet_does_not_count(revdeps: Stage) -> None:
    ref = await revdeps.open(author=OUTSIDER)
    await revdeps.settle(until=lambda: bool(revdeps.forge.calls["publish_check"]))
    assert revdeps.check(ref).status is CheckStatus.QUEUED
    revdeps.forge.fail_next("publish_check", Transient("the forge is away"), times=9)
    await revdeps.settle()
    assert (await revdeps.view(ref)).runs[0].run.state is RunState.WAITING
    revdeps.clock.pass_time(minutes=1)
    comment = await revdeps.say(ref, "/revdeps ok")
    revdeps.forge.heal()
    await revdeps.settle()
    assert is_refused(comment)
    assert revdeps.builder.started == []


async def test_a_push_after_an_approval_waits_again_and_going_back_does_not(revdeps: Stage) -> None:
    ref = await waiting(revdeps)
    approved = revdeps.forge.changes[ref].head_sha
    await revdeps.say(ref, f"/revdeps ok @{approved}")
    revdeps.forge.put_files("0" * 40, {"libfoo.spec": "Name: libfoo\n"})
    await go_back(revdeps, ref, "0" * 40)
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED
    await go_back(revdeps, ref, approved)
    await revdeps.settle()
    run = (await revdeps.view(ref)).runs[0].run
    assert (run.head_sha, run.sequence, run.state) == (approved, 3, RunState.ACTIVE)


async def test_a_force_push_to_an_earlier_commit_before_the_command_is_handled_is_not_approved_by_it(
    revdeps: Stage,
) -> None:
    ref = await waiting(revdeps)
    earlier = revdeps.forge.changes[ref].head_sha
    await revdeps.push(ref, user=OUTSIDER)
    await revdeps.settle()
    revdeps.clock.pass_time(minutes=1)
    comment = await revdeps.ask(ref, "/revdeps ok")
    await go_back(revdeps, ref, earlier)
    await revdeps.settle()
    assert is_refused(comment)
    assert "Which commit did you read?" in answers(revdeps, ref)[0]
    assert revdeps.builder.started == []
    assert (await revdeps.view(ref)).change.approved_sha is None


@pytest.mark.parametrize("minutes", [-2, 2])
async def test_a_clock_that_is_two_minutes_off_approves_nothing_that_was_not_seen(revdeps: Stage, minutes: int) -> None:
    ref = await waiting(revdeps)
    written = revdeps.clock.now() + timedelta(minutes=minutes)
    comment = revdeps.forge.write(ref, "/revdeps ok", "octocat")
    await revdeps.deliver(
        Commented(change=ref, comment=comment.id, author="octocat", body=comment.body, written_at=written)
    )
    await revdeps.push(ref, user=OUTSIDER)
    revdeps.clock.pass_time(minutes=1)
    await revdeps.settle()
    assert is_refused(comment)
    assert revdeps.builder.started == []


async def test_a_head_that_nobody_told_of_yet_is_not_built_by_an_approval_of_the_one_before(revdeps: Stage) -> None:
    ref = await waiting(revdeps)
    revdeps.forge.push(ref)
    await revdeps.say(ref, "/revdeps ok")
    await revdeps.deliver_refresh(ref)
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED
    assert revdeps.builder.running == ()


async def test_a_button_carries_its_commit(revdeps: Stage) -> None:
    ref = await waiting(revdeps)
    await press(revdeps, ref, "approve")
    revdeps.forge.push(ref)
    await revdeps.deliver_refresh(ref)
    await revdeps.settle()
    assert revdeps.builder.started == []
    assert "The head is" in answers(revdeps, ref)[0]


# In whatever state the pull request is.


async def test_a_locked_conversation_takes_no_words_and_the_command_is_carried_out(revdeps: Stage) -> None:
    ref = await rebuilding(revdeps)
    for call in ("react", "comment"):
        revdeps.forge.fail_next(call, Rejected("the conversation is locked"), times=9)
    await revdeps.say(ref, "/revdeps help\n/revdeps cancel")
    assert revdeps.builder.running == ()
    assert [allowed for _, _, allowed in await audit(revdeps, ref)] == [True, True]


async def test_a_draft_takes_commands(revdeps: Stage) -> None:
    ref = await tested(revdeps, draft=True)
    assert is_done(await revdeps.say(ref, "/revdeps retry bar"))


async def test_a_command_to_a_pull_request_that_gets_another_base_meanwhile_is_about_the_new_run(
    revdeps: Stage,
) -> None:
    ref = await tested(revdeps)
    revdeps.forge.put_files("f42", {".revdeps.yaml": CONFIG})
    comment = await revdeps.ask(ref, "/revdeps retry bar")
    revdeps.forge.alter(ref, base_branch="f42")
    await revdeps.deliver_refresh(ref)
    await revdeps.settle()
    assert Reaction.SEEN in comment.reactions
    view = await revdeps.view(ref)
    assert [found.run.base_branch for found in view.runs] == ["f42", "main"]


async def test_a_pull_request_that_is_closed_before_the_command_is_handled_is_left_alone(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    comment = await revdeps.ask(ref, "/revdeps waive bar -- known")
    revdeps.forge.close(ref)
    await revdeps.deliver_refresh(ref)
    await revdeps.settle()
    assert comment.reactions == []
    assert (await revdeps.view(ref)).waivers == {}


# Whatever stands in the comment.


async def test_five_hundred_commands_are_twenty_and_one_answer(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    body = "\n".join(f"/revdeps skip nothing-{number}" for number in range(500))
    comment = await revdeps.say(ref, body)
    assert is_refused(comment)
    (told,) = answers(revdeps, ref)
    assert "A comment takes 20 commands" in told
    assert len(await audit(revdeps, ref)) == 21


async def test_a_comment_that_was_stored_with_odd_characters_is_read(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    odd = "\ufeff/revdeps why bar\r\n\r\n\u0645\u0631\u062d\u0628\u0627 \u202e\ufffd\n\n/revdeps\u00a0status\u200b"
    await revdeps.say(ref, odd)
    assert [action for _, action, _ in await audit(revdeps, ref)] == ["/revdeps why bar", "/revdeps status"]


async def test_our_own_answers_hold_no_commands_that_we_would_follow(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    await revdeps.say(ref, "/revdeps help\n/revdeps status\n/revdeps config\n/revdeps logs bar")
    await press(revdeps, ref, "waive")
    await revdeps.settle()
    before = await audit(revdeps, ref)
    for comment in revdeps.forge.comments_on(ref):
        if "revdeps:" in comment.body:
            copied = Commented(
                change=ref, comment=comment.id, author="octocat", body=comment.body, written_at=revdeps.clock.now()
            )
            await revdeps.deliver(copied)
    await revdeps.settle()
    assert await audit(revdeps, ref) == before
