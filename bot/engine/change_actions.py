"""Actions about a change and the life of its runs: read it, start, stop, finish, clean up."""

import asyncio
import secrets
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from bot.domain.actions import CleanUp, FinishRun, PauseRun, RefreshChange, ResumeRun, StartRun, StopRun
from bot.domain.build import Build, BuildState, Cancelled
from bot.domain.decide import ChangeView, RunView
from bot.domain.ids import RunId
from bot.domain.intents import Refresh
from bot.domain.run import ChangeRef, ChangeState, Conclusion, Problem, Run, RunState, StopReason, revived
from bot.domain.systemic import resumed
from bot.domain.waivers import in_force, taken_along
from bot.engine.world import World
from bot.engine.write import Write
from bot.ports.errors import Gone
from bot.ports.store import Transaction


def run_view(view: ChangeView, run: RunId) -> RunView:
    """Return one of the view's runs."""
    return next(found for found in view.runs if found.run.id == run)


def finished(run: Run, conclusion: Conclusion, now: datetime, problem: Problem | None = None) -> Run:
    """Return a run at its end; the only place where one ends."""
    return replace(run, state=RunState.FINISHED, conclusion=conclusion, finished_at=now, problem=problem)


def cancelled(build: Build, now: datetime) -> Build:
    """Return a build as it is when it is to be stopped: at once where nobody has heard of it, else by the poller."""
    if build.state is BuildState.QUEUED:
        return replace(build, state=BuildState.DONE, outcome=Cancelled(), ended_at=now, cancel_requested=True)
    return replace(build, cancel_requested=True)


async def _take_waivers_along(tx: Transaction, group: ChangeState, now: datetime) -> None:
    """Give a merge queue's group the waivers of the pull requests in it.

    Those are the group's own and those of the groups before it, all of which are still open.
    """
    queued = [change for change in await tx.changes.open_in(group.ref.repo) if change.ref.queue]
    numbers = {group.ref.number} | {
        change.ref.number for change in queued if change.state and change.state.base_branch == group.base_branch
    }
    for number in sorted(numbers):
        found = await tx.changes.get(ChangeRef(repo=group.ref.repo, number=number).id)
        if found is None:
            continue
        waivers = in_force(await tx.waivers.of_change(found.ref.id), found.state, now)
        for package, waiver in taken_along(waivers, group).items():
            await tx.waivers.put(group.ref.id, package, waiver)


async def refresh_change(world: World, view: ChangeView, action: RefreshChange) -> Write:
    """Read the pull request; one that is gone is treated as closed."""
    change = view.change
    state = change.state
    try:
        state = await world.forge(change.ref.repo.forge).change(change.ref, change.state)
    except Gone:
        state = state.gone() if state else None
    hints = {stored.id: stored.intent for stored in view.intents if isinstance(stored.intent, Refresh)}
    pushes = [hint for hint in hints.values() if hint.pushed_by]
    if pushes:
        change = replace(change, pushed_sha=pushes[-1].pushed_sha, pushed_by=pushes[-1].pushed_by)
    again = state is not None and _answers_anew(view, state)
    first_seen = change.state is None and state is not None and bool(change.ref.queue)

    async def write(tx: Transaction) -> None:
        if first_seen and state is not None:
            await _take_waivers_along(tx, state, world.clock.now())
        await tx.changes.put(replace(change, state=state, stale=False))
        await tx.intents.done(hints)
        # Who is tested together with this change has to know what became of it.
        await tx.changes.wake(await tx.runs.joined(change.ref.id), world.clock.now())
        if again and state is not None:
            await tx.runs.put(_new_run(state, view.runs[0].run.sequence + 1, world.clock.now()))

    return write


def _answers_anew(view: ChangeView, state: ChangeState) -> bool:
    """Whether the commit's run is to be made again although there is one: opened again, or no longer to be skipped."""
    if not view.runs or not state.open:
        return False
    last, before = view.runs[0].run, view.change.state
    if (last.head_sha, last.base_branch) != (state.head_sha, state.base_branch):
        return False
    skipped = last.conclusion is Conclusion.SKIPPED and last.config is not None
    other = before is not None and (before.draft, before.labels) != (state.draft, state.labels)
    return last.stop is StopReason.CLOSED or (skipped and other)


async def start_run(world: World, view: ChangeView, action: StartRun) -> Write:
    """Write a new run down for the present head commit."""
    state = view.change.state
    assert state is not None  # decide( starts runs of known changes alone)
    run = _new_run(state, action.sequence, world.clock.now())

    async def write(tx: Transaction) -> None:
        await tx.runs.put(run)

    return write


def _new_run(state: ChangeState, sequence: int, now: datetime) -> Run:
    return Run(
        id=RunId(secrets.token_hex(6)),
        change=state.ref,
        head_sha=state.head_sha,
        base_sha=state.base_sha,
        base_branch=state.base_branch,
        head_repo=state.head_repo,
        created_at=now,
        sequence=sequence,
    )


async def stop_run(world: World, view: ChangeView, action: StopRun) -> Write:
    """Ask for the run's builds to be cancelled; baselines go on, for they are everybody's."""
    found = run_view(view, action.run)
    now = world.clock.now()
    going = [build for build in found.builds if build.run and build.state is not BuildState.DONE]
    builders = {build.backend for build in going}

    async def write(tx: Transaction) -> None:
        await tx.runs.put(replace(found.run, stop=action.reason))
        for backend in sorted(builders):
            # Read again: the poller may have gone on since.
            fresh = await tx.builds.get([build.key for build in going if build.backend == backend])
            await tx.builds.put(
                [cancelled(build, now) for build in fresh.values() if build.state is not BuildState.DONE]
            )

    return write


async def pause_run(world: World, view: ChangeView, action: PauseRun) -> Write:
    """Let the run wait for a decision, or go on."""
    run = run_view(view, action.run).run
    run = resumed(run) if action.pause is None else replace(run, pause=action.pause)

    async def write(tx: Transaction) -> None:
        await tx.runs.put(run)

    return write


async def finish_run(world: World, view: ChangeView, action: FinishRun) -> Write:
    """End the run."""
    run = finished(run_view(view, action.run).run, action.conclusion, world.clock.now(), action.problem)

    async def write(tx: Transaction) -> None:
        await tx.runs.put(run)

    return write


async def resume_run(world: World, view: ChangeView, action: ResumeRun) -> Write:
    """Let the run come to its end once more."""
    run = revived(run_view(view, action.run).run, world.clock.now())

    async def write(tx: Transaction) -> None:
        await tx.runs.put(run)

    return write


async def clean_up(world: World, view: ChangeView, action: CleanUp) -> Write:
    """Discard the run's workspaces and remove its checkout."""
    found = run_view(view, action.run)
    for target in found.targets:
        for workspace in (target.workspace, *(alone.workspace for alone in target.alone)):
            if workspace is not None:
                await world.builder(target.target.backend).discard(workspace)
    if found.run.checkout is not None:
        await asyncio.to_thread(shutil.rmtree, Path(found.run.checkout).parent, ignore_errors=True)

    async def write(tx: Transaction) -> None:
        await tx.runs.put(replace(found.run, cleaned=True))

    return write
