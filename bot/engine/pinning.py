"""Ties the packages of a plan to commits, where a target's dependents are made from a dist-git."""

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.plan import PlanEntry
from bot.domain.target import Target
from bot.engine.world import World


async def at_commits(world: World, target: Target, entries: Sequence[PlanEntry]) -> tuple[PlanEntry, ...]:
    """Return the entries with the commits that what is planned is made from: stored so, they are for every build.

    What the dist-git does not have, and what is not planned, keeps its source package.
    """
    dist_git = target.dist_git
    if dist_git is None:
        return tuple(entries)
    wanted = [entry.affected.source for entry in entries if entry.planned and entry.affected.source.location]
    commits = await world.pins.commits(target, wanted)

    def tied(entry: PlanEntry) -> PlanEntry:
        if not entry.planned or entry.package not in commits:
            return entry
        source = entry.affected.source.at_commit(dist_git.repository(entry.package), commits[entry.package])
        return replace(entry, affected=replace(entry.affected, source=source))

    return tuple(tied(entry) for entry in entries)
