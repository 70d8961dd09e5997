"""Builds: their keys, what goes in, how they end.

A build is written down before a backend hears of it, under a key that is unique for ever; the same key given to a
backend twice is one build. A candidate belongs to a run; a baseline belongs to none and serves every run.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from bot.domain.config import PackageConfig
from bot.domain.ids import BuildKey, BuildRef, RunId, SnapshotId, WorkspaceRef


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateKey:
    """Identity of a build with the change. `generation` counts chained rebuilds, `attempt` counts from 1."""

    run: RunId
    package: str
    target: str
    variant: str = "change"
    generation: int = 0
    attempt: int = 1

    def __str__(self) -> str:
        return f"c/{self.run}/{self.target}/{self.package}/{self.variant}/{self.generation}/{self.attempt}"

    @property
    def text(self) -> BuildKey:
        """The key as it is stored and handed to backends."""
        return BuildKey(str(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineKey:
    """Identity of a build without any change: equal inputs have equal keys, whoever asks."""

    srpm: str
    target: str
    backend: str
    """A result of one build system says nothing about another."""
    buildroot: str
    macros: str = ""
    attempt: int = 1

    def __str__(self) -> str:
        inputs = "\n".join((self.srpm, self.target, self.backend, self.buildroot, self.macros))
        inputs = hashlib.sha256(inputs.encode()).hexdigest()
        return f"b/{inputs[:40]}/{self.attempt}"

    @property
    def text(self) -> BuildKey:
        """The key as it is stored and handed to backends."""
        return BuildKey(str(self))


class FailureReason(Enum):
    """Why a build failed, as coarsely as decisions need it."""

    UNRESOLVABLE = "unresolvable"
    COMPILE = "compile"
    CHECK = "check"
    INSTALL = "install"
    SRPM = "srpm"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    """It needed more than it may have, and was killed."""
    INFRASTRUCTURE = "infrastructure"


class Phase(Enum):
    """The step of a build that failed, in the order in which they are taken."""

    SRPM = "srpm"
    BUILDROOT = "buildroot"
    PREP = "prep"
    BUILD = "build"
    INSTALL = "install"
    CHECK = "check"
    FILES = "files"


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """The build ended with packages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The build ended without. `cause` is the first line that says why, as it stood in the log.

    `signature` is the phase and that line without what differs between two builds of one fault (paths, line numbers,
    addresses, times): two failures with equal signatures are taken to be the same fault.
    """

    reason: FailureReason
    phase: Phase | None = None
    signature: str = ""
    cause: str = ""
    refused: bool = False
    """The backend may not, or does not want to: it says the same however often it is asked (INFRASTRUCTURE alone)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """The build was stopped on request."""


Outcome = Succeeded | Failed | Cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeSource:
    """The change itself: a checkout and how its SRPM is made."""

    directory: str
    """Absolute path of the checked-out commit."""
    package: PackageConfig
    release_suffix: str = ""
    """Appended to Release, so that the change is newer than what it replaces, for example `.rd1a2b3c4`."""
    forge: str = ""
    """Where the commit can be fetched by others: the forge, by the name that the settings give it."""
    repository: str = ""
    """`owner/name` on that forge."""
    head_repository: str = ""
    """`owner/name` of where the change comes from: a fork's branch has the commit, a clone of what it is proposed to
    need not. Empty where that is not known.
    """
    commit: str = ""
    """The commit's full hash; the repository that the change is proposed to has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SrpmSource:
    """A source package that exists: where it is, and what it is known by (`bot.domain.packages.SourcePackage`)."""

    location: str
    checksum: str


BuildSource = TreeSource | SrpmSource


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What a backend needs to know to build one package in a prepared workspace."""

    package: str
    workspace: WorkspaceRef
    source: BuildSource
    timeout: timedelta
    generation: int = 0
    """Sees what was published into the workspace up to this generation."""
    publishable: bool = False
    """Other builds may have to see what it makes: only such a build can be published."""


class BuildState(Enum):
    """Where a build stands with us. SUBMITTING: the backend may or may not have heard of it."""

    QUEUED = "queued"
    SUBMITTING = "submitting"
    RUNNING = "running"
    DONE = "done"


class Purpose(Enum):
    """Why a build was started."""

    SUBJECT = "subject"
    """The change itself."""
    FIRST = "first"
    INFRASTRUCTURE_RETRY = "infrastructure-retry"
    CONFIRMATION = "confirmation"
    BY_HAND = "by-hand"
    BASELINE = "baseline"
    ALONE = "alone"
    """One of several changes by itself, to find out which of them is to blame."""
    BLAME = "blame"
    """A dependent that regressed, with one of several changes alone."""


ASIDE = frozenset({Purpose.SUBJECT, Purpose.ALONE, Purpose.BLAME})
"""Builds of a run that do not tell what becomes of a dependent with the whole of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A build as it is stored. Times are aware UTC."""

    key: BuildKey
    run: RunId | None
    """None for a baseline."""
    target: str
    backend: str
    purpose: Purpose
    request: BuildRequest
    attempt: int
    state: BuildState
    queued_at: datetime
    not_before: datetime | None = None
    """When it may be begun; None where nothing has to pass first."""
    priority: int = 0
    """Larger goes first."""
    ref: BuildRef | None = None
    submitted_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    cancel_requested: bool = False
    reused_from: BuildKey | None = None
    trouble: str = ""
    """Why its backend does nothing for it at present; empty where nothing is known of that."""
    snapshot: SnapshotId | None = None
    buildroot: str = ""
    """Digest of the buildroot as it was solved when the build was asked for."""
    cpu_seconds: float | None = None
    """Processor time of all its processes, None where the backend does not tell."""

    def __hash__(self) -> int:
        # Of all fields, it would cost more than what is looked up by it.
        return hash(self.key)

    @property
    def package(self) -> str:
        """The source package's name."""
        return self.request.package

    @property
    def duration(self) -> timedelta | None:
        """Wall time from start to end, None unless both are known."""
        if self.started_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.started_at
