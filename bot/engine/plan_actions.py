"""The plan of a run on a target: made of what the resolver says of the change, and again of what was rebuilt for it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from bot.domain.actions import MakePlan
from bot.domain.alone import standing_alone
from bot.domain.config import Config, Mode
from bot.domain.decide import ChangeView, RunView
from bot.domain.evidence import baseline_key, is_published
from bot.domain.generations import Generation, Plan, in_order_after, looked_at_again, newly_broken
from bot.domain.history import Previous, previous_states
from bot.domain.plan import AloneImpact, Effect, Impact, PlanEntry
from bot.domain.run import Run, RunTarget
from bot.domain.select import in_levels, own_entries, select, wishes_of, with_order, with_remedies
from bot.engine.build_actions import known_baselines, overlay_of, source_name, target_of
from bot.engine.change_actions import run_view
from bot.engine.pinning import at_commits
from bot.engine.world import World
from bot.engine.write import Write
from bot.ports.resolver import Buildroot, Overlay, Unsolvable
from bot.ports.store import Transaction


async def make_plan(world: World, view: ChangeView, action: MakePlan) -> Write:
    """Ask the resolver what is affected; for a later generation, what it has repaired and what it breaks."""
    found = run_view(view, action.run)
    target = target_of(found, action.target)
    if action.alone is not None:
        return await _plan_alone(world, found, target, action, action.alone)
    config = found.run.config
    assert config is not None  # there is no target without a configuration
    if target.generation == 0:
        entries, target = await _first_plan(world, found.run, config, target)
    else:
        stored = tuple(entry for entry in found.entries if entry.target == action.target)
        entries = await _plan_again(world, found, config, target, stored)
        entries = await at_commits(world, target.target, entries, stored)
        target = replace(target, planned=True)

    async def write(tx: Transaction) -> None:
        await tx.runs.put_entries(entries)
        await tx.runs.put_target(target)
        # A baseline that another run has built already costs nothing, and can show that the change mends something.
        dependents = [entry for entry in entries if entry.planned and not entry.own]
        first = [baseline_key(entry, target.target, attempt=1).text for entry in dependents]
        await tx.builds.subscribe(action.run, await known_baselines(tx, first))

    return write


async def _plan_alone(world: World, found: RunView, target: RunTarget, action: MakePlan, place: int) -> Write:
    """Ask the resolver what one of several changes does by itself to packages that regressed with all of them."""
    assert target.snapshot is not None  # narrowing, as below
    overlay = overlay_of(standing_alone(target, place))
    impact = await world.resolver.impact(target.snapshot, target.target, overlay)
    brought = await world.resolver.broken_of_change(target.snapshot, target.target, overlay)
    affected = {item.source.name: item for item in impact.affected}
    broken = {item.source for item in (*impact.uninstallable, *brought) if not item.still}
    entries = [
        replace(
            entry,
            alone=(
                *entry.alone,
                AloneImpact(
                    part=place,
                    effect=affected[entry.package].effect if entry.package in affected else Effect.UNAFFECTED,
                    uninstallable=entry.package in broken,
                    buildroot=affected[entry.package].buildroot_after if entry.package in affected else "",
                ),
            ),
        )
        for entry in found.entries
        if entry.target == action.target and entry.package in action.packages
    ]

    async def write(tx: Transaction) -> None:
        await tx.runs.put_entries(entries)

    return write


async def _first_plan(
    world: World, run: Run, config: Config, target: RunTarget
) -> tuple[Sequence[PlanEntry], RunTarget]:
    assert target.snapshot is not None  # the change was built on it
    overlay = overlay_of(target)
    impact = await world.resolver.impact(target.snapshot, target.target, overlay)
    brought = await world.resolver.broken_of_change(target.snapshot, target.target, overlay)
    wishes = wishes_of(run, config)
    previous = {} if wishes.most is None else await _previous(world, target, impact)
    entries = select(run.id, target.target.name, impact, wishes, previous, world.clock.now())
    entries = await _ordered(world, config, target, overlay, entries)
    entries = await at_commits(world, target.target, entries)
    published = {source_name(package): package for package in target.published}
    own = own_entries(run.id, target.target.name, published, brought)
    entries = with_remedies((*entries, *own))
    return entries, replace(target, planned=True, examined=impact.sources, changes=impact.changes)


async def _previous(world: World, target: RunTarget, impact: Impact) -> Mapping[str, Previous]:
    """Return how the affected packages stood before: a limit chooses by it."""
    packages = [item.source.name for item in impact.affected]
    async with world.store.transaction() as tx:
        return previous_states(await tx.builds.past(target.target.name, packages, each=1))


async def _ordered(
    world: World, config: Config, target: RunTarget, overlay: Overlay, entries: tuple[PlanEntry, ...]
) -> tuple[PlanEntry, ...]:
    """Put in order what has to be rebuilt in order: what broke and what waits for it, or in chained mode everything.

    What broke counts also where it was left out: who waits for it cannot be said to be broken for good.
    """
    assert target.snapshot is not None  # narrowing, as above
    concerned = _concerned(config, entries)
    if not concerned:
        return entries
    # Where everybody waits, waiting for one is waiting for whom that one waits for; elsewhere some go at once.
    chained = config.mode is Mode.CHAINED
    order = await world.resolver.order(target.snapshot, target.target, concerned, overlay, thin=chained)
    entries = with_order(entries, order)
    return in_levels(entries) if chained else entries


def _concerned(config: Config, entries: Sequence[PlanEntry]) -> list[str]:
    chained = config.mode is Mode.CHAINED
    return [
        entry.package
        for entry in entries
        if not entry.own
        and entry.affected.effect is not Effect.UNAFFECTED
        and ((chained and entry.planned) or entry.uninstallable or entry.affected.effect is Effect.UNRESOLVABLE)
    ]


async def _plan_again(
    world: World, view: RunView, config: Config, target: RunTarget, entries: tuple[PlanEntry, ...]
) -> tuple[PlanEntry, ...]:
    """Return the entries that a new generation changes: repaired, broken by it, or ready to be built in it."""
    assert target.snapshot is not None  # narrowing, as above
    overlay = overlay_of(target)
    found = Generation(
        number=target.generation,
        published={source_name(package): package for package in target.published},
        impact=await world.resolver.impact(target.snapshot, target.target, overlay),
        brought=await world.resolver.broken_of_change(target.snapshot, target.target, overlay),
        built_in={each.package: each.request.generation for each in view.builds if each.key in target.published_builds},
    )
    wishes = wishes_of(view.run, config)
    plan = Plan(run=view.run.id, target=target.target.name, wishes=wishes, now=world.clock.now())
    updated = await _solved_again(world, config, target, overlay, looked_at_again(entries, found, wishes), entries)
    updated = (*updated, *newly_broken(entries, found, plan))
    known = {entry.package: entry for entry in entries}
    fresh = [entry.package for entry in updated if _is_newly_broken(entry, known.get(entry.package))]
    if fresh:
        updated = await _ordered_again(world, config, target, overlay, updated, fresh)
    updated = with_remedies(updated)
    return tuple(entry for entry in updated if entry != known.get(entry.package))


def _is_newly_broken(entry: PlanEntry, before: PlanEntry | None) -> bool:
    if before is None:
        return True
    uninstallable = entry.uninstallable and not before.uninstallable
    return bool(uninstallable) or (before.ready and not entry.ready) or entry.broken_by != before.broken_by


async def _solved_again(
    world: World,
    config: Config,
    target: RunTarget,
    overlay: Overlay,
    entries: tuple[PlanEntry, ...],
    before: tuple[PlanEntry, ...],
) -> tuple[PlanEntry, ...]:
    """Return the entries, of which those that waited are ready where their buildroots can be solved by now."""
    assert target.snapshot is not None  # narrowing, as above
    # What is left out as well: somebody may ask for it later.
    waiting = [entry.package for entry in before if not entry.ready]
    solved = await world.resolver.buildroots(target.snapshot, target.target, waiting, overlay) if waiting else {}
    published = {source_name(package) for package in target.published}

    def ready(entry: PlanEntry) -> PlanEntry:
        root = solved.get(entry.package)
        if isinstance(root, Buildroot) and (config.mode is not Mode.CHAINED or set(entry.needs) <= published):
            affected = replace(entry.affected, buildroot_after=root.digest)
            return replace(entry, ready=True, generation=target.generation, affected=affected)
        if isinstance(root, Unsolvable) and root.problem != entry.affected.problem:
            return replace(entry, affected=replace(entry.affected, problem=root.problem))
        return entry

    return tuple(map(ready, entries))


async def _ordered_again(
    world: World,
    config: Config,
    target: RunTarget,
    overlay: Overlay,
    entries: tuple[PlanEntry, ...],
    fresh: Collection[str],
) -> tuple[PlanEntry, ...]:
    """Put what broke only now after what was published, and in order."""
    assert target.snapshot is not None  # narrowing, as above
    published = {entry.package for entry in entries if is_published(target, entry)}
    concerned = _concerned(config, [entry for entry in entries if entry.package not in published])
    if not concerned:
        return entries
    chained = config.mode is Mode.CHAINED
    order = await world.resolver.order(target.snapshot, target.target, concerned, overlay, thin=chained)
    first = 1 + max((entry.level for entry in entries if entry.package in published), default=0)
    movable = frozenset(fresh) & frozenset(concerned)
    entries = in_order_after(entries, order, movable, first)
    return tuple(
        replace(entry, ready=entry.ready and not entry.needs) if chained and entry.package in movable else entry
        for entry in entries
    )
