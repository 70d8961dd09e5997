"""One of several changes by itself on a target: it is built as all of them were, where nothing of the others is.

One that cannot be built like that is tried with those of the others that it is built with, and with what those are
built with. So changes that need each other are tried as one, and of one that needs all others it is known how that
ends: that is the run itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.actions import Action, PrepareWorkspace, PublishGeneration, QueueBuilds
from bot.domain.build import Build, BuildState, CandidateKey, Purpose, Succeeded
from bot.domain.difference import is_fault
from bot.domain.evidence import TargetView
from bot.domain.ids import WorkspaceRef
from bot.domain.mutual import is_confirmed
from bot.domain.queue import subject_build
from bot.domain.run import Alone, Relation, Run, RunTarget
from bot.domain.subjects import Subjects

_NOTHING = Alone()
Needs = Mapping[str, frozenset[str]]
"""By name of a package of the changes: the others that it is built with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """How far one of several changes is by itself, or with those that it cannot be built without."""

    place: int
    places: frozenset[int]
    """The changes that are tried together, itself among them."""
    due: tuple[Action, ...] | None
    """What is to be done until it is published; None while its builds go on, and where it is not to be."""
    hopeless: bool = False
    """It cannot be built, not even with those that it needs."""
    whole: bool = False
    """It cannot be built without all of the others."""

    @property
    def is_published(self) -> bool:
        """Whether dependents can be tested with it."""
        return self.due == ()


def alone_at(target: RunTarget, place: int) -> Alone:
    """Return what there is of one of several changes by itself."""
    return target.alone[place] if place < len(target.alone) else _NOTHING


def with_alone(target: RunTarget, place: int, alone: Alone) -> RunTarget:
    """Return the target with one of several changes by itself as it is now."""
    known = [alone_at(target, other) for other in range(max(len(target.alone), place + 1))]
    known[place] = alone
    return replace(target, alone=tuple(known))


def standing_alone(target: RunTarget, place: int) -> RunTarget:
    """Return the target as if the run were about one of its changes alone."""
    alone = alone_at(target, place)
    return replace(
        target,
        workspace=alone.workspace,
        published=alone.published,
        published_builds=alone.published_builds,
        repository=alone.repository,
        priority=alone.priority,
        generation=alone.generation,
        relations=(),
    )


def alone_of(standing: RunTarget) -> Alone:
    """Return what is kept of a change by itself, of the target as if the run were about that."""
    return Alone(
        workspace=standing.workspace,
        published=standing.published,
        published_builds=standing.published_builds,
        repository=standing.repository,
        priority=standing.priority,
        generation=standing.generation,
    )


def set_aside(build: Build, place: int, purpose: Purpose) -> Build:
    """Return a build as one with a single change, under a key that is no other's."""
    assert build.run is not None  # baselines know no change
    key = CandidateKey(
        run=build.run,
        package=build.package,
        target=build.target,
        variant=f"{purpose.value}-{place}",
        attempt=build.attempt,
    )
    return replace(build, key=key.text, purpose=purpose)


def all_apart(run: Run, view: TargetView, now: datetime) -> Sequence[Apart]:
    """Return how far each of the run's changes is by itself, by place."""
    needs = _needs(view)
    found: dict[WorkspaceRef, list[Build]] = {}
    for build in sorted(view.builds, key=lambda build: build.attempt):
        if build.purpose is Purpose.ALONE:
            found.setdefault(build.request.workspace, []).append(replace(build, purpose=Purpose.SUBJECT))
    places = range(len(run.parts))
    return [_Single(run=run, target=view.target, place=place, needs=needs, built=found).apart(now) for place in places]


def _needs(view: TargetView) -> Needs:
    known = {relation.build: frozenset(relation.needs) for relation in view.target.relations}
    return {build.package: known[build.key] for build in view.builds if build.key in known}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Single:
    """The builds of one change by itself, of which it is to be found out what comes next."""

    run: Run
    target: RunTarget
    place: int
    needs: Needs
    built: Mapping[WorkspaceRef, Sequence[Build]]
    """Of changes by themselves, by workspace and in order of attempt, as if they were those of a run."""

    def apart(self, now: datetime) -> Apart:
        """Return how far it is."""
        alone, itself = alone_at(self.target, self.place), frozenset({self.place})
        if alone.refusal:
            return Apart(place=self.place, places=itself, due=None, hopeless=True)
        if alone.workspace is None:
            prepare = PrepareWorkspace(run=self.run.id, target=self.target.target.name, alone=self.place)
            return Apart(place=self.place, places=itself, due=(prepare,))
        builds = self.built.get(alone.workspace, ())
        widened = self._has_others(builds)
        due = None if widened else self._due(itself, builds, now)
        places = self._reach() if widened or (due is None and _is_over(builds)) else itself
        whole = len(places) == len(self.run.parts)
        if places != itself:
            due = None if whole else self._due(places, builds, now)
        hopeless = due is None and not whole and not _go_on(builds)
        return Apart(place=self.place, places=places, due=due, hopeless=hopeless, whole=whole)

    def _has_others(self, builds: Sequence[Build]) -> bool:
        """Whether it was begun to build it with others, since it cannot be built without."""
        own = {package.name for package in self.run.parts[self.place].packages}
        return any(build.package not in own for build in builds)

    def _reach(self) -> frozenset[int]:
        """Return the changes that it is built with, and those that these are built with."""
        parts = self.run.parts
        owners = {package.name: place for place, part in enumerate(parts) for package in part.packages}
        reach, further = set[int](), {self.place}
        while further:
            reach |= further
            names = [package.name or "" for place in further for package in parts[place].packages]
            further = {owners[other] for name in names for other in self.needs.get(name, ())} - reach
        return frozenset(reach)

    def _due(self, places: frozenset[int], builds: Sequence[Build], now: datetime) -> tuple[Action, ...] | None:
        """Return what is to be done until these changes are published in its workspace."""
        target = self._standing(places, builds)
        subjects = Subjects(run=self.run, targets=(target,), builds=builds, places=places)
        due = subjects.on_target(target, now)
        if due is None and not _go_on(builds):
            due = self._once_more(target, builds, now)
        return None if due is None else tuple(map(self._aside, due))

    def _standing(self, places: frozenset[int], builds: Sequence[Build]) -> RunTarget:
        """Return the target with its workspace, where its packages are built with those that they are built with."""
        names = {package.name for place in places for package in self.run.parts[place].packages}
        good = [build for build in builds if isinstance(build.outcome, Succeeded)]
        relations = (
            Relation(build=build.key, needs=tuple(sorted(self.needs.get(build.package, frozenset()) & names)))
            for build in good
        )
        return replace(standing_alone(self.target, self.place), relations=tuple(relations))

    def _once_more(self, target: RunTarget, builds: Sequence[Build], now: datetime) -> list[Action] | None:
        """Return another build of what failed once: what does not come again keeps no change from being tried."""
        due = []
        for place, part in enumerate(self.run.parts):
            for package in part.packages:
                attempts = [build for build in builds if build.package == package.name]
                if attempts and is_fault(attempts[-1]) and not is_confirmed(attempts):
                    due.append(subject_build(self.run, target, package, now, attempts, place))
        return [QueueBuilds(run=self.run.id, builds=tuple(due))] if due else None

    def _aside(self, action: Action) -> Action:
        if isinstance(action, QueueBuilds):
            return replace(action, builds=tuple(set_aside(build, self.place, Purpose.ALONE) for build in action.builds))
        assert isinstance(action, PublishGeneration)  # what is built with which is known
        return replace(action, alone=self.place)


def _go_on(builds: Sequence[Build]) -> bool:
    return any(build.state is not BuildState.DONE for build in builds)


def _is_over(builds: Sequence[Build]) -> bool:
    """Whether nothing went wrong but with the packages themselves, and all has ended."""
    last = {build.package: build for build in builds}.values()
    return all(isinstance(build.outcome, Succeeded) or is_fault(build) for build in last)
