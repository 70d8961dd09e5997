"""What the engine needs of a build system: Koji, Copr, mock, the sandbox (tests/contract/test_builder.py: its meaning).

Every method may raise `Transient`, `Rejected` or `Misconfigured` (bot.ports.errors). A build that fails is no error:
it is an `Outcome`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.build import BuildRequest, BuildState, Outcome
from bot.domain.ids import BuildKey, BuildRef, RunId, SnapshotId, WorkspaceRef
from bot.domain.reuse import LatestBuild
from bot.domain.run import PublishedPackage
from bot.domain.target import Target

LOGS_AT_ONCE = 32
"""So many logs, at most, are read in parts at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceSpec:
    """A place to build in: a target's repositories, as pinned by `snapshot`, plus what is published into it.

    `run` is None for the workspace of baselines, which is shared and into which nothing is ever published.
    """

    run: RunId | None
    target: Target
    snapshot: SnapshotId
    alone: int | None = None
    """Of a run of several changes, the place of the only one that is built here."""

    @property
    def key(self) -> str:
        """The idempotency key: preparing one key twice gives one workspace."""
        owner = self.run or f"baseline-{self.snapshot[:16]}"
        return f"{owner}/{self.target.name}" + ("" if self.alone is None else f"/alone-{self.alone}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildStatus:
    """What a backend says of a build. `outcome` is set exactly when `state` is DONE."""

    state: BuildState
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    installed: tuple[str, ...] = ()
    """NEVRAs in the root, sorted."""
    cpu_seconds: float | None = None
    """Processor time of all its processes, once it has ended; None where the backend does not measure it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifacts:
    """What a build produced."""

    source: str
    """NEVRA of the SRPM (`….src`)."""
    binaries: tuple[str, ...]
    """NEVRAs of the binary packages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoState:
    """A workspace's repository after `publish`: where it is, its digest and what is in it.

    A backend that keeps builds apart gives several addresses in `url`, separated by spaces.
    """

    url: str
    digest: str
    packages: tuple[PublishedPackage, ...]
    priority: int | None = None
    """With which it counts in builds beside the target's repositories; None: as what it replaces."""


class Builder(Protocol):
    """A build system. Idempotent throughout: the engine repeats a call whose answer it did not get."""

    async def capacity(self) -> int:
        """Return how many builds may be queued or running here at once, for all runs together."""
        ...

    async def prepare(self, spec: WorkspaceSpec) -> WorkspaceRef:
        """Make the workspace, or find it."""
        ...

    async def submit(self, key: BuildKey, request: BuildRequest) -> BuildRef:
        """Start a build. The same key again starts nothing and returns the same reference."""
        ...

    async def find(self, keys: Sequence[BuildKey]) -> Mapping[BuildKey, BuildRef]:
        """Return the references of those builds that the backend has heard of."""
        ...

    async def poll(self, refs: Sequence[BuildRef]) -> Mapping[BuildRef, BuildStatus]:
        """Return the state of all of them in as few calls as the backend allows; an unknown one is left out."""
        ...

    async def artifacts(self, ref: BuildRef) -> Artifacts:
        """Return what a successful build produced."""
        ...

    async def publish(self, workspace: WorkspaceRef, refs: Sequence[BuildRef], generation: int) -> RepoState:
        """Make exactly these builds (all generations together) visible in the workspace's repository, as `generation`.

        Builds submitted with that generation or a later one see them; builds already running do not change.
        """
        ...

    async def log(self, ref: BuildRef, offset: int, length: int) -> bytes:
        """Return up to `length` bytes of the build log from `offset`; a negative offset counts from the end.

        Fewer than `length` only at its end; empty where there is no log (yet, or any more).
        """
        ...

    async def cancel(self, refs: Sequence[BuildRef]) -> None:
        """Stop these builds; those that have ended stay as they are."""
        ...

    async def discard(self, workspace: WorkspaceRef) -> None:
        """Cancel what runs in the workspace and remove it; nothing happens where it is gone."""
        ...

    async def latest_builds(self, target: Target, packages: Sequence[str], /) -> Mapping[str, LatestBuild]:
        """Return the builds by which these source packages came into the target, as far as this backend made them and
        still knows what was in their roots; empty where others built them.
        """
        ...

    async def leftovers(self) -> Sequence[WorkspaceRef]:
        """Return every workspace of ours that exists, so that unrecorded ones can be discarded."""
        ...
