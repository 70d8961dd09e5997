"""What the fake forges know alike. GitHub's and Forgejo's have repositories with pull requests and comments; all three
keep what they know in a `World`.

Plain mutable records: each forge adds what it alone has.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from bot.ports.clock import Clock


@dataclass(slots=True, kw_only=True)
class ForgeWorld:
    """Everything, by name or id. `url` is known once the server listens."""

    root: Path
    clock: Clock
    url: str = ""
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1001))

    def new_id(self) -> int:
        return next(self.ids)

    def now(self) -> datetime:
        return self.clock.now()


@dataclass(slots=True, kw_only=True)
class PullRequestWorld(ForgeWorld):
    """What a forge with pull requests knows besides its users."""

    repositories: dict[str, Any] = field(default_factory=dict)
    comments: dict[int, Any] = field(default_factory=dict)
    tokens: dict[str, Any] = field(default_factory=dict)
    deliveries: list[Any] = field(default_factory=list)
    """Every attempt to deliver a webhook, oldest first."""

    def now(self) -> datetime:
        """The present time to the second: neither GitHub nor Forgejo tells more."""
        return self.clock.now().replace(microsecond=0)

    def comments_of(self, pull: Any) -> list[Any]:
        """The comments of a pull request, oldest first."""
        return [c for c in self.comments.values() if c.repo is pull.repo and c.number == pull.number]


@dataclass(slots=True)
class HostedRepository:
    """A repository of somebody's, with people who have roles in it."""

    owners_role: ClassVar[str]
    owner: Any
    name: str
    id: int
    git_dir: Path
    private: bool
    created_at: datetime
    default_branch: str = "main"
    archived: bool = False
    parent: Any = None
    roles: dict[str, str] = field(default_factory=dict)
    pulls: dict[int, Any] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    def role(self, login: str) -> str:
        """The user's role; anybody may read a public repository."""
        if login == self.owner.login:
            return self.owners_role
        return self.roles.get(login, "none" if self.private else "read")


@dataclass(slots=True, kw_only=True)
class ProposedPull:
    """A pull request."""

    repo: Any
    number: int
    id: int
    user: Any
    title: str
    body: str
    head_repo: Any
    """None where the fork was deleted."""
    head_ref: str
    head_sha: str
    base_ref: str
    created_at: datetime
    updated_at: datetime
    state: str = "open"
    closed_at: datetime | None = None
    merged_at: datetime | None = None
    labels: list[str] = field(default_factory=list)
    locked: bool = False

    @property
    def from_fork(self) -> bool:
        return self.head_repo is not self.repo


@dataclass(slots=True, kw_only=True)
class WrittenComment:
    """A comment. `history` holds every body it ever had, the newest last."""

    repo: Any
    number: int
    id: int
    user: Any
    created_at: datetime
    updated_at: datetime
    history: list[str]
    reactions: list[Any] = field(default_factory=list)

    @property
    def body(self) -> str:
        return self.history[-1]


def stamp(moment: datetime | None) -> str | None:
    """A time as GitHub and Forgejo write it."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
