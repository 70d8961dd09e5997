"""Who broke what: docs/verdicts.md, row by row."""

from dataclasses import replace
from itertools import permutations

import pytest

from bot.domain.attempts import Attempt
from bot.domain.build import Cancelled, Failed, Purpose, Succeeded
from bot.domain.config import BaselinePolicy
from bot.domain.judging import Evidence, judge
from bot.domain.plan import Effect, Selection
from bot.domain.verdict import Judgement, Needs, Verdict
from tests.fakes.domain import INFRASTRUCTURE, failed, waiver
from tests.fakes.tried import (
    MEMORY,
    NEW,
    OK,
    OLD,
    PROBLEM,
    REFUSED,
    SLOW,
    TIMEOUT,
    UNRESOLVABLE,
    told,
    tried,
)

V, N = Verdict, Needs

ROWS = [
    ("pass to fail, seen once, is built again", [NEW], [OK], N.CONFIRMATION),
    ("pass to fail twice has regressed", [NEW, NEW], [OK], V.REGRESSED),
    ("pass to fail twice with two causes has regressed", [NEW, OLD], [OK], V.REGRESSED),
    ("pass to fail to pass is flaky", [NEW, OK], [OK], V.FLAKY),
    ("pass to fail to pass is flaky, whatever the baseline", [NEW, OK], [], V.FLAKY),
    ("a root that could not be made, seen once", [UNRESOLVABLE], [OK], N.CONFIRMATION),
    ("a root that could not be made twice", [UNRESOLVABLE, UNRESOLVABLE], [OK], V.REGRESSED),
    ("fails as the baseline now and then does", [OLD], [OK, OLD], V.FLAKY),
    ("a new fault, and a known flake in the way of seeing it again", [NEW, OLD], [OK, OLD], N.CONFIRMATION),
    ("a new fault, seen again behind a known flake", [NEW, OLD, NEW], [OK, OLD], V.REGRESSED),
    ("a new fault, and nothing but the known flake since", [NEW, OLD, OLD], [OK, OLD], V.FLAKY),
    ("a new fault, seen twice, and the known flake at last", [NEW, NEW, OLD], [OK, OLD], V.REGRESSED),
    ("a new fault between two known flakes", [OLD, NEW, OLD], [OK, OLD], V.FLAKY),
    ("a new fault, a known flake, and trouble", [NEW, OLD, INFRASTRUCTURE], [OK, OLD], N.CANDIDATE_RETRY),
    ("a new fault, a known flake, and trouble only", [NEW, OLD] + [INFRASTRUCTURE] * 3, [OK, OLD], V.INCONCLUSIVE),
    ("fails as the baseline never did, seen once", [NEW], [OK, OLD], N.CONFIRMATION),
    ("fails as the baseline never did, the second time", [OLD, NEW], [OLD, OK], N.CONFIRMATION),
    ("fails twice as the baseline never did", [NEW, NEW], [OK, OLD], V.REGRESSED),
    ("fails twice, once as the baseline now and then does", [OLD, NEW, NEW], [OK, OLD], V.REGRESSED),
    ("fails where the baseline ran out of time but once", [NEW, NEW], [TIMEOUT, OK], V.REGRESSED),
    ("times out as the baseline once did", [TIMEOUT], [OK, TIMEOUT], N.CONFIRMATION),
    ("times out twice where the baseline once did", [TIMEOUT, TIMEOUT], [OK, TIMEOUT], V.INCONCLUSIVE),
    ("failed before and fails in the same way", [OLD], [OLD], V.STILL_FAILING),
    ("failed before, seen once, and fails in another way", [NEW], [OLD], N.BASELINE_RETRY),
    ("failed before and fails in another way", [NEW], [OLD, OLD], V.CHANGED_FAILURE),
    ("failed before in two ways and fails in a third", [NEW], [OLD, failed("older")], V.CHANGED_FAILURE),
    ("failed before, and is under way there again", [NEW], [OLD, None], N.RESULT),
    ("failed before, and trouble in the way of a second look", [NEW], [OLD, INFRASTRUCTURE], N.BASELINE_RETRY),
    ("failed before, and nothing else is to be had", [NEW], [OLD] + [INFRASTRUCTURE] * 3, V.INCONCLUSIVE),
    ("failed before in two ways, one of them the same", [OLD], [OLD, NEW], V.STILL_FAILING),
    ("failed before and passes", [OK], [OLD], V.FIXED),
    ("passed before and passes", [OK], [OK], V.STILL_PASSING),
    ("passes, and nobody asks for the baseline", [OK], [], V.STILL_PASSING),
    ("passes, while another run builds the baseline", [OK], [None], N.RESULT),
    ("passes, and the baseline came to nothing", [OK], [INFRASTRUCTURE], V.STILL_PASSING),
    ("not built yet", [], [], N.CANDIDATE),
    ("under way", [None], [], N.RESULT),
    ("its second build is under way", [NEW, None], [OK], N.RESULT),
    ("failed, and the baseline is not known", [NEW], [], N.BASELINE),
    ("failed, and the baseline is under way", [NEW], [None], N.RESULT),
    ("failed, and the baseline met infrastructure trouble", [NEW], [INFRASTRUCTURE], N.BASELINE_RETRY),
    ("failed, and the baseline was cancelled", [NEW], [Cancelled()], N.BASELINE_RETRY),
    ("failed, and the baseline never gets through", [NEW], [INFRASTRUCTURE] * 3, V.INCONCLUSIVE),
    ("infrastructure once", [INFRASTRUCTURE], [], N.CANDIDATE_RETRY),
    ("infrastructure twice", [INFRASTRUCTURE] * 2, [], N.CANDIDATE_RETRY),
    ("infrastructure, again and again", [INFRASTRUCTURE] * 3, [OK], V.INCONCLUSIVE),
    ("refused by the backend", [REFUSED], [], V.INCONCLUSIVE),
    ("its second build is refused", [NEW, REFUSED], [OK], V.INCONCLUSIVE),
    ("failed, and the baseline is refused", [NEW], [REFUSED], V.INCONCLUSIVE),
    ("infrastructure, and then it passes", [INFRASTRUCTURE, OK], [], V.STILL_PASSING),
    ("infrastructure, and then it fails", [INFRASTRUCTURE, NEW], [OK], N.CONFIRMATION),
    ("infrastructure in the way of the second build", [NEW, INFRASTRUCTURE], [OK], N.CANDIDATE_RETRY),
    ("infrastructure always in the way of the second", [NEW] + [INFRASTRUCTURE] * 3, [OK], V.INCONCLUSIVE),
    ("infrastructure between two failures", [NEW, INFRASTRUCTURE, NEW], [OK], V.REGRESSED),
    ("cancelled by nobody who meant the package", [Cancelled()], [], N.CANDIDATE_RETRY),
    ("cancelled again and again", [Cancelled()] * 3, [], V.INCONCLUSIVE),
    ("its second build was cancelled", [NEW, Cancelled()], [OK], N.CANDIDATE_RETRY),
    ("a time-out seen once is built again", [TIMEOUT], [OK], N.CONFIRMATION),
    ("a time-out that fails otherwise the second time", [TIMEOUT, NEW], [OK], V.INCONCLUSIVE),
    ("a failure that times out the second time", [NEW, TIMEOUT], [OK], V.INCONCLUSIVE),
    ("a time-out that passes the second time", [TIMEOUT, OK], [OK], V.FLAKY),
    ("a time-out twice, where the baseline was quick", [TIMEOUT, TIMEOUT], [OK], V.REGRESSED),
    ("a failure seen twice, and a time-out when it was tried again", [NEW, NEW, TIMEOUT], [OK], V.REGRESSED),
    ("a failure seen twice around a time-out", [NEW, TIMEOUT, NEW], [OK], V.REGRESSED),
    ("a failure once, and a time-out twice", [NEW, TIMEOUT, TIMEOUT], [OK], V.REGRESSED),
    ("a time-out twice, and a failure when it was tried again", [TIMEOUT, TIMEOUT, NEW], [OK], V.REGRESSED),
    ("each limit once, and a failure", [TIMEOUT, MEMORY, NEW], [OK], V.INCONCLUSIVE),
    ("out of memory seen once", [MEMORY], [OK], N.CONFIRMATION),
    ("out of memory twice, where the baseline was quick", [MEMORY, MEMORY], [OK], V.REGRESSED),
    ("out of memory, then out of time", [MEMORY, TIMEOUT], [OK], V.INCONCLUSIVE),
    ("a time-out, confirmed by nothing", [TIMEOUT] + [INFRASTRUCTURE] * 3, [OK], V.INCONCLUSIVE),
    ("times out as it once did before", [TIMEOUT], [TIMEOUT], N.BASELINE_RETRY),
    ("times out as it did before", [TIMEOUT], [TIMEOUT, TIMEOUT], V.STILL_FAILING),
    ("fails where the baseline once timed out", [NEW], [TIMEOUT], N.BASELINE_RETRY),
    ("fails where the baseline timed out", [NEW], [TIMEOUT, TIMEOUT], V.INCONCLUSIVE),
    ("times out where the baseline once failed", [TIMEOUT], [OLD], N.BASELINE_RETRY),
    ("times out where the baseline failed", [TIMEOUT], [OLD, OLD], V.INCONCLUSIVE),
]  # fmt: skip


@pytest.mark.parametrize(("candidate", "baseline", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_of_builds_on_both_sides(candidate, baseline, expected):
    assert told(candidate=tried(*candidate), baseline=tried(*baseline)) is expected


@pytest.mark.parametrize("outcome", [TIMEOUT, MEMORY], ids=["time", "memory"])
def test_a_limit_twice_says_nothing_where_the_baseline_was_slow_or_is_off(outcome):
    twice = tried(outcome, outcome)
    assert told(candidate=twice, baseline=tried(OK, took=SLOW)) is V.INCONCLUSIVE
    assert told(candidate=twice, baseline_policy=BaselinePolicy.OFF) is V.INCONCLUSIVE


SOLVED = [
    ("its BuildRequires are gone for good", {"ready": False}, V.REGRESSED),
    ("a rebuild may bring them back", {"ready": False, "may_become_ready": True}, N.REBUILD_OF_OTHERS),
    ("the rebuild that it needs failed", {"ready": False, "blocked_by": "libbar"}, V.BLOCKED),
    ("isolated, so nobody rebuilds for it", {"ready": False, "repairable": True, "in_order": False}, V.NEEDS_REBUILD),
    ("cancelled while it waits", {"ready": False, "may_become_ready": True, "stopped": True}, V.INCONCLUSIVE),
    ("cancelled, and gone for good", {"ready": False, "stopped": True}, V.REGRESSED),
    ("solvable again, not built", {}, N.CANDIDATE),
    ("solvable again, and builds", {"candidate": tried(OK)}, V.NEEDS_REBUILD),
    ("solvable again, and fails", {"candidate": tried(NEW, NEW), "baseline": tried(OK)}, V.REGRESSED),
]  # fmt: skip


@pytest.mark.parametrize(("known", "expected"), [row[1:] for row in SOLVED], ids=[row[0] for row in SOLVED])
def test_of_a_package_that_cannot_be_resolved_with_the_change(known, expected):
    assert told(Effect.UNRESOLVABLE, problem=PROBLEM, **known) is expected


PLACED = [
    ("rebuilt and repaired", {"candidate": tried(OK), "repaired": True}, V.NEEDS_REBUILD),
    ("rebuilt, not looked at yet", {"candidate": tried(OK)}, N.REBUILD_OF_OTHERS),
    ("rebuilt in vain", {"candidate": tried(OK), "repaired": False}, V.REGRESSED),
    ("rebuilt in vain, at the second attempt", {"candidate": tried(NEW, OK), "repaired": False}, V.REGRESSED),
    ("repaired at the second attempt", {"candidate": tried(NEW, OK), "repaired": True}, V.NEEDS_REBUILD),
    ("rebuilt alone, in isolated mode", {"candidate": tried(OK), "in_order": False}, V.NEEDS_REBUILD),
    ("failing as before, seen once", {"candidate": tried(OLD), "baseline": tried(OLD)}, N.CONFIRMATION),
    ("failing as before, so none repairs it", {"candidate": tried(OLD, OLD), "baseline": tried(OLD)}, V.REGRESSED),
    ("failing otherwise, so none repairs it", {"candidate": tried(NEW, NEW), "baseline": tried(OLD)}, V.REGRESSED),
    ("failing as the baseline at times does", {"candidate": tried(OLD, OLD), "baseline": tried(OK, OLD)}, V.REGRESSED),
    ("not rebuilt for the infrastructure's sake", {"candidate": tried(*[INFRASTRUCTURE] * 3)}, V.INCONCLUSIVE),
]  # fmt: skip


@pytest.mark.parametrize(("known", "expected"), [row[1:] for row in PLACED], ids=[row[0] for row in PLACED])
def test_of_a_package_that_cannot_be_installed_with_the_change(known, expected):
    assert told(uninstallable=PROBLEM, **known) is expected


EFFECTS = [
    ("same buildroot, nothing broken", Effect.UNAFFECTED, {}, V.STILL_PASSING),
    ("same buildroot, but it does not install", Effect.UNAFFECTED, {"uninstallable": PROBLEM}, V.REGRESSED),
    ("could not be solved before either", Effect.STILL_UNRESOLVABLE, {}, V.STILL_FAILING),
    ("nor before, and does not install", Effect.STILL_UNRESOLVABLE, {"uninstallable": PROBLEM}, V.REGRESSED),
    ("others were rebuilt, and it installs again", Effect.UNAFFECTED,
     {"uninstallable": PROBLEM, "repaired": True}, V.NEEDS_REBUILD),
    ("others are rebuilt for it", Effect.UNAFFECTED,
     {"uninstallable": PROBLEM, "may_become_ready": True}, N.REBUILD_OF_OTHERS),
    ("others are rebuilt for it, and it was cancelled", Effect.UNAFFECTED,
     {"uninstallable": PROBLEM, "may_become_ready": True, "stopped": True}, V.INCONCLUSIVE),
    ("others might be rebuilt for it", Effect.UNAFFECTED,
     {"uninstallable": PROBLEM, "repairable": True, "in_order": False}, V.NEEDS_REBUILD),
    ("others failed that it needs", Effect.UNAFFECTED, {"uninstallable": PROBLEM, "blocked_by": "bar"}, V.BLOCKED),
    ("others were rebuilt for it in vain", Effect.UNAFFECTED,
     {"uninstallable": PROBLEM, "repairable": True, "repaired": False}, V.REGRESSED),
    ("it fails as before, and others made it install again", Effect.REBUILD,
     {"candidate": tried(OLD), "baseline": tried(OLD), "uninstallable": PROBLEM, "repaired": True}, V.STILL_FAILING),
    ("it failed in another way before, seen once, and others made it install again", Effect.REBUILD,
     {"candidate": tried(NEW), "baseline": tried(OLD), "uninstallable": PROBLEM, "repaired": True}, N.BASELINE_RETRY),
    ("solvable now, not built", Effect.NOW_RESOLVABLE, {}, N.CANDIDATE),
    ("solvable now, and builds", Effect.NOW_RESOLVABLE, {"candidate": tried(OK)}, V.FIXED),
    ("solvable now, and builds at times", Effect.NOW_RESOLVABLE, {"candidate": tried(NEW, OK)}, V.FLAKY),
    ("solvable now, and fails", Effect.NOW_RESOLVABLE, {"candidate": tried(NEW)}, V.CHANGED_FAILURE),
    ("solvable now, and does not install for good", Effect.NOW_RESOLVABLE,
     {"candidate": tried(OK), "uninstallable": PROBLEM, "repaired": False}, V.REGRESSED),
    ("solvable now, fails, and does not install", Effect.NOW_RESOLVABLE,
     {"candidate": tried(NEW, NEW), "uninstallable": PROBLEM}, V.REGRESSED),
    ("solvable now, fails once, and does not install", Effect.NOW_RESOLVABLE,
     {"candidate": tried(NEW), "uninstallable": PROBLEM}, N.CONFIRMATION),
    ("waits its turn in chained mode", Effect.REBUILD, {"ready": False, "may_become_ready": True}, N.REBUILD_OF_OTHERS),
]  # fmt: skip


@pytest.mark.parametrize(("effect", "known", "expected"), [row[1:] for row in EFFECTS], ids=[row[0] for row in EFFECTS])
def test_of_what_the_solver_says(effect, known, expected):
    assert told(effect, **known) is expected


STOPPED = [
    ("before it was built", [], [], V.INCONCLUSIVE),
    ("while it is built", [None], [], N.RESULT),
    ("before its baseline was built", [NEW], [], V.INCONCLUSIVE),
    ("before its failure was confirmed", [NEW], [OK], V.INCONCLUSIVE),
    ("after both sides failed, one of them once", [NEW], [OLD], V.INCONCLUSIVE),
    ("after infrastructure trouble with the second build", [NEW, INFRASTRUCTURE], [OK], V.INCONCLUSIVE),
    ("after all was known", [NEW, NEW], [OK], V.REGRESSED),
    ("after it passed", [OK], [], V.STILL_PASSING),
]  # fmt: skip


@pytest.mark.parametrize(
    ("candidate", "baseline", "expected"), [row[1:] for row in STOPPED], ids=[row[0] for row in STOPPED]
)
def test_of_a_package_that_somebody_cancelled(candidate, baseline, expected):
    always = BaselinePolicy.ALWAYS
    assert (
        told(candidate=tried(*candidate), baseline=tried(*baseline), stopped=True, baseline_policy=always) is expected
    )


def test_what_always_has_a_baseline_asks_for_it_after_passing_too():
    assert told(candidate=tried(OK), baseline_policy=BaselinePolicy.ALWAYS) is N.BASELINE


def test_a_baseline_that_is_older_than_the_failure_counts_once_its_root_was_held_against_it():
    assert told(candidate=tried(NEW), baseline=tried(OK), to_hold=True) is N.COMPARISON
    assert told(candidate=tried(NEW, OK), baseline=tried(OK), to_hold=True) is V.FLAKY
    assert told(candidate=tried(NEW), baseline=tried(OLD, OLD), to_hold=True) is V.CHANGED_FAILURE


@pytest.mark.parametrize(
    "cause", ["make: *** [Makefile:3: check] Error 2", "error: Bad exit status from /var/tmp/rpm-tmp.a (%check)"]
)
def test_a_log_that_does_not_say_what_failed_excuses_nothing(cause):
    unknown = failed(cause)
    baseline = tried(OK, unknown)
    assert told(candidate=tried(unknown), baseline=baseline) is N.CONFIRMATION
    assert told(candidate=tried(unknown, OK), baseline=baseline) is V.FLAKY
    assert told(candidate=tried(unknown, unknown), baseline=baseline) is V.INCONCLUSIVE
    assert told(candidate=tried(unknown, unknown), baseline=baseline, uninstallable=PROBLEM) is V.REGRESSED
    assert told(candidate=tried(unknown), baseline=tried(unknown)) is N.BASELINE_RETRY
    assert told(candidate=tried(unknown), baseline=tried(unknown), stopped=True) is V.INCONCLUSIVE
    assert told(candidate=tried(unknown), baseline=tried(unknown, REFUSED)) is V.INCONCLUSIVE
    assert told(candidate=tried(unknown), baseline=tried(unknown, unknown)) is V.STILL_FAILING


def test_without_baselines_a_confirmed_failure_has_regressed():
    assert told(candidate=tried(NEW), baseline_policy=BaselinePolicy.OFF) is N.CONFIRMATION
    assert told(candidate=tried(NEW, NEW), baseline_policy=BaselinePolicy.OFF) is V.REGRESSED


def test_a_retry_by_hand_grants_new_attempts_to_both_sides():
    by_hand = (*tried(*[INFRASTRUCTURE] * 3), Attempt(purpose=Purpose.BY_HAND, outcome=INFRASTRUCTURE))
    assert told(candidate=by_hand) is N.CANDIDATE_RETRY
    again = tried(NEW, NEW, last=Purpose.BY_HAND)
    assert told(candidate=again, baseline=tried(*[INFRASTRUCTURE] * 3)) is N.BASELINE_RETRY
    assert told(candidate=again, baseline=tried(*[INFRASTRUCTURE] * 6)) is V.INCONCLUSIVE


def test_what_was_refused_is_asked_for_again_by_hand_alone():
    by_hand = Attempt(purpose=Purpose.BY_HAND, outcome=None)
    assert told(candidate=(*tried(REFUSED), by_hand)) is N.RESULT
    assert told(candidate=(*tried(REFUSED), replace(by_hand, outcome=REFUSED))) is V.INCONCLUSIVE
    again = tried(NEW, NEW, last=Purpose.BY_HAND)
    assert told(candidate=again, baseline=tried(REFUSED)) is N.BASELINE_RETRY


def test_what_fails_with_the_cause_of_a_regressed_package_is_not_built_again():
    judged = judge(
        Evidence(
            selection=Selection.PLANNED, effect=Effect.REBUILD, candidate=tried(NEW), baseline=tried(OK), root="jinja2"
        )
    )
    assert judged == Judgement(verdict=V.REGRESSED, cause="new", signature="build: new", root="jinja2")


@pytest.mark.parametrize("selection", [item for item in Selection if item is not Selection.PLANNED])
def test_what_was_not_selected_is_not_tested_and_says_why(selection):
    judged = judge(Evidence(selection=selection, effect=Effect.REBUILD, candidate=tried(NEW, NEW)))
    assert judged == Judgement(verdict=V.NOT_TESTED, cause=selection.value)


def test_what_cannot_be_rebuilt_here_is_told_of_where_it_is_known_not_to_install():
    judged = judge(Evidence(selection=Selection.ARCHITECTURE, effect=Effect.REBUILD, uninstallable=PROBLEM))
    assert judged == Judgement(verdict=V.NEEDS_REBUILD, cause=PROBLEM, needs_order=True)


def test_rebuilds_that_were_not_tried_in_order_ask_for_a_person():
    for known in ({"ready": False, "repairable": True}, {"candidate": tried(OK)}):
        judged = judge(
            Evidence(selection=Selection.PLANNED, effect=Effect.UNRESOLVABLE, in_order=False, **known)  # type: ignore[arg-type]
        )
        assert isinstance(judged, Judgement)
        assert judged.needs_order
        assert not judged.conclusive


BROKEN = [
    ("does not install", {"effect": Effect.REBUILD, "uninstallable": PROBLEM}),
    ("does not resolve", {"effect": Effect.UNRESOLVABLE, "problem": PROBLEM}),
]
OPEN = [
    ("blocked", {"ready": False, "blocked_by": "libbar"}, V.BLOCKED),
    ("lost", {"candidate": tried(*[INFRASTRUCTURE] * 3)}, V.INCONCLUSIVE),
]


@pytest.mark.parametrize("broken", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
@pytest.mark.parametrize(("known", "expected"), [row[1:] for row in OPEN], ids=[row[0] for row in OPEN])
def test_what_the_change_breaks_and_no_rebuild_was_seen_to_repair_is_never_green(broken, known, expected):
    judged = judge(Evidence(selection=Selection.PLANNED, **broken, **known))
    assert isinstance(judged, Judgement)
    assert (judged.verdict, judged.needs_order) == (expected, True)
    plain = judge(Evidence(selection=Selection.PLANNED, effect=Effect.REBUILD, **known))
    assert isinstance(plain, Judgement)
    assert not plain.needs_order


WAIVER = waiver(reason="goes away with 2.0")


def test_a_waiver_names_who_and_why_and_keeps_the_cause():
    judged = judge(
        Evidence(
            selection=Selection.PLANNED,
            effect=Effect.UNRESOLVABLE,
            ready=False,
            repairable=True,
            in_order=False,
            problem=PROBLEM,
            waiver=WAIVER,
        )
    )
    assert isinstance(judged, Judgement)
    assert judged.verdict is V.WAIVED
    assert judged.cause == f"waived by octocat until main moves: goes away with 2.0 ({PROBLEM})"
    assert judged.conclusive


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [([NEW, NEW], V.WAIVED), ([INFRASTRUCTURE] * 3, V.WAIVED), ([OK], V.STILL_PASSING), ([NEW], N.CONFIRMATION)],
    ids=["a regression", "what is not conclusive", "never what passes", "never what is not known yet"],
)
def test_what_a_waiver_covers(candidate, expected):
    assert told(candidate=tried(*candidate), baseline=tried(OK), waiver=WAIVER) is expected


@pytest.mark.parametrize("order", list(permutations([NEW, OK, INFRASTRUCTURE])), ids=str)
def test_the_order_of_failing_and_passing_does_not_matter(order: tuple[Failed | Succeeded, ...]):
    assert told(candidate=tried(*order), baseline=tried(OK)) is V.FLAKY
