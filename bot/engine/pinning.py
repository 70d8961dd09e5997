"""Ties the packages of a plan to commits, where a target's dependents are made from a dist-git."""

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.decide import ChangeView
from bot.domain.plan import PlanEntry
from bot.domain.target import Target
from bot.engine.world import World


async def at_commits(
    world: World, target: Target, entries: Sequence[PlanEntry], before: Sequence[PlanEntry] = ()
) -> tuple[PlanEntry, ...]:
    """Return the entries with the commits that what is planned is made from: stored so, they are for every build.

    `before` are entries of the target as they are stored. What was planned among them is what it is: it was asked for
    then, and may have been built. What the dist-git does not have, and what is not planned, keeps its source package.
    """
    dist_git = target.dist_git
    if dist_git is None:
        return tuple(entries)
    known = {entry.package for entry in before if entry.planned}
    wanted = [entry.affected.source for entry in entries if entry.package not in known and _can_be_tied(entry)]
    if not wanted:
        return tuple(entries)
    commits = await world.pins.commits(target, wanted)
    asked = {source.name for source in wanted}

    def tied(entry: PlanEntry) -> PlanEntry:
        if entry.package not in asked or entry.package not in commits:
            return entry
        source = entry.affected.source.at_commit(dist_git.repository(entry.package), commits[entry.package])
        return replace(entry, affected=replace(entry.affected, source=source))

    return tuple(tied(entry) for entry in entries)


async def newest_at_commits(world: World, before: ChangeView, after: ChangeView) -> ChangeView:
    """Return a change as a command left it, with the commits of what became planned in its newest run."""
    if not after.runs or not after.runs[0].entries:
        return after
    latest, *others = after.runs
    was = next((found.entries for found in before.runs if found.run.id == latest.run.id), ())
    tied: dict[tuple[str, str], PlanEntry] = {}
    for target in (found.target for found in latest.targets):
        if target.dist_git is not None:
            own = [entry for entry in latest.entries if entry.target == target.name]
            stored = [entry for entry in was if entry.target == target.name]
            tied |= {(target.name, entry.package): entry for entry in await at_commits(world, target, own, stored)}
    entries = tuple(tied.get((entry.target, entry.package), entry) for entry in latest.entries)
    return replace(after, runs=(replace(latest, entries=entries), *others))


def _can_be_tied(entry: PlanEntry) -> bool:
    """Whether something is built of it that could be made from a commit, and is from none yet."""
    source = entry.affected.source
    return entry.planned and bool(source.location) and not source.from_dist_git
