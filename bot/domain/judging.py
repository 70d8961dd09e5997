"""Who broke what: from evidence to a verdict.

`judge` is called again whenever something new is known. It answers with a verdict or with the one next thing that
must be found out. The rules and their order are those of docs/verdicts.md; what follows for the run as a whole is
`bot.domain.conclusion`'s.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import assert_never

from bot.domain.attempts import Attempt, may_retry, results, says_nothing, spent
from bot.domain.build import Failed, FailureReason, Purpose
from bot.domain.config import BaselinePolicy
from bot.domain.failure_rules import HEARSAY
from bot.domain.plan import Effect, Selection
from bot.domain.verdict import CANCELLED, LIMITS, WAIVABLE, Judgement, Needs, Verdict, Waiver

_LEAVES_OPEN = frozenset({Verdict.INCONCLUSIVE, Verdict.BLOCKED})
"""Verdicts that do not tell whether a rebuild would repair what the change breaks."""
_TWICE = 2
"""So often a fault has to be seen with the change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known of one affected package on one target."""

    selection: Selection
    effect: Effect
    problem: str = ""
    """The solver's text for `Effect.UNRESOLVABLE` and `Effect.STILL_UNRESOLVABLE`."""
    uninstallable: str = ""
    """The solver's text, where binaries of the package cannot be installed after the change."""
    own: bool = False
    """It is a package of the change itself."""
    repaired: bool | None = None
    """Whether its binaries can be installed with what was rebuilt so far; None until its own rebuild was published and
    looked at, where the rebuilds of others do not repair it."""
    in_order: bool = True
    """Rebuilds are done in order (`Mode.CHAINED`, `Mode.AUTO`); False in isolated mode."""
    ready: bool = True
    """Its BuildRequires can be solved in the workspace as it is now."""
    may_become_ready: bool = False
    """A rebuild that is planned or under way may still make it so."""
    repairable: bool = False
    """Some other package's rebuild is what it needs."""
    blocked_by: str | None = None
    """The package whose rebuild it needs and that failed."""
    root: str | None = None
    """A regressed package in its buildroot that failed with the same cause."""
    candidate: tuple[Attempt, ...] = ()
    baseline: tuple[Attempt, ...] = ()
    baseline_policy: BaselinePolicy = BaselinePolicy.ON_FAILURE
    to_hold: bool = False
    """The baselines that passed are older than the failure, and their roots were not held against its root yet."""
    baselines: int = 0
    """So many builds without the change somebody asked for."""
    retries: int = 2
    """How often a side is built again by itself after an infrastructure failure."""
    time_limit: timedelta = timedelta(hours=5)
    stopped: bool = False
    """The package was cancelled by a command: nothing more is started for it."""
    waiver: Waiver | None = None


def judge(evidence: Evidence) -> Judgement | Needs:
    """Return the verdict that the evidence allows, or the one thing that must be found out before there is one."""
    judged = _judge(evidence)
    if evidence.own and isinstance(judged, Judgement):
        judged = replace(judged, own=True)
    if isinstance(judged, Judgement) and evidence.waiver and judged.verdict in WAIVABLE:
        waiver = evidence.waiver
        cause = f"waived by {waiver.by} {waiver.how_long}: {waiver.reason} ({judged.cause})"
        return replace(judged, verdict=Verdict.WAIVED, cause=cause, needs_order=False)
    if isinstance(judged, Judgement) and judged.verdict in _LEAVES_OPEN and _is_known_to_break(evidence):
        # That its rebuild was lost, or waits for one that failed, must not make the gate green.
        return replace(judged, needs_order=True)
    return judged


def _judge(evidence: Evidence) -> Judgement | Needs:
    if evidence.selection is Selection.ARCHITECTURE and evidence.uninstallable and not evidence.repaired:
        # Nobody left it out: it is known to be broken, and only where it is built can a rebuild be tried.
        return Judgement(verdict=Verdict.NEEDS_REBUILD, cause=evidence.uninstallable, needs_order=True)
    if evidence.selection is not Selection.PLANNED:
        return Judgement(verdict=Verdict.NOT_TESTED, cause=evidence.selection.value)
    match evidence.effect:
        case Effect.STILL_UNRESOLVABLE:
            return _judge_not_rebuilt(evidence, Judgement(verdict=Verdict.STILL_FAILING, cause=evidence.problem))
        case Effect.UNAFFECTED:
            # Its buildroot is the same, so a rebuild would ask for the same that is now missing.
            return _judge_not_rebuilt(evidence, Judgement(verdict=Verdict.STILL_PASSING))
        case Effect.UNRESOLVABLE | Effect.REBUILD | Effect.NOW_RESOLVABLE:
            if not evidence.ready:
                return _judge_by_others(evidence, evidence.problem)
            return _judge_built(evidence)
        case _ as never:
            assert_never(never)


def _judge_not_rebuilt(evidence: Evidence, judgement: Judgement) -> Judgement | Needs:
    """Nothing is rebuilt of it: where it cannot be installed any more, only rebuilds of others can repair that."""
    if not evidence.uninstallable:
        return judgement
    if evidence.repaired:
        return Judgement(verdict=Verdict.NEEDS_REBUILD, cause=evidence.uninstallable)
    return _judge_by_others(evidence, evidence.uninstallable)


def _judge_by_others(evidence: Evidence, cause: str) -> Judgement | Needs:
    """Only rebuilds of others can repair what is broken, as far as any are still to come."""
    if evidence.blocked_by:
        return Judgement(verdict=Verdict.BLOCKED, root=evidence.blocked_by, cause=cause)
    if evidence.may_become_ready:
        return CANCELLED if evidence.stopped else Needs.REBUILD_OF_OTHERS
    if evidence.repairable and not evidence.in_order:
        return Judgement(verdict=Verdict.NEEDS_REBUILD, cause=cause, needs_order=True)
    return Judgement(verdict=Verdict.REGRESSED, cause=cause)


def _judge_built(evidence: Evidence) -> Judgement | Needs:
    if any(attempt.outcome is None for attempt in evidence.candidate):
        return Needs.RESULT
    passed, failures = results(evidence.candidate)
    if (passed or failures) and _baseline_was_asked_for(evidence):
        return Needs.BASELINE
    if passed:
        return _judge_passed(evidence, failures)
    if not failures:
        retry = may_retry(evidence.candidate, evidence.retries)
        return _judge_nothing_known(evidence, evidence.candidate, Needs.CANDIDATE, Needs.CANDIDATE_RETRY, retry=retry)
    if evidence.effect is Effect.NOW_RESOLVABLE:
        return _unless_beyond_repair(evidence, failures, _with_cause(Verdict.CHANGED_FAILURE, failures[-1]))
    return _judge_failed(evidence, failures)


def _baseline_was_asked_for(evidence: Evidence) -> bool:
    """Whether a person waits for a build without the change that is not begun; one that was lost does not count."""
    done = evidence.baseline
    if evidence.stopped or any(attempt.outcome is None for attempt in done):
        return False
    lost = bool(done) and says_nothing(done[-1])
    return len(done) < evidence.baselines + (evidence.retries if lost and evidence.baselines else 0)


def _judge_nothing_known(
    evidence: Evidence, attempts: tuple[Attempt, ...], first: Needs, again: Needs, *, retry: bool
) -> Judgement | Needs:
    """Neither passed nor failed: not built, cancelled, or the infrastructure was in the way."""
    if evidence.stopped:
        return CANCELLED
    if not attempts:
        return first
    if retry:
        return again
    last = attempts[-1].outcome
    return Judgement(verdict=Verdict.INCONCLUSIVE, cause=last.cause) if isinstance(last, Failed) else CANCELLED


def _judge_passed(evidence: Evidence, failures: tuple[Failed, ...]) -> Judgement | Needs:
    """It was built with the change at least once. Whether what was built can be installed counts first."""
    if evidence.uninstallable and evidence.repaired is False:
        return Judgement(verdict=Verdict.REGRESSED, cause=evidence.uninstallable)
    if evidence.uninstallable and evidence.repaired is None and evidence.in_order:
        return Needs.REBUILD_OF_OTHERS
    if evidence.uninstallable or evidence.effect is Effect.UNRESOLVABLE:
        return Judgement(
            verdict=Verdict.NEEDS_REBUILD,
            cause=evidence.uninstallable or evidence.problem,
            needs_order=not evidence.in_order,
        )
    if failures:
        return _with_cause(Verdict.FLAKY, failures[-1])
    if evidence.effect is Effect.NOW_RESOLVABLE:
        return Judgement(verdict=Verdict.FIXED)
    if evidence.baseline_policy is BaselinePolicy.ALWAYS and not evidence.baseline and not evidence.stopped:
        return Needs.BASELINE
    if any(attempt.outcome is None for attempt in evidence.baseline):
        return Needs.RESULT
    passed, base_failures = results(evidence.baseline)
    if base_failures and not passed:
        return Judgement(verdict=Verdict.FIXED, cause=base_failures[-1].cause)
    return Judgement(verdict=Verdict.STILL_PASSING)


def _judge_failed(evidence: Evidence, failures: tuple[Failed, ...]) -> Judgement | Needs:
    """Every attempt with the change failed. The baseline is asked first: most failures are older than the change."""
    if evidence.baseline_policy is BaselinePolicy.OFF:
        return _judge_against_passing(evidence, failures, None)
    if any(attempt.outcome is None for attempt in evidence.baseline):
        return Needs.RESULT
    passed, base_failures = results(evidence.baseline)
    if passed:
        return _judge_against_both(evidence, failures, passed[-1].duration, {old.signature for old in base_failures})
    if base_failures:
        return _judge_both_failed(evidence, failures, base_failures)
    retry = _may_retry_baseline(evidence)
    return _judge_nothing_known(evidence, evidence.baseline, Needs.BASELINE, Needs.BASELINE_RETRY, retry=retry)


def _judge_against_both(
    evidence: Evidence, failures: tuple[Failed, ...], base_duration: timedelta | None, at_times: Collection[str]
) -> Judgement | Needs:
    """The baseline passes, but may fail with some signatures at times: these excuse no other fault."""
    last = failures[-1]
    unseen = tuple(failure for failure in failures if failure.signature not in at_times)
    if last.signature in at_times:
        if not unseen or len(unseen) < _TWICE < len(failures):
            return _judge_as_at_times(evidence, failures)
        # What the package does of itself now and then may have hidden the other fault: it is looked for once more.
        evidence = replace(evidence, root=None)
    if evidence.to_hold:
        return Needs.COMPARISON
    return _judge_against_passing(evidence, unseen, base_duration)


def _judge_as_at_times(evidence: Evidence, failures: tuple[Failed, ...]) -> Judgement | Needs:
    """Every attempt failed as the baseline, which passes, does at times."""
    last = failures[-1]
    if not _says_little(last):
        return _unless_beyond_repair(evidence, failures, _with_cause(Verdict.FLAKY, last))
    # It need not be for the same reason: only passing once would show that.
    unknown = _with_cause(Verdict.INCONCLUSIVE, last)
    return _unconfirmed(evidence, failures) or _unless_beyond_repair(evidence, failures, unknown)


def _says_little(failure: Failed) -> bool:
    """Whether another failure with its signature may well be another fault."""
    return failure.reason in LIMITS or HEARSAY.match(failure.cause) is not None


def _judge_both_failed(
    evidence: Evidence, failures: tuple[Failed, ...], base_failures: tuple[Failed, ...]
) -> Judgement | Needs:
    last, base = failures[-1], base_failures[-1]
    same = any(last.signature == failure.signature for failure in base_failures)
    once = len(base_failures) == 1 and not (same and not _says_little(last)) and not _is_beyond_repair(evidence)
    if once and not evidence.stopped and _may_retry_baseline(evidence):
        # It may have failed by chance: then it would hide what the change breaks, in every run that asks.
        return Needs.BASELINE_RETRY
    if once or (last.reason in LIMITS) != (base.reason in LIMITS):
        # The side that ran into a limit was not seen to the end: the other one's failure may well be in it too.
        cause = f"with the change: {last.cause}; without it: {base.cause}"
        return replace(_with_cause(Verdict.INCONCLUSIVE, last), cause=cause)
    verdict = Verdict.STILL_FAILING if same else Verdict.CHANGED_FAILURE
    return _unless_beyond_repair(evidence, failures, _with_cause(verdict, last))


def _judge_against_passing(
    evidence: Evidence, failures: tuple[Failed, ...], base_duration: timedelta | None
) -> Judgement | Needs:
    """The baseline passes (or is not asked): regressed, once a clean second build agrees."""
    last = failures[-1]
    if evidence.root:
        return replace(_with_cause(Verdict.REGRESSED, last), root=evidence.root)
    if doubt := _unconfirmed(evidence, failures):
        return doubt
    quick = base_duration is not None and base_duration < evidence.time_limit / 3
    limits = (FailureReason.TIMEOUT, FailureReason.MEMORY) if quick else ()
    kinds = [[failure for failure in failures if failure.reason not in LIMITS]]
    kinds += [[failure for failure in failures if failure.reason is limit] for limit in limits]
    # Whatever comes of trying it again: what was seen twice was seen twice.
    twice = [same[-1] for same in kinds if len(same) >= _TWICE]
    return _with_cause(Verdict.REGRESSED, twice[0]) if twice else _with_cause(Verdict.INCONCLUSIVE, last)


def _unconfirmed(evidence: Evidence, failures: tuple[Failed, ...]) -> Judgement | Needs | None:
    """Return what is to be done about a failure that was seen once; None where it was seen twice."""
    last = failures[-1]
    if len(failures) >= _TWICE:
        return None
    if not evidence.stopped and not says_nothing(evidence.candidate[-1]):
        return Needs.CONFIRMATION
    if not evidence.stopped and may_retry(evidence.candidate, evidence.retries):
        return Needs.CANDIDATE_RETRY
    return replace(_with_cause(Verdict.INCONCLUSIVE, last), cause=f"failed once, not confirmed: {last.cause}")


def _unless_beyond_repair(evidence: Evidence, failures: tuple[Failed, ...], judgement: Judgement) -> Judgement | Needs:
    """It fails without the change too; where it cannot be installed with it, a rebuild that fails repairs nothing."""
    if not _is_beyond_repair(evidence):
        return judgement
    return _unconfirmed(evidence, failures) or Judgement(verdict=Verdict.REGRESSED, cause=evidence.uninstallable)


def _is_known_to_break(evidence: Evidence) -> bool:
    """Whether the solver alone has shown that, without a rebuild, the change breaks the package."""
    return _is_beyond_repair(evidence) or evidence.effect is Effect.UNRESOLVABLE


def _is_beyond_repair(evidence: Evidence) -> bool:
    """Whether it cannot be installed, as far as rebuilds were seen to repair that."""
    return bool(evidence.uninstallable) and not evidence.repaired


def _with_cause(verdict: Verdict, failure: Failed) -> Judgement:
    return Judgement(verdict=verdict, cause=failure.cause, signature=failure.signature)


def _may_retry_baseline(evidence: Evidence) -> bool:
    """Whether the attempts without the change that said nothing are few.

    A baseline is shared and knows no attempt by hand: whoever retries the package grants its baseline another round.
    """
    rounds = 1 + sum(attempt.purpose is Purpose.BY_HAND for attempt in evidence.candidate)
    used = sum(spent(attempt, evidence.retries) for attempt in evidence.baseline if says_nothing(attempt))
    return used < rounds * (1 + evidence.retries)
