"""Everything that the hub knows, how it is found, and the few ways in which it changes."""

import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import koji
from tests.fakes.clock import SystemClock
from tests.fakes.koji.model import (
    Build,
    Buildroot,
    Channel,
    Host,
    Listing,
    Repo,
    RepoRequest,
    Rpm,
    Session,
    Tag,
    Target,
    Task,
    User,
)
from tests.fakes.koji.values import name_or_id

LIMITS = {"RepoLag": 3600, "RepoLagWindow": 600, "RepoRetries": 3, "MaxRepoTasks": 10, "SessionRenewalTimeout": 1440}
"""The hub's options that matter here, with their defaults (kojihub/kojixmlrpc.py, config_map; seconds, seconds, times,
tasks, minutes). Koji 1.35.3."""


class Clock(Protocol):
    def now(self) -> Any: ...


@dataclass
class World:
    """The state of the hub. `topdir` is where its files are, as /mnt/koji is elsewhere."""

    topdir: Path
    clock: Clock = field(default_factory=SystemClock)
    limits: dict[str, int] = field(default_factory=lambda: dict(LIMITS))
    users: dict[int, User] = field(default_factory=dict)
    sessions: dict[int, Session] = field(default_factory=dict)
    tags: dict[int, Tag] = field(default_factory=dict)
    targets: dict[int, Target] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    hosts: dict[int, Host] = field(default_factory=dict)
    packages: dict[str, int] = field(default_factory=dict)
    builds: dict[int, Build] = field(default_factory=dict)
    rpms: dict[int, Rpm] = field(default_factory=dict)
    tasks: dict[int, Task] = field(default_factory=dict)
    repos: dict[int, Repo] = field(default_factory=dict)
    requests: dict[int, RepoRequest] = field(default_factory=dict)
    buildroots: dict[int, Buildroot] = field(default_factory=dict)
    events: list[float] = field(default_factory=list)
    """The time of each event; an event's id is its place here, counted from 1."""
    tags_by_name: dict[str, Tag] = field(default_factory=dict)
    targets_by_name: dict[str, Target] = field(default_factory=dict)
    builds_by_nvr: dict[str, Build] = field(default_factory=dict)
    builds_by_task: dict[int, list[Build]] = field(default_factory=lambda: defaultdict(list))
    rpms_by_nvra: dict[str, list[Rpm]] = field(default_factory=lambda: defaultdict(list))
    tasks_by_owner: dict[int, list[Task]] = field(default_factory=lambda: defaultdict(list))
    buildroots_by_task: dict[int, list[Buildroot]] = field(default_factory=lambda: defaultdict(list))
    fresh: list[Task] = field(default_factory=list)
    """Tasks that no builder has looked at yet."""
    sources: dict[str, Any] = field(default_factory=dict)
    """Source packages that tasks made, by their path (values of worker.py)."""
    made: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    """Packages that tasks built."""
    paths: koji.PathInfo = field(init=False)
    _ids: dict[str, Iterator[int]] = field(default_factory=lambda: defaultdict(lambda: itertools.count(1)))

    def __post_init__(self) -> None:
        self.paths = koji.PathInfo(topdir=str(self.topdir))

    def now(self) -> float:
        """Seconds since the epoch."""
        return float(self.clock.now().timestamp())

    def id(self, kind: str) -> int:
        """The next number of a kind."""
        return next(self._ids[kind])

    def event(self) -> int:
        """Write down that something changes now, and return the event's id."""
        self.events.append(self.now())
        return len(self.events)

    # Finding. Each raises the hub's fault where `strict`.

    def user(self, info: Any, *, strict: bool = True) -> User | None:
        """By id, by name or by principal. Read in kojihub/kojihub.py, get_user (Koji 1.35.3)."""
        if isinstance(info, dict):
            info = info.get("id") or info.get("name") or info.get("krb_principal")
        if not isinstance(info, int | str):
            raise koji.GenericError(f"Invalid type for userInfo: {type(info)}")
        if isinstance(info, int):
            found = self.users.get(info)
        else:
            found = next((u for u in self.users.values() if info == u.name or info in u.principals), None)
        if found is None and strict:
            raise koji.GenericError(f"No such user: {info!r}")
        return found

    def tag(self, info: Any, *, strict: bool = True, event: int | None = None) -> Tag | None:
        """A tag that exists, or that existed at an event. Read in kojihub/kojihub.py, get_tag (Koji 1.35.3)."""
        key = name_or_id(info)
        found = self.tags.get(key) if isinstance(key, int) else self.tags_by_name.get(key)
        if event is not None and found is None and isinstance(key, str):
            found = next((t for t in reversed(self.tags.values()) if t.name == key), None)
        if found is not None and found.deleted and (event is None or event >= found.last_event):
            found = None
        if found is None and strict:
            raise koji.GenericError(f"No such tagInfo: {info!r}")
        return found

    def target(self, info: Any) -> Target | None:
        key = name_or_id(info)
        return self.targets.get(key) if isinstance(key, int) else self.targets_by_name.get(key)

    def channel(self, info: Any) -> Channel | None:
        key = name_or_id(info)
        return next((c for c in self.channels.values() if key in (c.id, c.name)), None)

    def build(self, info: Any, *, strict: bool = False) -> Build | None:
        """By id, by NVR or by its parts. Read in kojihub/kojihub.py, find_build_id and get_build (Koji 1.35.3)."""
        if isinstance(info, int):
            found = self.builds.get(info)
        else:
            parts = koji.parse_NVR(info) if isinstance(info, str) else info
            if not isinstance(parts, dict):
                raise koji.GenericError(f"Invalid type for argument: {type(info)!r}")
            if not {"name", "version", "release"} <= set(parts):
                raise koji.GenericError("did not provide name, version, and release")
            found = self.builds_by_nvr.get("{name}-{version}-{release}".format(**parts))
        if found is None and strict:
            raise koji.GenericError(
                f"No such build: {info!r}" if not isinstance(info, int) else f"No such build: {info}"
            )
        return found

    def task(self, info: Any) -> Task:
        """A task that must exist; its id must be a number."""
        try:
            return self.tasks[int(info)]
        except (TypeError, ValueError):
            raise koji.ParameterError(f"Invalid type for value '{info}': {type(info)}, expected type {int}") from None
        except KeyError:
            raise koji.GenericError(f"No such task: {info}") from None

    # Inheritance and what is tagged.

    def inheritance(self, tag: Tag) -> list[Tag]:
        """The tag and all that it inherits from, nearest first: depth first, by priority, each once."""
        order: list[Tag] = []
        waiting = [tag.id]
        while waiting:
            found = self.tags[waiting.pop(0)]
            if found not in order and (found is tag or not found.deleted):
                order.append(found)
                waiting = found.parents + waiting
        return order

    def package_listed(self, tag: Tag, name: str) -> bool | None:
        """Whether a package is blocked in a tag, None where it is on no list of it."""
        return next((each.packages[name] for each in self.inheritance(tag) if name in each.packages), None)

    def tagged(
        self, tag: Tag, *, event: int | None = None, inherit: bool = False, latest: int | bool = False,
        package: str | None = None,
    ) -> Iterator[tuple[Tag, Listing]]:  # fmt: skip
        """Builds in a tag, the nearest tag first and in it the most lately tagged.

        Read in kojihub/kojihub.py, readTaggedBuilds (Koji 1.35.3): a package that is not on the list is left out, and
        `latest` counts along the whole inheritance.
        """
        seen: dict[str, int] = {}
        most = 1 if latest is True else int(latest)
        for each in self.inheritance(tag) if inherit else [tag]:
            names = [package] if package else list(each.listings)
            found = [one for name in names for one in each.listings.get(name, ()) if one.holds(event)]
            for listing in sorted(found, key=lambda one: (one.event, one.build.id), reverse=True):
                name = listing.build.name
                if self.package_listed(tag, name) is not False:
                    continue
                seen[name] = seen.get(name, 0) + 1
                if not most or seen[name] <= most:
                    yield each, listing

    def last_change(self, tag: Tag) -> int:
        """The last event that changed the tag or one that it inherits from.

        Read in kojihub/kojihub.py, tag_last_change_event (Koji 1.35.3).
        """
        return tag.last_event if tag.deleted else max(each.last_event for each in self.inheritance(tag))

    def changed(self, tag: Tag) -> int:
        """Note that a tag changes now; the event."""
        tag.last_event = self.event()
        return tag.last_event

    def add_tag(self, name: str, arches: str, parent: Tag | None = None, **extra: Any) -> Tag:
        event = self.event()
        tag = Tag(
            id=self.id("tag"), name=name, arches=arches, first_event=event, last_event=event,
            parents=[parent.id] if parent else [], extra=extra,
        )  # fmt: skip
        self.tags[tag.id] = self.tags_by_name[name] = tag
        return tag

    def set_extra(self, tag: Tag, extra: dict[str, Any]) -> None:
        """Put other settings in place of a tag's."""
        former, tag.extra = tag.extra, extra
        tag.former.append((self.changed(tag), former))

    def add_target(self, name: str, build_tag: Tag, dest_tag: Tag) -> Target:
        target = Target(id=self.id("target"), name=name, build_tag=build_tag.id, dest_tag=dest_tag.id)
        self.targets[target.id] = self.targets_by_name[name] = target
        return target

    def list_build(self, tag: Tag, build: Build) -> None:
        """Tag a build."""
        event = self.changed(tag)
        tag.listings.setdefault(build.name, []).append(Listing(build=build, event=event))

    def delete_tag(self, tag: Tag) -> None:
        """Revoke a tag and all that hangs on it; builds stay. Read in kojihub/kojihub.py, _delete_tag (1.35.3)."""
        event = self.changed(tag)
        tag.deleted = True
        del self.tags_by_name[tag.name]
        for listings in tag.listings.values():
            for listing in listings:
                listing.revoked = listing.revoked or event
        for child in self.tags.values():
            if tag.id in child.parents and not child.deleted:
                child.parents.remove(tag.id)
                child.last_event = event
        for target in [t for t in self.targets.values() if tag.id in (t.build_tag, t.dest_tag)]:
            del self.targets[target.id], self.targets_by_name[target.name]

    # Tasks.

    def add_task(self, method: str, request: list[Any], owner: User, channel: str, **more: Any) -> Task:
        found = self.channel(channel)
        if found is None:
            raise koji.GenericError(f"No such channel: {channel}")
        if not found.enabled:
            raise koji.GenericError(f"Channel {found.name} is disabled.")
        task = Task(
            id=self.id("task"), method=method, request=request, owner=owner, channel_id=found.id, created=self.now(),
            **more,
        )  # fmt: skip
        self.tasks[task.id] = task
        self.tasks_by_owner[owner.id].append(task)
        if task.parent is not None:
            self.tasks[task.parent].children.append(task.id)
        self.fresh.append(task)
        return task

    def package_id(self, name: str) -> int:
        if name not in self.packages:
            self.packages[name] = self.id("package")
        return self.packages[name]

    def add_rpm(self, rpm: Rpm) -> Rpm:
        self.rpms[rpm.id] = rpm
        self.rpms_by_nvra[rpm.nvra].append(rpm)
        if rpm.build is not None:
            rpm.build.rpms.append(rpm)
        return rpm
