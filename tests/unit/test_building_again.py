"""The commands about builds that are not plain retries: `baseline`, `priority`, and single packages in a pause."""

from dataclasses import replace

import pytest

from bot.domain.actions import PrepareWorkspace, QueueBuilds, RecordFindings
from bot.domain.build import Build, BuildState, Outcome, Purpose, Succeeded
from bot.domain.config import BaselinePolicy
from bot.domain.decide import ChangeView, RunView, decide
from bot.domain.plan import Selection
from bot.domain.run import Conclusion, Pause, RunState, StopReason
from bot.domain.verdict import Verdict
from tests.fakes.asked import carried_out, judged, latest_of, nothing_happened
from tests.fakes.domain import (
    CONFIG,
    INFRASTRUCTURE,
    NOW,
    base,
    built,
    entry,
    failed,
    run,
    run_view,
    target,
    view,
)
from tests.fakes.lined_up import in_turn

OK = Succeeded()
ENDED = run(state=RunState.FINISHED, conclusion=Conclusion.FAILURE, finished_at=NOW)
BAR, BAZ = entry("bar"), entry("baz")
REGRESSED = run_view(
    BAR,
    BAZ,
    builds=(
        built("bar", failed("new")),
        built("bar", failed("new"), 2),
        base(BAR, OK),
        built("baz", OK),
    ),
    findings=judged(bar=Verdict.REGRESSED, baz=Verdict.STILL_PASSING),
    run=ENDED,
)


def queued(seen: ChangeView) -> tuple[Build, ...]:
    """Return the builds that are written down next."""
    return tuple(build for action in decide(seen, NOW) if isinstance(action, QueueBuilds) for build in action.builds)


def with_next(seen: ChangeView, outcome: Outcome) -> ChangeView:
    """Let the one build that is due be written down, and end."""
    latest = seen.runs[0]
    (build,) = queued(seen)
    done = replace(build, state=BuildState.DONE, outcome=outcome)
    return replace(seen, runs=(replace(latest, builds=(*latest.builds, done)),))


# Baselines.


@pytest.mark.parametrize(("line", "package"), [("baseline", "bar"), ("baseline bar", "bar"), ("baseline baz", "baz")])
def test_the_other_side_is_built_once_more(line, package):
    effect = carried_out(line, view(REGRESSED))
    assert latest_of(effect).run.state is RunState.ACTIVE
    (build,) = queued(effect.view)
    assert (build.package, build.purpose, build.run) == (package, Purpose.BASELINE, None)
    assert build.attempt == (2 if package == "bar" else 1)


def test_what_it_tells_reaches_the_verdict():
    after = with_next(carried_out("baseline bar", view(REGRESSED)).view, failed("new"))
    (recorded,) = (action for action in decide(after, NOW) if isinstance(action, RecordFindings))
    assert {each.package: each.judgement.verdict for each in recorded.findings}["bar"] is Verdict.FLAKY


def test_one_that_was_lost_is_built_again_for_a_while():
    seen = carried_out("baseline bar", view(REGRESSED)).view
    for attempt in (2, 3, 4):
        assert [build.attempt for build in queued(seen)] == [attempt]
        seen = with_next(seen, INFRASTRUCTURE)
    assert queued(seen) == ()


def test_a_place_to_build_in_is_made_where_there_is_none():
    effect = carried_out("baseline bar", view(replace(REGRESSED, targets=(target(baseline_workspace=None),))))
    assert [type(action) for action in decide(effect.view, NOW)] == [PrepareWorkspace]


def test_a_second_one_joins():
    once = carried_out("baseline bar", view(REGRESSED)).view
    again = carried_out("baseline bar", once)
    assert again.view == once
    assert "joins" in again.answer
    running = replace(REGRESSED, builds=(built("bar", failed()), base(BAR)))
    assert "joins" in carried_out("baseline bar", view(running)).answer


def test_a_package_that_is_cancelled_gets_none():
    seen = carried_out("baseline bar", view(REGRESSED)).view
    latest = seen.runs[0]
    stopped = replace(latest, run=replace(latest.run, cancelled_packages=("bar",)))
    assert queued(replace(seen, runs=(stopped,))) == ()


LEFT_OUT = (entry("bar", selection=Selection.SKIPPED),)
NO_BASELINES = replace(CONFIG, baseline=BaselinePolicy.OFF)


def ended(**changes: object) -> RunView:
    return replace(REGRESSED, run=replace(ENDED, **changes))  # type: ignore[arg-type]


NOT_AGAIN = [
    ("what is left out", "baseline bar", replace(REGRESSED, entries=LEFT_OUT), "nothing to build again"),
    ("what passes on both sides", "baseline", replace(REGRESSED, findings=()), "nothing to build again"),
    ("an unknown package", "baseline bra", REGRESSED, "Did you mean"),
    ("a side that nobody looks at", "baseline bar", ended(config=NO_BASELINES), "`baseline: off`"),
    ("what is gone", "baseline bar", ended(cleaned=True), "is gone"),
    ("what nobody approves any more", "baseline bar", ended(trusted=False), "is gone"),
    ("what is being stopped", "baseline bar", replace(REGRESSED, run=run(stop=StopReason.CANCELLED)), "being stopped"),
]


@pytest.mark.parametrize(("line", "seen", "answer"), [row[1:] for row in NOT_AGAIN], ids=[row[0] for row in NOT_AGAIN])
def test_no_baseline_is_built_of(line, seen, answer):
    effect = carried_out(line, view(seen))
    assert nothing_happened(effect, view(seen))
    assert answer in effect.answer


# Priorities.

WAITING = run_view(BAR, BAZ, builds=(built("bar", priority=19), built("baz", priority=19), base(BAZ, priority=30)))


def turns(seen: ChangeView) -> list[str]:
    latest = seen.runs[0]
    queue = [build for build in latest.builds if build.run and build.state is BuildState.QUEUED]
    return [build.package for build in in_turn(queue, 9, {latest.run.id: latest.run})[0]]


def test_a_boost_changes_whose_turn_it_is():
    assert turns(view(WAITING)) == ["bar", "baz"]
    effect = carried_out("priority baz 5", view(WAITING))
    assert turns(effect.view) == ["baz", "bar"]
    assert latest_of(effect).run.boosts == (("baz", 5),)
    assert [build.priority for build in latest_of(effect).builds[1:]] == [19, 24, 35]


def test_a_later_boost_takes_the_place_of_an_earlier_one():
    effect = carried_out("priority ba* 7", carried_out("priority baz 5", view(WAITING)).view)
    assert [build.priority for build in latest_of(effect).builds[1:]] == [26, 26, 37]


def test_what_is_built_later_is_boosted_too():
    seen = view(run_view(BAR, run=run(boosts=(("bar", 1000),))))
    (build,) = queued(seen)
    assert build.priority == 1019
    failing = view(run_view(BAR, builds=(built("bar", failed()),), run=run(boosts=(("bar", 1000),))))
    (build,) = queued(failing)
    assert build.priority == 1030


def test_what_runs_already_stays_as_it_is():
    running = run_view(BAR, builds=(built("bar", state=BuildState.RUNNING, priority=19),))
    assert latest_of(carried_out("priority bar 5", view(running))).builds[1].priority == 19


@pytest.mark.parametrize(
    ("line", "seen", "answer"),
    [
        ("priority bar 5", replace(WAITING, run=ENDED), "The run is over"),
        ("priority bar 5", run_view(), "not made yet"),
        ("priority bra 5", WAITING, "Did you mean"),
        ("priority bar 5", run_view(entry("bar", selection=Selection.OVER_LIMIT)), "`/revdeps include PKG`"),
    ],
)
def test_what_does_not_wait_cannot_be_sooner(line, seen, answer):
    effect = carried_out(line, view(seen))
    assert nothing_happened(effect, view(seen))
    assert answer in effect.answer


# In a pause, and beside what waits.

PAUSE = Pause(target="rawhide", signature="build: no", cause="no", packages=("bar",))
PAUSED = run_view(
    BAR, BAZ, entry("z"), builds=(built("bar", failed("no")), built("baz"), built("z")), run=run(pause=PAUSE)
)


def test_a_package_that_waits_because_of_a_pause_is_built_when_it_is_named():
    effect = carried_out("retry baz", view(PAUSED))
    latest = latest_of(effect)
    assert latest.run.pause == PAUSE
    assert turns(effect.view) == ["baz"]
    assert [build.purpose for build in latest.builds[2:]] == [Purpose.BY_HAND, Purpose.FIRST]
    assert "joins" in carried_out("retry baz", effect.view).answer


def test_a_pause_ends_by_a_retry_of_everything():
    effect = carried_out("retry", view(PAUSED))
    assert latest_of(effect).run.pause is None
    assert turns(effect.view) == ["baz", "z"]


def test_what_waits_beside_what_is_built_again_is_named():
    seen = view(run_view(BAR, BAZ, builds=(built("bar", failed()), built("baz"))))
    effect = carried_out("retry bar baz", seen)
    assert effect.answer == "These wait or run already, and this joins them: `baz`."
    assert [build.package for build in latest_of(effect).builds if build.purpose is Purpose.BY_HAND] == ["bar"]


def test_what_nobody_approves_any_more_is_not_built_on():
    seen = view(replace(REGRESSED, run=replace(ENDED, trusted=False)))
    assert [found.run.id for found in carried_out("retry bar", seen).view.runs] == ["run2", "run1"]
    included = carried_out(
        "include bar", view(run_view(entry("bar", selection=Selection.OVER_LIMIT), run=replace(ENDED, trusted=False)))
    )
    assert latest_of(included).run.state is RunState.FINISHED
