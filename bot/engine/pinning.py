"""Ties the packages of a plan to commits, where a target's dependents are made from a dist-git."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from bot.domain.actions import FindCommits
from bot.domain.commits import reasons, with_answers
from bot.domain.decide import ChangeView
from bot.domain.plan import PlanEntry
from bot.domain.target import Target
from bot.engine.build_actions import target_of
from bot.engine.change_actions import run_view
from bot.engine.world import World
from bot.engine.write import Write
from bot.ports.store import Transaction

log = logging.getLogger(__name__)


async def at_commits(
    world: World, target: Target, entries: Sequence[PlanEntry], before: Sequence[PlanEntry] = ()
) -> tuple[PlanEntry, ...]:
    """Return the entries with the commits that what is planned is made from: stored so, they are for every build.

    `before` are entries of the target as they are stored. What was planned among them is what it is: it was asked for
    then, and may have been built. What the dist-git does not have, and what is not planned, keeps its source package.
    """
    if target.dist_git is None:
        return tuple(entries)
    known = {entry.package for entry in before if entry.planned}
    wanted = [
        replace(entry, unanswered=None) for entry in entries if entry.package not in known and _can_be_tied(entry)
    ]
    tied = {entry.package: entry for entry in await _asked(world, target, wanted)}
    return tuple(tied.get(entry.package, entry) for entry in entries)


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


async def find_commits(world: World, view: ChangeView, action: FindCommits) -> Write:
    """Ask again for the commits of packages of which a dist-git did not tell them."""
    found = run_view(view, action.run)
    target = target_of(found, action.target).target
    wanted = [entry for entry in found.entries if entry.target == target.name and entry.package in action.packages]
    entries = await _asked(world, target, wanted)

    async def write(tx: Transaction) -> None:
        await tx.runs.put_entries(entries)

    return write


async def _asked(world: World, target: Target, entries: Sequence[PlanEntry]) -> tuple[PlanEntry, ...]:
    """Return what was asked about with the answers; who gives none keeps nobody else waiting."""
    assert target.dist_git is not None  # checked by the callers, or when the entries were first asked about
    if not entries:
        return ()
    commits = await world.pins.commits(target, [entry.affected.source for entry in entries])
    answered = with_answers(entries, target.dist_git, commits.found, commits.silent, world.clock.now())
    if commits.silent:
        silent = [entry for entry in answered if entry.unanswered is not None]
        log.warning("%s: no commits of %d packages: %s", target.name, len(silent), reasons(silent))
    return answered


def _can_be_tied(entry: PlanEntry) -> bool:
    """Whether something is built of it that could be made from a commit, and is from none yet."""
    source = entry.affected.source
    return entry.planned and bool(source.location) and not source.from_dist_git
