"""Actions that come before the first build: configuration, trust, source, metadata, workspace."""

import asyncio
import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bot.domain.actions import FallBack, FetchSource, LoadConfiguration, PinSnapshot, PrepareWorkspace
from bot.domain.alone import with_alone
from bot.domain.config import Config, ConfigProblem, Draft, PackageConfig
from bot.domain.decide import ChangeView
from bot.domain.parlance import Parlance
from bot.domain.run import Alone, ChangeState, Conclusion, Part, Problem, Run, RunState, RunTarget
from bot.domain.selection import CONFIG_FILE, DEFAULT_SPEC, default_specs, touched
from bot.domain.wording import quoted
from bot.engine.asking import asking
from bot.engine.change_actions import finished, run_view
from bot.engine.companions import build_order, same_package, trusts_people, with_companions
from bot.engine.proposing import specs_below
from bot.engine.world import World
from bot.engine.write import Write
from bot.ports.builder import WorkspaceSpec
from bot.ports.errors import Misconfigured, Rejected
from bot.ports.store import Transaction

_SHOWN_FILES = 100


async def load_configuration(world: World, view: ChangeView, action: LoadConfiguration) -> Write:
    """Decide whose configuration counts, read it, and see whether there is anything to test."""
    run = run_view(view, action.run).run
    state = view.change.state
    assert state is not None  # a run has a change that was read
    forge = world.forge(run.change.repo.forge)
    with asking():
        files = await forge.changed_files(run.change)
        trusted = await _trusted(world, view, run, state)
        from_head = trusted and CONFIG_FILE in files
        text = await forge.read_file(run.change.repo, CONFIG_FILE, state.head_sha if from_head else state.base_branch)
    run = replace(
        run,
        trusted=trusted,
        config_from_head=from_head,
        config_changed=CONFIG_FILE in files,
        changed_files=tuple(files[:_SHOWN_FILES]),
    )
    loaded = None if text is None else world.load_config(text, CONFIG_FILE, (DEFAULT_SPEC,))
    run, targets = _configured(world, run, state, loaded, files)
    if run.companions:
        run = await with_companions(world, run)

    async def write(tx: Transaction) -> None:
        await tx.runs.put(run)
        for target in targets:
            await tx.runs.put_target(target)

    return write


async def _trusted(world: World, view: ChangeView, run: Run, state: ChangeState) -> bool:
    # Who puts a change into a merge queue may write, and the forge itself made the commit.
    if view.change.approved_sha == run.head_sha or run.change.queue:
        return True
    return await trusts_people(world, view.change, state)


def _configured(
    world: World,
    run: Run,
    state: ChangeState,
    loaded: Config | tuple[ConfigProblem, ...] | None,
    files: Sequence[str],
) -> tuple[Run, list[RunTarget]]:
    """Return the run with its configuration, or at its end where there is nothing to do."""
    now = world.clock.now()
    if loaded is None:
        missing = Problem(what=f"There is no {CONFIG_FILE} on the base branch.", hint="`/revdeps config` proposes one.")
        return finished(run, Conclusion.SKIPPED, now, missing), []
    if isinstance(loaded, tuple):
        problem = Problem(
            what=f"{loaded[0].path} has {len(loaded)} problem{'s' if len(loaded) > 1 else ''}.",
            hint=f"`revdeps config check {loaded[0].path}` shows the same on your machine.",
        )
        return finished(replace(run, config_problems=loaded), Conclusion.ACTION_REQUIRED, now, problem), []
    packages = touched(loaded, files)
    skipped = _reason_to_skip(loaded, state, packages, world.parlance(state.ref.repo.forge))
    if skipped:
        return finished(replace(run, config=loaded), Conclusion.SKIPPED, now, Problem(what=skipped)), []
    if nowhere := _unknown_targets(run, loaded):
        return finished(replace(run, config=loaded), Conclusion.ACTION_REQUIRED, now, nowhere), []
    targets = [target for target in loaded.targets if not run.only_targets or target.name in run.only_targets]
    for target in targets:
        for backend in (target.backend, target.fallback):
            if backend is not None:
                world.builder(backend)
    run = replace(
        run,
        config=loaded,
        packages=packages,
        # The time in which a run waits for a person is not the run's.
        deadline=now + loaded.timeout if run.trusted else None,
        state=RunState.ACTIVE if run.trusted else RunState.WAITING,
    )
    return run, [RunTarget(run=run.id, target=target) for target in targets]


def _unknown_targets(run: Run, config: Config) -> Problem | None:
    """Return what is wrong with the targets that a command named: a run on none of them would test nothing."""
    known = [target.name for target in config.targets]
    unknown = [quoted(name) for name in run.only_targets if name not in known]
    if not unknown:
        return None
    return Problem(what=f"There is no target {' or '.join(unknown)}.", hint=f"Targets here: {', '.join(known)}.")


def _reason_to_skip(config: Config, state: ChangeState, packages: tuple[PackageConfig, ...], parlance: Parlance) -> str:
    if not packages:
        return "The change touches no package."
    if state.ref.queue:
        return ""  # a group is no draft and has no labels: what is in it was let in
    if state.draft and config.drafts is Draft.SKIP:
        return f"Drafts are not tested here; mark the {parlance.change} as ready for review."
    if config.labels and not set(config.labels) & set(state.labels):
        return f"Only {parlance.changes} with one of these labels are tested here: {', '.join(config.labels)}."
    return ""


async def fetch_source(world: World, view: ChangeView, action: FetchSource) -> Write:
    """Check the head commits out afresh, find out the packages' names, and fetch the sources that they need."""
    run = run_view(view, action.run).run
    home = world.settings.state / "checkouts" / run.id
    await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)
    home.mkdir(parents=True)
    parts = [
        replace(part, checkout=str(home / (f"with-{place}" if place else "tree")))
        for place, part in enumerate(run.parts)
    ]
    with asking():
        for part in parts:
            await world.forge(part.change.repo.forge).clone_source(part.change, part.head_sha, part.checkout or "")
    run = replace(run, checkout=parts[0].checkout)
    if run.deadline is None and run.config is not None:
        run = replace(run, deadline=world.clock.now() + run.config.timeout)
    parts, problem = await _prepared(world, parts, view.parlance)
    run = replace(run, packages=parts[0].packages, companions=tuple(parts[1:]))
    if problem is not None:
        run = finished(run, Conclusion.FAILURE, world.clock.now(), problem)
    elif clash := same_package(run, view.parlance):
        run = finished(run, Conclusion.ACTION_REQUIRED, world.clock.now(), clash)

    async def write(tx: Transaction) -> None:
        await tx.runs.put(run)

    return write


async def _prepared(world: World, parts: Sequence[Part], parlance: Parlance) -> tuple[list[Part], Problem | None]:
    """Return the parts with their packages' names and sources, and what is wrong with the first that has not got them.

    Until then they are as they were.
    """
    ready = list(parts)
    for place, part in enumerate(parts):
        checkout = part.checkout or ""
        try:
            packages = tuple([await _named(world, checkout, package) for package in part.packages])
            for package in packages:
                await world.sources.fetch(checkout, package)
        except Rejected as refusal:
            where = f" ({parlance.name(part.change)})" if len(parts) > 1 else ""
            what = f"The sources of the change cannot be prepared{where}: {refusal.reason}"
            return ready, Problem(what=what, hint="Nothing was built. Push a commit that mends it.")
        ready[place] = replace(part, packages=packages)
    return ready, None


async def _named(world: World, checkout: str, package: PackageConfig) -> PackageConfig:
    """Return the package with its spec's path and its name."""
    if package.spec == DEFAULT_SPEC:
        found = default_specs(await asyncio.to_thread(lambda: tuple(specs_below(Path(checkout)))))
        if len(found) != 1:
            listed = ", ".join(found) or "none"
            raise Rejected(f"the repository has no single spec ({listed}): name it in `packages`")
        package = replace(package, spec=found[0])
    if package.name is None:
        package = replace(package, name=(await world.specs.read(checkout, package.spec)).name)
    return package


async def pin_snapshot(world: World, view: ChangeView, action: PinSnapshot) -> Write:
    """Pin the target's metadata for the whole run; raise Misconfigured where they cannot tell who is affected."""
    target = _target(view, action)
    snapshot = await world.resolver.snapshot(target.target)
    if not snapshot.sources:
        where, what = f"{CONFIG_FILE}, target {action.target}", "its repositories have no source packages"
        raise Misconfigured(where, f"{what}, so nothing says what is built with what", "Add a source repository.")
    run = run_view(view, action.run).run
    names = [package.name or "" for package in run.subjects]
    known = await world.resolver.describe(snapshot.id, target.target, names)
    pinned = replace(
        target,
        snapshot=snapshot.id,
        stale_snapshot=snapshot.stale,
        replaced=tuple(str(package.nevra) for package in known.values()),
        order=await build_order(world, run, target.target, snapshot.id, known) if run.companions else (),
    )

    async def write(tx: Transaction) -> None:
        await tx.runs.put_target(pinned)

    return write


async def prepare_workspace(world: World, view: ChangeView, action: PrepareWorkspace) -> Write:
    """Make the place to build in."""
    target = _target(view, action)
    assert target.snapshot is not None  # decide( pins the metadata first)
    run, alone = None if action.baseline else action.run, action.alone
    spec = WorkspaceSpec(run=run, target=target.target, snapshot=target.snapshot, alone=alone)
    try:
        workspace = await world.builder(target.target.backend).prepare(spec)
    except (Rejected, Misconfigured) as refusal:
        if alone is not None:
            # The verdict stands; only whom to blame is not known.
            prepared = with_alone(target, alone, Alone(refusal=str(refusal)))
        elif action.baseline or target.target.fallback is None:
            raise
        else:
            prepared = _fallen_back(target, target.target.fallback, str(refusal))
    else:
        if alone is not None:
            prepared = with_alone(target, alone, Alone(workspace=workspace))
        elif action.baseline:
            prepared = replace(target, baseline_workspace=workspace)
        else:
            prepared = replace(target, workspace=workspace)

    async def write(tx: Transaction) -> None:
        await tx.runs.put_target(prepared)

    return write


async def fall_back(world: World, view: ChangeView, action: FallBack) -> Write:
    """Leave the backend that refused, with nothing behind, and go on with the other one."""
    target = _target(view, action)
    assert target.target.fallback is not None  # decide( asks for no other
    if target.workspace is not None:
        with contextlib.suppress(Rejected, Misconfigured):  # it refuses everything: what it has is found by upkeep
            await world.builder(target.target.backend).discard(target.workspace)
    moved = _fallen_back(target, target.target.fallback, action.reason)

    async def write(tx: Transaction) -> None:
        await tx.runs.put_target(moved)

    return write


def _fallen_back(target: RunTarget, fallback: str, reason: str) -> RunTarget:
    other = replace(target.target, backend=fallback, fallback=None)
    return replace(
        target,
        target=other,
        workspace=None,
        published=(),
        published_builds=(),
        repository=None,
        generation=-1,
        refusal=f"{target.target.backend}: {reason}",
    )


def _target(view: ChangeView, action: PinSnapshot | PrepareWorkspace | FallBack) -> RunTarget:
    return next(found for found in run_view(view, action.run).targets if found.target.name == action.target)
