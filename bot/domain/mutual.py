"""The packages of a change are built with each other: which of them are built again since others of them are newer.

At first each is built with what is there (`bot.domain.subjects`), so one may have been built with what another one
replaces. Once all are published, each that was is built once more, after those that it needs. In a circle somebody has
to be the first: it is built with the first build of the one that comes after it. That was built from the same source,
so it differs by no more than what a second round through a whole circle would bring, and no distribution goes round
twice.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.actions import Action, PublishGeneration, QueueBuilds, RelateSubjects
from bot.domain.build import Build, Failed, FailureReason, Succeeded
from bot.domain.difference import is_fault
from bot.domain.ids import BuildKey
from bot.domain.queue import may_try_again, subject_build, visible
from bot.domain.run import Run, RunTarget

_CONFIRMED = 2
"""So often a build has to fail in one generation, where the same package passed in other company."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutual:
    """Several changed packages on one target, of each of which a good build is published."""

    run: Run
    target: RunTarget
    attempts: Mapping[str, Sequence[Build]]
    """The builds of each package, in whichever backend."""
    builds: Mapping[str, Sequence[Build]] = field(init=False, repr=False)
    """Those of them in the backend that builds now."""
    _first: Mapping[str, Build] = field(init=False, repr=False)
    """The first good build of each."""
    _good: Mapping[str, Build] = field(init=False, repr=False)
    """The last good build of each: what it is published in is the generation after the one that it saw."""
    _again: Mapping[str, Sequence[Build]] = field(init=False, repr=False)
    """The builds of each that were made since all were visible for the first time."""
    _needs: Mapping[str, frozenset[str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        backend = self.target.target.backend
        here = {name: [each for each in builds if each.backend == backend] for name, builds in self.attempts.items()}
        good = {name: [each for each in builds if _passed(each)] for name, builds in here.items()}
        first = {name: builds[0] for name, builds in good.items()}
        known = {relation.build: frozenset(relation.needs) for relation in self.target.relations}
        whole = max(build.request.generation for build in first.values()) + 1
        again = {name: [each for each in builds if each.request.generation >= whole] for name, builds in here.items()}
        object.__setattr__(self, "builds", here)
        object.__setattr__(self, "_first", first)
        object.__setattr__(self, "_good", {name: builds[-1] for name, builds in good.items()})
        object.__setattr__(self, "_again", again)
        object.__setattr__(self, "_needs", {name: known.get(build.key, frozenset()) for name, build in first.items()})

    def due(self, now: datetime) -> list[Action] | None:
        """Return what is to be done until each is built with the others, nothing where each is and is published; None
        where that cannot be, or builds go on.
        """
        known = {relation.build for relation in self.target.relations}
        unrelated = tuple(build.key for build in self._first.values() if build.key not in known)
        if unrelated:
            return [RelateSubjects(run=self.run.id, target=self.target.target.name, builds=unrelated)]
        outdated, fresh = self.outdated(), self._fresh()
        retried = [name for name in self.builds if self._may_try_again(name, fresh)]
        going_on = {name for name, builds in self.builds.items() if builds[-1].outcome is None}
        names = [*retried, *self._free(outdated, {*retried, *going_on, *fresh})]
        if names:
            return [QueueBuilds(run=self.run.id, builds=self._next_builds(names, now))]
        over = not outdated and all(_passed(builds[-1]) for builds in self.builds.values())
        if going_on or not fresh:
            return [] if over else None
        return [
            PublishGeneration(
                run=self.run.id,
                target=self.target.target.name,
                generation=0 if over else visible(self.run, self.target) + 1,
                builds=tuple(fresh.values()),
            )
        ]

    def outdated(self) -> Collection[str]:
        """Return the packages that are to be built with the others, and for which that was not begun."""
        found: dict[str, None] = {}
        fresh: Sequence[str] = [name for name in self.builds if not self._again[name] and self.newer(name)]
        while fresh:
            found |= dict.fromkeys(fresh)
            fresh = [
                name
                for name in self.builds
                if name not in found and not self._again[name] and not self._needs[name].isdisjoint(fresh)
            ]
        return found.keys()

    def newer(self, name: str) -> tuple[str, ...]:
        """Return those that a package needs and that its first good build did not see as they are now."""
        seen = self._first[name].request.generation
        return tuple(sorted(other for other in self._needs[name] if self._good[other].request.generation >= seen))

    def _free(self, outdated: Collection[str], begun: Collection[str]) -> list[str]:
        """Return the outdated packages that wait for nobody; of those that all wait for each other the first one."""
        waited_for = {*outdated, *begun}
        free = [name for name in outdated if self._needs[name].isdisjoint(waited_for)]
        return free or ([] if begun else sorted(outdated, key=self._nearest_to_a_circle)[:1])

    def _nearest_to_a_circle(self, name: str) -> tuple[int, bool]:
        """Order packages that wait for each other: those of a circle come before what only waits for the circle."""
        reach: set[str] = set()
        further = self._needs[name]
        while further:
            reach |= further
            further = frozenset(each for other in further for each in self._needs[other]) - reach
        return len(reach), name not in reach

    def _next_builds(self, names: Collection[str], now: datetime) -> tuple[Build, ...]:
        return tuple(
            subject_build(self.run, self.target, package, now, self.attempts[name], place)
            for place, part in enumerate(self.run.parts)
            for package in part.packages
            for name in [package.name or ""]
            if name in names
        )

    def _may_try_again(self, name: str, fresh: Collection[str]) -> bool:
        """Whether a build with the others is made once more: to be sure, or since what it needs is newer by now."""
        last = self._again[name][-1] if self._again[name] else None
        if last is None or not isinstance(last.outcome, Failed):
            return False
        alike = [build for build in self._again[name] if build.request.generation == last.request.generation]
        if not is_fault(last):
            return may_try_again(last, alike)
        if not is_confirmed(alike):
            return True
        published = (self._good[other] for other in self._needs[name] if other not in fresh)
        return any(build.request.generation >= last.request.generation for build in published)

    def _fresh(self) -> Mapping[str, BuildKey]:
        """Return the good builds that are not published yet, by package."""
        return {name: build.key for name, build in self._good.items() if build.key not in self.target.published_builds}


def is_confirmed(attempts: Sequence[Build]) -> bool:
    """Whether a package whose last build failed has failed often enough with what it sees now, or is bound to again."""
    last = attempts[-1]
    alike = [build for build in attempts if build.request.generation == last.request.generation]
    bound = isinstance(last.outcome, Failed) and last.outcome.reason is FailureReason.UNRESOLVABLE
    return bound or sum(is_fault(build) for build in alike) >= _CONFIRMED


def _passed(build: Build) -> bool:
    return isinstance(build.outcome, Succeeded)
