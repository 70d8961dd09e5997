"""What a report says of the builds that are still to come: how many, what they cost, and when they end."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.domain.build import Build, BuildState, Succeeded
from bot.domain.history import PastBuild
from bot.domain.plan import Effect, Selection
from bot.domain.report.assemble import Stored
from bot.domain.report.forecast import Experience, forecast
from bot.domain.report.values import Forecast
from bot.domain.run import RunState
from bot.domain.verdict import Finding, Judgement, Verdict
from tests.fakes.domain import NOW, RUN, TARGET, built, entry, run, subject, target
from tests.fakes.resolver import affected

MINUTE = timedelta(minutes=1)
BUILT = subject(Succeeded())
ENTRIES = (entry("bar"), entry("baz"), entry("qux"))
SLOTS = {"fake": 1}


def past(package: str, minutes: float | None, *, passed: bool = True, cpu: float | None = None) -> PastBuild:
    duration = None if minutes is None else minutes * MINUTE
    seconds = None if cpu is None else cpu * 60
    return PastBuild(
        package=package, passed=passed, baseline=False, ended_at=NOW, duration=duration, cpu_seconds=seconds
    )


USUAL = {TARGET.name: [past("libfoo", 2, cpu=6)]}
"""Two minutes on three processors."""


def told(
    *entries: object, builds: tuple[Build, ...] = (), now: datetime = NOW, slots: int = 1, **known: object
) -> Forecast:
    stored = Stored(run=run(), targets=(target(),), entries=entries or ENTRIES, builds=(BUILT, *builds))  # type: ignore[arg-type]
    found = forecast(stored, now, Experience(**{"lately": USUAL, "slots": {"fake": slots}, **known}))  # type: ignore[arg-type]
    assert found is not None
    return found


def test_before_there_is_a_plan_nothing_is_foretold() -> None:
    assert forecast(Stored(run=run(), builds=(BUILT,)), NOW) is None


def test_after_the_end_nothing_is_foretold() -> None:
    assert forecast(Stored(run=run(state=RunState.FINISHED), entries=ENTRIES, builds=(BUILT,)), NOW) is None


def test_what_was_never_built_takes_what_is_usual() -> None:
    assert told() == Forecast(builds=3, wall=6 * MINUTE, cpu=18 * MINUTE, ends_at=NOW + 6 * MINUTE)


def test_a_package_takes_what_it_took_before() -> None:
    own = {TARGET.name: [past("bar", 10, cpu=40), past("bar", 20, cpu=50), past("bar", 60, cpu=90)]}
    assert told(past=own) == Forecast(builds=3, wall=24 * MINUTE, cpu=62 * MINUTE, ends_at=NOW + 24 * MINUTE)


def test_a_build_that_failed_counts_only_where_none_passed() -> None:
    own = {TARGET.name: [past("bar", 1, passed=False), past("bar", 9), past("baz", 3, passed=False)]}
    assert told(past=own).wall == 14 * MINUTE


def test_a_duration_that_was_not_recorded_is_as_good_as_none() -> None:
    assert told(past={TARGET.name: [past("bar", None)]}).wall == 6 * MINUTE


def test_without_any_duration_there_is_a_number_alone() -> None:
    assert told(lately={}) == Forecast(builds=3)
    assert forecast(Stored(run=run(), entries=ENTRIES), NOW) == Forecast(builds=3)


def test_where_processors_are_not_counted_there_is_no_time_of_theirs() -> None:
    assert told(lately={TARGET.name: [past("x", 2)]}).cpu is None


@pytest.mark.parametrize(("slots", "minutes"), [(1, 6), (2, 4), (3, 2), (9, 2)])
def test_as_many_at_once_as_there_are_slots(slots: int, minutes: int) -> None:
    assert told(slots=slots).ends_at == NOW + minutes * MINUTE


def test_where_the_slots_are_not_known_those_that_are_taken_are() -> None:
    going = tuple(built(name, state=BuildState.RUNNING, started_at=NOW) for name in ("bar", "baz"))
    assert told(builds=going, slots=0).ends_at == NOW + 4 * MINUTE
    assert told(slots=0).ends_at == NOW + 6 * MINUTE


def test_of_a_build_that_goes_on_the_rest_is_left() -> None:
    begun = built("bar", state=BuildState.RUNNING, started_at=NOW - MINUTE)
    overdue = built("bar", state=BuildState.RUNNING, started_at=NOW - 9 * MINUTE)
    assert told(builds=(begun,), slots=3).ends_at == NOW + 2 * MINUTE
    assert [told(entry("bar"), builds=(each,)).ends_at for each in (begun, overdue)] == [NOW + MINUTE, NOW]


def test_the_longest_chain_sets_the_end() -> None:
    chain = (entry("bar"), entry("baz", ready=False, needs=("bar",)), entry("qux", ready=False, needs=("baz",)))
    assert told(*chain, slots=9).ends_at == NOW + 6 * MINUTE
    free = (entry("bar"), entry("baz", needs=("bar",)))
    assert told(*free, slots=9).ends_at == NOW + 2 * MINUTE


def test_what_was_asked_for_sooner_is_begun_sooner() -> None:
    slow = {TARGET.name: [past("qux", 10)]}
    assert told(slots=2, past=slow).ends_at == NOW + 12 * MINUTE
    boosted = Stored(run=run(boosts=(("qux", 1),)), targets=(target(),), entries=ENTRIES, builds=(BUILT,))
    experience = Experience(lately=USUAL, past=slow, slots={"fake": 2})
    assert forecast(boosted, NOW, experience) == replace(told(slots=2, past=slow), ends_at=NOW + 10 * MINUTE)
    queued = [replace(built(each.package, None), state=BuildState.QUEUED) for each in ENTRIES]
    waiting = tuple(replace(build, priority=int(build.package == "qux")) for build in queued)
    assert told(builds=waiting, slots=2, past=slow).ends_at == NOW + 10 * MINUTE


def test_what_others_have_queued_takes_its_turns() -> None:
    others = [built(f"x{number}", key=f"k{number}", run="other") for number in range(5)]
    assert told(*ENTRIES, slots=2, queue=others).ends_at == NOW + 6 * MINUTE
    busy = [built("x", key="k", run="other", state=BuildState.RUNNING, started_at=NOW)]
    assert told(entry("bar"), queue=busy).ends_at == NOW + 4 * MINUTE


def test_ones_own_builds_in_the_queue_count_once() -> None:
    queued = built("bar")
    assert told(entry("bar"), builds=(queued,), queue=[queued]).ends_at == NOW + 2 * MINUTE


def test_the_end_is_a_full_minute() -> None:
    assert told(entry("bar"), now=NOW + timedelta(seconds=1)).ends_at == NOW + 3 * MINUTE


def test_what_is_judged_left_out_or_needs_no_build_is_not_counted() -> None:
    judged = Finding(run=RUN, target=TARGET.name, package="bar", judgement=Judgement(verdict=Verdict.STILL_PASSING))
    entries = (
        entry("bar"),
        entry("baz", selection=Selection.SKIPPED),
        entry(affected("qux", effect=Effect.STILL_UNRESOLVABLE)),
    )
    stored = Stored(run=run(), targets=(target(),), entries=entries, builds=(BUILT,), findings=(judged,))
    assert forecast(stored, NOW, Experience(lately=USUAL, slots=SLOTS)) == Forecast(builds=0)
