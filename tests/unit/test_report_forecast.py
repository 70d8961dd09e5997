"""What a report says of the time that is still to come."""

from datetime import timedelta

from bot.domain.build import BuildState, Succeeded
from bot.domain.plan import Effect, Selection
from bot.domain.report.assemble import Stored
from bot.domain.report.forecast import forecast
from bot.domain.run import RunState
from bot.domain.verdict import Finding, Judgement, Verdict
from tests.fakes.domain import NOW, RUN, TARGET, built, entry, run, subject
from tests.fakes.resolver import affected

BUILT = subject(Succeeded(), started_at=NOW - timedelta(minutes=2), ended_at=NOW)
"""The change, which took two minutes."""

ENTRIES = (entry("bar"), entry("baz"), entry("qux"))


def test_before_there_is_a_plan_nothing_is_foretold() -> None:
    assert forecast(Stored(run=run(), builds=(BUILT,)), NOW) is None


def test_after_the_end_nothing_is_foretold() -> None:
    assert forecast(Stored(run=run(state=RunState.FINISHED), entries=ENTRIES, builds=(BUILT,)), NOW) is None


def test_one_after_the_other_where_nothing_runs_yet() -> None:
    told = forecast(Stored(run=run(), entries=ENTRIES, builds=(BUILT,)), NOW)
    assert told is not None
    assert (told.builds, told.ends_at) == (3, NOW + timedelta(minutes=6))


def test_as_many_at_once_as_run_now() -> None:
    going = [built(name, state=BuildState.RUNNING) for name in ("bar", "baz")]
    told = forecast(Stored(run=run(), entries=ENTRIES, builds=(BUILT, *going)), NOW)
    assert told is not None
    assert (told.builds, told.ends_at) == (3, NOW + timedelta(minutes=4))


def test_the_end_is_a_full_minute() -> None:
    later = NOW + timedelta(seconds=1)
    told = forecast(Stored(run=run(), entries=ENTRIES[:1], builds=(BUILT,)), later)
    assert told is not None
    assert told.ends_at == NOW + timedelta(minutes=3)


def test_what_is_judged_left_out_or_needs_no_build_is_not_counted() -> None:
    judged = Finding(run=RUN, target=TARGET.name, package="bar", judgement=Judgement(verdict=Verdict.STILL_PASSING))
    entries = (
        entry("bar"),
        entry("baz", selection=Selection.SKIPPED),
        entry(affected("qux", effect=Effect.STILL_UNRESOLVABLE)),
    )
    told = forecast(Stored(run=run(), entries=entries, builds=(BUILT,), findings=(judged,)), NOW)
    assert told is not None
    assert (told.builds, told.ends_at) == (0, None)


def test_without_any_duration_there_is_a_number_alone() -> None:
    told = forecast(Stored(run=run(), entries=ENTRIES), NOW)
    assert told is not None
    assert (told.builds, told.ends_at) == (3, None)
