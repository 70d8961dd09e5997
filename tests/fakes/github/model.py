"""What the fake GitHub knows: users, repositories, pull requests, comments, check runs, Apps and their installations.

Plain mutable records and a `World` that holds them. Rules (who may, how long, how many) live with the endpoints, the
shapes on the wire in `render*.py`. Every id comes from one counter that starts above 2³², as GitHub's have for years,
so that whoever keeps one in 32 bits notices.
"""

import base64
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.fakes.forge_model import HostedRepository, ProposedPull, PullRequestWorld, WrittenComment

TOKEN_LIFE = timedelta(hours=1)
ROLES = ("none", "read", "triage", "write", "maintain", "admin")


@dataclass(slots=True)
class User:
    login: str
    id: int
    type: str = "User"


@dataclass(slots=True)
class Repository(HostedRepository):
    owners_role = "admin"


@dataclass(slots=True, kw_only=True)
class PullRequest(ProposedPull):
    base_sha: str
    draft: bool
    merge_commit_sha: str | None = None


@dataclass(slots=True, kw_only=True)
class Comment(WrittenComment):
    app: "App | None" = None
    minimised: str | None = None

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


@dataclass(slots=True, kw_only=True)
class World(PullRequestWorld):
    users: dict[str, User] = field(default_factory=dict)
    checks: dict[int, CheckRun] = field(default_factory=dict)
    suites: dict[int, CheckSuite] = field(default_factory=dict)
    apps: dict[int, App] = field(default_factory=dict)
    installations: dict[int, Installation] = field(default_factory=dict)
    moved: dict[str, Repository] = field(default_factory=dict)
    """Repositories by the names that they had."""
    graphql_exhausted: bool = False
    """GraphQL's own hourly points are spent, which it says in an answer with status 200."""
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(21_000_000_001))

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
