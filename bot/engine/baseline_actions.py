"""The action that finds out whether baselines that passed earlier were built in what there is now."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import replace

from bot.domain.actions import HoldBaselines
from bot.domain.decide import ChangeView, target_view
from bot.domain.difference import is_outdated, moved
from bot.domain.evidence import TargetView
from bot.domain.freshness import first_failure
from bot.domain.ids import BuildKey
from bot.domain.plan import PlanEntry
from bot.engine.build_actions import overlay_of
from bot.engine.change_actions import run_view
from bot.engine.world import World
from bot.engine.write import Write
from bot.ports.errors import Misconfigured, Rejected
from bot.ports.store import Transaction

log = logging.getLogger(__name__)

Strange = Mapping[BuildKey, frozenset[str]]
"""By which packages the root of each baseline differs from that of the failure, apart from the change's own."""


async def hold_baselines(world: World, view: ChangeView, action: HoldBaselines) -> Write:
    """Note which of the older baselines count against failures, and which were built in another root."""
    found = run_view(view, action.run)
    target = next(target for target in found.targets if target.target.name == action.target)
    assert found.run.config is not None  # there is no plan without a configuration
    part = target_view(found, target, found.run.config, {})
    entries = [entry for entry in part.entries if entry.package in action.packages]
    strange = {entry.package: await _strange(world, part, entry) for entry in entries}
    differing = [package for package, by_key in strange.items() if any(by_key.values())]
    expected = await _expected(world, part, differing)
    judged = [_judged(entry, strange[entry.package], expected) for entry in entries]

    async def write(tx: Transaction) -> None:
        await tx.runs.put_entries(judged)

    return write


async def _strange(world: World, part: TargetView, entry: PlanEntry) -> Strange:
    failed = first_failure(part.candidates(entry.package))
    assert failed is not None  # decide( asks for no others
    ours = [binary for package in part.target.published for binary in package.binaries]
    baselines = part.baselines_to_hold(entry)
    async with world.store.transaction() as tx:
        roots = await tx.roots.get([failed.key, *baselines])
    return {key: moved(roots.get(key, ()), roots.get(failed.key, ()), ours) for key in baselines}


async def _expected(world: World, part: TargetView, packages: Collection[str]) -> Mapping[str, Collection[str]]:
    """Return the names of what the change itself alters in buildroots; of what cannot be told, nothing."""
    target = part.target
    assert target.snapshot is not None  # the builds were made on it
    if not packages:
        return {}
    try:
        known = await world.resolver.differences(target.snapshot, target.target, tuple(packages), overlay_of(target))
    except (Rejected, Misconfigured) as trouble:
        log.warning("%s: whether the distribution has moved cannot be told: %s", target.run, trouble)
        return {}
    return {package: {change.name for change in changes} for package, changes in known.items()}


def _judged(entry: PlanEntry, strange: Strange, expected: Mapping[str, Collection[str]]) -> PlanEntry:
    gone = tuple(key for key, names in strange.items() if is_outdated(entry.package, names, expected))
    held = tuple(key for key in strange if key not in gone)
    return replace(entry, held=entry.held + held, outdated=entry.outdated + gone)
