"""What the fake Forgejo knows: users, tokens, repositories, pull requests, comments, statuses, webhooks.

Plain mutable records and a `World` that holds them. Rules live with the endpoints, the shapes on the wire in `render`.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.ports.clock import Clock

ROLES = ("none", "read", "write", "admin", "owner")
"""`models/perm/access_mode.go`."""
DRAFT = ("WIP:", "[WIP]")
"""`modules/setting/repository.go`, WorkInProgressPrefixes."""


@dataclass(slots=True)
class User:
    login: str
    id: int
    active: bool = True


@dataclass(slots=True)
class Token:
    value: str
    user: User
    scopes: frozenset[str]

    def allows(self, category: str, *, write: bool) -> bool:
        """Whether the token reaches a category of the API; to write includes to read (`access_token_scope.go`)."""
        return bool(self.scopes & {"all", f"write:{category}", *(() if write else (f"read:{category}",))})


@dataclass(slots=True)
class Repository:
    owner: User
    name: str
    id: int
    git_dir: Path
    private: bool
    created_at: datetime
    default_branch: str = "main"
    archived: bool = False
    has_pull_requests: bool = True
    parent: "Repository | None" = None
    roles: dict[str, str] = field(default_factory=dict)
    pulls: dict[int, "PullRequest"] = field(default_factory=dict)
    statuses: list["Status"] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    def role(self, login: str) -> str:
        """The user's access; anybody may read a public repository."""
        if login == self.owner.login:
            return "owner"
        return self.roles.get(login, "none" if self.private else "read")

    def may(self, login: str, role: str) -> bool:
        return ROLES.index(self.role(login)) >= ROLES.index(role)


@dataclass(slots=True)
class PullRequest:
    repo: Repository
    number: int
    id: int
    user: User
    title: str
    body: str
    head_repo: Repository | None
    head_ref: str
    head_sha: str
    base_ref: str
    merge_base: str
    created_at: datetime
    updated_at: datetime
    state: str = "open"
    closed_at: datetime | None = None
    merged_at: datetime | None = None
    labels: list[str] = field(default_factory=list)
    locked: bool = False

    @property
    def draft(self) -> bool:
        """`HasWorkInProgressPrefix`: nothing but the title says so."""
        return self.title.upper().startswith(DRAFT)


@dataclass(slots=True)
class Reaction:
    user: User
    content: str
    created_at: datetime


@dataclass(slots=True)
class Comment:
    """`history` holds every body it ever had, the newest last."""

    repo: Repository
    number: int
    id: int
    user: User
    created_at: datetime
    updated_at: datetime
    history: list[str]
    reactions: list[Reaction] = field(default_factory=list)

    @property
    def body(self) -> str:
        return self.history[-1]


@dataclass(frozen=True, slots=True)
class Status:
    """Written once, never changed. Its id counts within the commit; the highest counts for its context."""

    id: int
    sha: str
    state: str
    context: str
    description: str
    target_url: str
    creator: User
    created_at: datetime


@dataclass(slots=True)
class Hook:
    """A webhook of a repository or an owner (by name), or of the whole server (None)."""

    of: str | None
    url: str
    secret: str
    content_type: str = "application/json"
    events: tuple[str, ...] | None = None
    """The types that it is sent; None: all of them."""
    active: bool = True
    id: int = 0

    def covers(self, repo: Repository) -> bool:
        return self.of in (None, repo.owner.login, repo.full_name)

    def hears(self, event_type: str) -> bool:
        return self.active and (self.events is None or event_type in self.events)


@dataclass(slots=True)
class HookDelivery:
    """One attempt to deliver."""

    uuid: str
    hook: Hook
    event: str
    event_type: str
    payload: dict[str, Any]
    status_code: int = 0
    request_headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class World:
    """Everything, by name or id."""

    root: Path
    clock: Clock
    url: str = ""
    users: dict[str, User] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    """Old full names, and the new ones."""
    comments: dict[int, Comment] = field(default_factory=dict)
    hooks: list[Hook] = field(default_factory=list)
    deliveries: list[HookDelivery] = field(default_factory=list)
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1001))

    def new_id(self) -> int:
        return next(self.ids)

    def now(self) -> datetime:
        """The present time to the second: Forgejo stores no more."""
        return self.clock.now().replace(microsecond=0)

    def user(self, login: str) -> User:
        """Find a user, or sign one up. Names know no case."""
        known = next((user for name, user in self.users.items() if name.casefold() == login.casefold()), None)
        return known or self.users.setdefault(login, User(login, self.new_id()))

    def comments_of(self, pull: PullRequest) -> list[Comment]:
        """The comments of a pull request, oldest first."""
        return [c for c in self.comments.values() if c.repo is pull.repo and c.number == pull.number]


def stamp(moment: datetime | None) -> str | None:
    """A time as Forgejo writes it."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
