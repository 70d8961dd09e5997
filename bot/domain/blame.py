"""Who is to blame, where several changes are tested together: each regression is tested again with each change alone.

That is done once, when everything else about the run is known, and only for what regressed. The resolver is asked
first: a package whose buildroot one change leaves as it is, or makes what all of them together make it, needs no build.
The rest is built in workspaces that hold one change each (`bot.domain.alone`); nothing of that counts for the verdict
itself. A change that cannot be built without others is tried with those: it is to blame where they pass without it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from bot.domain.actions import Action, MakePlan, QueueBuilds
from bot.domain.alone import Apart, all_apart, set_aside, standing_alone
from bot.domain.build import Build, Failed, Purpose, Succeeded
from bot.domain.evidence import Judged, TargetView
from bot.domain.ids import WorkspaceRef
from bot.domain.plan import AloneImpact, Effect, PlanEntry
from bot.domain.queue import candidate_build, lost_to_infrastructure, may_try_again, not_before
from bot.domain.run import Run
from bot.domain.verdict import LIMITS, Blame, Inseparable, Judgement, Verdict


class Trial(Enum):
    """What became of a regressed package with one of the changes alone."""

    PASSES = "passes"
    FAILS = "fails"
    UNKNOWN = "unknown"


def with_blame(run: Run, view: TargetView, judged: Mapping[str, Judged]) -> Mapping[str, Judged]:
    """Return the judgements with the changes to blame for what regressed, as far as each change was tried alone.

    What another package is the root of is blamed on whoever is to blame for that one.
    """
    suspects = _suspects(view, judged) if run.companions else []
    if not suspects:
        return judged
    trials = _Trials(run=run, view=view, now=run.created_at)  # no build is written down here
    blames = {suspect.entry.package: trials.blame(suspect) for suspect in suspects}
    return {
        name: replace(result, blame=blames.get(result.root or name)) if isinstance(result, Judgement) else result
        for name, result in judged.items()
    }


def find_out(run: Run, view: TargetView, judged: Mapping[str, Judged], now: datetime) -> tuple[Action, ...] | None:
    """Return what is to be done next to know who is to blame; nothing where all is known, None while builds go on."""
    trials = _Trials(run=run, view=view, now=now)
    open_ones = [suspect for suspect in _suspects(view, judged) if trials.blame(suspect) is None]
    if not open_ones:
        return ()
    preparing: list[Action] = []
    builds: list[Build] = []
    for apart in trials.to_be_made():
        unasked = tuple(suspect.entry.package for suspect in open_ones if suspect.asked(apart.place) is None)
        for action in apart.due or ():
            if isinstance(action, QueueBuilds):
                builds += action.builds
            else:
                preparing.append(action)
        if apart.is_published and unasked:
            preparing.append(MakePlan(run=run.id, target=trials.name, alone=apart.place, packages=unasked))
        elif apart.is_published:
            builds += [build for suspect in open_ones for build in trials.due(suspect, apart.place)]
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
    now: datetime
    _parts: Sequence[Apart] = field(init=False, repr=False)
    _builds: Mapping[tuple[WorkspaceRef, str], Sequence[Build]] = field(init=False, repr=False)
    """Of dependents with one change alone, by workspace and package, in order of attempt."""

    def __post_init__(self) -> None:
        found: defaultdict[tuple[WorkspaceRef, str], list[Build]] = defaultdict(list)
        for build in sorted(self.view.builds, key=lambda build: build.attempt):
            if build.purpose is Purpose.BLAME:
                found[build.request.workspace, build.package].append(build)
        object.__setattr__(self, "_builds", found)
        object.__setattr__(self, "_parts", all_apart(self.run, self.view, self.now))

    @property
    def name(self) -> str:
        """The target's name."""
        return self.view.target.target.name

    def to_be_made(self) -> Sequence[Apart]:
        """Return the changes that are tried: where some need each other, one of them for all."""
        return [each for each in self._parts if not each.hopeless and not each.whole and self._first(each) is each]

    def _first(self, apart: Apart) -> Apart:
        return next(each for each in self._parts if each.places == apart.places)

    def attempts(self, place: int, package: str) -> Sequence[Build]:
        """Return the builds of a dependent with one change alone, by attempt."""
        workspace = standing_alone(self.view.target, place).workspace
        return () if workspace is None else self._builds.get((workspace, package), ())

    def blame(self, suspect: _Suspect) -> Blame | None:
        """Return who is to blame for a regression, None until every change was tried."""
        trials = [self.trial(suspect, self._first(apart)) for apart in self._parts]
        if None in trials:
            return None
        guilty, cleared = self._guilty(trials), {place for place, trial in enumerate(trials) if trial is Trial.PASSES}
        changes = [part.change for part in self.run.parts]
        return Blame(
            culprits=tuple(changes[place] for place in guilty),
            unknown=tuple(change for place, change in enumerate(changes) if place not in cleared.union(guilty)),
            inseparable=tuple(
                Inseparable(
                    change=changes[apart.place],
                    others=tuple(changes[place] for place in sorted(apart.places - {apart.place})),
                )
                for apart in self._parts
                if len(apart.places) > 1
            ),
        )

    def _guilty(self, trials: Sequence[Trial | None]) -> Sequence[int]:
        """Return the places of the changes that break it by themselves, or with others that do not break it."""
        needed = [
            [trials[place] for place in apart.places if self._parts[place].places < apart.places]
            for apart in self._parts
        ]
        return [
            apart.place
            for apart, trial, others in zip(self._parts, trials, needed, strict=True)
            if trial is Trial.FAILS and all(other is Trial.PASSES for other in others)
        ]

    def trial(self, suspect: _Suspect, apart: Apart) -> Trial | None:
        """Return what became of a package with one change alone, None where that is not known yet."""
        if apart.whole:
            return Trial.FAILS
        entry, asked = suspect.entry, suspect.asked(apart.place)
        # What was rebuilt with all of them is not there with one alone.
        if entry.broken_by or apart.hopeless:
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
                return self._outcome(apart.place, suspect.failed, entry)
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

    def due(self, suspect: _Suspect, place: int) -> Sequence[Build]:
        """Return the build that a package needs with a published change alone, if there is one."""
        attempts, asked = self.attempts(place, suspect.entry.package), suspect.asked(place)
        if self.trial(suspect, self._parts[place]) is not None or (attempts and attempts[-1].outcome is None):
            return ()
        plain = candidate_build(self.run, self.view, suspect.entry, Purpose.BLAME, self.now)
        standing = standing_alone(self.view.target, place)
        assert standing.workspace is not None  # the change is published in it
        assert asked is not None  # find_out( has the solver asked first
        seen = standing.generation
        request = replace(plain.request, workspace=standing.workspace, generation=seen, publishable=False)
        later = not_before(attempts, self.now)
        numbered = replace(plain, request=request, attempt=len(attempts) + 1, not_before=later)
        return (replace(set_aside(numbered, place, Purpose.BLAME), buildroot=asked.buildroot),)


def _tells_of_the_change(alone: Failed, together: Failed, without: Sequence[Build]) -> bool:
    """Whether a failure with one change alone is its doing: neither chance nor what happens without any change too."""
    known = {build.outcome.signature for build in without if isinstance(build.outcome, Failed)}
    return alone.signature not in known and (alone.reason not in LIMITS or alone.reason is together.reason)
