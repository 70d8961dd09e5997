"""Waivers: who gives one for what and until when, when it counts, and what follows when it does not any more."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.actions import CleanUp, FinishRun, RecordFindings, ResumeRun
from bot.domain.asked import Asked, Effect
from bot.domain.build import Succeeded
from bot.domain.commands import WAIVE, Command, Mistake, command_for_button, parse
from bot.domain.decide import ChangeView, decide, next_time
from bot.domain.effects import carry_out
from bot.domain.ids import RunId
from bot.domain.report.assemble import Stored, assemble
from bot.domain.report.values import Links
from bot.domain.run import Change, Conclusion, Part, Problem, RunState, StopReason
from bot.domain.verdict import Finding, Judgement, Verdict
from bot.domain.waivers import disagree, in_force, lapsed_notes, lapses_at, moved_since, taken_along
from tests.fakes.domain import HEAD, NOW, REF, RUN, base, built, entry, failed, run, run_view, state, view, waiver
from tests.fakes.resolver import affected

OK = Succeeded()
DAY = timedelta(days=1)
BAR, BAZ = entry("bar"), entry("baz")
ENDED = run(state=RunState.FINISHED, conclusion=Conclusion.FAILURE, finished_at=NOW - DAY)
BROKEN = tuple(
    build
    for each in (BAR, BAZ)
    for build in (
        built(each.package, failed("new")),
        built(each.package, failed("new"), 2),
        base(each, OK, ended_at=NOW),
    )
)


def found(**verdicts: Verdict) -> tuple[Finding, ...]:
    return tuple(
        Finding(run=RUN, target="rawhide", package=package, judgement=Judgement(verdict=verdict))
        for package, verdict in verdicts.items()
    )


REGRESSED = run_view(BAR, BAZ, builds=BROKEN, findings=found(bar=Verdict.REGRESSED, baz=Verdict.REGRESSED), run=ENDED)


def said(line: str | Command, seen: ChangeView, **changes: object) -> Effect:
    (command,) = parse([f"/revdeps {line}"]) if isinstance(line, str) else (line,)
    assert isinstance(command, Command), command
    report = assemble(Stored(run=seen.runs[0].run, entries=seen.runs[0].entries))
    plain = Asked(actor="octocat", at=NOW, now=NOW, new_run=RunId("run2"), report=report, links=Links())
    return carry_out(command, seen, replace(plain, **changes))  # type: ignore[arg-type]


# Giving one, and taking it back.


def test_a_waiver_notes_who_why_until_when_and_for_which_base():
    effect = said("waive bar until=2026-02-01 -- mended upstream", view(REGRESSED))
    expected = waiver(reason="mended upstream", until=NOW.replace(month=2, day=1, hour=0))
    assert effect.view.waivers == {"bar": expected}
    assert "`bar`" in effect.answer
    assert "2026-02-01" in effect.answer


def test_without_a_date_it_is_until_the_base_moves_and_a_glob_names_all_that_it_covers():
    effect = said("waive ba* -- known", view(REGRESSED, waivers={"z": waiver()}))
    assert effect.view.waivers == {"z": waiver(), "bar": waiver(), "baz": waiver()}
    assert effect.answer == "Waived until `main` moves: `bar`, `baz`."


DATES = [("today", "2026-01-01"), ("the past", "2025-12-31"), ("too far away", "2027-01-03")]


@pytest.mark.parametrize("date", [row[1] for row in DATES], ids=[row[0] for row in DATES])
def test_a_date_has_to_be_to_come_and_within_a_year(date):
    seen = view(REGRESSED)
    effect = said(f"waive bar until={date} -- known", seen)
    assert (effect.view, effect.done) == (seen, False)
    assert "at most 366 days" in effect.answer


@pytest.mark.parametrize("date", ["2026-01-02", "2027-01-02"])
def test_from_tomorrow_to_a_year_away_it_may_be(date):
    assert said(f"waive bar until={date} -- known", view(REGRESSED)).done


@pytest.mark.parametrize("date", ["tomorrow", "20260102", "2026-W01-5", "2026-13-01", "2026-1-2"])
def test_what_is_no_date_is_answered(date):
    (mistake,) = parse([f"/revdeps waive bar until={date} -- known"])
    assert isinstance(mistake, Mistake)
    assert "a date such as" in mistake.answer


def test_a_reason_is_bounded():
    (mistake,) = parse([f"/revdeps waive bar -- {'x' * 301}"])
    assert isinstance(mistake, Mistake)
    assert "at most 300 characters" in mistake.answer


@pytest.mark.parametrize(
    ("line", "seen", "answer"),
    [
        ("waive bra -- known", REGRESSED, "Did you mean"),
        ("waive bar -- known", run_view(), "There is no plan yet"),
        ("unwaive baz", REGRESSED, "No waiver of `baz` is known. Did you mean `bar`?"),
    ],
)
def test_what_is_not_known_is_refused(line, seen, answer):
    seen = view(seen, waivers={"bar": waiver()})
    effect = said(line, seen)
    assert (effect.view, effect.done) == (seen, False)
    assert answer in effect.answer


def test_a_waiver_is_taken_back_by_name_or_glob():
    seen = view(REGRESSED, waivers={"bar": waiver(), "baz": waiver(), "z": waiver()})
    assert set(said("unwaive ba*", seen).view.waivers) == {"z"}
    assert set(said("unwaive bar", seen).view.waivers) == {"baz", "z"}


def test_the_button_answers_with_the_line_to_write():
    command = command_for_button(WAIVE.identifier, HEAD)
    assert command is not None
    effect = said(command, view(REGRESSED))
    assert effect.view == view(REGRESSED)
    assert "\n/revdeps waive bar baz -- " in effect.answer
    fine = replace(REGRESSED, findings=found(bar=Verdict.STILL_PASSING))
    assert "Nothing that could be waived" in said(command, view(fine)).answer


ENDS = [{"stop": StopReason.DEADLINE}, {"problem": Problem(what="The repository refuses the packages.")}]


@pytest.mark.parametrize("end", ENDS, ids=["out of time", "in the way of something"])
def test_a_run_that_did_not_come_to_its_end_is_not_concluded_anew(end):
    stopped = replace(REGRESSED, run=replace(ENDED, **end))
    effect = said("waive bar -- known", view(stopped))
    assert effect.view.runs == (stopped,)
    assert "`/revdeps run`" in effect.answer
    assert decide(effect.view, NOW) == ()


# When one counts.


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        ({}, True),
        ({"until": NOW + timedelta(seconds=1)}, True),
        ({"until": NOW}, False),
        ({"base_sha": "0" * 40}, False),
        ({"base_branch": "f42"}, False),
        ({"base_moved": True}, False),
    ],
)
def test_a_waiver_counts_for_its_base_until_its_date(given, counts):
    given = waiver(**given)
    assert in_force({"bar": given}, state(), NOW) == ({"bar": given} if counts else {})
    assert in_force({"bar": given}, None, NOW) == {}
    notes = lapsed_notes({"bar": given}, found(bar=Verdict.REGRESSED), state(), NOW)
    assert bool(notes) is not counts


def test_a_waiver_that_is_taken_along_into_a_merge_queue_counts_for_the_groups_base() -> None:
    group = state(base_branch="queue", base_sha="c0ffee")
    given = {"bar": waiver(base_branch="rawhide")}
    assert in_force(given, group, NOW) == {}
    assert in_force(taken_along(given, group), group, NOW) == {
        "bar": waiver(base_branch="queue", base_sha="c0ffee"),
    }


def test_a_lapsed_waiver_is_noted_where_its_package_still_needs_one():
    old = {"bar": waiver(until=NOW), "baz": waiver(until=NOW)}
    notes = lapsed_notes(old, found(bar=Verdict.REGRESSED, baz=Verdict.STILL_PASSING), state(), NOW)
    assert notes == ("The waiver of `bar` by `octocat` was until 2026-01-01 and has lapsed.",)


def test_a_verdict_may_disagree_with_the_waivers_in_both_directions():
    assert disagree(found(bar=Verdict.REGRESSED), {"bar": waiver()})
    assert disagree(found(bar=Verdict.WAIVED), {})
    assert not disagree(found(bar=Verdict.WAIVED), {"bar": waiver()})
    assert not disagree(found(bar=Verdict.STILL_PASSING, baz=Verdict.REGRESSED), {"bar": waiver()})


def test_a_push_to_the_base_ends_what_was_given_before_it():
    old, new = waiver(given_at=NOW - DAY), waiver(given_at=NOW + DAY)
    ended = waiver(given_at=NOW - DAY, base_moved=True)
    assert moved_since({"bar": old, "baz": new, "z": ended}, NOW) == {"bar": ended}


def test_the_first_date_on_which_a_verdict_rests_counts():
    waivers = {"bar": waiver(until=NOW + 2 * DAY), "baz": waiver(until=NOW + DAY), "z": waiver(until=NOW)}
    assert lapses_at(found(bar=Verdict.WAIVED, baz=Verdict.WAIVED, z=Verdict.REGRESSED), waivers) == NOW + DAY
    assert lapses_at(found(bar=Verdict.WAIVED), {"bar": waiver()}) is None


# What follows.

WAIVED = replace(REGRESSED, findings=found(bar=Verdict.WAIVED, baz=Verdict.WAIVED))


def test_a_finished_run_goes_on_where_a_waiver_was_given_or_lapsed():
    (action,) = decide(view(REGRESSED, waivers={"bar": waiver()}), NOW)
    assert action == ResumeRun(run=RUN)
    (action,) = decide(view(WAIVED, waivers={"bar": waiver(), "baz": waiver(until=NOW)}), NOW)
    assert action == ResumeRun(run=RUN)
    assert decide(view(WAIVED, waivers={"bar": waiver(), "baz": waiver()}), NOW) == ()


def test_it_is_judged_by_what_was_built():
    going_on = replace(WAIVED, run=run())
    due = decide(view(going_on, waivers={"bar": waiver(), "baz": waiver(until=NOW)}), NOW)
    (recorded,) = (action for action in due if isinstance(action, RecordFindings))
    assert {each.package: each.judgement.verdict for each in recorded.findings} == {
        "bar": Verdict.WAIVED,
        "baz": Verdict.REGRESSED,
    }


def test_only_what_stands_for_the_change_now_is_concluded_anew():
    closed = Change(ref=REF, state=state(open=False), stale=False)
    pushed = Change(ref=REF, state=state(head_sha="0" * 40), stale=False)
    for change in (closed, pushed):
        due = decide(view(WAIVED, change=change), NOW)
        assert not any(isinstance(action, ResumeRun) for action in due)
        assert any(isinstance(action, CleanUp) for action in due)


def test_time_alone_wakes_what_rests_on_a_date():
    dated = {"bar": waiver(until=NOW + DAY), "baz": waiver()}
    assert next_time(view(WAIVED, waivers=dated)) == NOW + DAY
    assert next_time(view(REGRESSED, waivers={})) == NOW - DAY + timedelta(days=3)


FAULT = "ld: cannot find -lfoo"
FLASK = entry(affected("flask", contains=("jinja2",), distance=2))
JINJA = entry("jinja2")
ROOTED = run_view(
    JINJA,
    FLASK,
    builds=(
        built("jinja2", failed(FAULT)),
        built("jinja2", failed(FAULT), 2),
        base(JINJA, OK, ended_at=NOW),
        built("flask", failed(FAULT)),
        base(FLASK, OK, ended_at=NOW),
    ),
    findings=found(jinja2=Verdict.REGRESSED, flask=Verdict.REGRESSED),
    run=ENDED,
)


def test_what_failed_because_of_the_waived_one_is_built_anew_where_the_run_is_cleaned_up():
    cleaned = replace(ROOTED, run=replace(ENDED, cleaned=True))
    effect = said("waive jinja2 -- known", view(cleaned))
    assert [each.run.id for each in effect.view.runs] == ["run2", "run1"]
    assert set(effect.view.waivers) == {"jinja2"}
    assert "a run begins" in effect.answer
    alone = said("waive jinja2 flask -- known", view(replace(REGRESSED, run=replace(ENDED, cleaned=True))))
    assert not alone.done
    both = said("waive ba* -- known", view(replace(REGRESSED, run=replace(ENDED, cleaned=True))))
    assert [each.run.id for each in both.view.runs] == ["run1"]


def test_what_failed_because_of_the_waived_one_is_confirmed_in_the_same_run_where_that_is_there():
    effect = said("waive jinja2 -- known", view(ROOTED))
    assert decide(effect.view, NOW) == (ResumeRun(run=RUN),)


def test_where_several_changes_were_tested_whoever_waives_is_told_how_to_test_them_again():
    part = Part(change=replace(REF, number=9), head_sha=HEAD, base_sha="1" * 40)
    seen = view(replace(ROOTED, run=replace(ENDED, cleaned=True, companions=(part,))))
    effect = said("waive jinja2 -- known", seen)
    assert [each.run.id for each in effect.view.runs] == ["run1"]
    assert "`/revdeps with octocat/libfoo#9` builds what failed because of them" in effect.answer


# When the time of a run that goes on because of one is over.


@pytest.mark.parametrize(
    ("builds", "before", "after"),
    [
        (BROKEN, Verdict.REGRESSED, Verdict.WAIVED),
        ((*BROKEN[:3], base(BAR, attempt=2)), Verdict.WAIVED, Verdict.INCONCLUSIVE),
        ((*BROKEN[:3], base(BAR, attempt=2)), Verdict.INCONCLUSIVE, None),
    ],
    ids=["what is known counts", "what is open again is inconclusive", "as it was before"],
)
def test_a_run_that_was_resumed_and_stopped_shows_what_is_known_now(builds, before, after):
    resumed = replace(ENDED, state=RunState.ACTIVE, conclusion=None, finished_at=None, stop=StopReason.DEADLINE)
    entries = (replace(BAR, baselines=2) if len(builds) == 4 else BAR, BAZ)
    part = run_view(*entries, builds=builds, run=resumed, findings=found(bar=before))
    waivers = {"bar": waiver()} if after is Verdict.WAIVED else {}
    (action,) = decide(view(part, waivers=waivers), NOW)
    if after is None:
        assert action == FinishRun(run=RUN, conclusion=Conclusion.TIMED_OUT)
    else:
        assert isinstance(action, RecordFindings)
        assert [(each.package, each.judgement.verdict) for each in action.findings] == [("bar", after)]
        (last,) = decide(view(replace(part, findings=action.findings), waivers=waivers), NOW)
        assert last == FinishRun(run=RUN, conclusion=Conclusion.TIMED_OUT)
