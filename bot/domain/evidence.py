"""Gathers the evidence about every package of a plan, and judges all of them together.

Two things about a package can only be known from others: which package it waits for has failed, and which regressed
package in its buildroot is the real cause of its failure. So the plan is judged in passes, until nothing changes.

A run is looked at whenever one of its builds has ended, and next to nothing has changed since the last time: what is
known of a package by itself is remembered for as long as what it rests on stays equal.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache

from bot.domain.attempts import Attempt, tells
from bot.domain.build import ASIDE, BaselineKey, Build, BuildState, Failed, FailureReason, Succeeded
from bot.domain.config import BaselinePolicy, Config, Mode
from bot.domain.failure import normalise
from bot.domain.failure_rules import ASSERTION, HEARSAY
from bot.domain.freshness import is_overtaken, to_hold
from bot.domain.ids import BuildKey
from bot.domain.judging import Evidence, judge
from bot.domain.plan import Effect, PlanEntry, does_not_install
from bot.domain.run import RunTarget
from bot.domain.target import Target
from bot.domain.verdict import LIMITS, Judgement, Needs, Verdict, Waiver

Judged = Judgement | Needs

_NO_FAULT = LIMITS | {FailureReason.INFRASTRUCTURE}
_NAMED = 3
"""So many packages whose rebuild broke another are named."""
_REMEMBERED = 8_192
"""Packages of all runs, each as it was lately: those of a run over several thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetView:
    """A run on one target: everything that its judgement depends on."""

    target: RunTarget
    config: Config
    entries: tuple[PlanEntry, ...]
    builds: tuple[Build, ...]
    """The run's candidates on this target and the baselines that the run subscribes to."""
    waivers: Mapping[str, Waiver]
    stopped: tuple[str, ...] = ()
    """Packages cancelled by a command."""
    since: datetime | None = None
    """When the run began."""
    _builds: Mapping[str, tuple[Build, ...]] = field(init=False, repr=False, compare=False)
    _has_baselines: bool = field(init=False, repr=False, compare=False)
    """Most runs have none, and their keys are digests."""

    def __post_init__(self) -> None:
        # Sorted into heaps once: a plan of thousands would be searched from end to end for each of its packages.
        heaps: defaultdict[str, list[Build]] = defaultdict(list)
        first = {entry.package: entry.generation for entry in self.entries if entry.generation}
        for build in sorted(self.builds, key=lambda build: build.attempt):
            if build.run is None:
                heaps[_without_attempt(build.key)].append(build)
            elif build.purpose not in ASIDE and build.request.generation >= first.get(build.package, 0):
                # What was built in an earlier generation knows nothing of what broke the package since.
                heaps[build.package].append(build)
        object.__setattr__(self, "_builds", {name: tuple(builds) for name, builds in heaps.items()})
        object.__setattr__(self, "_has_baselines", any(build.run is None for build in self.builds))

    def candidates(self, package: str) -> tuple[Build, ...]:
        """Return the builds of a dependent with the change, in order of attempt."""
        return self._builds.get(package, ())

    def baselines(self, entry: PlanEntry) -> tuple[Build, ...]:
        """Return the builds of a dependent without the change on the buildroot that it has now, by attempt."""
        if not self._has_baselines:
            return ()
        return self._builds.get(_without_attempt(str(baseline_key(entry, self.target.target, attempt=1))), ())

    def telling_baselines(self, entry: PlanEntry) -> tuple[Build, ...]:
        """Return those of the baselines that may say something to this run.

        What was in the way of one before the run began is in nobody's way now, one that ended for a shorter time limit
        than the run's was not seen to the end, and one whose root is no more says nothing about the one that there is.
        """
        candidates = self.candidates(entry.package)
        return tuple(
            build
            for build in self.baselines(entry)
            if not (
                build.key in entry.outdated
                or self._is_past(build)
                or self._is_short(build)
                or is_overtaken(build, candidates)
            )
        )

    def baselines_to_hold(self, entry: PlanEntry) -> tuple[BuildKey, ...]:
        """Return those that passed, and whose roots are to be held against that of the failure with the change."""
        return to_hold(entry, self.candidates(entry.package), self.telling_baselines(entry))

    def _is_past(self, build: Build) -> bool:
        before = self.since is not None and build.ended_at is not None and build.ended_at < self.since
        return before and not tells(build.outcome)

    def _is_short(self, build: Build) -> bool:
        timed_out = isinstance(build.outcome, Failed) and build.outcome.reason is FailureReason.TIMEOUT
        return timed_out and build.request.timeout < self.config.build_timeout


def _without_attempt(key: str) -> str:
    """Return a build key without its last part; its slash stays, so that it is no package's name."""
    return key.rpartition("/")[0] + "/"


def baseline_key(entry: PlanEntry, target: Target, attempt: int) -> BaselineKey:
    """Return the key of the entry's baseline on a target: equal inputs, equal key, whichever run asks.

    Another repository may call another place to build in by the same name.
    """
    tags = sorted(f"{each.koji.hub} {each.koji.tag}" for each in target.repositories if each.koji is not None)
    return BaselineKey(
        srpm=entry.affected.source.checksum,
        target="\n".join((target.name, target.arch, target.chroot or "", *tags)),
        backend=target.backend,
        buildroot=entry.affected.buildroot_before,
        attempt=attempt,
    )


def next_attempt(key: BuildKey) -> BuildKey:
    """Return the key of the attempt after that of a build."""
    others, _, attempt = key.rpartition("/")
    return BuildKey(f"{others}/{int(attempt) + 1}")


def judge_all(view: TargetView) -> Mapping[str, Judged]:
    """Return the verdict on every entry, or what it needs next, by package name."""
    entries = {entry.package: entry for entry in sorted(view.entries, key=_nearest_first)}
    rules = _rules(view.config.mode, view.config.baseline, view.config.build_timeout)
    known = {name: _known_of(view, rules, name, entry) for name, entry in entries.items()}
    # On all others nobody else has any bearing.
    connected = [name for name, entry in entries.items() if entry.waits or entry.repaired is False or known[name].cause]
    alone: dict[str, Judged] = {name: itself.judged for name, itself in known.items()}
    judged = alone
    for _ in entries:
        again = alone | {name: judge(_from_others(view, entries, known, judged, name)) for name in connected}
        if again == judged:
            break
        judged = again
    return judged


def unpublished_rebuilds(view: TargetView, judged: Mapping[str, Judged]) -> tuple[Build, ...]:
    """Return the builds to be published as the next generation, none while others of the same generation go on.

    In `auto` mode only packages whose binaries cannot be installed after the change are published; in `chained` mode
    every package is.
    """
    if view.config.mode is Mode.ISOLATED or not view.target.planned:
        return ()
    fresh: list[Build] = []
    for entry in view.entries:
        if not (joins_the_chain(view, entry) and entry.buildable) or is_published(view.target, entry):
            continue
        build = _last_success(view, entry.package)
        if build is not None:
            fresh.append(build)
        elif isinstance(judged[entry.package], Needs):
            return ()
    return tuple(fresh)


def is_published(target: RunTarget, entry: PlanEntry) -> bool:
    """Whether a rebuild of the entry is in the workspace's repository, and not one that a later one has broken."""
    if entry.generation and entry.uninstallable and entry.repaired is None:
        return False
    return any(package.source.rpartition("-")[0].rpartition("-")[0] == entry.package for package in target.published)


def joins_the_chain(view: TargetView, entry: PlanEntry) -> bool:
    """Whether a rebuild of the entry is published, for others to be built with."""
    return view.config.mode is Mode.CHAINED or (view.config.mode is Mode.AUTO and bool(entry.uninstallable))


def _nearest_first(entry: PlanEntry) -> tuple[int, str]:
    return (entry.affected.distance, entry.package)


def _last_success(view: TargetView, package: str) -> Build | None:
    done = [build for build in view.candidates(package) if isinstance(build.outcome, Succeeded)]
    return done[-1] if done else None


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of an entry by itself."""

    evidence: Evidence
    judged: Judged
    cause: str
    """The normalised cause of the last failure with the change, empty where there is none that names a fault."""


@dataclass(frozen=True, slots=True, eq=False)
class _Rules:
    """What of the configuration counts; there is one for each such configuration (`_rules`)."""

    mode: Mode
    policy: BaselinePolicy
    time_limit: timedelta


_rules = lru_cache(maxsize=_REMEMBERED)(_Rules)


def _known_of(view: TargetView, rules: _Rules, name: str, entry: PlanEntry) -> _Known:
    baselines = view.baselines(entry)
    telling = view.telling_baselines(entry) if baselines else ()
    silent = len(baselines) - len(telling)
    return _known(entry, view.candidates(name), telling, silent, rules, view.waivers.get(name), name in view.stopped)


@lru_cache(maxsize=_REMEMBERED)
def _known(
    entry: PlanEntry,
    candidates: tuple[Build, ...],
    baselines: tuple[Build, ...],
    silent: int,
    rules: _Rules,
    waiver: Waiver | None,
    stopped: bool,
) -> _Known:
    """Say what is known; so many baselines, besides those that are given, are silent."""
    in_order = rules.mode is not Mode.ISOLATED
    evidence = Evidence(
        selection=entry.selection,
        effect=entry.affected.effect,
        problem=_told(entry, entry.affected.problem),
        uninstallable=_told(entry, does_not_install(entry.uninstallable)),
        own=entry.own,
        repaired=entry.repaired,
        in_order=in_order,
        ready=entry.ready,
        repairable=bool(entry.needs),
        may_become_ready=in_order and bool(entry.needs),
        candidate=_attempts(candidates),
        baseline=_attempts(baselines),
        to_hold=bool(to_hold(entry, candidates, baselines)),
        baselines=entry.baselines - silent,
        baseline_policy=rules.policy,
        time_limit=rules.time_limit,
        stopped=stopped,
        waiver=waiver,
    )
    return _Known(evidence, judge(evidence), _cause(evidence))


def _told(entry: PlanEntry, problem: str) -> str:
    """Return what the solver says, and since whose rebuild; nothing where it says nothing."""
    if not problem or not entry.broken_by:
        return problem
    names = entry.broken_by
    who = f"{', '.join(names[:_NAMED])}{f' and {len(names) - _NAMED} more' if len(names) > _NAMED else ''}"
    return f"since the rebuild of {who}: {problem}"


def _attempts(builds: Sequence[Build]) -> tuple[Attempt, ...]:
    return tuple(
        Attempt(
            purpose=build.purpose,
            outcome=build.outcome if build.state is BuildState.DONE else None,
            duration=build.duration,
        )
        for build in builds
    )


def _from_others(
    view: TargetView,
    entries: Mapping[str, PlanEntry],
    known: Mapping[str, _Known],
    judged: Mapping[str, Judged],
    name: str,
) -> Evidence:
    """Return the evidence of one package with what the others' judgements add to it."""
    entry = entries[name]
    if not entry.waits:
        root = _root_cause(entries, known, judged, name) if known[name].cause else None
        # What it cannot be installed for may be rebuilt after it.
        unknown = entry.repaired is False and _goes_on(view, judged)
        return replace(known[name].evidence, root=root, repaired=None if unknown else entry.repaired)
    if view.config.mode is Mode.ISOLATED:
        return known[name].evidence
    return _waiting(view, entries, judged, known[name].evidence, entry)


def _waiting(
    view: TargetView,
    entries: Mapping[str, PlanEntry],
    judged: Mapping[str, Judged],
    known: Evidence,
    entry: PlanEntry,
) -> Evidence:
    """Find out whether a package that is not ready can still become so, and if not, who blocks it."""
    blockers = []
    open_ones = not view.target.planned
    for needed in entry.needs:
        other = entries.get(needed)
        if other is None or not joins_the_chain(view, other) or is_published(view.target, other):
            continue
        result = judged[needed]
        if isinstance(result, Needs) or (other.planned and _last_success(view, needed) is not None):
            open_ones = True
        else:
            blockers.append(result.root if result.verdict is Verdict.BLOCKED and result.root else needed)
    return replace(known, blocked_by=blockers[0] if blockers else None, may_become_ready=open_ones and not blockers)


def _goes_on(view: TargetView, judged: Mapping[str, Judged]) -> bool:
    """Whether another generation is to come, or is published and not looked at yet."""
    return not view.target.planned or any(
        joins_the_chain(view, entry)
        and entry.planned
        and entry.rebuilt
        and not is_published(view.target, entry)
        and (isinstance(judged[entry.package], Needs) or _last_success(view, entry.package) is not None)
        for entry in view.entries
    )


def _root_cause(
    entries: Mapping[str, PlanEntry],
    known: Mapping[str, _Known],
    judged: Mapping[str, Judged],
    name: str,
) -> str | None:
    """Return the nearest regressed package that is in this one's buildroot and failed with the same cause."""
    cause = known[name].cause
    inside = [entries[other] for other in entries[name].affected.contains if other in entries]
    for entry in sorted(inside, key=_nearest_first):
        if _nearest_first(entry) >= _nearest_first(entries[name]):
            return None  # only packages nearer to the change can be the root
        result = judged[entry.package]
        regressed = isinstance(result, Judgement) and result.verdict is Verdict.REGRESSED and result.root is None
        same_cause = entry.affected.effect is Effect.REBUILD and known[entry.package].cause == cause
        if regressed and same_cause:
            return entry.package
    return None


def _cause(evidence: Evidence) -> str:
    """Return the normalised cause of the last failure with the change, empty where there is none that names a fault.

    Trouble with the infrastructure, and limits that were run into, read the same whatever is wrong with a package; so
    do an assertion of its tests, and what only says that something else failed.
    """
    for attempt in reversed(evidence.candidate):
        if isinstance(attempt.outcome, Failed) and attempt.outcome.reason not in _NO_FAULT:
            cause = attempt.outcome.cause
            return "" if ASSERTION.match(cause) or HEARSAY.match(cause) else normalise(cause)
    return ""
