"""What the packages of a plan say about each other: who waits for whom, who is at the root, what is published."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.build import Build, FailureReason, Succeeded
from bot.domain.config import Mode
from bot.domain.evidence import TargetView, is_published, judge_all, unpublished_rebuilds
from bot.domain.plan import Effect, PlanEntry, Selection
from bot.domain.verdict import Judgement, Needs, Verdict
from tests.fakes.domain import (
    CONFIG,
    INFRASTRUCTURE,
    NOW,
    base,
    built,
    entry,
    failed,
    part,
    run,
    subject,
    target,
    waiver,
)
from tests.fakes.resolver import affected, uninstallable, unresolvable

OK = Succeeded()
DAY = timedelta(days=1)
PROBLEM = "nothing provides libfoo.so.1"
LIBBAR = entry("libbar", uninstallable=(uninstallable("libbar", PROBLEM),))
APP = entry(unresolvable("app", PROBLEM), ready=False, needs=("libbar",))
TOP = entry(unresolvable("top", PROBLEM, distance=2), ready=False, needs=("app", "libbar"))


def short(view: TargetView) -> dict[str, object]:
    """Verdict and root, or what is needed, by package."""
    return {
        name: (result.verdict, result.root) if isinstance(result, Judgement) else result
        for name, result in judge_all(view).items()
    }


def regressed(of: PlanEntry, cause: str) -> tuple[Build, ...]:
    return (built(of.package, failed(cause)), built(of.package, failed(cause), 2), base(of, OK))


def test_a_plan_without_packages_has_no_verdicts():
    assert judge_all(part()) == {}


def test_each_package_is_judged_by_its_own_builds():
    bar, baz = entry("bar"), entry("baz")
    view = part(bar, baz, builds=(subject(OK), built("bar", OK), base(baz, OK)))
    assert short(view) == {"bar": (Verdict.STILL_PASSING, None), "baz": Needs.CANDIDATE}


def test_a_baseline_on_another_buildroot_is_not_asked():
    bar = entry("bar")
    moved = replace(bar, affected=replace(bar.affected, buildroot_before="moved"))
    assert short(part(moved, builds=(built("bar", failed()), base(bar, failed())))) == {"bar": Needs.BASELINE}


def told_of_bar(*baselines: Build, **changes: object) -> object:
    bar = entry("bar", **changes)
    twice = (built("bar", failed()), built("bar", failed(), 2))
    return short(part(bar, builds=(*twice, *baselines), since=NOW))["bar"]


def test_what_was_in_the_way_of_a_baseline_before_the_run_began_does_not_count():
    lost = [base(entry("bar"), INFRASTRUCTURE, number, ended_at=NOW - DAY) for number in (1, 2, 3)]
    refused = base(entry("bar"), replace(INFRASTRUCTURE, refused=True), ended_at=NOW - DAY)
    assert told_of_bar(*lost) is Needs.BASELINE
    assert told_of_bar(refused) is Needs.BASELINE
    assert told_of_bar(*(replace(build, ended_at=NOW) for build in lost)) == (Verdict.INCONCLUSIVE, None)
    assert told_of_bar(replace(refused, ended_at=NOW)) == (Verdict.INCONCLUSIVE, None)
    assert told_of_bar(base(entry("bar"), OK, ended_at=NOW - DAY)) == (Verdict.REGRESSED, None)
    assert told_of_bar(base(entry("bar"), failed(), ended_at=NOW - DAY)) == (Verdict.STILL_FAILING, None)


def test_whoever_asks_for_a_baseline_gets_one_beside_those_that_do_not_count():
    lost = base(entry("bar"), INFRASTRUCTURE, ended_at=NOW - DAY)
    assert told_of_bar(lost, base(entry("bar"), OK, 2), baselines=2) == (Verdict.REGRESSED, None)
    assert told_of_bar(lost, base(entry("bar"), OK, 2), baselines=3) is Needs.BASELINE


def test_a_baseline_that_had_less_time_than_the_run_gives_was_not_seen_to_the_end():
    timeout = failed("did not end in time", FailureReason.TIMEOUT)
    own = base(entry("bar"), timeout)
    hasty = replace(own, request=replace(own.request, timeout=CONFIG.build_timeout / 2))
    assert told_of_bar(hasty) is Needs.BASELINE
    assert told_of_bar(own) is Needs.BASELINE_RETRY
    assert told_of_bar(own, base(entry("bar"), timeout, 2)) == (Verdict.INCONCLUSIVE, None)


def test_waivers_and_cancellations_are_by_package():
    bar, baz = entry("bar"), entry("baz")
    view = part(bar, baz, builds=regressed(bar, "no"), waivers={"bar": waiver()}, stopped=("baz",))
    assert short(view) == {"bar": (Verdict.WAIVED, None), "baz": (Verdict.INCONCLUSIVE, None)}


WAITS = [
    ("while what it needs is built", (), target(), Needs.REBUILD_OF_OTHERS),
    ("until what it needs is published", (built("libbar", OK),), target(), Needs.REBUILD_OF_OTHERS),
    ("no more where what it needs has failed", regressed(LIBBAR, "no"), target(), (Verdict.BLOCKED, "libbar")),
    ("no more where it stays unsolvable", (built("libbar", OK),), target("libbar"), (Verdict.REGRESSED, None)),
    ("until the plan is made again", (built("libbar", OK),), target("libbar", planned=False), Needs.REBUILD_OF_OTHERS),
]  # fmt: skip


@pytest.mark.parametrize(("builds", "where", "expected"), [row[1:] for row in WAITS], ids=[row[0] for row in WAITS])
def test_a_package_waits(builds, where, expected):
    assert short(part(LIBBAR, APP, builds=builds, target=where))["app"] == expected


def test_who_is_blocked_by_a_blocked_package_is_blocked_by_the_one_that_failed():
    chained = replace(CONFIG, mode=Mode.CHAINED)
    found = short(part(LIBBAR, APP, replace(TOP, needs=("app",)), builds=regressed(LIBBAR, "no"), config=chained))
    assert (found["app"], found["top"]) == ((Verdict.BLOCKED, "libbar"), (Verdict.BLOCKED, "libbar"))


def test_a_package_that_was_skipped_or_cancelled_blocks_as_one_that_failed():
    skipped = replace(LIBBAR, selection=Selection.SKIPPED)
    for view in (part(skipped, APP, builds=(built("libbar", OK),)), part(LIBBAR, APP, stopped=("libbar",))):
        assert short(view)["app"] == (Verdict.BLOCKED, "libbar")


def test_in_auto_mode_nobody_waits_for_a_rebuild_that_is_not_published():
    ready = replace(APP, ready=True, generation=1)
    waits = replace(TOP, needs=("app",))
    view = part(ready, waits, builds=(built("app", OK),), target=target("libbar"))
    assert short(view)["top"] == (Verdict.REGRESSED, None)


def test_in_auto_mode_a_failed_rebuild_that_would_not_be_published_blocks_nobody():
    ready = replace(APP, ready=True)
    view = part(LIBBAR, ready, TOP, builds=(*regressed(ready, "no"), built("libbar", OK)))
    assert short(view)["top"] is Needs.REBUILD_OF_OTHERS


def test_a_package_that_is_not_affected_is_waited_for_by_nobody():
    assert short(part(APP))["app"] == (Verdict.REGRESSED, None)


def test_in_isolated_mode_nobody_waits():
    isolated = replace(CONFIG, mode=Mode.ISOLATED)
    assert short(part(LIBBAR, APP, config=isolated))["app"] == (Verdict.NEEDS_REBUILD, None)


TOOL = entry("tool", uninstallable=(uninstallable("tool", PROBLEM),))
VAIN = [
    ("while another one is rebuilt", (), target("libbar"), Needs.REBUILD_OF_OTHERS),
    ("until the other one is published", (built("tool", OK),), target("libbar"), Needs.REBUILD_OF_OTHERS),
    ("until the plan is made again", (), target("libbar", "tool", planned=False), Needs.REBUILD_OF_OTHERS),
    ("no more once all are published", (built("tool", OK),), target("libbar", "tool"), (Verdict.REGRESSED, None)),
    ("no more where nothing else is rebuilt", regressed(TOOL, "no"), target("libbar"), (Verdict.REGRESSED, None)),
]  # fmt: skip


@pytest.mark.parametrize(("builds", "where", "expected"), [row[1:] for row in VAIN], ids=[row[0] for row in VAIN])
def test_what_was_rebuilt_and_does_not_install_yet_waits(builds, where, expected):
    vain = replace(LIBBAR, repaired=False)
    assert short(part(vain, TOOL, builds=(built("libbar", OK), *builds), target=where))["libbar"] == expected


def test_what_does_not_install_counts_as_such_also_without_the_solvers_words():
    silent = entry(affected("bar", effect=Effect.UNAFFECTED), uninstallable=(uninstallable("bar", ""),))
    (judged,) = judge_all(part(silent)).values()
    assert judged == Judgement(verdict=Verdict.REGRESSED, cause="bar-1-1.x86_64 does not install")


JINJA = entry("jinja2")
FLASK = entry(affected("flask", distance=2, contains=("jinja2",)))
FAULT = "ImportError: cannot import name 'soft_unicode'"
MAKE = "make: *** [Makefile:12: check] Error 2"


def told_of_flask(*builds: Build, flask: PlanEntry = FLASK, **changes: object) -> object:
    return short(part(JINJA, flask, builds=(*builds, base(flask, OK)), **changes))["flask"]


def test_who_fails_with_the_cause_of_a_regressed_package_in_its_buildroot_is_in_its_row():
    once = built("flask", failed(FAULT))
    assert told_of_flask(*regressed(JINJA, FAULT), once) == (Verdict.REGRESSED, "jinja2")


def test_line_numbers_and_paths_do_not_make_another_cause():
    mine, its = "/builddir/a.py:12: error: no foo", "/tmp/x/a.py:99: error: no foo"
    assert told_of_flask(*regressed(JINJA, its), built("flask", failed(mine))) == (Verdict.REGRESSED, "jinja2")


OTHERS = [
    ("another cause", FLASK, [failed("other")], regressed(JINJA, FAULT)),
    ("not in its buildroot", entry(affected("flask", distance=2)), [failed(FAULT)], regressed(JINJA, FAULT)),
    ("nearer than the other one", entry(affected("flask", distance=0, contains=("jinja2",))), [failed(FAULT)],
     regressed(JINJA, FAULT)),
    ("the other one has not regressed", FLASK, [failed(FAULT)], (built("jinja2", failed(FAULT)),)),
    ("an assertion that reads the same", FLASK, [failed("assert 1 == 2")], regressed(JINJA, "assert 1 == 2")),
    ("make says the same of both", FLASK, [failed(MAKE)], regressed(JINJA, MAKE)),
    ("infrastructure trouble of one name", FLASK, [failed("own"), INFRASTRUCTURE],
     (*regressed(JINJA, FAULT), built("jinja2", INFRASTRUCTURE, 3))),
]  # fmt: skip


@pytest.mark.parametrize(("flask", "outcomes", "others"), [row[1:] for row in OTHERS], ids=[row[0] for row in OTHERS])
def test_nobody_else_is_at_the_root(flask, outcomes, others):
    mine = [built("flask", outcome, number) for number, outcome in enumerate(outcomes, start=1)]
    found = told_of_flask(*others, *mine, flask=flask)
    assert found in {Needs.CONFIRMATION, Needs.CANDIDATE_RETRY}


def test_a_time_out_is_no_ones_root():
    timeout = failed("did not end in time", FailureReason.TIMEOUT)
    quick = {"started_at": run().created_at, "ended_at": run().created_at}
    builds = (built("jinja2", timeout), built("jinja2", timeout, 2), base(JINJA, OK, **quick), built("flask", timeout))
    assert short(part(JINJA, FLASK, builds=(*builds, base(FLASK, OK)))) == {
        "jinja2": (Verdict.REGRESSED, None),
        "flask": Needs.CONFIRMATION,
    }


def test_a_waiver_of_the_root_does_not_waive_who_fails_with_it():
    waived = {"jinja2": waiver()}
    builds = regressed(JINJA, FAULT)
    assert told_of_flask(*builds, built("flask", failed(FAULT)), waivers=waived) is Needs.CONFIRMATION
    twice = (built("flask", failed(FAULT)), built("flask", failed(FAULT), 2))
    assert told_of_flask(*builds, *twice, waivers=waived) == (Verdict.REGRESSED, None)


def to_publish(view: TargetView) -> list[str]:
    return [build.package for build in unpublished_rebuilds(view, judge_all(view))]


BAR = entry("bar")
CHAINED = replace(CONFIG, mode=Mode.CHAINED)
PUBLISHED = [
    ("what could not be installed", part(LIBBAR, BAR, builds=(built("libbar", OK), built("bar", OK))), ["libbar"]),
    ("everything in chained mode",
     part(LIBBAR, BAR, builds=(built("libbar", OK), built("bar", OK)), config=CHAINED), ["libbar", "bar"]),
    ("nothing in isolated mode",
     part(LIBBAR, builds=(built("libbar", OK),), config=replace(CONFIG, mode=Mode.ISOLATED)), []),
    ("nothing while others go on", part(LIBBAR, BAR, builds=(built("libbar", OK),), config=CHAINED), []),
    ("the others where one has failed",
     part(LIBBAR, BAR, builds=(built("bar", OK), *regressed(LIBBAR, "no")), config=CHAINED), ["bar"]),
    ("nothing twice", part(LIBBAR, builds=(built("libbar", OK),), target=target("libbar")), []),
    ("nothing before the plan is made", part(LIBBAR, builds=(built("libbar", OK),), target=target(planned=False)), []),
    ("nothing that was left out",
     part(replace(LIBBAR, selection=Selection.SKIPPED), builds=(built("libbar", OK),)), []),
    ("the last success", part(LIBBAR, builds=(built("libbar", failed()), built("libbar", OK, 2))), ["libbar"]),
]  # fmt: skip


@pytest.mark.parametrize(("view", "expected"), [row[1:] for row in PUBLISHED], ids=[row[0] for row in PUBLISHED])
def test_what_is_published_next(view, expected):
    assert to_publish(view) == expected


def test_a_package_is_published_under_its_own_name_only():
    assert is_published(target("libbar"), LIBBAR)
    assert not is_published(target("libbar-extra"), LIBBAR)


def test_a_rebuild_that_a_later_one_has_broken_counts_as_published_no_more():
    broken = replace(LIBBAR, generation=1)
    assert not is_published(target("libbar"), broken)
    assert is_published(target("libbar"), replace(broken, repaired=False))


def test_what_is_not_rebuilt_waits_for_the_rebuilds_that_may_repair_it():
    idle = entry(affected("idle", effect=Effect.UNAFFECTED), uninstallable=(uninstallable("idle", PROBLEM),), own=True)
    waiting = replace(idle, needs=("libbar",))
    goes_on = part(LIBBAR, waiting, builds=(built("libbar"),))
    assert short(goes_on)["idle"] is Needs.REBUILD_OF_OTHERS
    assert short(part(LIBBAR, idle, builds=(built("libbar"),)))["idle"] == (Verdict.REGRESSED, None)
    lost = part(LIBBAR, waiting, builds=regressed(LIBBAR, "error"))
    assert short(lost)["idle"] == (Verdict.BLOCKED, "libbar")
    isolated = replace(goes_on, config=replace(CONFIG, mode=Mode.ISOLATED))
    judged = judge_all(isolated)["idle"]
    assert isinstance(judged, Judgement)
    assert (judged.verdict, judged.needs_order, judged.own) == (Verdict.NEEDS_REBUILD, True, True)


def test_what_waits_for_others_holds_up_no_generation():
    idle = entry(
        affected("idle", effect=Effect.UNAFFECTED), uninstallable=(uninstallable("idle", PROBLEM),), needs=("libbar",)
    )
    view = part(LIBBAR, idle, builds=(built("libbar", OK),))
    assert [build.package for build in unpublished_rebuilds(view, judge_all(view))] == ["libbar"]


def test_what_was_built_before_a_rebuild_broke_the_package_counts_no_more():
    broken = replace(LIBBAR, generation=1, broken_by=("baz",))
    old = built("libbar", OK)
    assert short(part(broken, builds=(old,))) == {"libbar": Needs.CANDIDATE}
    new = replace(old, request=replace(old.request, generation=1))
    assert short(part(broken, builds=(new,))) == {"libbar": Needs.REBUILD_OF_OTHERS}


@pytest.mark.parametrize(
    ("guilty", "told"),
    [(("baz",), "since the rebuild of baz: "), (("a", "b", "c", "d"), "since the rebuild of a, b, c and 1 more: ")],
)
def test_a_cause_names_whose_rebuild_it_was(guilty: tuple[str, ...], told: str):
    idle = entry(affected("idle", effect=Effect.UNAFFECTED), uninstallable=(uninstallable("idle", PROBLEM),))
    judged = judge_all(part(replace(idle, broken_by=guilty)))["idle"]
    assert isinstance(judged, Judgement)
    assert judged.cause == told + PROBLEM


def test_in_chained_mode_who_waits_for_what_nobody_can_build_is_blocked_by_it():
    stuck = entry(affected("stuck", effect=Effect.STILL_UNRESOLVABLE, problem="no"))
    waiting = entry("app", ready=False, needs=("stuck",))
    view = part(stuck, waiting, config=replace(CONFIG, mode=Mode.CHAINED))
    assert short(view) == {"stuck": (Verdict.STILL_FAILING, None), "app": (Verdict.BLOCKED, "stuck")}
