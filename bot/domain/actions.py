"""What the engine can do next for a change. `decide` chooses, the executor performs: one function for each.

Every action is safe to perform again: what it does to the outside world carries a key, and what it stores is stored
under the lease.
"""

from dataclasses import dataclass

from bot.domain.build import Build
from bot.domain.ids import BuildKey, RunId
from bot.domain.intents import StoredIntent
from bot.domain.run import Conclusion, Pause, Problem, StopReason
from bot.domain.verdict import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshChange:
    """Read the pull request from the forge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandleIntent:
    """Act on a comment, a button or a request to run a check again."""

    intent: StoredIntent


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRun:
    """Begin to test the present head commit."""

    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRun:
    """Cancel what a run has queued and running; it ends as cancelled (or timed out)."""

    run: RunId
    reason: StopReason


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadConfiguration:
    """Ask who the author is, read `.revdeps.yaml`, and find out which packages the change touches."""

    run: RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSource:
    """Check the head commit out, and fetch the sources it names."""

    run: RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class PinSnapshot:
    """Pin a target's metadata."""

    run: RunId
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareWorkspace:
    """Make the workspace for the change, or the shared one for baselines, or one for one of several changes alone."""

    run: RunId
    target: str
    baseline: bool = False
    alone: int | None = None
    """The change's place among the run's parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FallBack:
    """Let the target's other backend build, since the first one refuses to build the change."""

    run: RunId
    target: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueBuilds:
    """Write builds down; the poller submits them when there is room."""

    run: RunId
    builds: tuple[Build, ...]
    reusable: tuple[BuildKey, ...] = ()
    """Those that need not be done where the result of their inputs is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishGeneration:
    """Make builds visible to those that come after them."""

    run: RunId
    target: str
    generation: int
    builds: tuple[BuildKey, ...]
    """All that are new in this generation."""
    alone: int | None = None
    """Into the workspace of this one of several changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelateSubjects:
    """Find out which packages of the change are built with which others of it."""

    run: RunId
    target: str
    builds: tuple[BuildKey, ...]
    """The first good one of each package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MakePlan:
    """Find out what the change affects; again after every generation. Or what one of several changes does alone."""

    run: RunId
    target: str
    alone: int | None = None
    packages: tuple[str, ...] = ()
    """With `alone`: the planned packages that are asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindCommits:
    """Ask a dist-git again, which did not say from which commits packages are built."""

    run: RunId
    target: str
    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFindings:
    """Store verdicts that are new, for reports and pages."""

    run: RunId
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareRoots:
    """Find out what differs in the roots of failed builds since the packages' last good ones."""

    run: RunId
    target: str
    builds: tuple[BuildKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldBaselines:
    """Hold the roots of baselines that passed earlier against those of the failures with the change."""

    run: RunId
    target: str
    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseRun:
    """Begin no more rebuilds before somebody has decided; without a pause: go on."""

    run: RunId
    pause: Pause | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishRun:
    """End a run with a conclusion."""

    run: RunId
    conclusion: Conclusion
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeRun:
    """Let a finished run go on, since its verdicts do not agree any more with the waivers that count."""

    run: RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanUp:
    """Remove a run's workspaces and checkout."""

    run: RunId


Action = (
    RefreshChange
    | HandleIntent
    | StartRun
    | StopRun
    | LoadConfiguration
    | FetchSource
    | PinSnapshot
    | PrepareWorkspace
    | FallBack
    | QueueBuilds
    | PublishGeneration
    | RelateSubjects
    | MakePlan
    | FindCommits
    | RecordFindings
    | CompareRoots
    | HoldBaselines
    | PauseRun
    | FinishRun
    | ResumeRun
    | CleanUp
)
