"""What a hub keeps, as plain values. `World` (world.py) holds them all and finds them.

Times are seconds since the epoch, as the hub's `…_ts` fields are; states are the numbers of `koji.TASK_STATES` and its
like. Fields are named as the hub names them where they are shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import koji

FREE, OPEN, CLOSED, CANCELED, ASSIGNED, FAILED = (
    koji.TASK_STATES[name] for name in ("FREE", "OPEN", "CLOSED", "CANCELED", "ASSIGNED", "FAILED")
)
FINISHED = frozenset({CLOSED, CANCELED, FAILED})
BUILDING, COMPLETE = koji.BUILD_STATES["BUILDING"], koji.BUILD_STATES["COMPLETE"]

Output = bytes | Path
"""A file that a task made: what is in it, or where it lies."""


@dataclass(slots=True, kw_only=True, eq=False)
class User:
    id: int
    name: str
    password: str | None = None
    perms: set[str] = field(default_factory=set)
    principals: list[str] = field(default_factory=list)
    status: int = koji.USER_STATUS["NORMAL"]


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    id: int
    key: str
    user: User
    authtype: int
    started: float
    renewed: float | None = None
    expired: bool = False
    closed: bool = False
    callnum: int | None = None
    """Number of the last call that changed something."""


@dataclass(slots=True, kw_only=True, eq=False)
class Listing:
    """A build in a tag, from one event to another."""

    build: "Build"
    event: int
    revoked: int | None = None

    def holds(self, event: int | None) -> bool:
        """Whether it is (or was, at an event) tagged."""
        if event is None:
            return self.revoked is None
        return self.event <= event and (self.revoked is None or self.revoked > event)


@dataclass(slots=True, kw_only=True, eq=False)
class Tag:
    id: int
    name: str
    arches: str
    first_event: int
    last_event: int
    parents: list[int] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    former: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """What `extra` was until an event, oldest first."""
    packages: dict[str, bool] = field(default_factory=dict)
    """Names on the package list, and whether they are blocked."""
    listings: dict[str, list[Listing]] = field(default_factory=dict)
    """By package, oldest first."""
    deleted: bool = False
    locked: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Target:
    id: int
    name: str
    build_tag: int
    dest_tag: int


@dataclass(slots=True, kw_only=True, eq=False)
class Rpm:
    id: int
    name: str
    version: str
    release: str
    arch: str
    epoch: int | None = None
    build: "Build | None" = None
    """None: external."""
    buildroot_id: int | None = None
    payloadhash: str = ""
    size: int = 0
    buildtime: int = 0
    file: Path | None = None
    headers: Mapping[str, Any] = field(default_factory=dict)
    """What stands in the header, where there is no file: names in lower case."""

    @property
    def nvra(self) -> str:
        return f"{self.name}-{self.version}-{self.release}.{self.arch}"


@dataclass(slots=True, kw_only=True, eq=False)
class Build:
    id: int
    package_id: int
    name: str
    version: str
    release: str
    epoch: int | None
    owner: User
    event: int
    created: float
    state: int
    draft: bool = False
    task_id: int | None = None
    started: float | None = None
    completed: float | None = None
    source: str | None = None
    extra: dict[str, Any] | None = None
    rpms: list[Rpm] = field(default_factory=list)

    @property
    def nvr(self) -> str:
        return f"{self.name}-{self.version}-{self.release}"


@dataclass(slots=True, kw_only=True, eq=False)
class Task:
    id: int
    method: str
    request: list[Any]
    owner: User
    channel_id: int
    created: float
    parent: int | None = None
    label: str | None = None
    arch: str = "noarch"
    priority: int = koji.PRIO_DEFAULT
    weight: float = 1.0
    state: int = FREE
    host_id: int | None = None
    started: float | None = None
    completed: float | None = None
    waiting: bool = False
    result: Any = None
    """What it returned, or the `koji.xmlrpcplus.Fault` that it ended with."""
    output: dict[str, Output] = field(default_factory=dict)
    children: list[int] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        return self.state in FINISHED


@dataclass(slots=True, kw_only=True, eq=False)
class Repo:
    id: int
    tag: Tag
    create_event: int
    created: float
    state: int = koji.REPO_INIT
    task_id: int | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class RepoRequest:
    id: int
    tag: Tag
    owner: User
    min_event: int | None
    at_event: int | None
    created: float
    updated: float
    opts: dict[str, Any]
    priority: int = koji.PRIO_DEFAULT
    active: bool = True
    task_id: int | None = None
    tries: int | None = None
    repo_id: int | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Channel:
    id: int
    name: str
    enabled: bool = True


@dataclass(slots=True, kw_only=True, eq=False)
class Host:
    id: int
    name: str
    user: User
    arches: str
    capacity: float
    channels: set[int]
    task_load: float = 0.0
    enabled: bool = True
    ready: bool = True


@dataclass(slots=True, kw_only=True, eq=False)
class Buildroot:
    id: int
    task_id: int
    host: Host
    repo: Repo
    arch: str
    event: int
    created: float
    state: int = koji.BR_STATES["INIT"]
    retired: float | None = None
    rpms: list[Rpm] = field(default_factory=list)
