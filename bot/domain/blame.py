"""Who is to blame, where several changes are tested together: each regression is tested again with each change alone.

That is done once, when everything else about the run is known, and only for what regressed. The resolver is asked
first: a package whose buildroot one change leaves as it is, or makes what all of them together make it, needs no build.
The rest is built in workspaces that hold one change each; nothing of that counts for the verdict itself.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from bot.domain.actions import Action, MakePlan, PrepareWorkspace, PublishGeneration, QueueBuilds
from bot.domain.build import Build, CandidateKey, Failed, Purpose, Succeeded
from bot.domain.evidence import Judged, TargetView
from bot.domain.ids import BuildKey, WorkspaceRef
from bot.domain.plan import AloneImpact, Effect, PlanEntry
from bot.domain.queue import candidate_build, lost_to_infrastructure, may_try_again, not_before, subject_build
from bot.domain.run import Alone, Run, RunTarget
from bot.domain.verdict import LIMITS, Blame, Judgement, Verdict

_NOTHING = Alone()


class Trial(Enum):
    """What became of a regressed package with one of the changes alone."""

    PASSES = "passes"
    FAILS = "fails"
    UNKNOWN = "unknown"


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
        published_builds=(),
        repository=alone.repository,
        priority=alone.priority,
    )


def with_blame(run: Run, view: TargetView, judged: Mapping[str, Judged]) -> Mapping[str, Judged]:
    """Return the judgements with the changes to blame for what regressed, as far as each change was tried alone.

    What another package is the root of is blamed on whoever is to blame for that one.
    """
    if not run.companions:
        return judged
    trials = _Trials(run=run, view=view)
    blames = {suspect.entry.package: trials.blame(suspect) for suspect in _suspects(view, judged)}
    return {
        name: replace(result, blame=blames.get(result.root or name)) if isinstance(result, Judgement) else result
        for name, result in judged.items()
    }


def find_out(run: Run, view: TargetView, judged: Mapping[str, Judged], now: datetime) -> tuple[Action, ...] | None:
    """Return what is to be done next to know who is to blame; nothing where all is known, None while builds go on."""
    trials = _Trials(run=run, view=view)
    open_ones = [suspect for suspect in _suspects(view, judged) if trials.blame(suspect) is None]
    if not open_ones:
        return ()
    preparing: list[Action] = []
    builds: list[Build] = []
    for place in range(len(run.parts)):
        if trials.is_hopeless(place):
            continue
        unasked = tuple(suspect.entry.package for suspect in open_ones if suspect.asked(place) is None)
        if not trials.is_published(place):
            step = trials.next_step(place, now)
            builds += [each for each in step if isinstance(each, Build)]
            preparing += [each for each in step if not isinstance(each, Build)]
        elif unasked:
            preparing.append(MakePlan(run=run.id, target=trials.name, alone=place, packages=unasked))
        else:
            builds += [build for suspect in open_ones for build in trials.due(suspect, place, now)]
    # One at a time: each is stored with the whole target.
    actions = preparing[:1]
    if builds:
        known = tuple(build.key for build in builds if build.purpose is Purpose.BLAME and build.buildroot)
        actions.append(QueueBuilds(run=run.id, builds=tuple(builds), reusable=known))
    return tuple(actions) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Suspect:
    """A package that regressed of itself. `failed` is None where that was known without a build."""

    entry: PlanEntry
    failed: Failed | None

    def asked(self, place: int) -> AloneImpact | None:
        """Return what the resolver says of one change alone, None before it was asked."""
        return next((impact for impact in self.entry.alone if impact.part == place), None)


def _suspects(view: TargetView, judged: Mapping[str, Judged]) -> list[_Suspect]:
    found = []
    for entry in view.entries:
        result = judged[entry.package]
        if isinstance(result, Judgement) and result.verdict is Verdict.REGRESSED and result.root is None:
            ends = [build.outcome for build in view.candidates(entry.package)]
            causes = [end for end in ends if isinstance(end, Failed) and end.cause == result.cause]
            found.append(_Suspect(entry=entry, failed=causes[-1] if causes else None))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trials:
    """What is known on one target of each of several changes alone."""

    run: Run
    view: TargetView
    _builds: Mapping[tuple[WorkspaceRef, str], Sequence[Build]] = field(init=False, repr=False)
    """With one change alone, by workspace and package, in order of attempt."""

    def __post_init__(self) -> None:
        found: defaultdict[tuple[WorkspaceRef, str], list[Build]] = defaultdict(list)
        for build in sorted(self.view.builds, key=lambda build: build.attempt):
            if build.purpose in {Purpose.ALONE, Purpose.BLAME}:
                found[build.request.workspace, build.package].append(build)
        object.__setattr__(self, "_builds", found)

    @property
    def name(self) -> str:
        """The target's name."""
        return self.view.target.target.name

    def attempts(self, place: int, package: str) -> Sequence[Build]:
        """Return the builds of a package with one change alone, by attempt."""
        workspace = alone_at(self.view.target, place).workspace
        return () if workspace is None else self._builds.get((workspace, package), ())

    def is_published(self, place: int) -> bool:
        """Whether dependents can be tested with that change alone."""
        return alone_at(self.view.target, place).repository is not None

    def is_hopeless(self, place: int) -> bool:
        """Whether a change cannot be built by itself: the backend refuses, or it needs another of the changes."""
        if alone_at(self.view.target, place).refusal:
            return True
        last = [self.attempts(place, package.name or "") for package in self.run.parts[place].packages]
        return any(_is_lost(attempts) for attempts in last)

    def next_step(self, place: int, now: datetime) -> Sequence[Action | Build]:
        """Return what brings one change alone into a workspace of its own, nothing while its builds go on."""
        run, target = self.run, self.view.target
        if alone_at(target, place).workspace is None:
            return (PrepareWorkspace(run=run.id, target=self.name, alone=place),)
        due: list[Build] = []
        built: list[BuildKey] = []
        packages = run.parts[place].packages
        for package in packages:
            attempts = self.attempts(place, package.name or "")
            if not attempts or may_try_again(attempts[-1], attempts):
                plain = subject_build(run, standing_alone(target, place), package, now, attempts, place)
                due.append(_set_aside(plain, place, Purpose.ALONE))
            elif isinstance(attempts[-1].outcome, Succeeded):
                built.append(attempts[-1].key)
        if not due and len(built) == len(packages):
            return (PublishGeneration(run=run.id, target=self.name, generation=0, builds=tuple(built), alone=place),)
        return due

    def blame(self, suspect: _Suspect) -> Blame | None:
        """Return who is to blame for a regression, None until every change was tried."""
        trials = [self.trial(suspect, place) for place in range(len(self.run.parts))]
        if None in trials:
            return None
        found = list(zip((part.change for part in self.run.parts), trials, strict=True))
        return Blame(
            culprits=tuple(change for change, trial in found if trial is Trial.FAILS),
            unknown=tuple(change for change, trial in found if trial is Trial.UNKNOWN),
        )

    def trial(self, suspect: _Suspect, place: int) -> Trial | None:
        """Return what became of a package with one change alone, None where that is not known yet."""
        entry, asked = suspect.entry, suspect.asked(place)
        # What was rebuilt with all of them is not there with one alone.
        if entry.broken_by or self.is_hopeless(place):
            return Trial.UNKNOWN
        if asked is None:
            return None
        if suspect.failed is None:
            # Known without a build with all of them; so it is with each.
            broken = asked.uninstallable if entry.uninstallable else asked.effect is Effect.UNRESOLVABLE
            return Trial.FAILS if broken else Trial.PASSES
        match asked.effect:
            case Effect.UNAFFECTED:
                return Trial.PASSES
            case Effect.REBUILD if asked.buildroot == entry.affected.buildroot_after:
                return Trial.FAILS
            case Effect.REBUILD:
                return self._outcome(place, suspect.failed, entry)
            case _:
                # What it needs besides may have to be rebuilt first: it is not known what a build would say.
                return Trial.UNKNOWN

    def _outcome(self, place: int, together: Failed, entry: PlanEntry) -> Trial | None:
        attempts = self.attempts(place, entry.package)
        last = attempts[-1] if attempts else None
        if last is None or last.outcome is None:
            return None
        if isinstance(last.outcome, Succeeded):
            return Trial.PASSES
        if lost_to_infrastructure(last):
            return None if may_try_again(last, attempts) else Trial.UNKNOWN
        without = self.view.baselines(entry)
        told = isinstance(last.outcome, Failed) and _tells_of_the_change(last.outcome, together, without)
        return Trial.FAILS if told else Trial.UNKNOWN

    def due(self, suspect: _Suspect, place: int, now: datetime) -> Sequence[Build]:
        """Return the build that a package needs with one change alone, if there is one."""
        attempts = self.attempts(place, suspect.entry.package)
        if self.trial(suspect, place) is not None or (attempts and attempts[-1].outcome is None):
            return ()
        plain = candidate_build(self.run, self.view, suspect.entry, Purpose.BLAME, now)
        workspace, asked = alone_at(self.view.target, place).workspace, suspect.asked(place)
        assert workspace is not None  # the change is published in it
        assert asked is not None  # find_out( has the solver asked first
        request = replace(plain.request, workspace=workspace, generation=0, publishable=False)
        numbered = replace(plain, request=request, attempt=len(attempts) + 1, not_before=not_before(attempts, now))
        return (replace(_set_aside(numbered, place, Purpose.BLAME), buildroot=asked.buildroot),)


def _set_aside(build: Build, place: int, purpose: Purpose) -> Build:
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


def _is_lost(attempts: Sequence[Build]) -> bool:
    """Whether a build of a change by itself ended, and not well, for good."""
    last = attempts[-1] if attempts else None
    done = last is not None and last.outcome is not None and not isinstance(last.outcome, Succeeded)
    return last is not None and done and not may_try_again(last, attempts)


def _tells_of_the_change(alone: Failed, together: Failed, without: Sequence[Build]) -> bool:
    """Whether a failure with one change alone is its doing: neither chance nor what happens without any change too."""
    known = {build.outcome.signature for build in without if isinstance(build.outcome, Failed)}
    return alone.signature not in known and (alone.reason not in LIMITS or alone.reason is together.reason)
