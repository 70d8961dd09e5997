"""What happens to a pull request besides pushes, and what becomes of its run."""

import asyncio

import pytest

from bot.domain.build import Succeeded
from bot.domain.intents import ButtonPressed, ReceivedDelivery, Refresh, RerunRequested
from bot.domain.permission import Permission
from bot.domain.publication import CheckStatus
from bot.domain.run import ChangeRef, Conclusion
from bot.domain.verdict import Verdict
from bot.ports.errors import Transient
from tests.fakes.resolver import affected
from tests.scenario.harness import CONFIG, Stage
from tests.scenario.outcomes import breaks


async def heard(revdeps: Stage, ref: ChangeRef) -> None:
    """Let a webhook come in, and settle."""
    await revdeps.deliver_refresh(ref)
    await revdeps.settle()


async def conclusions(revdeps: Stage, ref: ChangeRef) -> list[Conclusion | None]:
    """Return those of all runs, newest first."""
    return [found.run.conclusion for found in (await revdeps.view(ref)).runs]


# The same, late, and all at once.


async def test_the_same_delivery_twice_is_one(revdeps: Stage) -> None:
    ref = await revdeps.open()
    await revdeps.settle()
    again = ReceivedDelivery(
        forge="github",
        guid="delivery-1",
        event="pull_request",
        received_at=revdeps.clock.now(),
        intents=(Refresh(change=ref),),
    )
    async with revdeps.world.store.transaction() as tx:
        assert await tx.deliveries.record([again]) == 0
    calls = revdeps.forge.calls.total()
    await revdeps.settle()
    assert revdeps.forge.calls.total() == calls


async def test_an_older_event_that_comes_after_closed_starts_nothing(revdeps: Stage) -> None:
    ref = await revdeps.open()
    await revdeps.settle()
    revdeps.forge.close(ref)
    await heard(revdeps, ref)
    await heard(revdeps, ref)
    assert await conclusions(revdeps, ref) == [Conclusion.CANCELLED]
    assert revdeps.builder.running == ()


async def test_an_event_from_before_a_push_that_comes_after_it_changes_nothing(revdeps: Stage) -> None:
    ref = await revdeps.open()
    await revdeps.settle()
    await revdeps.push(ref)
    await revdeps.settle()
    await heard(revdeps, ref)
    assert await conclusions(revdeps, ref) == [None, Conclusion.CANCELLED]


async def test_a_hundred_events_at_once_are_one_run_and_few_calls(revdeps: Stage) -> None:
    ref = await revdeps.open()
    await asyncio.gather(*(revdeps.deliver_refresh(ref) for _ in range(99)))
    await revdeps.settle()
    assert len((await revdeps.view(ref)).runs) == 1
    assert revdeps.forge.calls["change"] == 1
    assert revdeps.forge.calls.total() < 10
    assert len(revdeps.builder.started) == 1


# Closed, opened again, moved to another base.


async def test_a_pull_request_that_is_opened_again_is_tested_again(revdeps: Stage) -> None:
    ref = await revdeps.open()
    await revdeps.settle()
    revdeps.forge.close(ref)
    await heard(revdeps, ref)
    revdeps.builder.outcome_for = breaks()
    revdeps.forge.reopen(ref)
    await heard(revdeps, ref)
    assert await conclusions(revdeps, ref) == [Conclusion.SUCCESS, Conclusion.CANCELLED]
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS


async def test_a_result_from_before_it_was_closed_still_holds_when_it_is_opened_again(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks()
    ref = await revdeps.open()
    await revdeps.settle()
    revdeps.forge.close(ref)
    await heard(revdeps, ref)
    revdeps.forge.reopen(ref)
    await heard(revdeps, ref)
    assert await conclusions(revdeps, ref) == [Conclusion.SUCCESS]


async def test_another_base_is_another_question(revdeps: Stage) -> None:
    ref = await revdeps.open()
    await revdeps.settle()
    revdeps.forge.put_files("stable", {".revdeps.yaml": CONFIG})
    revdeps.forge.alter(ref, base_branch="stable", base_sha="d" * 40)
    await heard(revdeps, ref)
    assert await conclusions(revdeps, ref) == [None, Conclusion.CANCELLED]
    assert (await revdeps.view(ref)).runs[0].run.base_branch == "stable"
    assert len(revdeps.builder.cancelled) == 1


async def test_a_change_whose_repository_is_gone_is_closed_and_its_builds_stop(revdeps: Stage) -> None:
    ref = await revdeps.open()
    await revdeps.settle()
    del revdeps.forge.changes[ref]
    await heard(revdeps, ref)
    assert revdeps.builder.running == ()
    assert await conclusions(revdeps, ref) == [Conclusion.CANCELLED]
    assert revdeps.builder.workspaces == {}


# Drafts and labels.


async def test_a_draft_waits_where_drafts_are_not_tested_and_runs_once_it_is_ready(revdeps: Stage) -> None:
    ref = await revdeps.open(config=CONFIG + "drafts: skip\n", draft=True)
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.SKIPPED
    assert "ready for review" in revdeps.check(ref).summary
    assert revdeps.builder.started == []
    revdeps.forge.alter(ref, draft=False)
    await heard(revdeps, ref)
    assert len(revdeps.builder.started) == 1
    assert revdeps.check(ref).status is not CheckStatus.COMPLETED


async def test_a_draft_is_tested_like_any_other_by_default(revdeps: Stage) -> None:
    await revdeps.open(draft=True)
    await revdeps.settle()
    assert len(revdeps.builder.started) == 1


async def test_only_a_wanted_label_starts_a_run(revdeps: Stage) -> None:
    ref = await revdeps.open(config=CONFIG + "labels: [test-dependents]\n")
    await revdeps.settle()
    assert "test-dependents" in revdeps.check(ref).summary
    revdeps.forge.alter(ref, labels=("unrelated",))
    await heard(revdeps, ref)
    assert revdeps.builder.started == []
    revdeps.forge.alter(ref, labels=("unrelated", "test-dependents"))
    await heard(revdeps, ref)
    assert len(revdeps.builder.started) == 1


async def test_a_label_more_on_a_tested_change_changes_nothing(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks()
    ref = await revdeps.open()
    await revdeps.settle()
    revdeps.forge.alter(ref, labels=("unrelated",))
    await heard(revdeps, ref)
    assert await conclusions(revdeps, ref) == [Conclusion.SUCCESS]


# Asked for again on the forge's own page.


async def rerun(revdeps: Stage, ref: ChangeRef, *, whole_suite: bool, user: str = "octocat") -> None:
    view = await revdeps.view(ref)
    head, run = revdeps.forge.changes[ref].head_sha, view.runs[0].run.id
    intent = RerunRequested(repo=ref.repo, head_sha=head, user=user, run=None if whole_suite else run)
    await assign(revdeps, ref, intent)


async def press(revdeps: Stage, ref: ChangeRef, button: str, user: str = "octocat") -> None:
    view = await revdeps.view(ref)
    head, run = revdeps.forge.changes[ref].head_sha, view.runs[0].run.id
    await assign(revdeps, ref, ButtonPressed(repo=ref.repo, run=run, head_sha=head, identifier=button, user=user))


async def assign(revdeps: Stage, ref: ChangeRef, intent: RerunRequested | ButtonPressed) -> None:
    """Deliver what names a commit, and find the change that it belongs to, as resync does."""
    await revdeps.deliver(intent)
    async with revdeps.world.store.transaction() as tx:
        for stored in await tx.intents.unassigned():
            await tx.intents.assign(stored.id, ref.id)
        await tx.changes.wake([ref.id], revdeps.clock.now())


async def tested(revdeps: Stage) -> ChangeRef:
    """Return a change whose run has ended: `bar` has regressed."""
    revdeps.builder.outcome_for = breaks("bar")
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), affected("baz"), sources=10)
    ref = await revdeps.open()
    await revdeps.settle()
    return ref


async def test_a_check_that_is_asked_for_again_is_queued_at_once_and_tested_anew(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    revdeps.builder.outcome_for = breaks()
    await rerun(revdeps, ref, whole_suite=False)
    await revdeps.settle(until=lambda: revdeps.check(ref).status is CheckStatus.QUEUED)
    assert revdeps.check(ref).status is CheckStatus.QUEUED
    await revdeps.settle()
    assert await conclusions(revdeps, ref) == [Conclusion.SUCCESS, Conclusion.FAILURE]
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS


async def test_a_suite_that_is_asked_for_again_builds_only_what_failed(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    started = len(revdeps.builder.started)
    await rerun(revdeps, ref, whole_suite=True)
    await revdeps.settle()
    packages = [revdeps.builder.request(key).package for key in revdeps.builder.started[started:]]
    assert set(packages) == {"bar"}
    assert len((await revdeps.view(ref)).runs) == 1


async def test_a_check_of_an_older_commit_that_is_asked_for_again_starts_nothing(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    head = revdeps.forge.changes[ref].head_sha
    await revdeps.push(ref)
    await revdeps.settle()
    runs = len((await revdeps.view(ref)).runs)
    await assign(revdeps, ref, RerunRequested(repo=ref.repo, head_sha=head, user="octocat"))
    await revdeps.settle()
    assert len((await revdeps.view(ref)).runs) == runs


async def test_the_button_retries_what_failed(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    identifiers = [button.identifier for button in revdeps.check(ref).buttons]
    assert identifiers == ["retry-failed", "refresh-baseline", "waive"]
    started = len(revdeps.builder.started)
    await press(revdeps, ref, "retry-failed")
    await revdeps.settle()
    assert len(revdeps.builder.started) > started


@pytest.mark.parametrize(("permission", "built"), [(Permission.TRIAGE, False), (Permission.WRITE, True)])
async def test_the_button_that_approves_is_for_those_who_may(
    revdeps: Stage, permission: Permission, built: bool
) -> None:
    ref = await revdeps.open(author="mallory-octocat")
    await revdeps.settle()
    assert [button.identifier for button in revdeps.check(ref).buttons] == ["approve"]
    revdeps.forge.grant("mona-octocat", permission)
    await press(revdeps, ref, "approve", user="mona-octocat")
    await revdeps.settle()
    assert bool(revdeps.builder.started) is built


async def test_a_button_that_is_not_ours_does_nothing(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    before = (await revdeps.view(ref)).runs
    await press(revdeps, ref, "rm -rf /")
    await revdeps.settle()
    after = await revdeps.view(ref)
    assert (after.runs, after.intents) == (before, ())


# Time.


async def test_at_the_deadline_the_builds_are_cancelled_and_the_check_says_timed_out(revdeps: Stage) -> None:
    ref = await revdeps.open(config=CONFIG + "timeout: 2h\nbuild-timeout: 1h\n")
    await revdeps.settle()
    revdeps.clock.pass_time(hours=2, minutes=1)
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.TIMED_OUT
    assert len(revdeps.builder.cancelled) == 1


async def test_the_time_in_which_an_outsider_waits_is_not_the_runs(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    ref = await revdeps.open(config=CONFIG + "timeout: 2h\nbuild-timeout: 1h\n", author="mallory-octocat")
    await revdeps.settle()
    revdeps.clock.pass_time(days=2)
    await heard(revdeps, ref)
    assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED
    revdeps.builder.outcome_for = breaks()
    await revdeps.say(ref, "/revdeps ok")
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS


async def test_an_approval_is_for_one_commit(revdeps: Stage) -> None:
    ref = await revdeps.open(author="mallory-octocat")
    await revdeps.settle()
    revdeps.clock.pass_time(minutes=1)
    await revdeps.say(ref, "/revdeps ok")
    await revdeps.push(ref)
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED
    assert revdeps.builder.running == ()


# Builds and the backend.


async def test_a_build_that_the_backend_lost_is_made_again(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    revdeps.builder.outcome_for = lambda request: Succeeded() if request.package == "libfoo" else None
    ref = await revdeps.open()
    await revdeps.settle()
    (lost,) = revdeps.builder.running
    revdeps.builder.builds = {key: build for key, build in revdeps.builder.builds.items() if build.key != lost}
    revdeps.builder.outcome_for = breaks()
    await revdeps.settle()
    await revdeps.settle()
    revdeps.clock.pass_time(minutes=2)
    await revdeps.settle()
    assert await revdeps.verdicts(ref) == {"bar": Verdict.STILL_PASSING}


async def test_a_build_whose_submission_got_no_answer_is_found_and_not_made_twice(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks()
    revdeps.builder.fail_next("submit", Transient("the connection broke"), after=True)
    ref = await revdeps.open()
    await revdeps.settle()
    revdeps.clock.pass_time(seconds=10)
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS
    assert set(revdeps.builder.submits.values()) == {1}


async def test_a_retry_after_the_workspace_was_cleaned_is_a_new_run(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    revdeps.clock.pass_time(days=4)
    await revdeps.settle()
    assert [name for name in revdeps.builder.workspaces if "baseline" not in name] == []
    revdeps.builder.outcome_for = breaks()
    await revdeps.say(ref, "/revdeps retry bar")
    assert await conclusions(revdeps, ref) == [Conclusion.SUCCESS, Conclusion.FAILURE]


@pytest.mark.parametrize(("author", "counts"), [("octocat", True), ("mallory-octocat", False)])
async def test_the_configuration_of_the_head_counts_where_its_author_is_trusted(
    revdeps: Stage, author: str, counts: bool
) -> None:
    ref = await revdeps.open(author=author, paths=("libfoo.spec", ".revdeps.yaml"))
    head = revdeps.forge.changes[ref].head_sha
    revdeps.forge.put_files(head, {".revdeps.yaml": "version: 1\ntargets: [nowhere]\n"})
    await revdeps.settle()
    run = (await revdeps.view(ref)).runs[0].run
    assert run.config_from_head is counts
    assert bool(run.config_problems) is counts


async def test_a_retry_takes_the_verdict_back_at_once(revdeps: Stage) -> None:
    ref = await tested(revdeps)
    assert revdeps.check(ref).conclusion is Conclusion.FAILURE
    revdeps.builder.outcome_for = None
    await revdeps.say(ref, "/revdeps retry bar")
    assert revdeps.check(ref).status is CheckStatus.IN_PROGRESS
    assert revdeps.check(ref).conclusion is None
