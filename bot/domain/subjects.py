"""What a run's own changes need: to be built and published, to leave a backend that refuses, or to end the run.

Of several packages each is built with what is there. Those that pass are published, so that those that failed can be
tried again with them; how they are then built with each other is told by `bot.domain.mutual`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.actions import Action, CompareRoots, FallBack, FinishRun, PublishGeneration, QueueBuilds
from bot.domain.build import Build, BuildState, Failed, Purpose, Succeeded
from bot.domain.difference import RootDifference, is_fault
from bot.domain.ids import BuildKey
from bot.domain.mutual import Mutual
from bot.domain.parlance import PULL_REQUESTS, Parlance
from bot.domain.queue import in_order, lost_to_infrastructure, may_try_again, subject_build, visible
from bot.domain.report.words import listed
from bot.domain.run import Conclusion, Problem, Run, RunTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """The changes of a run, as far as they are built."""

    run: Run
    targets: Sequence[RunTarget]
    builds: Sequence[Build]
    differences: Sequence[RootDifference] = ()
    parlance: Parlance = PULL_REQUESTS
    places: Collection[int] | None = None
    """Which of the run's changes are built; None: all of them."""

    def due(self, now: datetime) -> list[Action] | None:
        """Return what is to be done before any dependent is; None where everything is built and published."""
        if fallen := self._fall_back():
            return fallen
        found = [self.on_target(target, now) for target in self.targets]
        actions = [action for due in found for action in due or ()]
        if not actions and None not in found:
            return None
        return actions or self._compare_failed() or self._finish_failed()

    def attempts(self, target: RunTarget, package: str) -> Sequence[Build]:
        """Return the builds of a package of the changes on a target, by attempt."""
        found = [
            build
            for build in self.builds
            if build.purpose is Purpose.SUBJECT and build.package == package and build.target == target.target.name
        ]
        return sorted(found, key=lambda build: build.attempt)

    def _fall_back(self) -> list[Action]:
        """Leave the backends that refuse to build the change, where there are others."""
        refused: dict[str, str] = {
            build.target: build.outcome.cause
            for build in self._present()
            if isinstance(build.outcome, Failed) and build.outcome.refused
        }
        return [
            FallBack(run=self.run.id, target=target.target.name, reason=refused[target.target.name])
            for target in self.targets
            if target.target.fallback is not None and target.target.name in refused
        ]

    def _present(self) -> list[Build]:
        """Return the builds of the change in the backends that build now: what others refused counts no more."""
        backends = {target.target.name: target.target.backend for target in self.targets}
        return [
            build
            for build in self.builds
            if build.purpose is Purpose.SUBJECT and build.backend == backends.get(build.target)
        ]

    def on_target(self, target: RunTarget, now: datetime) -> list[Action] | None:
        """Return what the changes need on a target: an empty list where all are published, None while they are not.

        Of several changes each is published before the next one is built. One that fails waits for what comes after it.
        """
        if target.generation >= 0:
            return []
        behind = False
        for place in in_order(self.run, target):
            if self.places is not None and place not in self.places:
                continue
            due = self._part(target, place, now)
            if due:
                return due
            if due is None and not self._failed(target, place):
                return None
            behind = behind or due is None
        return None if behind else self.mutual(target).due(now)

    def mutual(self, target: RunTarget) -> Mutual:
        """Return the packages of the changes on a target, of each of which a good build is published."""
        return Mutual(
            run=self.run, target=target, attempts={name: self.attempts(target, name) for name in self._names()}
        )

    def _names(self) -> Sequence[str]:
        """Return the names of the packages of the changes that are built."""
        parts = [part for place, part in enumerate(self.run.parts) if self.places is None or place in self.places]
        return [package.name or "" for part in parts for package in part.packages]

    def _failed(self, target: RunTarget, place: int) -> bool:
        """Whether the packages of a change that are not built yet failed for their own reasons."""
        last = [self._here(target, package.name or "")[-1] for package in self.run.parts[place].packages]
        return all(isinstance(build.outcome, Succeeded) or is_fault(build) for build in last)

    def _here(self, target: RunTarget, package: str) -> Sequence[Build]:
        """Return those of the attempts that were made in the backend that builds now."""
        return [build for build in self.attempts(target, package) if build.backend == target.target.backend]

    def _part(self, target: RunTarget, place: int, now: datetime) -> list[Action] | None:
        """Return what is to be done until a good build of each package of a change is published, as above."""
        due: list[Build] = []
        fresh: list[BuildKey] = []
        lost: list[Build] = []
        packages = self.run.parts[place].packages
        for package in packages:
            name = package.name or ""
            here = self._here(target, name)
            good = [build.key for build in here if isinstance(build.outcome, Succeeded)]
            if good:
                fresh += [] if set(good) & set(target.published_builds) else good
            elif not here or self._may_try_again(target, here):
                due.append(subject_build(self.run, target, package, now, self.attempts(target, name), place))
            else:
                lost.append(here[-1])
        if due:
            return [QueueBuilds(run=self.run.id, builds=tuple(due))]
        if fresh and all(map(is_fault, lost)):
            generation = 0 if len(self._names()) == 1 else visible(self.run, target) + 1
            name = target.target.name
            return [PublishGeneration(run=self.run.id, target=name, generation=generation, builds=tuple(fresh))]
        return None if lost else []

    def _may_try_again(self, target: RunTarget, here: Sequence[Build]) -> bool:
        """Whether a package that does not build yet is built once more: since nobody could, or with what is new."""
        last = here[-1]
        alike = [build for build in here if build.request.generation == last.request.generation]
        since = last.request.generation < visible(self.run, target)
        return may_try_again(last, alike) or (is_fault(last) and since)

    def _compare_failed(self) -> list[Action]:
        """Find out what differs in the roots of the changed packages that do not build, before that ends the run."""
        compared = {difference.build for difference in self.differences}
        actions: list[Action] = []
        for target in self.targets:
            last = [self.attempts(target, package.name or "")[-1:] for package in self.run.subjects]
            keys = tuple(
                build.key for builds in last for build in builds if is_fault(build) and build.key not in compared
            )
            if keys:
                actions.append(CompareRoots(run=self.run.id, target=target.target.name, builds=keys))
        return actions

    def _finish_failed(self) -> list[Action]:
        """End the run where a change itself does not build; wait while any of its builds goes on."""
        subjects = self._present()
        if any(build.state is not BuildState.DONE for build in subjects):
            return []
        # An attempt that was made up for tells nothing, and a fault of the change weighs more than the service's.
        last = {(build.target, build.package): build for build in sorted(subjects, key=lambda build: build.attempt)}
        failures = [build for build in last.values() if isinstance(build.outcome, Failed)]
        faults = [build for build in failures if not lost_to_infrastructure(build)]
        conclusion, problem = Conclusion.CANCELLED, None
        if faults:
            conclusion, problem = Conclusion.FAILURE, self._does_not_build(faults[0])
        elif failures:
            conclusion, problem = Conclusion.ACTION_REQUIRED, self._not_built(failures[0])
        return [FinishRun(run=self.run.id, conclusion=conclusion, problem=problem)]

    def _does_not_build(self, build: Build) -> Problem:
        target = next(target for target in self.targets if target.target.name == build.target)
        hint = "Nothing that depends on it was built. Push a commit that mends it."
        others = listed(self._others(target, build))
        if not others:
            what = f"{self._named(build.package)} itself does not build on {build.target}: {_cause(build)}"
            return Problem(what=what, hint=hint)
        of = f"these {self.parlance.changes}" if self.run.companions else f"this {self.parlance.change}"
        if any(isinstance(each.outcome, Succeeded) for each in self._here(target, build.package)):
            told = f"builds by itself on {build.target}, but not with {others} of {of}"
        else:
            told = f"itself does not build on {build.target}, and not with {others} of {of} either"
        return Problem(what=f"{self._named(build.package)} {told}: {_cause(build)}", hint=hint)

    def _others(self, target: RunTarget, build: Build) -> tuple[str, ...]:
        """Return the packages of the changes with which a build failed, which the one before it had not seen."""
        here = self._here(target, build.package)
        if any(isinstance(each.outcome, Succeeded) for each in here):
            return tuple(self._named(name) for name in self.mutual(target).newer(build.package))
        seen = [here[0].request.generation, build.request.generation]
        return tuple(
            self._named(name)
            for name in (package.name or "" for package in self.run.subjects)
            if any(
                seen[0] <= each.request.generation < seen[1] and isinstance(each.outcome, Succeeded)
                for each in self._here(target, name)
            )
        )

    def _not_built(self, build: Build) -> Problem:
        return Problem(
            what=f"{self._named(build.package)} could not be built on {build.target}: {_cause(build)}",
            hint="The service is at fault, not the change. `/revdeps run` tries again.",
        )

    def _named(self, package: str) -> str:
        """Return the package, of several changes with the pull request that it is of."""
        if not self.run.companions:
            return package
        names = {package.name: part.change for part in self.run.parts for package in part.packages}
        return f"{package} ({names[package]})"


def _cause(build: Build) -> str:
    return build.outcome.cause if isinstance(build.outcome, Failed) else ""
