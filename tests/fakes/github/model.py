"""What the fake GitHub knows: users, repositories, pull requests, comments, check runs, Apps and their installations.

Plain mutable records and a `World` that holds them. Rules (who may, how long, how many) live with the endpoints, the
shapes on the wire in `render*.py`. Every id comes from one counter that starts above 2³², as GitHub's have for years,
so that whoever keeps one in 32 bits notices.
"""

import base64
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.ports.clock import Clock
from tests.fakes.clock import SystemClock

TOKEN_LIFE = timedelta(hours=1)
ROLES = ("none", "read", "triage", "write", "maintain", "admin")


@dataclass(slots=True)
class User:
    login: str
    id: int
    type: str = "User"


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
    parent: "Repository | None" = None
    roles: dict[str, str] = field(default_factory=dict)
    pulls: dict[int, "PullRequest"] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    def role(self, login: str) -> str:
        """The user's role; anybody may read a public repository."""
        if login == self.owner.login:
            return "admin"
        return self.roles.get(login, "none" if self.private else "read")


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
    base_sha: str
    draft: bool
    created_at: datetime
    updated_at: datetime
    state: str = "open"
    closed_at: datetime | None = None
    merged_at: datetime | None = None
    merge_commit_sha: str | None = None
    labels: list[str] = field(default_factory=list)
    locked: bool = False

    @property
    def from_fork(self) -> bool:
        return self.head_repo is not self.repo


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
    app: "App | None" = None
    minimised: str | None = None
    reactions: list["Reaction"] = field(default_factory=list)

    @property
    def body(self) -> str:
        return self.history[-1]

    @property
    def node_id(self) -> str:
        return node_id("IC", self.id)


@dataclass(slots=True)
class Reaction:
    id: int
    user: User
    content: str
    created_at: datetime


@dataclass(slots=True)
class CheckSuite:
    repo: Repository
    id: int
    app: "App"
    head_sha: str
    head_branch: str | None
    created_at: datetime
    updated_at: datetime
    reset: bool = False
    """Somebody asked for it again, and nothing has been reported since."""


@dataclass(slots=True)
class CheckRun:
    """`history` holds a copy of what could be seen after each write: status, conclusion, title, summary, text."""

    repo: Repository
    id: int
    suite: CheckSuite
    app: "App"
    name: str
    head_sha: str
    started_at: datetime
    status: str = "queued"
    conclusion: str | None = None
    completed_at: datetime | None = None
    details_url: str | None = None
    external_id: str = ""
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[dict[str, Any]] = field(default_factory=list)
    actions: list[dict[str, str]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def output(self) -> dict[str, str | None]:
        """What a person reads of it."""
        return {"title": self.title, "summary": self.summary, "text": self.text}


@dataclass(slots=True)
class App:
    """A GitHub App. `webhook_url` and `private_key` may be changed while the server runs."""

    id: int
    slug: str
    client_id: str
    owner: User
    bot: User
    public_key: bytes
    private_key: str | None
    webhook_url: str | None
    webhook_secret: str
    permissions: dict[str, str]
    events: tuple[str, ...]
    created_at: datetime


@dataclass(slots=True)
class Installation:
    id: int
    app: App
    account: User
    permissions: dict[str, str]
    created_at: datetime
    selected: set[str] | None = None
    """Full names; None: all repositories of the account."""
    suspended_at: datetime | None = None
    used: int = 0
    window_ends: datetime | None = None
    """Requests counted against the hourly limit, and when the count begins anew."""

    def covers(self, repo: Repository) -> bool:
        """Whether the App is installed in that repository."""
        if repo.owner.login != self.account.login:
            return False
        return self.selected is None or repo.full_name in self.selected


@dataclass(slots=True)
class Token:
    value: str
    installation: Installation
    permissions: dict[str, str]
    repositories: frozenset[str] | None
    expires_at: datetime

    def reaches(self, repo: Repository) -> bool:
        """Whether the token was made for that repository."""
        return self.installation.covers(repo) and (self.repositories is None or repo.full_name in self.repositories)


@dataclass(slots=True)
class HookDelivery:
    """One attempt to deliver; attempts at the same event share the `guid`."""

    id: int
    guid: str
    app: App
    event: str
    payload: dict[str, Any]
    delivered_at: datetime
    redelivery: bool = False
    status: str = "pending"
    status_code: int = 0
    duration: float = 0.0
    request_headers: dict[str, str] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        return 200 <= self.status_code < 400

    @property
    def action(self) -> str | None:
        return self.payload.get("action")


@dataclass(slots=True)
class World:
    """Everything, by name or id."""

    root: Path
    url: str = ""
    clock: Clock = field(default_factory=SystemClock)
    users: dict[str, User] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    checks: dict[int, CheckRun] = field(default_factory=dict)
    suites: dict[int, CheckSuite] = field(default_factory=dict)
    apps: dict[int, App] = field(default_factory=dict)
    installations: dict[int, Installation] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    deliveries: list[HookDelivery] = field(default_factory=list)
    moved: dict[str, Repository] = field(default_factory=dict)
    """Repositories by the names that they had."""
    graphql_exhausted: bool = False
    """GraphQL's own hourly points are spent, which it says in an answer with status 200."""
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(21_000_000_001))

    def new_id(self) -> int:
        return next(self.ids)

    def now(self) -> datetime:
        """The present time to the second: GitHub shows no more."""
        return self.clock.now().replace(microsecond=0)

    def user(self, login: str, kind: str = "User") -> User:
        """Find a user, or sign one up."""
        return self.users.setdefault(login, User(login, 583_231 + len(self.users), kind))

    def installation_for(self, repo: Repository, app: App | None = None) -> Installation | None:
        """The installation in a repository, of a certain App or of any."""
        found = (i for i in self.installations.values() if i.covers(repo) and (app is None or i.app is app))
        return next(found, None)


def node_id(kind: str, number: int) -> str:
    """A global id as GraphQL wants it: opaque, but telling the kind."""
    return f"{kind}_kwDO{base64.urlsafe_b64encode(str(number).encode()).decode().rstrip('=')}"


def stamp(moment: datetime | None) -> str | None:
    """A time as GitHub writes it."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
