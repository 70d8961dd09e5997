"""The words and signs that people see, in one place: the check, the comment and the page say the same."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from bot.domain.build import BuildState, Cancelled, Failed, FailureReason, Outcome, Phase, Succeeded
from bot.domain.parlance import PULL_REQUESTS, Parlance
from bot.domain.plan import Selection
from bot.domain.run import ChangeRef, Conclusion, StopReason
from bot.domain.verdict import Blame, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """How a verdict is shown. `counted` follows a number ("2 regressed"); `meaning` is one sentence."""

    sign: str
    label: str
    counted: str
    meaning: str


PENDING = Word(sign="⏳", label="pending", counted="pending", meaning="There is no verdict yet.")
UNFINISHED = Word(
    sign="⏹️", label="not finished", counted="not finished", meaning="The run ended before there was a verdict."
)

WORDS: Mapping[Verdict, Word] = {
    Verdict.REGRESSED: Word(
        sign="❌", label="regressed", counted="regressed", meaning="Worked before this change and does not with it."
    ),
    Verdict.NEEDS_REBUILD: Word(
        sign="🔁",
        label="needs rebuild",
        counted="to rebuild",
        meaning="Breaks until it is rebuilt; rebuilding it for the same update repairs it.",
    ),
    Verdict.BLOCKED: Word(
        sign="🔗",
        label="blocked",
        counted="blocked",
        meaning="Could not be tested: it needs another rebuild that failed or was left out.",
    ),
    Verdict.CHANGED_FAILURE: Word(
        sign="🔀",
        label="fails differently",
        counted="failing differently",
        meaning="Failed before this change, and fails for another reason with it.",
    ),
    Verdict.FLAKY: Word(sign="🎲", label="flaky", counted="flaky", meaning="Failed and passed with the same inputs."),
    Verdict.INCONCLUSIVE: Word(
        sign="⚠️",
        label="not conclusive",
        counted="not conclusive",
        meaning="Something else was in the way: infrastructure, a time-out, a cancellation.",
    ),
    Verdict.WAIVED: Word(sign="🤝", label="waived", counted="waived", meaning="Somebody accepted the failure."),
    Verdict.FIXED: Word(
        sign="🎉", label="fixed", counted="fixed", meaning="Failed before this change and works with it."
    ),
    Verdict.STILL_FAILING: Word(
        sign="⚪",
        label="already failing",
        counted="already failing",
        meaning="Fails in the same way without this change.",
    ),
    Verdict.STILL_PASSING: Word(
        sign="✅", label="still passing", counted="still passing", meaning="Works before and after."
    ),
    Verdict.NOT_TESTED: Word(sign="⏭️", label="not tested", counted="not tested", meaning="Was not selected."),
}
"""Every verdict, the ones to look at first in front."""

SELECTIONS: Mapping[Selection, str] = {
    Selection.PLANNED: "planned",
    Selection.SKIPPED: "skipped by a command",
    Selection.EXCLUDED: "excluded by the configuration",
    Selection.OVER_LIMIT: "over the limit of packages",
    Selection.TOO_DEEP: "further away than the configured depth",
    Selection.ARCHITECTURE: "not built on this architecture",
}
"""Why a package was not tested."""

SIGNS: Mapping[Conclusion, str] = {
    Conclusion.SUCCESS: "✅",
    Conclusion.FAILURE: "❌",
    Conclusion.ACTION_REQUIRED: "✋",
    Conclusion.CANCELLED: "🚫",
    Conclusion.TIMED_OUT: "⌛",
    Conclusion.SKIPPED: "⏭️",
}

REASONS: Mapping[FailureReason, str] = {
    FailureReason.UNRESOLVABLE: "BuildRequires cannot be resolved",
    FailureReason.COMPILE: "build failed",
    FailureReason.CHECK: "%check failed",
    FailureReason.INSTALL: "%install failed",
    FailureReason.SRPM: "the SRPM could not be made",
    FailureReason.TIMEOUT: "timed out",
    FailureReason.MEMORY: "out of memory",
    FailureReason.INFRASTRUCTURE: "infrastructure",
}


PHASES: Mapping[Phase, str] = {
    Phase.SRPM: "while the SRPM was made",
    Phase.BUILDROOT: "while the root was made",
    Phase.PREP: "in %prep",
    Phase.BUILD: "in %build",
    Phase.INSTALL: "in %install",
    Phase.CHECK: "in %check",
    Phase.FILES: "while packages were written",
}
"""The steps of a build, as it is told that it failed in one."""

_TELLING = frozenset(
    {
        (FailureReason.COMPILE, Phase.PREP),
        (FailureReason.COMPILE, Phase.FILES),
        *((reason, phase) for reason in (FailureReason.TIMEOUT, FailureReason.MEMORY) for phase in Phase),
    }
)
"""Where the step says more than the reason alone."""


def word(verdict: Verdict | None, *, finished: bool = False) -> Word:
    """Return how a verdict is shown; None is one that is still to come, or that never came in a `finished` run."""
    if verdict is None:
        return UNFINISHED if finished else PENDING
    return WORDS[verdict]


def stop_words(reason: StopReason, parlance: Parlance) -> str:
    """Return why a run was stopped before its end."""
    match reason:
        case StopReason.SUPERSEDED:
            return "Superseded by a newer commit"
        case StopReason.CLOSED:
            return f"The {parlance.change} was closed"
        case StopReason.CANCELLED:
            return "Cancelled on request"
        case StopReason.DEADLINE:
            return "Out of time"
        case _ as never:
            assert_never(never)


def outcome_sign(outcome: Outcome | None) -> str:
    """Return the sign for a build's end."""
    match outcome:
        case None:
            return "⏳"
        case Succeeded():
            return "✅"
        case Failed(reason=FailureReason.INFRASTRUCTURE):
            return "⚠️"
        case Failed():
            return "❌"
        case Cancelled():
            return "🚫"
        case _ as never:
            assert_never(never)


def outcome_words(outcome: Outcome | None, state: BuildState) -> str:
    """Return how a build ended, or how far it is."""
    match outcome:
        case None:
            return "running" if state in {BuildState.RUNNING, BuildState.SUBMITTING} else "queued"
        case Succeeded():
            return "passed"
        case Failed(reason=reason):
            return REASONS[reason]
        case Cancelled():
            return "cancelled"
        case _ as never:
            assert_never(never)


def ended_words(outcome: Outcome | None, state: BuildState) -> str:
    """Return how a build ended, with the step in which it failed where that says more; or how far it is."""
    told = outcome_words(outcome, state)
    if isinstance(outcome, Failed) and outcome.phase is not None and (outcome.reason, outcome.phase) in _TELLING:
        return f"{told} {PHASES[outcome.phase]}"
    return told


def step_words(outcomes: Iterable[Outcome | None]) -> str:
    """Return in which step the last of the builds that failed did, as `in %check`; nothing where that is not known."""
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    return PHASES[failed[-1].phase] if failed and failed[-1].phase is not None else ""


def duration(length: timedelta | None) -> str:
    """Return a length of time as people say it: `38 s`, `41 min`, `2 h 05 min`; nothing for None."""
    if length is None:
        return ""
    seconds = max(0, round(length.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def blame_words(blame: Blame | None, change: ChangeRef | None = None, parlance: Parlance = PULL_REQUESTS) -> str:
    """Return which of several changes breaks a package, told on that one's pull request; nothing if not known."""
    if blame is None:
        return ""
    if blame.culprits:
        told = [_culprits(unit, blame, change, parlance) for unit in _units(blame)]
        return f"caused by {'each of ' if len(told) > 1 else ''}{listed(told)}"
    if blame.unknown:
        names = [parlance.name(each) for each in blame.unknown]
        return f"only together, as far as is known: {listed(names)} not tested alone"
    return "only together"


def tried_words(change: ChangeRef, blame: Blame | None, parlance: Parlance) -> str:
    """Return what a package was tried with, to find out who is to blame: a change, and what that needs."""
    others = blame.needed_by(change) if blame else ()
    needed = f" with {listed([parlance.name(other) for other in others])}, which it needs" if others else ""
    return f"{parlance.name(change)}{needed}"


def _units(blame: Blame) -> Sequence[Sequence[ChangeRef]]:
    """Return the culprits, those together that cannot be built without each other."""
    units: dict[frozenset[ChangeRef], list[ChangeRef]] = {}
    for culprit in blame.culprits:
        units.setdefault(frozenset({culprit, *blame.needed_by(culprit)}), []).append(culprit)
    return list(units.values())


def _culprits(unit: Sequence[ChangeRef], blame: Blame, change: ChangeRef | None, parlance: Parlance) -> str:
    def name(of: ChangeRef) -> str:
        return "this change" if of == change else parlance.name(of)

    told = f"{listed([name(culprit) for culprit in unit])}{' together' if len(unit) > 1 else ''}"
    others = [name(other) for other in blame.needed_by(unit[0]) if other not in unit]
    without = [*(["each other"] if len(unit) > 1 else []), *others]
    return f"{told}, which cannot be built without {listed(without)}" if without else told


def listed(names: Sequence[str]) -> str:
    """Return names as they are listed in a sentence: `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def count(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun: `1 package`, `1,437 packages`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
