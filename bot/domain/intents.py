"""What somebody wants of the bot: the only thing that a webhook is turned into.

An intent is a hint that is stored with its delivery in one transaction; the reconciler acts on it later. What it says
of a pull request may be late, so it carries identities and words, never state.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.ids import RunId
from bot.domain.run import ChangeRef, RepoRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """Something about the pull request changed: look at it again."""

    change: ChangeRef
    pushed_sha: str = ""
    """The commit that somebody pushed, where that is what happened."""
    pushed_by: str = ""
    """Who pushed it: the forge tells it here and nowhere else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commented:
    """A person wrote a comment on a pull request; whether it holds commands is found out later."""

    change: ChangeRef
    comment: str
    """The forge's id of it."""
    author: str
    body: str
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RerunRequested:
    """Somebody asked the forge to run a check again. `run` is None for a whole suite: what failed is retried."""

    repo: RepoRef
    head_sha: str
    user: str
    run: RunId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonPressed:
    """A button on a check run."""

    repo: RepoRef
    run: RunId
    head_sha: str
    identifier: str
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryTouched:
    """The bot was installed, or a base branch moved: look at all its open pull requests again.

    `branch` is None for all of them; `removed` tells that the bot has no access any more.
    """

    repo: RepoRef
    branch: str | None = None
    removed: bool = False


Intent = Refresh | Commented | RerunRequested | ButtonPressed | RepositoryTouched


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredIntent:
    """An intent with its row: `id` orders intents as they came in."""

    id: int
    intent: Intent
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedDelivery:
    """A webhook delivery: its identity on its forge and what it asks for (nothing, for an event of no interest)."""

    forge: str
    guid: str
    event: str
    received_at: datetime
    intents: tuple[Intent, ...] = ()


def name_of_delivery(guid: str, intents: Sequence[Intent]) -> str:
    """Return what a delivery is known by: its GUID, but for a new comment, which is written once.

    Forgejo's *Replay* gives the same content another GUID, and what a sweep found by itself has none.
    """
    for intent in intents:
        if isinstance(intent, Commented):
            return f"comment-{intent.comment}"
    return guid
