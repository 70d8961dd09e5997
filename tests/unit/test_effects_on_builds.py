"""What commands do to the builds of a run, and to what is built at all."""

from dataclasses import replace

import pytest

from bot.domain.asked import Effect
from bot.domain.build import BuildState, Cancelled, Purpose
from bot.domain.decide import decide
from bot.domain.plan import Effect as Change_
from bot.domain.plan import PlanEntry, Selection
from bot.domain.run import RunState, StopReason
from bot.domain.verdict import Verdict
from tests.fakes.asked import (
    BAR,
    BAZ,
    ENDED,
    JUDGED,
    RUNNING,
    carried_out,
    judged,
    latest_of,
    nothing_happened,
    stopped_builds,
)
from tests.fakes.domain import CONFIG, NOW, built, entry, failed, run, run_view, subject, view
from tests.fakes.resolver import affected, uninstallable, unresolvable

# Building again.


def again(effect: Effect) -> dict[str, int]:
    return {build.package: build.attempt for build in latest_of(effect).builds if build.purpose is Purpose.BY_HAND}


RETRIES = [
    ("retry", ["changed", "failing", "inconclusive", "regressed"]),
    ("retry failed", ["changed", "failing", "inconclusive", "regressed"]),
    ("retry fine", ["fine"]),
    ("rebuild f*", ["failing", "fine", "flaky"]),
]


@pytest.mark.parametrize(("line", "expected"), RETRIES, ids=[row[0] for row in RETRIES])
def test_what_is_built_again_by(line, expected):
    effect = carried_out(line, view(JUDGED))
    assert again(effect) == dict.fromkeys(expected, 2)


def test_a_finished_run_goes_on_with_the_whole_of_its_time():
    effect = carried_out(
        "retry regressed", view(replace(JUDGED, run=replace(ENDED, cancelled_packages=("regressed", "x"))))
    )
    revived = latest_of(effect).run
    assert (revived.state, revived.conclusion, revived.finished_at) == (RunState.ACTIVE, None, None)
    assert revived.deadline == NOW + CONFIG.timeout
    assert revived.cancelled_packages == ("x",)


def test_a_retry_of_one_package_leaves_all_others_alone():
    seen = view(run_view(BAR, BAZ, builds=(*RUNNING[1:], built("bar", failed()))))
    effect = carried_out("retry bar", seen)
    assert set(seen.runs[0].builds) < set(latest_of(effect).builds)
    assert stopped_builds(effect) == set()


def test_a_second_retry_joins_the_one_that_waits():
    once = carried_out("retry regressed", view(JUDGED)).view
    twice = carried_out("retry regressed", once)
    assert twice.view == once
    assert (twice.done, twice.answer) == (True, "That is being built already, or waits for its turn: this joins it.")


PROBLEM = "nothing provides libfoo.so.1"
POINTLESS: list[PlanEntry] = [
    entry(affected("bar", effect=Change_.UNAFFECTED), uninstallable=(uninstallable("bar", PROBLEM),)),
    entry(affected("bar", effect=Change_.STILL_UNRESOLVABLE)),
    entry(unresolvable("bar", PROBLEM), ready=False),
    entry("bar", selection=Selection.SKIPPED),
]


@pytest.mark.parametrize(
    "which", POINTLESS, ids=["its buildroot is the same", "it never could be", "it cannot be yet", "it is left out"]
)
def test_what_no_build_can_tell_about_is_not_built(which):
    seen = view(run_view(which, findings=judged(bar=Verdict.REGRESSED)))
    for line in ("retry", "retry bar"):
        effect = carried_out(line, seen)
        assert nothing_happened(effect, seen)
        assert effect.answer.startswith("There is nothing to build again;")


def test_an_unknown_package_is_refused_with_a_suggestion():
    seen = view(JUDGED)
    effect = carried_out("retry regresed", seen)
    assert nothing_happened(effect, seen)
    assert "`regressed`" in effect.answer


TOO_EARLY = [
    ("before the plan", run_view(), "has not come to its dependents"),
    ("while it is stopped", run_view(BAR, run=run(stop=StopReason.CANCELLED)), "is being stopped"),
]


@pytest.mark.parametrize(("seen", "answer"), [row[1:] for row in TOO_EARLY], ids=[row[0] for row in TOO_EARLY])
def test_nothing_is_built_again(seen, answer):
    effect = carried_out("retry", view(seen))
    assert nothing_happened(effect, view(seen))
    assert answer in effect.answer


GONE = [
    ("cleaned up", run_view(BAR, run=replace(ENDED, cleaned=True))),
    ("stopped", run_view(BAR, run=replace(ENDED, stop=StopReason.CANCELLED))),
    ("over without a plan", run_view(run=ENDED, builds=(subject(failed()),))),
]


@pytest.mark.parametrize("seen", [row[1] for row in GONE], ids=[row[0] for row in GONE])
def test_a_retry_starts_anew_where_the_run_is(seen):
    assert [found.run.id for found in carried_out("retry", view(seen)).view.runs] == ["run2", "run1"]


# What is tested.


def test_skip_leaves_a_package_out_and_stops_its_builds():
    effect = carried_out("skip ba*", view(run_view(BAR, BAZ, entry("z"), builds=RUNNING)))
    assert [item.selection.value for item in latest_of(effect).entries] == ["skipped", "skipped", "planned"]
    assert latest_of(effect).run.skip == ("bar", "baz")
    assert stopped_builds(effect) == {"bar", "baz"}


def test_what_was_skipped_and_is_included_again_is_built_after_all():
    skipped = carried_out("skip bar", view(run_view(BAR, builds=(built("bar"),)))).view
    included = carried_out("include bar", skipped)
    run_of_it = latest_of(included)
    assert (run_of_it.run.skip, run_of_it.run.include) == ((), ("bar",))
    gone = tuple(
        replace(build, state=BuildState.DONE, outcome=Cancelled()) if build.cancel_requested else build
        for build in run_of_it.builds
    )
    (queue,) = decide(replace(included.view, runs=(replace(run_of_it, builds=gone),)), NOW)
    assert [build.package for build in queue.builds] == ["bar"]  # type: ignore[union-attr]


def test_a_finished_run_goes_on_when_something_is_included():
    left_out = entry("bar", selection=Selection.OVER_LIMIT)
    effect = carried_out("include bar", view(run_view(left_out, run=ENDED)))
    assert (latest_of(effect).run.state, latest_of(effect).run.deadline) == (RunState.ACTIVE, NOW + CONFIG.timeout)


def test_a_finished_run_stays_so_when_nothing_changes():
    effect = carried_out("include bar", view(run_view(BAR, run=ENDED)))
    assert latest_of(effect).run == replace(ENDED, include=("bar",))


def test_before_the_plan_a_wish_is_kept_as_it_was_written():
    effect = carried_out("skip python-*", view(run_view()))
    assert latest_of(effect).run.skip == ("python-*",)


def test_a_wish_about_an_unknown_package_is_refused():
    seen = view(run_view(BAR))
    assert nothing_happened(carried_out("skip zsh", seen), seen)
