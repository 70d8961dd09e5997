"""All that is told about a run, as values: what the check, the comment, the page and the export are made from.

`assemble` makes a `Report` of the stored rows; every surface renders the same one, so that no two of them can say
different things. Texts in here are raw: escaping is each surface's own business.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from urllib.parse import quote

from bot.domain.build import BuildState, Failed, FailureReason, Outcome, Purpose, Succeeded
from bot.domain.conclusion import Coverage, coverage
from bot.domain.config import ConfigProblem
from bot.domain.difference import RootDifference
from bot.domain.ids import BuildKey, RunId
from bot.domain.packages import Link, PackageChange
from bot.domain.parlance import PULL_REQUESTS, Parlance
from bot.domain.plan import Selection, Uninstallable
from bot.domain.priority import Weight
from bot.domain.run import ChangeRef, Conclusion, Part, Pause, Problem, StopReason
from bot.domain.verdict import CONCLUSIVE, Blame, Verdict


class Stage(Enum):
    """How far a run has come, in the order in which it gets there; the words are shown."""

    QUEUED = "queued"
    WAITING = "waiting for approval"
    PREPARING = "preparing"
    BUILDING = "building the change"
    RESOLVING = "resolving"
    REBUILDING = "rebuilding"
    PAUSED = "paused"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildView:
    """One build, as it is shown. `key` leads to its log."""

    key: BuildKey
    target: str
    purpose: Purpose
    state: BuildState
    attempt: int = 1
    generation: int = 0
    outcome: Outcome | None = None
    duration: timedelta | None = None
    reused: bool = False
    """Its result was taken from an earlier build with the same inputs."""

    @property
    def passed(self) -> bool:
        """Whether it ended with packages."""
        return isinstance(self.outcome, Succeeded)

    @property
    def failed(self) -> bool:
        """Whether the package itself failed; trouble with the infrastructure does not count."""
        return isinstance(self.outcome, Failed) and self.outcome.reason is not FailureReason.INFRASTRUCTURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A package that the change touches. `before` and `after` are its SRPM's NEVRAs, empty where not known (yet)."""

    package: str
    before: str = ""
    after: str = ""
    builds: tuple[BuildView, ...] = ()
    """Of the change itself, on every target, oldest first."""
    log_tail: str = ""
    """The end of a failed build's log."""
    differences: tuple[RootDifference, ...] = ()
    """What differs in the roots of its failed builds, where an earlier good build is known."""

    @property
    def failures(self) -> tuple[BuildView, ...]:
        """The last build on each target where that one failed for the package's own reasons."""
        last = {build.target: build for build in self.builds}
        return tuple(build for build in last.values() if build.failed)

    @property
    def built_again(self) -> bool:
        """Whether there is a build that sees more of the change than the first one on its target."""
        first = {build.target: build.generation for build in reversed(self.builds)}
        return any(build.generation > first[build.target] for build in self.builds)

    @property
    def only_alone(self) -> bool:
        """Whether it was built on each target where it fails now, before it was built with the rest of the change."""
        passed = {build.target for build in self.builds if build.passed}
        return passed.issuperset(build.target for build in self.failures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An affected package on a target, or one of the change itself of which something cannot be installed (`own`)."""

    package: str
    target: str
    own: bool = False
    nevra: str = ""
    """Of the SRPM that is rebuilt."""
    verdict: Verdict | None = None
    """None: not known yet."""
    cause: str = ""
    signature: str = ""
    root: str | None = None
    """The package at the root of this one's failure, where that is another."""
    needs_order: bool = False
    """NEEDS REBUILD that was not tried in order: somebody has to act."""
    selection: Selection = Selection.PLANNED
    dependents: int = 0
    distance: int = 0
    path: tuple[Link, ...] = ()
    candidate: tuple[BuildView, ...] = ()
    """Builds with the change, oldest first."""
    baseline: tuple[BuildView, ...] = ()
    """Builds without it, oldest first."""
    problem: str = ""
    """The solver's text, where its buildroot cannot be solved after the change."""
    uninstallable: tuple[Uninstallable, ...] = ()
    rebuilt: bool = True
    """Whether there is anything to rebuild of it, now or later."""
    level: int = 0
    """Rebuild order: level n waits for level n - 1; 0 waits for nothing."""
    needs: tuple[str, ...] = ()
    """Packages that must be rebuilt before this one."""
    dynamic: bool = False
    """`%generate_buildrequires` may ask for more than what was resolved."""
    weight: Weight | None = None
    """By what it was chosen or left out, where there is a limit."""
    least_chosen: int | None = None
    """For what is over the limit: the least weight that was enough, None where none was."""
    log_tail: str = ""
    """The end of the failed candidate's log."""
    difference: RootDifference | None = None
    """What differs in the failed candidate's root; None where it did not fail, or that is not known (yet)."""
    blame: Blame | None = None
    """Which of several changes a regression comes from, once that is known."""
    alone: tuple[tuple[ChangeRef, BuildView], ...] = ()
    """Builds with one of several changes by itself, by which that is found out."""

    @property
    def planned(self) -> bool:
        """Whether it is part of what is to be tested."""
        return self.selection is Selection.PLANNED

    @property
    def conclusive(self) -> bool:
        """Whether it counts as tested."""
        return self.verdict in CONCLUSIVE and not self.needs_order

    @property
    def pending(self) -> bool:
        """Whether a verdict is still to come."""
        return self.planned and self.verdict is None

    @property
    def running(self) -> bool:
        """Whether one of its builds is under way now."""
        return any(
            build.state in {BuildState.RUNNING, BuildState.SUBMITTING} for build in self.candidate + self.baseline
        )

    @property
    def failures(self) -> int:
        """How often the package failed with the change."""
        return sum(build.failed for build in self.candidate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What is still to come: how many builds, what they cost, and when the last of them is expected to end."""

    builds: int
    wall: timedelta | None = None
    """From start to end, of all the builds one after the other; None where that is not known of one of them."""
    cpu: timedelta | None = None
    """Of all processors together."""
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """A run of another change that tests this one's commit too."""

    run: RunId
    change: ChangeRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that is told about a run, as it stands now. Times are aware UTC."""

    run: RunId
    change: ChangeRef
    head_sha: str
    base_sha: str
    base_branch: str
    created_at: datetime
    stage: Stage
    title: str = ""
    """The pull request's."""
    url: str = ""
    """The pull request's page."""
    targets: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """Configured targets on which nothing was tested, because a command named others."""
    subjects: tuple[Subject, ...] = ()
    rows: tuple[Row, ...] = ()
    conclusion: Conclusion | None = None
    finished_at: datetime | None = None
    problem: Problem | None = None
    config_problems: tuple[ConfigProblem, ...] = ()
    config_from_head: bool = False
    """The configuration is that of the change itself."""
    pause: Pause | None = None
    stop: StopReason | None = None
    stopped_by: str | None = None
    min_coverage: int = 90
    examined: int = 0
    """How many source packages the resolver looked at, on all targets together."""
    changes: tuple[PackageChange, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader should know besides, one plain sentence or two each."""
    review: tuple[str, ...] = ()
    """Files that an approver has to read before an outsider's commit is built."""
    forecast: Forecast | None = None
    parlance: Parlance = PULL_REQUESTS
    """The words of the change's forge."""
    parts: tuple[Part, ...] = ()
    """The pull requests that are tested together, where these are several; this one's is among them."""
    joint: Joint | None = None
    """The later test of this commit together with others', which the check is about then."""
    previous: "Report | None" = None
    """The last finished report of an earlier commit, shown until this one has something to tell."""

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.stage is Stage.FINISHED

    @property
    def out_of_time(self) -> bool:
        """Whether it ended because its time was over, with whatever was known by then."""
        return self.finished and self.stop is StopReason.DEADLINE

    @property
    def coverage(self) -> Coverage:
        """The numbers in the title. Rows are counted: a package on two targets counts twice."""
        return coverage(self.rows)

    @property
    def duration(self) -> timedelta | None:
        """From the run's first moment to its end, None before that."""
        return None if self.finished_at is None else self.finished_at - self.created_at

    def company(self, subject: Subject, build: BuildView) -> tuple[str, ...]:
        """Return which of the other changed packages a build of one of them was made with, as they were then.

        What was built is published in the generation after the one that it saw.
        """
        return tuple(
            other.package
            for other in self.subjects
            if other.package != subject.package
            and any(
                each.passed and each.target == build.target and each.generation < build.generation
                for each in other.builds
            )
        )

    def with_verdict(self, *verdicts: Verdict) -> tuple[Row, ...]:
        """Return the rows that have one of these verdicts: what is changed itself, then by dependents, then by name."""
        found = [row for row in self.rows if row.verdict in verdicts]
        return tuple(sorted(found, key=lambda row: (not row.own, -row.dependents, row.package, row.target)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where things can be looked at: `pages` is the service's public address, empty where it has none."""

    pages: str = ""
    check: str = ""
    """The check's own page on the forge."""

    def run(self, run: RunId) -> str:
        """Address of a run's page, empty where there are no pages."""
        return f"{self.pages.rstrip('/')}/runs/{run}" if self.pages else ""

    def log(self, run: RunId, build: BuildKey) -> str:
        """Address of a build's log as plain text, empty where there are no pages."""
        return f"{self.run(run)}/log/{quote(build, safe='/')}" if self.pages else ""
