"""Turns what a judgement needs into builds to be written down, each with its key."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile

from bot.domain.build import (
    Build,
    BuildRequest,
    BuildState,
    CandidateKey,
    Failed,
    FailureReason,
    Purpose,
    SrpmSource,
    TreeSource,
)
from bot.domain.config import COPRS_OWN, PackageConfig
from bot.domain.evidence import Judged, TargetView, baseline_key, joins_the_chain
from bot.domain.plan import PlanEntry
from bot.domain.run import Part, Run, RunTarget
from bot.domain.verdict import Needs

_PRIORITY = {Purpose.SUBJECT: 100, Purpose.BY_HAND: 50, Purpose.CONFIRMATION: 40, Purpose.BASELINE: 30}
"""The change itself first; then what a person waits for; then what settles a verdict; the rest by distance."""

_CANDIDATE = {
    Needs.CANDIDATE: Purpose.FIRST,
    Needs.CANDIDATE_RETRY: Purpose.INFRASTRUCTURE_RETRY,
    Needs.CONFIRMATION: Purpose.CONFIRMATION,
}
_BASELINE = frozenset({Needs.BASELINE, Needs.BASELINE_RETRY})

SUBJECT_RETRIES = 2
"""How often the change itself is built again after an infrastructure failure."""

BACKOFF = (timedelta(minutes=1), timedelta(minutes=5))
"""How long a build waits after the first, the second, … failure of the infrastructure in a row."""


def not_before(earlier: Sequence[Build], now: datetime) -> datetime | None:
    """Return when the build after these attempts, oldest first, may be begun; None where it may at once.

    What just failed under everybody is not yet mended: each failure of the infrastructure in a row makes for a longer
    wait.
    """
    in_a_row = list(takewhile(lost_to_infrastructure, reversed(earlier)))
    return now + BACKOFF[min(len(in_a_row), len(BACKOFF)) - 1] if in_a_row else None


def lost_to_infrastructure(build: Build) -> bool:
    """Whether it ended without a word about the package, and nobody stopped it."""
    return isinstance(build.outcome, Failed) and build.outcome.reason is FailureReason.INFRASTRUCTURE


def _build_timeout(run: Run) -> timedelta:
    assert run.config is not None  # decide( loads the configuration first)
    return run.config.build_timeout


def may_try_again(last: Build, attempts: Sequence[Build]) -> bool:
    """Whether a build of a change that was lost to the infrastructure is made once more."""
    refused = isinstance(last.outcome, Failed) and last.outcome.refused
    here = sum(build.backend == last.backend for build in attempts)
    return lost_to_infrastructure(last) and not refused and here <= SUBJECT_RETRIES


def release_suffix(part: Part) -> str:
    """Return what is appended to Release of a change, so that its packages are newer than those they replace."""
    return f".rd{part.head_sha[:7]}"


def subject_build(
    run: Run, target: RunTarget, package: PackageConfig, now: datetime, earlier: Sequence[Build] = (), place: int = 0
) -> Build:
    """Return the next build of a package of the change at that place of the run's parts.

    The target has a workspace and the part a checkout by now. The build sees what is published of the change by now.
    """
    part = run.parts[place]
    assert part.checkout is not None  # decide( fetches the source first)
    assert target.workspace is not None  # likewise
    name, attempt = package.name or "", len(earlier) + 1
    key = CandidateKey(run=run.id, package=name, target=target.target.name, variant="subject", attempt=attempt)
    source = TreeSource(
        directory=part.checkout,
        package=package,
        release_suffix="" if package.method in COPRS_OWN else release_suffix(part),
        forge=part.change.repo.forge,
        repository=str(part.change.repo),
        head_repository=part.head_repo,
        commit=part.head_sha,
    )
    request = BuildRequest(
        package=name,
        workspace=target.workspace,
        source=source,
        timeout=_build_timeout(run),
        generation=visible(run, target),
        publishable=True,
    )
    return Build(
        key=key.text,
        run=run.id,
        target=target.target.name,
        backend=target.target.backend,
        purpose=Purpose.SUBJECT,
        request=request,
        attempt=attempt,
        state=BuildState.QUEUED,
        queued_at=now,
        not_before=not_before([build for build in earlier if build.backend == target.target.backend], now),
        priority=_PRIORITY[Purpose.SUBJECT],
        snapshot=target.snapshot,
    )


def in_order(run: Run, target: RunTarget) -> tuple[int, ...]:
    """Return the places of the run's parts in the order in which they are built."""
    return target.order or tuple(range(len(run.parts)))


def visible(run: Run, target: RunTarget) -> int:
    """Return the generation that builds of the change see now; the next one is published as the one after it.

    Generation 0 is the whole change. One of several packages is published at most twice before that (`bot.domain.
    mutual`), so that it begins low enough.
    """
    return target.generation if target.published_builds else 2 - 3 * len(run.subjects)


def dependents_builds(run: Run, view: TargetView, judged: Mapping[str, Judged], now: datetime) -> tuple[Build, ...]:
    """Return the builds, candidates and baselines, that the judgements need now."""
    builds = []
    for entry in view.entries:
        need = judged[entry.package]
        if not isinstance(need, Needs) or need is Needs.RESULT:
            continue  # most of them, whenever this is asked
        if entry.asks_at is not None:
            continue  # from which source is not known yet
        if need in _CANDIDATE:
            builds.append(candidate_build(run, view, entry, _CANDIDATE[need], now))
        elif need in _BASELINE and view.target.baseline_workspace is not None:
            builds.append(_baseline_build(run, view, entry, now))
    return tuple(builds)


def wants_baseline_workspace(view: TargetView, judged: Mapping[str, Judged]) -> bool:
    """Whether a baseline is needed and there is no place yet to build it."""
    return view.target.baseline_workspace is None and any(
        need is Needs.BASELINE or need is Needs.BASELINE_RETRY for need in judged.values()
    )


def candidate_build(run: Run, view: TargetView, entry: PlanEntry, purpose: Purpose, now: datetime) -> Build:
    """Return the next attempt to build a dependent with the change."""
    assert view.target.workspace is not None  # there is no plan without a workspace
    earlier = view.candidates(entry.package)
    attempt = max((build.attempt for build in earlier), default=0) + 1
    key = CandidateKey(
        run=run.id, package=entry.package, target=entry.target, generation=entry.generation, attempt=attempt
    )
    request = BuildRequest(
        package=entry.package,
        workspace=view.target.workspace,
        source=SrpmSource(location=entry.affected.source.location, checksum=entry.affected.source.checksum),
        timeout=_build_timeout(run),
        generation=entry.generation,
        publishable=joins_the_chain(view, entry),
    )
    return Build(
        key=key.text,
        run=run.id,
        target=entry.target,
        backend=view.target.target.backend,
        purpose=purpose,
        request=request,
        attempt=attempt,
        state=BuildState.QUEUED,
        queued_at=now,
        not_before=None if purpose is Purpose.BY_HAND else not_before(earlier, now),
        priority=priority_of(run, entry, purpose),
        snapshot=view.target.snapshot,
        buildroot=entry.affected.buildroot_after,
    )


def by_hand(build: Build) -> Build:
    """Return a build that waits as one that somebody asked for by its name: it is begun at once."""
    raised = _PRIORITY[Purpose.BY_HAND] - _PRIORITY.get(build.purpose, 0)
    return replace(build, purpose=Purpose.BY_HAND, priority=build.priority + max(0, raised), not_before=None)


def priority_of(run: Run, entry: PlanEntry, purpose: Purpose) -> int:
    """Return with which priority a build of a package with the change waits: the nearer it is the sooner."""
    return _PRIORITY.get(purpose, max(0, 20 - entry.affected.distance)) + _boost(run, entry.package)


def _boost(run: Run, package: str) -> int:
    return dict(run.boosts).get(package, 0)


def _baseline_build(run: Run, view: TargetView, entry: PlanEntry, now: datetime) -> Build:
    assert view.target.baseline_workspace is not None  # checked by the caller
    attempt = len(view.baselines(entry)) + 1
    request = BuildRequest(
        package=entry.package,
        workspace=view.target.baseline_workspace,
        source=SrpmSource(location=entry.affected.source.location, checksum=entry.affected.source.checksum),
        timeout=_build_timeout(run),
        generation=-1,
    )
    return Build(
        key=baseline_key(entry, view.target.target, attempt).text,
        run=None,
        target=entry.target,
        backend=view.target.target.backend,
        purpose=Purpose.BASELINE,
        request=request,
        attempt=attempt,
        state=BuildState.QUEUED,
        queued_at=now,
        not_before=not_before(view.telling_baselines(entry), now),
        priority=_PRIORITY[Purpose.BASELINE] + _boost(run, entry.package),
        snapshot=view.target.snapshot,
        buildroot=entry.affected.buildroot_before,
    )
