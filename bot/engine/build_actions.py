"""Actions about builds: write them down, publish them for others, plan the dependents, record verdicts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.domain.actions import MakePlan, PublishGeneration, QueueBuilds, RecordFindings
from bot.domain.blame import standing_alone, with_alone
from bot.domain.build import Build, BuildState
from bot.domain.config import Config, Mode
from bot.domain.decide import ChangeView, RunView
from bot.domain.evidence import baseline_key, next_attempt
from bot.domain.history import Previous, previous_states
from bot.domain.ids import BuildKey
from bot.domain.plan import AloneImpact, Effect, Impact, PlanEntry
from bot.domain.reuse import taken_over
from bot.domain.run import Alone, PublishedPackage, Run, RunTarget
from bot.domain.select import in_levels, select, wishes_of, with_order
from bot.engine.change_actions import run_view
from bot.engine.pinning import at_commits
from bot.engine.precedents import known_to_pass
from bot.engine.world import World
from bot.engine.write import Write
from bot.ports.resolver import Buildroot, Overlay, Unsolvable
from bot.ports.store import Transaction


async def queue_builds(world: World, view: ChangeView, action: QueueBuilds) -> Write:
    """Write builds down, and subscribe the run to the baselines among them, which may exist already.

    What was built before with the same inputs is written down with its result: nobody has to build it.
    """
    found = run_view(view, action.run)
    passed = await known_to_pass(world, found, action.builds)

    async def write(tx: Transaction) -> None:
        builds = await _with_known_results(tx, world, found, action)
        builds = [passed[build.key][0] if build.key in passed else build for build in builds]
        await tx.builds.add(builds)
        await _with_their_roots(tx, builds)
        await tx.roots.put({key: installed for key, (_, installed) in passed.items()})
        asked = [build.key for build in action.builds if build.run is None]
        await tx.builds.subscribe(action.run, [*asked, *await _known_baselines(tx, asked)])

    return write


async def _known_baselines(tx: Transaction, keys: Sequence[BuildKey]) -> Sequence[BuildKey]:
    """Return those of the baselines that have ended, with all further attempts of theirs that other runs made."""
    found: list[BuildKey] = []
    while keys:
        done = [key for key, build in (await tx.builds.get(keys)).items() if build.state is BuildState.DONE]
        found += done
        keys = [next_attempt(key) for key in done]
    return found


async def _with_known_results(tx: Transaction, world: World, found: RunView, action: QueueBuilds) -> Sequence[Build]:
    if not action.reusable:
        return action.builds
    since = world.clock.now() - world.settings.log_retention
    earlier: defaultdict[str, list[Build]] = defaultdict(list)
    known = frozenset(action.reusable)
    packages = {build.package for build in action.builds if build.key in known}
    for target in found.targets:
        for build in await tx.builds.earlier(found.run.change.repo, target.target, packages, since):
            earlier[build.package].append(build)
    return [taken_over(build, earlier[build.package]) if build.key in known else build for build in action.builds]


async def _with_their_roots(tx: Transaction, builds: Sequence[Build]) -> None:
    """Note what was in the root of a build whose result is taken over: it would be in this one's."""
    origins = {build.key: build.reused_from for build in builds if build.reused_from is not None}
    roots = await tx.roots.get(list(origins.values())) if origins else {}
    await tx.roots.put({key: roots[origin] for key, origin in origins.items() if origin in roots})


async def publish_generation(world: World, view: ChangeView, action: PublishGeneration) -> Write:
    """Put the builds into the workspace's repository, together with those of earlier generations."""
    found = run_view(view, action.run)
    whole = _target(found, action.target)
    target = whole if action.alone is None else standing_alone(whole, action.alone)
    assert target.workspace is not None  # builds need a workspace
    builder = world.builder(target.target.backend)
    by_key = {build.key: build for build in found.builds}
    earlier = [build for build in found.builds if build.run and _is_published(target, build)]
    new = [by_key[key] for key in action.builds]
    refs = [build.ref for build in (*earlier, *new) if build.ref is not None]
    state = await builder.publish(target.workspace, refs, action.generation)
    if action.alone is None:
        published = replace(
            target,
            published=state.packages,
            published_builds=tuple(build.key for build in (*earlier, *new)),
            repository=state.url,
            priority=state.priority,
            generation=action.generation,
            planned=False,
        )
    else:
        alone = Alone(
            workspace=target.workspace,
            published=state.packages,
            repository=state.url,
            priority=state.priority,
        )
        published = with_alone(whole, action.alone, alone)

    async def write(tx: Transaction) -> None:
        await tx.runs.put_target(published)

    return write


def _is_published(target: RunTarget, build: Build) -> bool:
    return build.key in target.published_builds


async def make_plan(world: World, view: ChangeView, action: MakePlan) -> Write:
    """Ask the resolver what is affected; for a later generation, what has become solvable and installable."""
    found = run_view(view, action.run)
    target = _target(found, action.target)
    if action.alone is not None:
        return await _plan_alone(world, found, target, action, action.alone)
    config = found.run.config
    assert config is not None  # there is no target without a configuration
    if target.generation == 0:
        entries, target = await _first_plan(world, found.run, config, target)
    else:
        own = tuple(entry for entry in found.entries if entry.target == action.target)
        entries = await at_commits(world, target.target, await _plan_again(world, config, target, own), own)
        target = replace(target, planned=True)

    async def write(tx: Transaction) -> None:
        await tx.runs.put_entries(entries)
        await tx.runs.put_target(target)
        # A baseline that another run has built already costs nothing, and can show that the change mends something.
        first = [baseline_key(entry, target.target, attempt=1).text for entry in entries if entry.planned]
        await tx.builds.subscribe(action.run, await _known_baselines(tx, first))

    return write


async def _plan_alone(world: World, found: RunView, target: RunTarget, action: MakePlan, place: int) -> Write:
    """Ask the resolver what one of several changes does by itself to packages that regressed with all of them."""
    assert target.snapshot is not None  # narrowing, as below
    overlay = overlay_of(standing_alone(target, place))
    impact = await world.resolver.impact(target.snapshot, target.target, overlay)
    affected = {item.source.name: item for item in impact.affected}
    broken = {item.source for item in impact.uninstallable}
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
    wishes = wishes_of(run, config)
    previous = {} if wishes.most is None else await _previous(world, target, impact)
    entries = select(run.id, target.target.name, impact, wishes, previous, world.clock.now())
    entries = await _ordered(world, config, target, overlay, entries)
    entries = await at_commits(world, target.target, entries)
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
    chained = config.mode is Mode.CHAINED
    concerned = [
        entry.package
        for entry in entries
        if entry.affected.effect is not Effect.UNAFFECTED
        and ((chained and entry.planned) or entry.uninstallable or entry.affected.effect is Effect.UNRESOLVABLE)
    ]
    if not concerned:
        return entries
    # Where everybody waits, waiting for one is waiting for whom that one waits for; elsewhere some go at once.
    order = await world.resolver.order(target.snapshot, target.target, concerned, overlay, thin=chained)
    entries = with_order(entries, order)
    return in_levels(entries) if chained else entries


async def _plan_again(
    world: World, config: Config, target: RunTarget, entries: tuple[PlanEntry, ...]
) -> tuple[PlanEntry, ...]:
    """Return the entries that a new generation changes: repaired, or ready to be built in it."""
    assert target.snapshot is not None  # narrowing, as above
    overlay = overlay_of(target)
    impact = await world.resolver.impact(target.snapshot, target.target, overlay)
    broken = {item.source for item in impact.uninstallable}
    still_broken = await _broken_rebuilds(world, target, overlay)
    # What is left out as well: somebody may ask for it later.
    waiting = [entry.package for entry in entries if not entry.ready]
    solved = await world.resolver.buildroots(target.snapshot, target.target, waiting, overlay) if waiting else {}
    published = {_source_name(package) for package in target.published}
    changed = []
    for entry in entries:
        updated = entry
        if entry.uninstallable and entry.package in published:
            updated = replace(updated, repaired=entry.package not in (broken | still_broken))
        root = solved.get(entry.package)
        if isinstance(root, Buildroot) and (config.mode is not Mode.CHAINED or set(entry.needs) <= published):
            affected = replace(entry.affected, buildroot_after=root.digest)
            updated = replace(updated, ready=True, generation=target.generation, affected=affected)
        elif isinstance(root, Unsolvable) and root.problem != entry.affected.problem:
            updated = replace(updated, affected=replace(entry.affected, problem=root.problem))
        if updated is not entry:
            changed.append(updated)
    return tuple(changed)


async def _broken_rebuilds(world: World, target: RunTarget, overlay: Overlay) -> set[str]:
    """Return the sources of which a rebuilt binary cannot be installed from the published repository."""
    assert target.snapshot is not None  # narrowing, as above
    binaries: Mapping[str, str] = {
        binary: _source_name(package) for package in target.published for binary in package.binaries
    }
    problems = await world.resolver.installability(target.snapshot, target.target, tuple(binaries), overlay)
    return {binaries[nevra] for nevra in problems}


def _source_name(package: PublishedPackage) -> str:
    return package.source.rpartition("-")[0].rpartition("-")[0]


def overlay_of(target: RunTarget) -> Overlay:
    """Return what the run has put over the target's snapshot so far."""
    assert target.repository is not None  # called once something is published
    return Overlay(
        repository=target.repository,
        replaces=frozenset(_source_name(package) for package in target.published),
        priority=target.priority,
    )


async def record_findings(world: World, view: ChangeView, action: RecordFindings) -> Write:
    """Store new verdicts."""

    async def write(tx: Transaction) -> None:
        await tx.runs.put_findings(action.findings)

    return write


def _target(found: RunView, name: str) -> RunTarget:
    return next(target for target in found.targets if target.target.name == name)
