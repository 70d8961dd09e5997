"""Actions about builds: write them down, publish them for others, record verdicts."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from bot.domain.actions import PublishGeneration, QueueBuilds, RecordFindings
from bot.domain.alone import alone_of, standing_alone, with_alone
from bot.domain.build import Build, BuildState
from bot.domain.decide import ChangeView, RunView
from bot.domain.evidence import next_attempt
from bot.domain.ids import BuildKey
from bot.domain.reuse import taken_over
from bot.domain.run import PublishedPackage, RunTarget
from bot.engine.change_actions import run_view
from bot.engine.precedents import known_to_pass
from bot.engine.world import World
from bot.engine.write import Write
from bot.ports.resolver import Overlay
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
        await tx.builds.subscribe(action.run, [*asked, *await known_baselines(tx, asked)])

    return write


async def known_baselines(tx: Transaction, keys: Sequence[BuildKey]) -> Sequence[BuildKey]:
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
    whole = target_of(found, action.target)
    target = whole if action.alone is None else standing_alone(whole, action.alone)
    assert target.workspace is not None  # builds need a workspace
    builder = world.builder(target.target.backend)
    by_key = {build.key: build for build in found.builds}
    new = [by_key[key] for key in action.builds]
    names = {build.package for build in new}
    # A package that is built again takes the place of what it was.
    earlier = [
        build for build in found.builds if build.run and _is_published(target, build) and build.package not in names
    ]
    refs = [build.ref for build in (*earlier, *new) if build.ref is not None]
    state = await builder.publish(target.workspace, refs, action.generation)
    published = replace(
        target,
        published=state.packages,
        published_builds=tuple(build.key for build in (*earlier, *new)),
        repository=state.url,
        priority=state.priority,
        generation=action.generation,
        planned=False,
    )
    if action.alone is not None:
        published = with_alone(whole, action.alone, alone_of(published))

    async def write(tx: Transaction) -> None:
        await tx.runs.put_target(published)

    return write


def _is_published(target: RunTarget, build: Build) -> bool:
    return build.key in target.published_builds


def source_name(package: PublishedPackage) -> str:
    """Return the name of the source package that was published."""
    return package.source.rpartition("-")[0].rpartition("-")[0]


def overlay_of(target: RunTarget) -> Overlay:
    """Return what the run has put over the target's snapshot so far."""
    assert target.repository is not None  # called once something is published
    return Overlay(
        repository=target.repository,
        replaces=frozenset(source_name(package) for package in target.published),
        priority=target.priority,
    )


async def record_findings(world: World, view: ChangeView, action: RecordFindings) -> Write:
    """Store new verdicts."""

    async def write(tx: Transaction) -> None:
        await tx.runs.put_findings(action.findings)

    return write


def target_of(found: RunView, name: str) -> RunTarget:
    """Return one of the run's targets."""
    return next(target for target in found.targets if target.target.name == name)
