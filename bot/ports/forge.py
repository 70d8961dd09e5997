"""What the engine needs of a forge. `tests/contract/test_forge.py` is its meaning.

Every method may raise `Transient`, `Gone`, `Rejected` or `Misconfigured` (bot.ports.errors).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.intents import Commented
from bot.domain.permission import Permission
from bot.domain.publication import Capabilities, Check, Reaction
from bot.domain.run import ChangeRef, ChangeState, RepoRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A webhook delivery that the forge knows of, whether or not it reached us."""

    guid: str
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
        """Read a pull request; with `known`, conditionally by its ETag (unchanged: `known` itself returns)."""
        ...

    async def repositories(self) -> Sequence[RepoRef]:
        """Return every repository in which we are installed."""
        ...

    async def open_changes(self, repo: RepoRef) -> Sequence[ChangeState]:
        """Return the open pull requests of a repository; `base_sha` is empty where the forge's list tells none."""
        ...

    async def missed_deliveries(self, since: datetime) -> Sequence[Delivery]:
        """Return failed deliveries since that time, oldest first; empty where the forge keeps none."""
        ...

    async def redeliver(self, delivery: Delivery) -> None:
        """Ask for a delivery to be made again."""
        ...

    async def unheard_comments(self, repo: RepoRef, since: datetime) -> Sequence[Commented]:
        """Return comments of people since that time that speak to us and to which we have not reacted, oldest first;
        empty where `missed_deliveries` tells of all.
        """
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
