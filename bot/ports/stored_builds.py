"""What the engine needs of a database about builds and what was in their roots: a part of `bot.ports.store`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.allocate import Line
from bot.domain.build import Build
from bot.domain.history import PastBuild
from bot.domain.ids import BuildKey, ChangeId, RunId
from bot.domain.run import RepoRef
from bot.domain.target import Target


class Builds(Protocol):
    """Candidate and baseline builds."""

    async def add(self, builds: Sequence[Build]) -> None:
        """Insert builds; one whose key exists already is left as it is."""
        ...

    async def put(self, builds: Sequence[Build]) -> None:
        """Store what has become of builds since they were added: what they were asked for with does not change."""
        ...

    async def get(self, keys: Collection[BuildKey]) -> Mapping[BuildKey, Build]:
        """Return those of the builds that exist."""
        ...

    async def of_run(self, run: RunId) -> Sequence[Build]:
        """Return the run's candidates and the baselines it subscribes to, in the order they were queued."""
        ...

    async def subscribe(self, run: RunId, baselines: Collection[BuildKey]) -> None:
        """Note that the run waits for, or uses, these baselines; again is no error."""
        ...

    async def subscribers(self, keys: Collection[BuildKey]) -> Mapping[BuildKey, Sequence[RunId]]:
        """Return the runs that subscribe to each baseline."""
        ...

    async def unfinished(self, backend: str) -> Sequence[Build]:
        """Return the builds of a backend that are not DONE, in no order."""
        ...

    async def at_hand(self, backend: str) -> Sequence[Build]:
        """Return those of them about which there is something to do besides beginning them, in no order: what is being
        submitted or goes on, and what waits and is to be cancelled.
        """
        ...

    async def lines(self, backend: str, now: datetime) -> Sequence[Line]:
        """Return how many of the others may be begun, by run, in no order."""
        ...

    async def in_line(self, backend: str, run: RunId | None, now: datetime, limit: int) -> Sequence[BuildKey]:
        """Return the first so many of these of a run (None: the baselines): the larger priority first, then the older
        one.
        """
        ...

    async def past(self, target: str, packages: Collection[str], each: int) -> Sequence[PastBuild]:
        """Return the last results of dependents on a target, newest first: up to `each` of every package with a change
        and as many without. What was cancelled or lost to infrastructure is no result.
        """
        ...

    async def earlier(
        self, repo: RepoRef, target: Target, packages: Collection[str], since: datetime
    ) -> Sequence[Build]:
        """Return the builds of dependents with a change that ended since, well or not, on that very target.

        They belong to runs of one repository: what others built there is for them to know.
        """
        ...

    async def lately(self, target: str, limit: int) -> Sequence[PastBuild]:
        """Return the last results on a target, of any package and of changes themselves too, newest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodBuild:
    """A build that ended with packages, and when. `with_change`: it is no baseline."""

    key: BuildKey
    ended_at: datetime
    with_change: bool


class Roots(Protocol):
    """What was in the roots of builds that ended, as NEVRAs; stored as differences."""

    async def put(self, roots: Mapping[BuildKey, Collection[str]]) -> None:
        """Keep what was in the roots of stored builds; again replaces it."""
        ...

    async def prune(self) -> int:
        """Remove what no root needs any more; return how many sets of packages that was."""
        ...

    async def get(self, builds: Collection[BuildKey]) -> Mapping[BuildKey, tuple[str, ...]]:
        """Return what was in the roots of those builds of which it is known, sorted."""
        ...

    async def last_good(self, package: str, target: Target, change: ChangeId) -> GoodBuild | None:
        """Return the newest good build of a package on that very target, of which the root is known.

        It is a baseline, whoever asked for it, or a build of one of the change's own runs: what other changes built
        is neither the distribution nor this change.
        """
        ...
