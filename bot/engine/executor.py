"""Performs actions: one function each, all of the same shape.

A function does its input and output, every call of it safe to repeat, and returns what is to be stored. The executor
stores that in one transaction under the lease. So there are the same few points for every action at which the process
may die, and the crash tests generate them from this registry.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from bot.domain import actions
from bot.domain.actions import Action
from bot.domain.decide import ChangeView
from bot.engine.baseline_actions import hold_baselines
from bot.engine.build_actions import publish_generation, queue_builds, record_findings
from bot.engine.change_actions import (
    clean_up,
    finish_run,
    pause_run,
    refresh_change,
    resume_run,
    start_run,
    stop_run,
)
from bot.engine.command_actions import handle_intent
from bot.engine.difference_actions import compare_roots
from bot.engine.pinning import find_commits
from bot.engine.plan_actions import make_plan
from bot.engine.setup_actions import fall_back, fetch_source, load_configuration, pin_snapshot, prepare_workspace
from bot.engine.subject_actions import relate_subjects
from bot.engine.view import load_change
from bot.engine.world import World
from bot.engine.write import Write
from bot.ports.store import Lease, Transaction

Perform = Callable[[World, ChangeView, Any], Awaitable[Write]]
"""Any stands for the one kind of action under which the function is registered."""

REGISTRY: dict[type[Action], Perform] = {
    actions.RefreshChange: refresh_change,
    actions.HandleIntent: handle_intent,
    actions.StartRun: start_run,
    actions.StopRun: stop_run,
    actions.LoadConfiguration: load_configuration,
    actions.FetchSource: fetch_source,
    actions.PinSnapshot: pin_snapshot,
    actions.PrepareWorkspace: prepare_workspace,
    actions.FallBack: fall_back,
    actions.QueueBuilds: queue_builds,
    actions.PublishGeneration: publish_generation,
    actions.RelateSubjects: relate_subjects,
    actions.MakePlan: make_plan,
    actions.FindCommits: find_commits,
    actions.RecordFindings: record_findings,
    actions.CompareRoots: compare_roots,
    actions.HoldBaselines: hold_baselines,
    actions.PauseRun: pause_run,
    actions.FinishRun: finish_run,
    actions.ResumeRun: resume_run,
    actions.CleanUp: clean_up,
}

POINTS = ("before", "performed", "stored")
"""Where an action can be cut off: before anything, after its calls and before they are noted, after that."""


class Checkpoint(Protocol):
    """Called at every point; does nothing, except in tests, where it ends the process."""

    def __call__(self, name: str) -> None:
        """Pass the point `Action:point`."""
        ...


def pass_by(name: str) -> None:
    """Do nothing at a point."""


async def perform(
    world: World, lease: Lease, view: ChangeView, action: Action, checkpoint: Checkpoint, due: Sequence[Action] = ()
) -> ChangeView | None:
    """Perform one action and store what it leaves behind; after the last that is `due` return what is stored then."""
    after: ChangeView | None = None
    name = type(action).__name__
    checkpoint(f"{name}:before")
    write = await REGISTRY[type(action)](world, view, action)
    checkpoint(f"{name}:performed")
    async with world.store.transaction(lease) as tx:
        await write(tx)
        if due and action is due[-1]:
            after = await _stored_after(world, tx, view, due)
    checkpoint(f"{name}:stored")
    return after


async def _stored_after(world: World, tx: Transaction, view: ChangeView, due: Sequence[Action]) -> ChangeView | None:
    """Return what is stored of a change once everything due was performed.

    Verdicts change nothing else of a run, and come with every few builds: thousands are not read again for them.
    """
    settings, change = world.settings, view.change.ref.id
    if not all(isinstance(action, actions.RecordFindings) for action in due):
        return await load_change(tx, change, settings.retention, settings.systemic_failures, world.parlance)
    judged = {action.run for action in due if isinstance(action, actions.RecordFindings)}
    runs = [
        replace(found, findings=tuple(await tx.runs.findings(found.run.id))) if found.run.id in judged else found
        for found in view.runs
    ]
    return replace(view, change=await tx.changes.get(change) or view.change, runs=tuple(runs))
