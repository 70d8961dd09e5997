"""Who broke what, of whatever evidence there is."""

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.attempts import Attempt
from bot.domain.build import Cancelled, Failed, FailureReason, Outcome, Purpose, Succeeded
from bot.domain.config import BaselinePolicy
from bot.domain.judging import Evidence, judge
from bot.domain.plan import Effect, Selection
from bot.domain.verdict import Judgement, Needs, Verdict
from tests.fakes.domain import INFRASTRUCTURE, waiver
from tests.fakes.tried import (
    MEMORY,
    NEW,
    OK,
    OLD,
    PROBLEM,
    QUICK,
    SLOW,
    TIMEOUT,
    UNRESOLVABLE,
)

OUTCOMES = st.sampled_from([None, OK, NEW, OLD, UNRESOLVABLE, TIMEOUT, MEMORY, INFRASTRUCTURE, Cancelled()])


def attempts(outcomes: st.SearchStrategy[Outcome | None]) -> st.SearchStrategy[tuple[Attempt, ...]]:
    durations = st.sampled_from([None, QUICK, SLOW])
    attempt = st.builds(Attempt, purpose=st.sampled_from(Purpose), outcome=outcomes, duration=durations)
    return st.lists(attempt, max_size=5).map(tuple)


def evidence(
    outcomes: st.SearchStrategy[Outcome | None], **fixed: st.SearchStrategy[object]
) -> st.SearchStrategy[Evidence]:
    fields: dict[str, st.SearchStrategy[object]] = {
        "selection": st.sampled_from(Selection),
        "effect": st.sampled_from(Effect),
        "problem": st.sampled_from(["", PROBLEM]),
        "uninstallable": st.sampled_from(["", PROBLEM]),
        "repaired": st.sampled_from([None, True, False]),
        "in_order": st.booleans(),
        "ready": st.booleans(),
        "may_become_ready": st.booleans(),
        "repairable": st.booleans(),
        "blocked_by": st.sampled_from([None, "libbar"]),
        "root": st.sampled_from([None, "jinja2"]),
        "candidate": attempts(outcomes),
        "baseline": attempts(OUTCOMES),
        "baseline_policy": st.sampled_from(BaselinePolicy),
        "to_hold": st.booleans(),
        "stopped": st.booleans(),
        "waiver": st.sampled_from([None, waiver()]),
    }
    return st.builds(Evidence, **{**fields, **fixed})


@given(evidence(OUTCOMES))
def test_every_evidence_has_an_answer(known):
    assert isinstance(judge(known), Judgement | Needs)


@given(
    evidence(
        st.sampled_from([INFRASTRUCTURE, Cancelled()]),
        ready=st.just(True),  # type: ignore[arg-type]
        uninstallable=st.just(""),
    )
)
def test_infrastructure_alone_is_never_a_regression(known):
    assert getattr(judge(known), "verdict", None) is not Verdict.REGRESSED


@given(evidence(OUTCOMES))
def test_no_build_is_called_a_regression_unless_it_passed_without_the_change(known):
    said_by_the_solver = known.uninstallable or not known.ready
    if getattr(judge(known), "verdict", None) is Verdict.REGRESSED and not said_by_the_solver:
        passes = any(isinstance(attempt.outcome, Succeeded) for attempt in known.baseline)
        assert passes or known.baseline_policy is BaselinePolicy.OFF
        assert not (known.to_hold and known.baseline_policy is not BaselinePolicy.OFF)


@given(evidence(OUTCOMES))
def test_no_build_is_called_a_regression_that_passed_or_failed_only_once(known):
    told = judge(known)
    if getattr(told, "verdict", None) is Verdict.REGRESSED and not known.uninstallable and known.ready:
        ends = [attempt.outcome for attempt in known.candidate]
        failures = [end for end in ends if isinstance(end, Failed) and end.reason is not FailureReason.INFRASTRUCTURE]
        assert OK not in ends
        assert len(failures) > 1 or known.root


@given(evidence(OUTCOMES, waiver=st.none(), uninstallable=st.just(PROBLEM), selection=st.just(Selection.PLANNED)))  # type: ignore[arg-type]
def test_what_does_not_install_is_green_only_where_a_rebuild_was_seen_to_repair_it(known):
    told = judge(known)
    if isinstance(told, Judgement) and told.verdict is not Verdict.REGRESSED and not told.needs_order:
        assert known.repaired


@given(evidence(OUTCOMES, waiver=st.none()))
def test_nothing_is_fixed_or_was_failing_before_unless_that_was_seen(known):
    if getattr(judge(known), "verdict", None) in {Verdict.FIXED, Verdict.STILL_FAILING, Verdict.CHANGED_FAILURE}:
        failed_before = any(isinstance(attempt.outcome, Failed) for attempt in known.baseline)
        assert failed_before or known.effect in {Effect.NOW_RESOLVABLE, Effect.STILL_UNRESOLVABLE}
