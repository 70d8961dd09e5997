"""What the engine needs of a forge. `tests/contract/test_forge.py` is its meaning.

Every method may raise `Transient`, `Gone`, `Rejected` or `Misconfigured` (bot.ports.errors).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, IntEnum
from typing import Protocol

from bot.domain.ids import RunId
from bot.domain.run import ChangeRef, ChangeState, Conclusion, RepoRef


class Permission(IntEnum):
    """What a person may do in a repository; larger may more. GitHub's words, which the other forges map to."""

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5


class Reaction(Enum):
    """How a command's comment is answered without words."""

    SEEN = "eyes"
    DONE = "rocket"
    REFUSED = "confused"


class CheckStatus(Enum):
    """The state of a check that has no conclusion yet, or has one."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class Level(Enum):
    """How loud an annotation is."""

    NOTICE = "notice"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A remark at a line of a file of the change; lines count from 1."""

    path: str
    line: int
    message: str
    level: Level = Level.FAILURE
    title: str = ""
    column: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """An action offered on a check: label ≤ 20 characters, description ≤ 40, identifier ≤ 20."""

    label: str
    description: str
    identifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check as it is to stand on a commit."""

    name: str
    run: RunId
    head_sha: str
    status: CheckStatus
    title: str
    summary: str
    text: str = ""
    conclusion: Conclusion | None = None
    details_url: str = ""
    started_at: datetime | None = None
    completed_at: datetime | None = None
    annotations: tuple[Annotation, ...] = ()
    buttons: tuple[Button, ...] = ()

    @property
    def external_id(self) -> str:
        """How the check is found again after a crash: `run id/check name`."""
        return f"{self.run}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a forge can show; where it cannot, the report offers the next best."""

    buttons: bool
    annotations: bool
    comment_limit: int
    """Characters in a comment."""
    text_limit: int
    """Characters in a check's summary, and in its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A webhook delivery that the forge knows of, whether or not it reached us."""

    guid: str
    event: str
    delivered_at: datetime
    succeeded: bool
    ref: str
    """How the forge names it when it is asked to deliver again."""


class Forge(Protocol):
    """A code forge, acting as our App or bot user. Writes are idempotent where the forge lets them be."""

    @property
    def capabilities(self) -> Capabilities:
        """What this forge can show."""
        ...

    async def change(self, ref: ChangeRef, known: ChangeState | None = None) -> ChangeState:
        """Read a pull request; with `known`, conditionally by its ETag (the same object returns where it is unchanged)."""
        ...

    async def repositories(self) -> Sequence[RepoRef]:
        """Return every repository in which we are installed."""
        ...

    async def open_changes(self, repo: RepoRef) -> Sequence[ChangeState]:
        """Return the open pull requests of a repository."""
        ...

    async def missed_deliveries(self, since: datetime) -> Sequence[Delivery]:
        """Return failed deliveries since that time, oldest first; empty where the forge keeps none."""
        ...

    async def redeliver(self, delivery: Delivery) -> None:
        """Ask for a delivery to be made again."""
        ...

    async def clone_source(self, ref: ChangeRef, sha: str, directory: str) -> None:
        """Check the change's commit out into a new directory, with history and without credentials left in it."""
        ...

    async def read_file(self, repo: RepoRef, path: str, ref: str) -> bytes | None:
        """Return a file's contents at a commit or branch, None where there is no such file."""
        ...

    async def changed_files(self, ref: ChangeRef) -> Sequence[str]:
        """Return the paths that the change touches, old and new names of renamed files alike."""
        ...

    async def permission(self, repo: RepoRef, user: str) -> Permission:
        """Ask what the user may do in the repository, now."""
        ...

    async def publish_check(self, repo: RepoRef, check: Check, known: str | None) -> str:
        """Create the check, or bring it up to date, and return the forge's id of it.

        `known` is the id from an earlier call; without it a check with the same `external_id` is looked for first, so
        that a crash after the call leaves no second one.
        """
        ...

    async def upsert_comment(self, ref: ChangeRef, body: str, marker: str, known: str | None) -> str:
        """Create our one summary comment or edit it in place, and return its id. `marker` is a text that `body` holds
        and by which the comment is found where `known` is None.
        """
        ...

    async def comment(self, ref: ChangeRef, body: str, marker: str) -> str:
        """Write a new comment, which notifies people, unless one of ours with the marker exists, and return its id."""
        ...

    async def minimise(self, ref: ChangeRef, comment: str) -> None:
        """Fold a comment of ours away as outdated."""
        ...

    async def react(self, ref: ChangeRef, comment: str, reaction: Reaction) -> None:
        """React to somebody's comment; once, however often it is called."""
        ...
