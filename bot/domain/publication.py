"""What is shown on a forge: checks, annotations, buttons, reactions, and what of it stands there already."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from bot.domain.ids import RunId
from bot.domain.parlance import PULL_REQUESTS, Parlance
from bot.domain.run import Conclusion


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A remark at a line of a file of the change; lines count from 1."""

    path: str
    line: int
    message: str
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
    new: bool = False
    """Whether nobody can have published it before: then it need not be looked for."""

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
    rich_checks: bool = True
    """Whether a check has a text of its own and stands beside those of other runs. Else it is a commit status: one line
    and a link, one of a name on a commit, and what was said last counts; some forges keep the line of a state.
    """
    parlance: Parlance = PULL_REQUESTS
    """In which words its people are spoken to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What stands on the forge: `scope` is a run's or a change's id, `name` a check's name or a comment's kind."""

    scope: str
    name: str
    digest: str
    published_at: datetime
    forge_id: str
