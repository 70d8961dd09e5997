"""The action that finds out what differs in the roots of failed builds."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bot.domain.actions import CompareRoots
from bot.domain.decide import ChangeView
from bot.domain.difference import MAX_KEPT, Basis, RootChange, RootDifference, differences, in_order
from bot.domain.ids import BuildKey
from bot.domain.run import RunTarget
from bot.engine.build_actions import overlay_of
from bot.engine.change_actions import run_view
from bot.engine.world import World
from bot.engine.write import Write
from bot.ports.errors import Misconfigured, Rejected, Transient
from bot.ports.store import Transaction
from bot.ports.stored_builds import GoodBuild

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Solved:
    """What the resolver says of the packages: the change's effect on their buildroots, and how far all in there is."""

    changes: Mapping[str, tuple[RootChange, ...]] = field(default_factory=dict)
    distances: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recorded:
    """What is stored: the last good build of each package, and what was in the roots of those and of the failed."""

    failed: Mapping[str, BuildKey]
    good: Mapping[str, GoodBuild]
    roots: Mapping[BuildKey, tuple[str, ...]]

    def both(self, package: str) -> bool:
        """Whether the failed build's root is known, and a good one's."""
        return package in self.good and self.failed[package] in self.roots


async def compare_roots(world: World, view: ChangeView, action: CompareRoots) -> Write:
    """Hold the roots of failed builds against those of the packages' last good builds, and order what differs."""
    found = run_view(view, action.run)
    target = next(target for target in found.targets if target.target.name == action.target)
    failed = {build.package: build.key for build in found.builds if build.key in action.builds}
    recorded = await _recorded(world, view, target, failed)
    solved = await _solved(world, target, recorded)
    known = [
        _compare(
            RootDifference(run=action.run, target=action.target, package=package, build=key, basis=Basis.NOTHING),
            recorded,
            solved,
            target,
        )
        for package, key in failed.items()
    ]

    async def write(tx: Transaction) -> None:
        await tx.runs.put_differences(known)

    return write


async def _recorded(world: World, view: ChangeView, target: RunTarget, failed: Mapping[str, BuildKey]) -> _Recorded:
    good = {}
    async with world.store.transaction() as tx:
        for package in failed:
            last = await tx.roots.last_good(package, target.target, view.change.ref.id)
            if last is not None:
                good[package] = last
        roots = await tx.roots.get([*failed.values(), *(last.key for last in good.values())])
    return _Recorded(failed=failed, good=good, roots=roots)


async def _solved(world: World, target: RunTarget, recorded: _Recorded) -> _Solved:
    """Ask the resolver. A verdict does not wait for what only explains it: without an answer there is no order."""
    assert target.snapshot is not None  # the builds were made on it
    resolver, snapshot, packages = world.resolver, target.snapshot, tuple(recorded.failed)
    # A change that does not build itself has put nothing over the distribution.
    overlay = overlay_of(target) if target.repository is not None else None
    alone = tuple(name for name in packages if not recorded.both(name)) if overlay is not None else ()
    try:
        before = await resolver.distances(snapshot, target.target, packages)
        after = await resolver.distances(snapshot, target.target, packages, overlay)
        changes = await resolver.differences(snapshot, target.target, alone, overlay) if alone and overlay else {}
    except (Transient, Rejected, Misconfigured) as trouble:
        log.warning("%s: how far the packages of a buildroot are cannot be told: %s", target.run, trouble)
        return _Solved()
    # Of what was dropped only the buildroot without the change can tell.
    return _Solved(changes=changes, distances={name: {**before[name], **after[name]} for name in packages})


def _compare(blank: RootDifference, recorded: _Recorded, solved: _Solved, target: RunTarget) -> RootDifference:
    package = blank.package
    distances = solved.distances.get(package, {})
    if recorded.both(package):
        good, root = recorded.good[package], recorded.roots[blank.build]
        ours = [binary for published in target.published for binary in published.binaries]
        changes = differences(recorded.roots[good.key], root, distances, ours)
        blank = replace(
            blank, basis=Basis.GOOD_BUILD, good=good.key, good_at=good.ended_at, with_change=good.with_change
        )
    elif package in solved.changes:
        changes = in_order(replace(change, distance=distances.get(change.name)) for change in solved.changes[package])
        blank = replace(blank, basis=Basis.SOLVED)
    else:
        return blank
    return replace(blank, changes=changes[:MAX_KEPT], total=len(changes))
