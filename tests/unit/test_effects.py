"""What each command does to a pull request, and what it answers."""

from dataclasses import replace

import pytest

from bot.domain.commands import (
    APPROVE,
    CANCEL_RUN,
    REFRESH_BASELINE,
    RETRY_FAILED,
    WAIVE,
    Command,
    command_for_button,
)
from bot.domain.ids import RunId
from bot.domain.packages import Link
from bot.domain.plan import Selection
from bot.domain.run import Change, Part, Run, RunState, StopReason
from bot.domain.verbs import USAGES, Verb
from bot.domain.verdict import Verdict
from tests.fakes.asked import (
    BAR,
    BAZ,
    CLOSED,
    ENDED,
    HOUR,
    JUDGED,
    MOVED,
    OK,
    OLD_HEAD,
    RUNNING,
    carried_out,
    judged,
    latest_of,
    nothing_happened,
    stopped_builds,
)
from tests.fakes.domain import CONFIG, HEAD, NOW, REF, built, entry, run, run_view, state, view
from tests.fakes.resolver import affected

# What only answers.


def test_help_lists_the_commands():
    assert "/revdeps retry" in carried_out("help", view()).answer


def test_status_tells_how_far_it_is():
    assert "Rebuilding" in carried_out("status", view(run_view(BAR))).answer


NEED_A_RUN = ["status", "why bar", "logs bar", "config", "retry", "baseline", "priority bar 1", "cancel", "skip bar"]


@pytest.mark.parametrize("line", [*NEED_A_RUN, "revoke", "waive bar -- known", "unwaive bar"])
def test_before_the_first_run_there_is_nothing_to_ask_about(line):
    effect = carried_out(line, view())
    assert nothing_happened(effect, view())
    assert "Nothing was tested" in effect.answer


PATH = (Link(package="bar", capability="libfoo.so.1", provider="libfoo"),)
WHY = [
    ("with its path", "why bar", "`libfoo.so.1`"),
    ("by a glob, all that it means", "why ba*", "`baz`"),
    ("that is not affected", "why zsh", "`zsh` is not affected"),
    ("that is spelt wrongly, with a suggestion", "why braz", "Did you mean"),
]


@pytest.mark.parametrize(("line", "expected"), [row[1:] for row in WHY], ids=[row[0] for row in WHY])
def test_why_tells_of_a_package(line, expected):
    effect = carried_out(line, view(run_view(entry(affected("bar", path=PATH)), BAZ)))
    assert expected in effect.answer
    assert effect.done


def test_why_has_to_wait_for_the_plan():
    assert "not made yet" in carried_out("why bar", view(run_view())).answer


# Run.


def test_run_starts_a_new_run_with_its_options_and_keeps_what_was_skipped():
    seen = view(run_view(BAR, run=run(skip=("a",), include=("b",), sequence=4)))
    effect = carried_out("run limit=5 depth=direct target=rawhide", seen)
    new, old = effect.view.runs
    assert (new.run.id, new.run.sequence, new.run.head_sha, new.run.trusted) == ("run2", 5, HEAD, None)
    assert (new.run.limit, new.run.only_targets, new.run.skip, new.run.include) == (5, ("rawhide",), ("a",), ("b",))
    assert old == seen.runs[0]


def test_the_first_run_of_a_change_may_be_asked_for():
    assert latest_of(carried_out("run", view())).run.sequence == 1


def test_two_people_who_ask_for_a_run_get_one():
    once = carried_out("run", view()).view
    again = carried_out("run", once, new_run=RunId("run3"))
    assert again.view == once
    assert "joins" in again.answer


ABOUT_TO_START = run(config=None, checkout=None)
NOT_JOINED = [
    ("one with other options", ABOUT_TO_START, "run limit=3", {}),
    ("one that has begun", run(), "run", {}),
    ("one that waits for an approval", run(state=RunState.WAITING), "run", {}),
    ("one that is being stopped", replace(ABOUT_TO_START, stop=StopReason.CANCELLED), "run", {}),
    ("one of the commit before", ABOUT_TO_START, "run", {"change": MOVED}),
]


@pytest.mark.parametrize(
    ("latest", "line", "changes"), [row[1:] for row in NOT_JOINED], ids=[row[0] for row in NOT_JOINED]
)
def test_a_run_does_not_join(latest: Run, line, changes):
    assert len(carried_out(line, view(run_view(run=latest), **changes)).view.runs) == 2


def test_a_target_that_is_not_there_is_refused_with_those_that_are():
    seen = view(run_view())
    effect = carried_out("run target=f40", seen)
    assert nothing_happened(effect, seen)
    assert "`rawhide`" in effect.answer


@pytest.mark.parametrize("line", ["run", f"ok @{HEAD}"])
def test_nothing_is_started_for_a_closed_pull_request(line):
    seen = view(run_view(), change=CLOSED)
    assert nothing_happened(carried_out(line, seen), seen)


# Approvals.

WAITING = run(state=RunState.WAITING, trusted=False, deadline=NOW - HOUR)
APPROVALS = [
    ("a bare ok to a check that was there before", "ok", {"waiting_since": NOW - HOUR}, True),
    ("a bare ok to a check that came after it", "ok", {"waiting_since": NOW + HOUR}, False),
    ("a bare ok where no check waits", "ok", {}, False),
    ("an ok that names the head", f"ok @{HEAD[:7]}", {}, True),
    ("an ok that names another commit", f"ok @{OLD_HEAD[:7]}", {"waiting_since": NOW - HOUR}, False),
]


@pytest.mark.parametrize(
    ("line", "changes", "counts"), [row[1:] for row in APPROVALS], ids=[row[0] for row in APPROVALS]
)
def test_an_approval_is_for_one_commit(line, changes, counts):
    seen = view(run_view(run=WAITING))
    effect = carried_out(line, seen, **changes)
    if counts:
        assert effect.view.change.approved_sha == HEAD
        assert latest_of(effect).run.trusted
        assert latest_of(effect).run.state is RunState.ACTIVE
    else:
        assert nothing_happened(effect, seen)
        assert f"`/revdeps ok @{HEAD[:10]}`" in effect.answer


def test_a_bare_ok_right_after_a_push_asks_which_commit_was_read():
    seen = view(run_view(run=WAITING), change=MOVED)
    effect = carried_out("ok", seen, waiting_since=NOW - HOUR)
    assert nothing_happened(effect, seen)
    assert "Which commit did you read?" in effect.answer


def test_an_ok_to_the_new_head_does_not_let_the_old_one_run():
    effect = carried_out(f"ok @{OLD_HEAD}", view(run_view(run=WAITING), change=MOVED))
    assert effect.view.change.approved_sha == OLD_HEAD
    assert latest_of(effect).run == WAITING


def test_a_run_has_the_whole_of_its_time_from_the_approval_on():
    effect = carried_out(f"ok @{HEAD}", view(run_view(run=WAITING)))
    assert latest_of(effect).run.deadline == NOW + CONFIG.timeout


def test_a_commit_may_be_approved_before_its_run_and_after_it():
    for seen in (view(), view(run_view(run=ENDED))):
        effect = carried_out(f"ok @{HEAD}", seen)
        assert (effect.done, effect.view.runs) == (True, seen.runs)


def test_an_approval_can_be_taken_back_and_given_again():
    change = Change(ref=REF, state=state(), stale=False, approved_sha=HEAD)
    revoked = carried_out("revoke", view(run_view(BAR, builds=(built("bar"),)), change=change))
    stopped = latest_of(revoked)
    assert revoked.view.change.approved_sha is None
    assert (stopped.run.stop, stopped.run.trusted) == (StopReason.CANCELLED, False)
    assert len(carried_out(f"ok @{HEAD}", revoked.view).view.runs) == 2


def test_after_a_revoke_a_finished_run_is_no_proof_of_trust_any_more():
    change = Change(ref=REF, state=state(), stale=False, approved_sha=HEAD)
    effect = carried_out("revoke", view(run_view(run=ENDED), change=change))
    assert latest_of(effect).run == replace(ENDED, trusted=False)


def test_without_an_approval_there_is_nothing_to_revoke():
    seen = view(run_view())
    assert nothing_happened(carried_out("revoke", seen), seen)


# Cancelling.


def test_cancel_stops_the_run_and_its_builds_and_nobody_elses():
    effect = carried_out("cancel", view(run_view(BAR, BAZ, builds=RUNNING)))
    assert (latest_of(effect).run.stop, latest_of(effect).run.stopped_by) == (StopReason.CANCELLED, "octocat")
    assert stopped_builds(effect) == {"bar", "baz"}


def test_cancel_of_a_package_stops_that_alone():
    seen = view(run_view(BAR, BAZ, builds=RUNNING, run=run(cancelled_packages=("z",))))
    effect = carried_out("cancel baz", seen)
    assert stopped_builds(effect) == {"baz"}
    assert latest_of(effect).run.cancelled_packages == ("baz", "z")
    assert latest_of(effect).run.stop is None


def test_cancel_of_an_unknown_package_is_refused():
    seen = view(run_view(BAR, builds=RUNNING))
    assert nothing_happened(carried_out("cancel zsh", seen), seen)


def test_what_is_over_cannot_be_cancelled():
    seen = view(run_view(BAR, run=ENDED))
    assert nothing_happened(carried_out("cancel", seen), seen)


# Buttons.

BUTTONS = [RETRY_FAILED, CANCEL_RUN, APPROVE, REFRESH_BASELINE, WAIVE]


@pytest.mark.parametrize("button", BUTTONS, ids=[button.label for button in BUTTONS])
def test_a_button_on_the_check_of_an_older_commit_is_refused(button):
    command = command_for_button(button.identifier, HEAD)
    assert command is not None
    for change in (MOVED, Change(ref=REF, stale=False)):
        seen = view(JUDGED, change=change)
        effect = carried_out(command, seen)
        assert nothing_happened(effect, seen)
    assert "head" in carried_out(command, view(JUDGED, change=MOVED)).answer


@pytest.mark.parametrize("button", [RETRY_FAILED, APPROVE], ids=["Retry failed", "Approve this commit"])
def test_a_button_on_the_check_of_the_head_does_what_its_command_does(button):
    command = command_for_button(button.identifier, HEAD)
    assert command is not None
    assert carried_out(command, view(JUDGED)).done


# Carried out twice.

TWICE = [
    ("run", run_view(BAR)),
    (f"ok @{HEAD}", run_view(run=WAITING)),
    ("baseline bar", run_view(BAR, builds=(built("bar", OK),), run=ENDED)),
    ("priority bar 7", run_view(BAR, builds=RUNNING)),
    ("waive bar until=2026-01-02 -- known", run_view(BAR, findings=judged(bar=Verdict.REGRESSED), run=ENDED)),
    ("retry", JUDGED),
    ("cancel", run_view(BAR, builds=RUNNING)),
    ("cancel bar", run_view(BAR, builds=RUNNING)),
    ("skip bar", run_view(BAR, builds=RUNNING)),
    ("include bar", run_view(entry("bar", selection=Selection.OVER_LIMIT), run=ENDED)),
]


@pytest.mark.parametrize(("line", "seen"), TWICE, ids=[row[0].split(" @")[0] for row in TWICE])
def test_a_command_that_is_carried_out_twice_is_carried_out_once(line, seen):
    once = carried_out(line, view(seen)).view
    assert carried_out(line, once).view == once


def test_what_is_so_already_is_said_to_be_so():
    once = carried_out("skip bar", view(run_view(BAR))).view
    effect = carried_out("skip bar", once, actor="hubot")
    assert (effect.view, effect.done) == (once, True)
    assert "already" in effect.answer


def test_who_cancels_what_is_being_stopped_joins_and_the_first_one_is_named():
    once = carried_out("cancel", view(run_view(BAR, builds=RUNNING))).view
    effect = carried_out("cancel", once, actor="hubot")
    assert effect.view == once
    assert "joins" in effect.answer


def test_who_approves_what_is_approved_is_told_so():
    once = carried_out(f"ok @{HEAD}", view(run_view(run=WAITING))).view
    effect = carried_out(f"ok @{HEAD}", once, actor="hubot")
    assert effect.view == once
    assert "already" in effect.answer


def test_every_verb_is_offered_and_acts():
    for verb in Verb:
        assert carried_out(Command(verb=verb, packages=("bar",)), view(run_view(BAR)))
    assert set(USAGES) == set(Verb)


def test_several_changes_begin_a_run_of_their_own():
    part = Part(change=replace(REF, number=9), head_sha=OLD_HEAD, base_sha="1" * 40)
    line = "with octocat/libfoo#9"
    seen = view(run_view(BAR))
    effect = carried_out(line, seen, companions={"octocat/libfoo#9": part})
    assert (latest_of(effect).run.companions, latest_of(effect).run.sequence) == ((part,), 2)
    again = carried_out(line, effect.view, companions={"octocat/libfoo#9": replace(part, checkout="/x")})
    assert again.view == effect.view
    assert "joins it" in again.answer
    assert latest_of(carried_out("run", effect.view)).run.companions == ()


def test_several_changes_are_not_begun_where_one_may_not_be():
    seen = view(run_view(BAR))
    effect = carried_out("with octocat/libfoo#9", seen, companions={"octocat/libfoo#9": "It is closed."})
    assert nothing_happened(effect, seen)
    assert effect.answer == "It is closed."
    closed = view(run_view(BAR), change=CLOSED)
    assert nothing_happened(carried_out("with octocat/libfoo#9", closed), closed)
    untrusted = view(run_view(run=run(trusted=False, state=RunState.WAITING)))
    assert "ok @" in carried_out("with octocat/libfoo#9", untrusted).answer


@pytest.mark.parametrize("line", ["retry bar", "baseline bar"])
def test_what_several_changes_built_and_is_gone_is_not_built_again_by_one_alone(line):
    part = Part(change=replace(REF, number=9), head_sha=OLD_HEAD, base_sha="1" * 40)
    seen = view(run_view(BAR, run=replace(ENDED, cleaned=True, companions=(part,))))
    effect = carried_out(line, seen)
    assert nothing_happened(effect, seen)
    assert "`/revdeps with octocat/libfoo#9`" in effect.answer
