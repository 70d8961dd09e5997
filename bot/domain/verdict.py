"""Who broke what: from evidence to a verdict, from verdicts to a conclusion.

`judge` is called again whenever something new is known. It answers with a verdict or with the one next thing that
must be found out. The rules and their order are those of docs/verdicts.md.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from bot.domain.build import Outcome, Purpose
from bot.domain.config import BaselinePolicy, Mode
from bot.domain.ids import RunId
from bot.domain.plan import Effect, Selection


class Verdict(Enum):
    """What is said of one package on one target."""

    REGRESSED = "regressed"
    NEEDS_REBUILD = "needs rebuild"
    FIXED = "fixed"
    STILL_FAILING = "still failing"
    CHANGED_FAILURE = "changed failure"
    STILL_PASSING = "still passing"
    BLOCKED = "blocked"
    FLAKY = "flaky"
    INCONCLUSIVE = "inconclusive"
    WAIVED = "waived"
    NOT_TESTED = "not tested"


CONCLUSIVE = frozenset(
    {
        Verdict.REGRESSED,
        Verdict.NEEDS_REBUILD,
        Verdict.FIXED,
        Verdict.STILL_FAILING,
        Verdict.CHANGED_FAILURE,
        Verdict.STILL_PASSING,
        Verdict.FLAKY,
        Verdict.WAIVED,
    }
)
"""Verdicts that say something about the change; the rest lower the coverage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One build of the package, on either side; `outcome` is None while it is queued or running."""

    purpose: Purpose
    outcome: Outcome | None = None
    duration: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """Somebody took the responsibility for a package's failure."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known of one planned package on one target."""

    selection: Selection
    effect: Effect
    mode: Mode = Mode.AUTO
    problem: str = ""
    """The solver's text for `Effect.UNRESOLVABLE`."""
    uninstallable: str = ""
    """The solver's text, where binaries of the package cannot be installed after the change."""
    ready: bool = True
    """Its BuildRequires can be solved in the workspace as it is now."""
    may_become_ready: bool = False
    """A rebuild that is planned or under way may still make it so."""
    blocked_by: str | None = None
    """The package whose rebuild it needs and that failed."""
    root: str | None = None
    """A regressed package in its buildroot that failed with the same cause."""
    candidate: tuple[Attempt, ...] = ()
    baseline: tuple[Attempt, ...] = ()
    baseline_policy: BaselinePolicy = BaselinePolicy.ON_FAILURE
    retries: int = 2
    """How often a side is built again by itself after an infrastructure failure."""
    time_limit: timedelta = timedelta(hours=5)
    stopped: bool = False
    """The package was cancelled by a command: nothing more is started for it."""
    waiver: Waiver | None = None


class Needs(Enum):
    """What must be known next. The pending ones are under way: there is nothing to start."""

    CANDIDATE = "candidate"
    CANDIDATE_RETRY = "candidate-retry"
    CONFIRMATION = "confirmation"
    BASELINE = "baseline"
    BASELINE_RETRY = "baseline-retry"
    REBUILD_OF_OTHERS = "rebuild-of-others"
    RESULT = "result"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict with its reasons: a cause to be shown, and the package at the root of it where that is another."""

    verdict: Verdict
    cause: str = ""
    signature: str = ""
    root: str | None = None
    needs_order: bool = False
    """NEEDS REBUILD that was not tried in order (isolated mode): a person has to act."""

    @property
    def conclusive(self) -> bool:
        """Whether it counts as tested."""
        return self.verdict in CONCLUSIVE and not self.needs_order


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict of a run on a package and target, as it stands now; final once the run is finished."""

    run: RunId
    target: str
    package: str
    judgement: Judgement
