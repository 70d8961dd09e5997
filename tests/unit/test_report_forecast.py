"""What a report says of the builds that are still to come: how many, what they cost, and when they end."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.domain.allocate import Quotas
from bot.domain.backlog import Backlog, expected_ends
from bot.domain.build import Build, BuildState, Succeeded
from bot.domain.costs import Costs, costs_by_package, usual_cost
from bot.domain.history import PastBuild
from bot.domain.ids import RunId
from bot.domain.plan import Effect, Selection
from bot.domain.report.assemble import Stored
from bot.domain.report.forecast import Experience, forecast
from bot.domain.report.values import Forecast
from bot.domain.run import RepoRef, RunState
from bot.domain.verdict import Finding, Judgement, Verdict
from tests.fakes.domain import NOW, RUN, TARGET, built, entry, run, subject, target
from tests.fakes.resolver import affected

MINUTE = timedelta(minutes=1)
BUILT = subject(Succeeded())
ENTRIES = (entry("bar"), entry("baz"), entry("qux"))


def past(package: str, minutes: float | None, *, passed: bool = True, cpu: float | None = None) -> PastBuild:
    duration = None if minutes is None else minutes * MINUTE
    seconds = None if cpu is None else cpu * 60
    return PastBuild(
        package=package, passed=passed, baseline=False, ended_at=NOW, duration=duration, cpu_seconds=seconds
    )


USUAL = past("libfoo", 2, cpu=6)
"""Two minutes on three processors."""


def costs(*own: PastBuild, usual: PastBuild = USUAL) -> Costs:
    by_package = costs_by_package(own)
    return Costs(
        usual={TARGET.name: usual_cost([usual])},
        own={(TARGET.name, package): cost for package, cost in by_package.items()},
    )


COSTS = costs()


def told(
    *entries: object,
    builds: tuple[Build, ...] = (),
    now: datetime = NOW,
    slots: int = 1,
    known: Costs = COSTS,
    queue: Sequence[Build] = (),
) -> Forecast:
    stored = Stored(run=run(), targets=(target(),), entries=entries or ENTRIES, builds=(BUILT, *builds))  # type: ignore[arg-type]
    found = forecast(stored, now, Experience(costs=known, backlogs={"fake": Backlog(builds=queue, slots=slots)}))
    assert found is not None
    return found


def test_before_there_is_a_plan_nothing_is_foretold() -> None:
    assert forecast(Stored(run=run(), builds=(BUILT,)), NOW) is None


def test_after_the_end_nothing_is_foretold() -> None:
    assert forecast(Stored(run=run(state=RunState.FINISHED), entries=ENTRIES, builds=(BUILT,)), NOW) is None


def test_what_was_never_built_takes_what_is_usual() -> None:
    assert told() == Forecast(builds=3, wall=6 * MINUTE, cpu=18 * MINUTE, ends_at=NOW + 6 * MINUTE)


def test_a_package_takes_what_it_took_before() -> None:
    own = costs(past("bar", 10, cpu=40), past("bar", 20, cpu=50), past("bar", 60, cpu=90))
    assert told(known=own) == Forecast(builds=3, wall=24 * MINUTE, cpu=62 * MINUTE, ends_at=NOW + 24 * MINUTE)


def test_a_build_that_failed_counts_only_where_none_passed() -> None:
    own = costs(past("bar", 1, passed=False), past("bar", 9), past("baz", 3, passed=False))
    assert told(known=own).wall == 14 * MINUTE


def test_a_duration_that_was_not_recorded_is_as_good_as_none() -> None:
    assert told(known=costs(past("bar", None))).wall == 6 * MINUTE


def test_without_any_duration_there_is_a_number_alone() -> None:
    assert told(known=Costs()) == Forecast(builds=3)
    assert forecast(Stored(run=run(), entries=ENTRIES), NOW) == Forecast(builds=3)


def test_where_processors_are_not_counted_there_is_no_time_of_theirs() -> None:
    assert told(known=costs(usual=past("x", 2))).cpu is None


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
    slow = costs(past("qux", 10))
    assert told(slots=2, known=slow).ends_at == NOW + 12 * MINUTE
    boosted = Stored(run=run(boosts=(("qux", 1),)), targets=(target(),), entries=ENTRIES, builds=(BUILT,))
    experience = Experience(costs=slow, backlogs={"fake": Backlog(slots=2)})
    assert forecast(boosted, NOW, experience) == replace(told(slots=2, known=slow), ends_at=NOW + 10 * MINUTE)
    queued = [replace(built(each.package, None), state=BuildState.QUEUED) for each in ENTRIES]
    waiting = tuple(replace(build, priority=int(build.package == "qux")) for build in queued)
    assert told(builds=waiting, slots=2, known=slow).ends_at == NOW + 10 * MINUTE


def test_what_others_have_queued_takes_its_turns() -> None:
    others = [built(f"x{number}", key=f"k{number}", run="other") for number in range(5)]
    assert told(*ENTRIES, slots=2, queue=others).ends_at == NOW + 6 * MINUTE
    busy = [built("x", key="k", run="other", state=BuildState.RUNNING, started_at=NOW)]
    assert told(entry("bar"), queue=busy).ends_at == NOW + 4 * MINUTE


def test_ones_own_builds_in_the_queue_count_once() -> None:
    queued = built("bar")
    assert told(entry("bar"), builds=(queued,), queue=[queued]).ends_at == NOW + 2 * MINUTE


def in_line(*, begun: int = 2, theirs: int = 7) -> list[Build]:
    """Builds of ours, of another run and of nobody, the first of them begun."""
    whose = [RUN, RUN, RUN, *["other"] * theirs, None]
    names = ["bar", "baz", "qux", *[f"x{number}" for number in range(theirs)], "bar"]
    return [
        built(name, key=f"k{number}", run=owner, priority=number % 3, queued_at=NOW - number * MINUTE)
        if number >= begun
        else built(name, key=f"k{number}", run=owner, state=BuildState.RUNNING, started_at=NOW - MINUTE / 2)
        for number, (name, owner) in enumerate(zip(names, whose, strict=True))
    ]


@pytest.mark.parametrize("slots", [0, 1, 2, 3, 20])
@pytest.mark.parametrize("quotas", [(), (("*/*", 1),)])
def test_what_is_in_line_ends_as_if_it_were_played_for_each_run_alone(slots: int, quotas: Quotas) -> None:
    queue, known = in_line(), costs(past("baz", 7))
    mine = run()
    other = replace(
        mine, id=RunId("other"), change=replace(mine.change, repo=RepoRef(forge="github", owner="rpms", name="else"))
    )
    plain = Backlog(builds=queue, runs={RunId(RUN): mine, RunId("other"): other}, slots=slots)
    shared = replace(plain, ends=expected_ends(plain, known, quotas, NOW))
    ours = tuple(build for build in queue if build.run == RUN or build.run is None)
    stored = Stored(run=mine, targets=(target(),), entries=ENTRIES, builds=(BUILT, *ours))
    alone, together = (
        forecast(stored, NOW, Experience(costs=known, backlogs={"fake": backlog}, quotas=quotas))
        for backlog in (plain, shared)
    )
    assert alone is not None
    assert alone.ends_at is not None
    assert alone == together


def test_what_came_in_line_since_is_played_with_the_rest() -> None:
    fresh, queued = built("bar", key="fresh"), built("baz", key="old")
    backlog = Backlog(builds=[queued], slots=1, ends={queued.key: NOW + 30 * MINUTE})
    stored = Stored(run=run(), targets=(target(),), entries=ENTRIES[:2], builds=(BUILT, queued, fresh))
    found = forecast(stored, NOW, Experience(costs=costs(), backlogs={"fake": backlog}))
    assert found is not None
    assert found.ends_at == NOW + 4 * MINUTE


def test_what_should_have_ended_by_now_ends_now() -> None:
    late = built("bar", state=BuildState.RUNNING, started_at=NOW - 9 * MINUTE)
    backlog = Backlog(builds=[late], slots=1, ends={late.key: NOW - MINUTE})
    stored = Stored(run=run(), targets=(target(),), entries=ENTRIES[:1], builds=(BUILT, late))
    found = forecast(stored, NOW, Experience(costs=costs(), backlogs={"fake": backlog}))
    assert found is not None
    assert found.ends_at == NOW


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
    assert forecast(stored, NOW, Experience(costs=costs())) == Forecast(builds=0)
