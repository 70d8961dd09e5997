"""What the fake GitLab knows: users, tokens, projects, merge requests, notes, pipelines with their statuses, hooks.

Plain mutable records and a `World` that holds them. Rules (who may, how long, how many) live with the endpoints. Ids
come from one counter that starts above 2³², as those of notes and jobs at gitlab.com; `iid`s count in a project.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.fakes.forge_model import ForgeWorld

GUEST, PLANNER, REPORTER, DEVELOPER, MAINTAINER, OWNER = 10, 15, 20, 30, 40, 50


@dataclass(slots=True)
class User:
    username: str
    id: int
    bot: bool = False
    state: str = "active"


@dataclass(slots=True)
class Token:
    """An access token; `scopes` as on its page."""

    value: str
    user: User
    scopes: tuple[str, ...] = ("api",)
    expires_at: datetime | None = None
    revoked: bool = False


@dataclass(slots=True)
class Project:
    path: str
    id: int
    git_dir: Path
    visibility: str
    default_branch: str = "main"
    parent: "Project | None" = None
    archived: bool = False
    members: dict[int, int] = field(default_factory=dict)
    """Access levels by user id."""
    invited: dict[int, int] = field(default_factory=dict)
    """Those of members by an invited group, whom the project's `permissions` do not tell."""
    requests: "dict[int, MergeRequest]" = field(default_factory=dict)
    hooks: "list[Hook]" = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def level(self, user: User) -> int:
        return max(self.members.get(user.id, 0), self.invited.get(user.id, 0))

    def readable(self, user: User) -> bool:
        return self.visibility != "private" or self.level(user) > 0


@dataclass(slots=True)
class MergeRequest:
    project: Project
    iid: int
    id: int
    author: User
    title: str
    source: Project | None
    source_branch: str
    target_branch: str
    sha: str
    base_sha: str
    start_sha: str
    created_at: datetime
    updated_at: datetime
    draft: bool = False
    state: str = "opened"
    labels: list[str] = field(default_factory=list)
    discussion_locked: bool = False
    prepared: bool = True
    train: str = ""
    """Its status on a merge train, empty where it is on none."""


@dataclass(slots=True)
class Award:
    name: str
    user: User
    id: int


@dataclass(slots=True)
class Note:
    id: int
    request: MergeRequest
    author: User
    history: list[str]
    created_at: datetime
    updated_at: datetime
    system: bool = False
    internal: bool = False
    awards: list[Award] = field(default_factory=list)

    @property
    def body(self) -> str:
        return self.history[-1]


@dataclass(slots=True)
class Status:
    """A job that somebody outside reports about: a generic commit status."""

    id: int
    name: str
    user: User
    status: str
    description: str | None
    target_url: str | None
    created_at: datetime
    retried: bool = False


@dataclass(slots=True)
class Pipeline:
    project: Project
    id: int
    sha: str
    ref: str
    source: str
    created_at: datetime
    request: MergeRequest | None = None
    statuses: list[Status] = field(default_factory=list)

    @property
    def latest(self) -> list[Status]:
        return [status for status in self.statuses if not status.retried]


@dataclass(slots=True)
class Hook:
    id: int
    project: Project
    url: str
    events: tuple[str, ...]
    token: str = ""
    signing_key: bytes = b""
    failures: int = 0
    """In a row."""
    disabled_until: datetime | None = None


@dataclass(slots=True)
class HookEvent:
    """An attempt to deliver: `status` is a code, or GitLab's words where there was no answer."""

    id: int
    hook: Hook
    key: str
    event: str
    payload: dict[str, Any]
    created_at: datetime
    status: str = "internal error"
    resent: bool = False
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class World(ForgeWorld):
    users: dict[str, User] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    projects: dict[int, Project] = field(default_factory=dict)
    moved: dict[str, int] = field(default_factory=dict)
    """Paths that projects had."""
    notes: dict[int, Note] = field(default_factory=dict)
    pipelines: list[Pipeline] = field(default_factory=list)
    events: list[HookEvent] = field(default_factory=list)
    quick_actions: list[str] = field(default_factory=list)
    """What notes made GitLab do: `/close` …"""
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(2**32 + 1))
    small_ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def user(self, username: str, *, bot: bool = False) -> User:
        """The user of that name, made where there is none; names are compared without regard to case."""
        if username.lower() not in self.users:
            self.users[username.lower()] = User(username, next(self.small_ids), bot)
        return self.users[username.lower()]

    def project(self, path: str) -> Project | None:
        return next((one for one in self.projects.values() if one.path.lower() == path.lower()), None)

    def pipelines_of(self, request: MergeRequest) -> list[Pipeline]:
        """The pipelines of a merge request itself, oldest first."""
        return [one for one in self.pipelines if one.request is request and one.source == "merge_request_event"]

    def head_pipeline(self, request: MergeRequest) -> Pipeline | None:
        """The newest pipeline for the present commit: one of the merge request, else one of the branch.

        Read in app/models/merge_request.rb (`diff_head_pipeline`, `matches_sha_or_source_sha?`) and
        app/finders/ci/pipelines_for_merge_request_finder.rb.
        """
        own = self.pipelines_of(request)
        branch = [
            one
            for one in self.pipelines
            if one.project is request.source and one.ref == request.source_branch and one.sha == request.sha
        ]
        return max(own or branch, key=lambda one: one.id, default=None)
