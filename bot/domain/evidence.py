"""Gathers the evidence about every package of a plan, and judges all of them together.

Two things about a package can only be known from others: which package it waits for has failed, and which regressed
package in its buildroot is the real cause of its failure. So the plan is judged in passes, until nothing changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.domain.build import BaselineKey, Build, BuildState, Failed, FailureReason, Purpose, Succeeded
from bot.domain.config import Config, Mode
from bot.domain.failure import normalise
from bot.domain.plan import Effect, PlanEntry
from bot.domain.run import RunTarget
from bot.domain.verdict import LIMITS, Attempt, Evidence, Judgement, Needs, Verdict, Waiver, judge

Judged = Judgement | Needs

_NO_FAULT = LIMITS | {FailureReason.INFRASTRUCTURE}


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

    def candidates(self, package: str) -> tuple[Build, ...]:
        """Return the builds of a dependent with the change, in order of attempt."""
        found = [
            build
            for build in self.builds
            if build.package == package and build.run and build.purpose is not Purpose.SUBJECT
        ]
        return tuple(sorted(found, key=lambda build: build.attempt))

    def baselines(self, entry: PlanEntry) -> tuple[Build, ...]:
        """Return the builds of a dependent without the change on the buildroot that it has now, by attempt."""
        key = baseline_key(entry, attempt=1)
        same = str(key).rpartition("/")[0] + "/"
        return tuple(
            sorted((build for build in self.builds if build.key.startswith(same)), key=lambda build: build.attempt)
        )


def baseline_key(entry: PlanEntry, attempt: int) -> BaselineKey:
    """Return the key of the entry's baseline: equal inputs, equal key, whichever run asks."""
    return BaselineKey(
        srpm=entry.affected.source.checksum,
        target=entry.target,
        buildroot=entry.affected.buildroot_before,
        attempt=attempt,
    )


def judge_all(view: TargetView) -> Mapping[str, Judged]:
    """Return the verdict on every entry, or what it needs next, by package name."""
    entries = {entry.package: entry for entry in sorted(view.entries, key=_nearest_first)}
    evidence = {name: _gather(view, entry) for name, entry in entries.items()}
    judged: dict[str, Judged] = {name: judge(known) for name, known in evidence.items()}
    for _ in entries:
        updated = {name: _from_others(view, entries, evidence, judged, name) for name, known in evidence.items()}
        again: dict[str, Judged] = {name: judge(known) for name, known in updated.items()}
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
        if not (_joins_the_chain(view, entry) and entry.ready and entry.planned) or is_published(view.target, entry):
            continue
        build = _last_success(view, entry.package)
        if build is not None:
            fresh.append(build)
        elif isinstance(judged[entry.package], Needs):
            return ()
    return tuple(fresh)


def is_published(target: RunTarget, entry: PlanEntry) -> bool:
    """Whether a rebuild of the entry is in the workspace's repository."""
    return any(package.source.rpartition("-")[0].rpartition("-")[0] == entry.package for package in target.published)


def _joins_the_chain(view: TargetView, entry: PlanEntry) -> bool:
    return bool(entry.uninstallable) or view.config.mode is Mode.CHAINED


def _nearest_first(entry: PlanEntry) -> tuple[int, str]:
    return (entry.affected.distance, entry.package)


def _last_success(view: TargetView, package: str) -> Build | None:
    done = [build for build in view.candidates(package) if isinstance(build.outcome, Succeeded)]
    return done[-1] if done else None


def _gather(view: TargetView, entry: PlanEntry) -> Evidence:
    """Return what is known of the entry by itself."""
    config = view.config
    return Evidence(
        selection=entry.selection,
        effect=entry.affected.effect,
        problem=entry.affected.problem,
        uninstallable="\n".join(item.problem for item in entry.uninstallable),
        repaired=entry.repaired,
        in_order=config.mode is not Mode.ISOLATED,
        ready=entry.ready,
        repairable=bool(entry.needs),
        may_become_ready=config.mode is not Mode.ISOLATED and bool(entry.needs),
        candidate=_attempts(view.candidates(entry.package)),
        baseline=_attempts(view.baselines(entry)),
        baseline_policy=config.baseline,
        time_limit=config.build_timeout,
        stopped=entry.package in view.stopped,
        waiver=view.waivers.get(entry.package),
    )


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
    evidence: Mapping[str, Evidence],
    judged: Mapping[str, Judged],
    name: str,
) -> Evidence:
    """Return the evidence of one package with what the others' judgements add to it."""
    entry = entries[name]
    if entry.ready:
        return replace(evidence[name], root=_root_cause(entries, evidence, judged, name))
    if view.config.mode is Mode.ISOLATED:
        return evidence[name]
    return _waiting(view, entries, judged, evidence[name], entry)


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
        if other is None or not _joins_the_chain(view, other) or is_published(view.target, other):
            continue
        result = judged[needed]
        if isinstance(result, Needs) or (other.planned and _last_success(view, needed) is not None):
            open_ones = True
        else:
            blockers.append(result.root if result.verdict is Verdict.BLOCKED and result.root else needed)
    return replace(known, blocked_by=blockers[0] if blockers else None, may_become_ready=open_ones and not blockers)


def _root_cause(
    entries: Mapping[str, PlanEntry],
    evidence: Mapping[str, Evidence],
    judged: Mapping[str, Judged],
    name: str,
) -> str | None:
    """Return the nearest regressed package that is in this one's buildroot and failed with the same cause."""
    cause = _cause(evidence[name])
    if not cause:
        return None
    for other, entry in entries.items():
        if other == name:
            return None  # only packages nearer to the change can be the root
        result = judged[other]
        regressed = isinstance(result, Judgement) and result.verdict is Verdict.REGRESSED and result.root is None
        in_buildroot = other in entries[name].affected.contains
        if regressed and in_buildroot and entry.affected.effect is Effect.REBUILD and _cause(evidence[other]) == cause:
            return other
    return None


def _cause(evidence: Evidence) -> str:
    """Return the normalised cause of the last failure with the change, empty where there is none that names a fault.

    Trouble with the infrastructure, and limits that were run into, read the same whatever is wrong with a package.
    """
    for attempt in reversed(evidence.candidate):
        if isinstance(attempt.outcome, Failed) and attempt.outcome.reason not in _NO_FAULT:
            return normalise(attempt.outcome.cause)
    return ""
