"""What a Copr knows: users, projects, directories, builds and how the state of a build follows from its parts.

Read in frontend/coprs_frontend/coprs/models.py and common/copr_common/enums.py.
"""

from dataclasses import dataclass, field
from typing import Any

FINISHED = ("succeeded", "forked", "canceled", "skipped", "failed")
"""frontend/coprs_frontend/coprs/helpers.py, FINISHED_STATES."""
_FROM_SOURCE = ("starting", "pending", "running", "importing", "failed")
_BY_WEIGHT = ("running", "starting", "pending", "failed", "succeeded", "skipped", "forked")


class CoprError(Exception):
    """An answer other than 200. Read in frontend/coprs_frontend/coprs/exceptions.py."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def bad(message: str) -> CoprError:
    return CoprError(400, message)


def missing(message: str) -> CoprError:
    return CoprError(404, message)


def forbidden(message: str) -> CoprError:
    return CoprError(403, message)


@dataclass
class User:
    """An account. `expires` is the day from which its token is no good, as seconds."""

    name: str
    login: str
    token: str
    expires: float
    admin: bool = False
    groups: set[str] = field(default_factory=set)


@dataclass
class Project:
    """A project; `directories` are the names of the main one and of its sub-directories."""

    id: int
    owner: str
    name: str
    user: str
    chroots: list[str]
    created: float
    options: dict[str, Any]
    directories: list[str] = field(default_factory=list)
    deleted: bool = False

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def repos(self) -> list[str]:
        return str(self.options["repos"] or "").split()

    @property
    def persistent(self) -> bool:
        return bool(self.options["persistent"])


@dataclass
class Batch:
    """Builds that are let go together, once those of the batch before have finished, in whatever way."""

    id: int
    builds: list["Build"] = field(default_factory=list)
    blocked_by: "Batch | None" = None

    @property
    def finished(self) -> bool:
        return bool(self.builds) and all(build.finished for build in self.builds)

    @property
    def blocked(self) -> bool:
        return self.blocked_by is not None and (self.blocked_by.blocked or not self.blocked_by.finished)


@dataclass
class Chroot:
    """A build's part for one chroot."""

    name: str
    build: "Build"
    state: str = "waiting"
    result_dir: str = ""
    started: int | None = None
    ended: int | None = None
    packages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        return self.build.finished_early or self.state in FINISHED


@dataclass
class Build:
    """A build: a source, and a part for each chroot. `source` is what the submitter gave."""

    id: int
    project: Project
    directory: str
    submitter: str
    kind: str
    source: dict[str, Any]
    submitted: int
    timeout: int
    background: bool = False
    enable_net: bool = False
    source_state: str = "pending"
    source_dir: str = ""
    package: str | None = None
    version: str | None = None
    srpm_url: str | None = None
    canceled: bool = False
    chroots: list[Chroot] = field(default_factory=list)
    batch: Batch | None = None

    @property
    def state(self) -> str:
        """models.py, Build.status: the source's until it is imported, then what weighs most among the chroots."""
        if self.canceled:
            return "canceled"
        if self.source_state in _FROM_SOURCE:
            return self.source_state
        if not self.chroots:
            return "waiting"
        states = {chroot.state for chroot in self.chroots}
        found = next((state for state in _BY_WEIGHT if state in states), None)
        return found or ("pending" if "waiting" in states else "unknown")

    @property
    def finished_early(self) -> bool:
        return self.canceled or self.source_state in ("failed", "canceled")

    @property
    def finished(self) -> bool:
        if self.finished_early:
            return True
        if not self.chroots:
            return self.source_state in FINISHED
        return all(chroot.finished for chroot in self.chroots)

    @property
    def started(self) -> int | None:
        return min((chroot.started for chroot in self.chroots if chroot.started), default=None)

    @property
    def ended(self) -> int | None:
        """models.py, Build.max_ended_on: unknown until all chroots have ended."""
        ends = [chroot.ended for chroot in self.chroots]
        return None if not ends or None in ends else max(end for end in ends if end is not None)
