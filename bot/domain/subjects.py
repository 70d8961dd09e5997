"""What a run's own changes need: to be built and published, to leave a backend that refuses, or to end the run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.actions import Action, CompareRoots, FallBack, FinishRun, PublishGeneration, QueueBuilds
from bot.domain.build import Build, BuildState, Failed, Purpose, Succeeded
from bot.domain.difference import RootDifference, is_fault
from bot.domain.ids import BuildKey
from bot.domain.queue import generation_of, in_order, lost_to_infrastructure, may_try_again, subject_build
from bot.domain.run import Conclusion, Problem, Run, RunTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """The changes of a run, as far as they are built."""

    run: Run
    targets: Sequence[RunTarget]
    builds: Sequence[Build]
    differences: Sequence[RootDifference] = ()

    def due(self, now: datetime) -> list[Action] | None:
        """Return what is to be done before any dependent is; None where everything is built and published."""
        if fallen := self._fall_back():
            return fallen
        found = [self._on_target(target, now) for target in self.targets]
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

    def _on_target(self, target: RunTarget, now: datetime) -> list[Action] | None:
        """Return what the changes need on a target: an empty list where all are published, None while they are not.

        Of several changes each is published before the next one is built.
        """
        for place in in_order(self.run, target):
            due = self._part(target, place, now)
            if due is None or due:
                return due
        return []

    def _part(self, target: RunTarget, place: int, now: datetime) -> list[Action] | None:
        built: list[BuildKey] = []
        due: list[Build] = []
        packages = self.run.parts[place].packages
        for package in packages:
            attempts = self.attempts(target, package.name or "")
            last = attempts[-1] if attempts else None
            if last is None or last.backend != target.target.backend or may_try_again(last, attempts):
                due.append(subject_build(self.run, target, package, now, attempts, place))
            elif isinstance(last.outcome, Succeeded):
                built.append(last.key)
        if due:
            return [QueueBuilds(run=self.run.id, builds=tuple(due))]
        if len(built) < len(packages):
            return None
        if target.generation >= 0 or set(built) <= set(target.published_builds):
            return []
        name, generation = target.target.name, generation_of(self.run, target, place)
        return [PublishGeneration(run=self.run.id, target=name, generation=generation, builds=tuple(built))]

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
        return Problem(
            what=f"{self._named(build)} itself does not build on {build.target}: {_cause(build)}",
            hint="Nothing that depends on it was built. Push a commit that mends it.",
        )

    def _not_built(self, build: Build) -> Problem:
        return Problem(
            what=f"{self._named(build)} could not be built on {build.target}: {_cause(build)}",
            hint="The service is at fault, not the change. `/revdeps run` tries again.",
        )

    def _named(self, build: Build) -> str:
        """Return the package, of several changes with the pull request that it is of."""
        if not self.run.companions:
            return build.package
        names = {package.name: part.change for part in self.run.parts for package in part.packages}
        return f"{build.package} ({names[build.package]})"


def _cause(build: Build) -> str:
    return build.outcome.cause if isinstance(build.outcome, Failed) else ""
