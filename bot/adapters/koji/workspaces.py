"""Side tags as workspaces, and which one stands for which key.

A side tag carries no key of ours (its extra data are for administrators: plugins/hub/sidetag_hub.py, editSideTag, Koji
1.35), so that is written down here, where every process of the service finds it. That one is about to be made is
written down before, with those that there are: one that a crash left unwritten is none of them, and taken for the next
workspace. Others of ours that are in no record may still be some run's, whose record was lost with a disk: they are
left to whoever knows the runs, and discards what none of them wants.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import Any

import koji

from bot.adapters.koji.settings import KojiSettings
from bot.domain.ids import WorkspaceRef
from bot.domain.target import Target
from bot.ports.builder import WorkspaceSpec
from bot.ports.errors import Gone, Misconfigured, Transient

_LATER = timedelta(minutes=5)


class NoMoreSideTags(Transient):
    """The hub lets us have so many side tags, and we have them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A side tag in use. `generations` are the NVRs that each generation shows."""

    key: str
    tag: str
    arch: str
    baseline: bool
    generations: dict[str, list[str]] = field(default_factory=dict)

    def shown(self, generation: int) -> list[str]:
        """The builds that a build of a generation sees."""
        seen = [int(number) for number in self.generations if int(number) <= generation]
        return self.generations[str(max(seen))] if seen else []


def base_tag(target: Target, settings: KojiSettings) -> str:
    """Return the tag that a target's side tags come from: that of its first repository in this hub.

    Raises Misconfigured where it has none there.
    """
    for repository in target.repositories:
        if repository.koji is not None and repository.koji.hub == settings.hub:
            return repository.koji.tag
    raise Misconfigured(
        f"targets.{target.name}.repositories",
        f"none is a tag of the Koji hub {settings.name} ({settings.hub}), in which the target's packages are built",
        "Name the tag that packages are built in, or give the target another backend.",
    )


class Workspaces:
    """The records of one hub's workspaces, in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read: tuple[Workspace, ...] = ()
        self._read_at: int | None = None
        """When the directory had been changed last as these were read: every poll and submission asks for them."""
        self._lock = Lock()

    def by_key(self, key: str) -> Workspace | None:
        """Return what stands for a key."""
        try:
            return Workspace(**json.loads(self._path(key).read_bytes()))
        except FileNotFoundError:
            return None

    def by_ref(self, ref: WorkspaceRef) -> Workspace:
        """Return what is behind a reference; raise Gone where there is nothing."""
        found = next((each for each in self.all() if each.tag == ref), None)
        if found is None:
            raise Gone(f"there is no workspace {ref} any more, `/revdeps run` makes another one")
        return found

    def all(self) -> Iterator[Workspace]:
        """Yield every workspace that is written down."""
        with self._lock:
            changed = self._directory.stat().st_mtime_ns if self._directory.exists() else 0
            if changed != self._read_at:
                paths = sorted(self._directory.glob("*.json"))
                self._read = tuple(Workspace(**json.loads(path.read_bytes())) for path in paths)
                self._read_at = changed
            found = self._read
        yield from found

    def write(self, workspace: Workspace) -> None:
        """Write a workspace down, in one piece."""
        with self._lock:
            self._directory.mkdir(parents=True, exist_ok=True)
            path = self._path(workspace.key)
            fresh = path.with_suffix(".new")
            fresh.write_text(json.dumps(asdict(workspace)))
            fresh.replace(path)
            self._read_at = None  # the file system's clock may not tell two changes in a row apart

    def begin(self, base: str, present: Collection[str]) -> None:
        """Note which side tags of a tag there are before another one is made."""
        self._begun(base).write_text(json.dumps(sorted(present)))

    def before(self, base: str) -> frozenset[str] | None:
        """Return which there were before the one was made whose making was not finished, None where none was begun."""
        try:
            return frozenset(json.loads(self._begun(base).read_bytes()))
        except (FileNotFoundError, ValueError):
            return None

    def finish(self, workspace: Workspace, base: str) -> None:
        """Write down the workspace that was made, or taken."""
        self.write(workspace)
        self._begun(base).unlink(missing_ok=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let no other process take a side tag meanwhile: until it is written down, a new one looks like a lost one."""
        self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def remove(self, workspace: Workspace) -> None:
        """Forget a workspace."""
        with self._lock:
            self._path(workspace.key).unlink(missing_ok=True)
            self._read_at = None

    def _path(self, key: str) -> Path:
        return self._directory / f"{_digest(key)}.json"

    def _begun(self, base: str) -> Path:
        return self._directory / f"{_digest(base)}.begun"


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:32]


def prepare(
    session: Any, user: int, workspaces: Workspaces, spec: WorkspaceSpec, settings: KojiSettings
) -> WorkspaceRef:
    """Find the workspace's side tag, take one whose making a crash cut off, or make one."""
    base = base_tag(spec.target, settings)
    with workspaces.held():
        known = workspaces.by_key(spec.key)
        ours = {tag["name"] for tag in session.listSideTags(basetag=base, user=user)}
        if known is not None and known.tag in ours:
            return WorkspaceRef(known.tag)
        before, taken = workspaces.before(base), {each.tag for each in workspaces.all()}
        fresh = sorted(ours - taken - before) if before is not None else []
        if not fresh:
            workspaces.begin(base, ours)
        tag = fresh[0] if fresh else make(session, base, settings, len(ours))
        workspace = Workspace(key=spec.key, tag=tag, arch=spec.target.arch, baseline=spec.run is None)
        workspaces.finish(workspace, base)
        return WorkspaceRef(tag)


def make(session: Any, base: str, settings: KojiSettings, present: int) -> str:
    """Make a side tag of a tag of which we have so many; raise Transient where the hub thinks that enough for now.

    All that changes in what its policy is asked is our number of side tags (plugins/hub/sidetag_hub.py, Koji 1.35.3):
    a hub that has let us make one of this tag refuses another for that number.
    """
    try:
        return str(session.createSideTag(base, suffix=settings.suffix)["name"])
    except koji.ActionNotAllowed as error:
        if not present:
            raise
        told = f"this service has {present} side tags of {base}, and may have no more for now ({error})"
        raise NoMoreSideTags(f"Koji ({settings.name}): {told}; runs that are over are cleaned up", _LATER) from error
    except koji.GenericError as error:
        if "suffix is not allowed" not in str(error):
            raise
        raise Misconfigured(
            f"build system {settings.name}",
            f"the hub does not allow side tags that end in -{settings.suffix}",
            "Name one of its `allowed_suffixes` under `suffix`, or none.",
        ) from error
