"""What the fake Forgejo knows: users, tokens, repositories, pull requests, comments, statuses, webhooks.

Plain mutable records and a `World` that holds them. Rules live with the endpoints, the shapes on the wire in `render`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.fakes.forge_model import HostedRepository, ProposedPull, PullRequestWorld, WrittenComment

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
class Repository(HostedRepository):
    owners_role = "owner"
    has_pull_requests: bool = True
    statuses: list["Status"] = field(default_factory=list)

    def may(self, login: str, role: str) -> bool:
        return ROLES.index(self.role(login)) >= ROLES.index(role)


@dataclass(slots=True, kw_only=True)
class PullRequest(ProposedPull):
    merge_base: str

    @property
    def draft(self) -> bool:
        """`HasWorkInProgressPrefix`: nothing but the title says so."""
        return self.title.upper().startswith(DRAFT)


@dataclass(slots=True)
class Reaction:
    user: User
    content: str
    created_at: datetime


class Comment(WrittenComment):
    """Nothing more than what every comment has."""


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


@dataclass(slots=True, kw_only=True)
class World(PullRequestWorld):
    users: dict[str, User] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    """Old full names, and the new ones."""
    hooks: list[Hook] = field(default_factory=list)

    def user(self, login: str) -> User:
        """Find a user, or sign one up. Names know no case."""
        known = next((user for name, user in self.users.items() if name.casefold() == login.casefold()), None)
        return known or self.users.setdefault(login, User(login, self.new_id()))
