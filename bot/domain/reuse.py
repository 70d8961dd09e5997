"""Results that need not be found out again: equal inputs, equal result.

The inputs are the SRPM, everything in the solved buildroot by its contents (the resolver's digest, in which a change's
own packages count by what is in them and not by when they were built), the target and the backend. Whoever asks past
every cache (`rebuild`, `retry`) gets a build by hand, and that is never taken over.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.build import Build, BuildState, Failed, FailureReason, Purpose, SrpmSource, Succeeded
from bot.domain.config import Mode
from bot.domain.evidence import TargetView
from bot.domain.ids import BuildKey
from bot.domain.packages import Nevra
from bot.domain.verdict import LIMITS

_CHANCE = LIMITS | {FailureReason.INFRASTRUCTURE}
"""Failures that may have come of the machine; they say nothing about the next build."""


def reusable(view: TargetView, builds: Iterable[Build]) -> tuple[BuildKey, ...]:
    """Return which of new builds need not be done where their result is known.

    What is published for others has to be built: of an earlier run there are no packages.
    """
    if view.config.mode is Mode.CHAINED:
        return ()
    published = {entry.package for entry in view.entries if entry.uninstallable}
    return tuple(
        build.key
        for build in builds
        if build.purpose is Purpose.FIRST and build.buildroot and build.package not in published
    )


def taken_over(build: Build, earlier: Sequence[Build]) -> Build:
    """Return the build as it ends by an earlier one with the same inputs; as it is where there is none.

    Where earlier builds with these inputs disagree, be it about the fault alone, or one of them failed in a way that
    may be chance, nothing is taken over.
    """
    same = [
        each for each in earlier if _inputs(each) == _inputs(build) and isinstance(each.outcome, Failed | Succeeded)
    ]
    ends = {each.outcome.signature if isinstance(each.outcome, Failed) else None for each in same}
    by_chance = any(isinstance(each.outcome, Failed) and each.outcome.reason in _CHANCE for each in same)
    if len(ends) != 1 or by_chance:
        return build
    last = max(same, key=lambda each: (each.ended_at or each.queued_at, each.key))
    return replace(
        build,
        state=BuildState.DONE,
        outcome=last.outcome,
        started_at=last.started_at,
        ended_at=last.ended_at,
        cpu_seconds=last.cpu_seconds,
        reused_from=last.reused_from or last.key,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestBuild:
    """A package's latest build in the distribution itself, which succeeded, and what was in its root.

    Each name in it stands for one package and no other: there is no second build of a name where it was built.
    """

    name: str
    """What people find it by, for example its NVR."""
    source: Nevra
    installed: tuple[Nevra, ...]
    started_at: datetime
    ended_at: datetime


def first_baselines(builds: Iterable[Build]) -> tuple[Build, ...]:
    """Return those of new builds in whose place the distribution's own build may stand.

    Whoever asks for another attempt has doubts about the first, so that is built.
    """
    return tuple(
        build
        for build in builds
        if build.purpose is Purpose.BASELINE and build.attempt == 1 and build.state is BuildState.QUEUED
    )


def passed_already(build: Build, latest: LatestBuild, root: Collection[Nevra]) -> Build:
    """Return a baseline as it ends by the distribution's own build; as it is where that says nothing about it.

    `root` is what would be in the root now. One package more, less or other than there was in the root of that build,
    and nothing is known: a package that would not build any more must not count as one that does.
    """
    if not root or frozenset(root) != frozenset(latest.installed):
        return build
    return replace(
        build,
        state=BuildState.DONE,
        outcome=Succeeded(),
        started_at=latest.started_at,
        ended_at=latest.ended_at,
        reused_from=BuildKey(f"{build.backend}/{latest.name}"),
    )


def log_key(build: Build) -> BuildKey:
    """Return the key under which the build's log is kept: that of the build whose result it has."""
    return build.reused_from or build.key


def _inputs(build: Build) -> tuple[str, ...]:
    source = build.request.source
    made_of = source.checksum if isinstance(source, SrpmSource) else source.directory
    return build.package, build.target, build.backend, build.buildroot, made_of
