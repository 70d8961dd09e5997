"""What is said of a package: verdicts, with who waived them and who is to blame. `bot.domain.judging` finds them."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from bot.domain.build import FailureReason
from bot.domain.ids import RunId
from bot.domain.run import ChangeRef


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
class Waiver:
    """Somebody took the responsibility for a package's failure, with the base as it was then, until a time."""

    by: str
    reason: str
    base_branch: str
    base_sha: str
    given_at: datetime
    until: datetime | None = None
    """None: for as long as the base stays the same."""
    base_moved: bool = False
    """A push to the base branch was heard of since it was given."""

    @property
    def how_long(self) -> str:
        """Until when it counts, in words."""
        return f"until {self.until:%Y-%m-%d}" if self.until else f"until {self.base_branch} moves"


class Needs(Enum):
    """What must be known next. The pending ones are under way: there is nothing to start."""

    CANDIDATE = "candidate"
    CANDIDATE_RETRY = "candidate-retry"
    CONFIRMATION = "confirmation"
    BASELINE = "baseline"
    BASELINE_RETRY = "baseline-retry"
    COMPARISON = "comparison"
    REBUILD_OF_OTHERS = "rebuild-of-others"
    RESULT = "result"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inseparable:
    """One of several changes that cannot be built without others, so that it was tested with those."""

    change: ChangeRef
    others: tuple[ChangeRef, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """Which of several changes a regression comes from: each was tested alone, or with those that it needs."""

    culprits: tuple[ChangeRef, ...] = ()
    """Those that break the package by themselves, or with what they need where that does not; without any, only all
    together are known to.
    """
    unknown: tuple[ChangeRef, ...] = ()
    """Those of which that is not known: they could not be tested, or what they need breaks it already."""
    inseparable: tuple[Inseparable, ...] = ()
    """Those that were tested with others, to blame or not."""

    def needed_by(self, change: ChangeRef) -> tuple[ChangeRef, ...]:
        """Return the others that a change cannot be built without."""
        return next((each.others for each in self.inseparable if each.change == change), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict with its reasons: a cause to be shown, and the package at the root of it where that is another."""

    verdict: Verdict
    cause: str = ""
    signature: str = ""
    root: str | None = None
    needs_order: bool = False
    """NEEDS REBUILD that was not tried in order (isolated mode): a person has to act."""
    blame: Blame | None = None
    """REGRESSED with several changes together: None until each of them was tested alone."""
    own: bool = False
    """It is about a package of the change itself, which is none of those to be tested."""

    @property
    def planned(self) -> bool:
        """Whether it is about something that was to be tested."""
        return self.verdict is not Verdict.NOT_TESTED

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

    @property
    def own(self) -> bool:
        """Whether it is about a package of the change itself."""
        return self.judgement.own

    @property
    def planned(self) -> bool:
        """Whether it is about something that was to be tested."""
        return self.judgement.planned

    @property
    def conclusive(self) -> bool:
        """Whether it counts as tested."""
        return self.judgement.conclusive


WAIVABLE = frozenset({Verdict.REGRESSED, Verdict.NEEDS_REBUILD, Verdict.BLOCKED, Verdict.INCONCLUSIVE})
"""What a waiver turns into WAIVED."""
CANCELLED = Judgement(verdict=Verdict.INCONCLUSIVE, cause="cancelled")
"""What is said where nothing is known since somebody, or the run's time limit, stopped the builds."""
LIMITS = frozenset({FailureReason.TIMEOUT, FailureReason.MEMORY})
"""A build that ran into one of these may be one that hangs or grows, or one that had a slow or crowded machine."""
