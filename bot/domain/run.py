"""Changes and runs: what is tested and how far it has come.

A change is a pull request and owns the reports. A run tests one head commit of it. A run target is the run's work on
one target. All three are rows; the engine replaces them as a whole under the lease's fencing token.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from bot.domain.config import Config, ConfigProblem, Depth, PackageConfig
from bot.domain.ids import BuildKey, ChangeId, RunId, SnapshotId, WorkspaceRef
from bot.domain.packages import PackageChange
from bot.domain.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoRef:
    """A repository on a forge; `forge` is the name under which the settings know it ("github")."""

    forge: str
    owner: str
    name: str

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRef:
    """A pull request, by repository and number; or a merge queue's group of them, by the branch that it is on too."""

    repo: RepoRef
    number: int
    queue: str = ""
    """The merge queue's branch, where a group is meant: `number` is then the pull request that came last. It has no
    conversation, only a commit with checks.
    """

    @property
    def id(self) -> ChangeId:
        """The key under which the change is stored."""
        return ChangeId(f"{self.repo.forge}:{self.repo}#{self.number}{f'@{self.queue}' if self.queue else ''}")

    def __str__(self) -> str:
        return f"{self.repo}#{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeState:
    """A pull request as the forge described it last."""

    ref: ChangeRef
    title: str
    author: str
    head_sha: str
    base_sha: str
    base_branch: str
    head_repo: str
    """`owner/name`; another than the change's own for a fork."""
    open: bool = True
    draft: bool = False
    labels: tuple[str, ...] = ()
    url: str = ""
    etag: str = ""
    place: str = ""
    """What checks are shown in beside their commit, such as a pipeline: where it is another one, they are told anew."""

    def gone(self) -> "ChangeState":
        """Return it as it is to us where the forge shows it no more: closed, and read in full if it comes back."""
        return replace(self, open=False, etag="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A pull request as it is stored. `state` is None until the forge was asked for the first time."""

    ref: ChangeRef
    state: ChangeState | None = None
    stale: bool = True
    """A hint came in: ask the forge again before anything else is done."""
    approved_sha: str | None = None
    """The outsider's commit that a maintainer let through."""
    pushed_sha: str | None = None
    """The last push that was heard of, and who made it."""
    pushed_by: str | None = None
    failing_sha: str | None = None
    """The head commit for which the one "now failing" comment was written."""
    hints: int = 0
    """How many hints came in before this was read: the store keeps `stale` where more did since."""


class RunState(Enum):
    """The coarse state of a run; details are in its targets, entries and builds."""

    ACTIVE = "active"
    WAITING = "waiting"
    """For an approval."""
    FINISHED = "finished"


class Conclusion(Enum):
    """How a run ended; the words are those of GitHub's check runs."""

    SUCCESS = "success"
    FAILURE = "failure"
    ACTION_REQUIRED = "action_required"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"


class StopReason(Enum):
    """Why a run is to be stopped before its end."""

    SUPERSEDED = "superseded"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a run could not go on, for the report: what happened and what to do about it."""

    what: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Why a run waits for somebody: the first packages that were rebuilt on a target all failed with one signature."""

    target: str
    signature: str
    cause: str
    """Of the first of them, as it stood in the log."""
    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of the pull requests that a run tests: its own, or one that it was told to test together with that."""

    change: ChangeRef
    head_sha: str
    base_sha: str
    base_branch: str = ""
    head_repo: str = ""
    """`owner/name` of where it comes from, empty where that is gone."""
    url: str = ""
    """The pull request's page."""
    approved: bool = False
    """Its commit is built because somebody let it through, and only for as long as that stands."""
    checkout: str | None = None
    """Directory of the checked-out head commit."""
    packages: tuple[PackageConfig, ...] = ()
    """The packages that it touches; names are known once the specs have been parsed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One test of one head commit, or of several changes together. Times are aware UTC."""

    id: RunId
    change: ChangeRef
    head_sha: str
    base_sha: str
    base_branch: str = ""
    head_repo: str = ""
    """`owner/name` of where the change comes from, empty where that is gone."""
    created_at: datetime
    sequence: int = 1
    """Counts the runs of a change from 1."""
    state: RunState = RunState.ACTIVE
    trusted: bool | None = None
    """None: not asked yet."""
    config: Config | None = None
    config_problems: tuple[ConfigProblem, ...] = ()
    config_from_head: bool = False
    config_changed: bool = False
    """The change touches `.revdeps.yaml`."""
    changed_files: tuple[str, ...] = ()
    """What the change touches, the first 100 of them: an approver has to read them."""
    packages: tuple[PackageConfig, ...] = ()
    """The packages that the change touches; names are known once the specs have been parsed."""
    checkout: str | None = None
    """Directory of the checked-out head commit."""
    deadline: datetime | None = None
    stop: StopReason | None = None
    stopped_by: str | None = None
    problem: Problem | None = None
    conclusion: Conclusion | None = None
    finished_at: datetime | None = None
    skip: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    limit: int | None = None
    """From `run limit=N`; overrides the configuration's."""
    depth: Depth | None = None
    """From `run depth=…`; overrides the configuration's."""
    only_targets: tuple[str, ...] = ()
    """From `run target=…`; empty for all of them."""
    cancelled_packages: tuple[str, ...] = ()
    boosts: tuple[tuple[str, int], ...] = ()
    """(package, points): what is added to the priority of its builds, by `priority`."""
    pause: Pause | None = None
    accepted_failures: tuple[str, ...] = ()
    """Signatures for which the run does not pause (again)."""
    companions: tuple[Part, ...] = ()
    """The other pull requests that `with` named: their changes are built and tested together with this one."""
    cleaned: bool = False
    """Workspaces and checkout are removed."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """All pull requests that the run tests, its own first; a place in it stands for one of them."""
        own = Part(
            change=self.change,
            head_sha=self.head_sha,
            base_sha=self.base_sha,
            base_branch=self.base_branch,
            head_repo=self.head_repo,
            checkout=self.checkout,
            packages=self.packages,
        )
        return (own, *self.companions)

    @property
    def subjects(self) -> tuple[PackageConfig, ...]:
        """The packages of all its pull requests."""
        return tuple(package for part in self.parts for package in part.packages)


def revived(run: Run, now: datetime) -> Run:
    """Return a run as one that goes on, with the whole of its time before it."""
    deadline = now + run.config.timeout if run.config else None
    return replace(run, state=RunState.ACTIVE, conclusion=None, finished_at=None, problem=None, deadline=deadline)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPackage:
    """A package of the change, as it was built: what its dependents are tested against."""

    source: str
    """NEVRA of the SRPM."""
    binaries: tuple[str, ...]
    """NEVRAs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """One of several changes by itself on a target, built where a regression has to be blamed on one of them."""

    workspace: WorkspaceRef | None = None
    published: tuple[PublishedPackage, ...] = ()
    published_builds: tuple[BuildKey, ...] = ()
    """The builds that these packages come from."""
    repository: str | None = None
    """URL of the workspace's repository, None until something of the change is published."""
    priority: int | None = None
    """Its priority among the target's repositories, None where it counts as what it replaces."""
    generation: int = -1
    """The last generation that was published."""
    refusal: str = ""
    """Why the backend makes no workspace for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """Which other packages of the change one of them is built with."""

    build: BuildKey
    """The first good build of the one."""
    needs: tuple[str, ...]
    """The others, by name: something of theirs was in that build's root, or would not be the same there any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTarget:
    """A run's work on one target."""

    run: RunId
    target: Target
    snapshot: SnapshotId | None = None
    workspace: WorkspaceRef | None = None
    baseline_workspace: WorkspaceRef | None = None
    """Prepared when the first baseline is needed."""
    published: tuple[PublishedPackage, ...] = ()
    """The change and, in chained mode, what was rebuilt for it."""
    published_builds: tuple[BuildKey, ...] = ()
    """The builds that these packages come from."""
    repository: str | None = None
    """URL of the workspace's repository, None until the change is published."""
    priority: int | None = None
    """Its priority among the target's repositories, None where it counts as what it replaces."""
    generation: int = -1
    """The last generation that was published; 0 holds the change alone, those before it some of several packages of it,
    or not each of them as it is built with all others.
    """
    planned: bool = False
    """The plan is made, and made again for the present generation."""
    examined: int = 0
    """How many source packages the resolver looked at."""
    changes: tuple[PackageChange, ...] = ()
    """What differs in the change's packages themselves."""
    stale_snapshot: bool = False
    refusal: str = ""
    """Which backend refused to build the change, and why: since then `target.backend` is its fallback."""
    replaced: tuple[str, ...] = ()
    """NEVRAs of the SRPMs that the target has of the changed packages."""
    order: tuple[int, ...] = ()
    """Places of several changes in the order in which they are built, each with the ones before it; empty for one."""
    alone: tuple[Alone, ...] = ()
    """By place, once a regression of several changes has to be blamed."""
    relations: tuple[Relation, ...] = ()
    """Of the changed packages, where they are several, once all of them are published."""
