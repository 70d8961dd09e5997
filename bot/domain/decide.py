"""The heart: from what is stored about a change to the actions that are due. Pure, and the same input gives the same.

The engine loads a `ChangeView`, performs what `decide` answers, loads again, and stops when nothing is due. Whatever is
not due yet becomes due by an event that wakes the change: a build that ended, a comment, a time that came.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from bot.domain.actions import (
    Action,
    CleanUp,
    CompareRoots,
    FallBack,
    FetchSource,
    FinishRun,
    HandleIntent,
    LoadConfiguration,
    MakePlan,
    PauseRun,
    PinSnapshot,
    PrepareWorkspace,
    PublishGeneration,
    QueueBuilds,
    RecordFindings,
    RefreshChange,
    ResumeRun,
    StartRun,
    StopRun,
)
from bot.domain.build import Build, BuildState, Cancelled, Failed, FailureReason, Purpose, Succeeded
from bot.domain.conclusion import conclude
from bot.domain.config import Config
from bot.domain.difference import RootDifference, is_fault, uncompared
from bot.domain.evidence import Judged, TargetView, judge_all, unpublished_rebuilds
from bot.domain.intents import Refresh, StoredIntent
from bot.domain.plan import PlanEntry
from bot.domain.queue import dependents_builds, lost_to_infrastructure, subject_build, wants_baseline_workspace
from bot.domain.reuse import reusable
from bot.domain.run import Change, Conclusion, Problem, Run, RunState, RunTarget, StopReason
from bot.domain.systemic import MOST, common_failure, holds, is_over, waits
from bot.domain.verdict import Finding, Judgement, Needs, Waiver
from bot.domain.waivers import disagree, in_force, lapses_at

SUBJECT_RETRIES = 2
"""How often the change itself is built again after an infrastructure failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run with everything that belongs to it."""

    run: Run
    targets: tuple[RunTarget, ...] = ()
    entries: tuple[PlanEntry, ...] = ()
    builds: tuple[Build, ...] = ()
    findings: tuple[Finding, ...] = ()
    differences: tuple[RootDifference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """A change with its pending intents and its runs, newest first."""

    change: Change
    intents: tuple[StoredIntent, ...] = ()
    runs: tuple[RunView, ...] = ()
    waivers: Mapping[str, Waiver]
    retention: timedelta = timedelta(days=3)
    """How long the workspaces of a finished run are kept for `retry`."""
    systemic_failures: int = MOST
    """So many first rebuilds that fail with one signature pause a run; 0: none do."""


def decide(view: ChangeView, now: datetime) -> tuple[Action, ...]:
    """Return the actions that are due for a change, in the order in which they are to be performed."""
    change = view.change
    if change.stale or any(isinstance(stored.intent, Refresh) for stored in view.intents):
        return (RefreshChange(),)
    if view.intents:
        # One at a time: what it changes may decide what the next one means.
        return (HandleIntent(intent=view.intents[0]),)
    if change.state is None:
        return ()
    actions: list[Action] = []
    for run_view in view.runs:
        actions += _decide_run(view, run_view, now)
    # The newest run alone: one of a commit to which somebody went back was stopped by what came between.
    if change.state.open and not (view.runs and _tests_head(view, view.runs[0].run)):
        sequence = max((run_view.run.sequence for run_view in view.runs), default=0) + 1
        actions.append(StartRun(sequence=sequence))
    return tuple(actions)


def next_time(view: ChangeView) -> datetime | None:
    """Return when time alone makes something due, None where it does not."""
    times = [
        run_view.run.deadline
        for run_view in view.runs
        if run_view.run.state is RunState.ACTIVE and run_view.run.deadline is not None
    ]
    times += [
        run_view.run.finished_at + view.retention
        for run_view in view.runs
        if run_view.run.finished_at is not None and not run_view.run.cleaned
    ]
    times += [
        lapse
        for run_view in view.runs
        if _stands(view, run_view.run) and (lapse := lapses_at(run_view.findings, view.waivers)) is not None
    ]
    return min(times, default=None)


def target_view(view: RunView, target: RunTarget, config: Config, waivers: Mapping[str, Waiver]) -> TargetView:
    """Return the part of a run that is about one target."""
    name = target.target.name
    return TargetView(
        target=target,
        config=config,
        entries=tuple(entry for entry in view.entries if entry.target == name),
        builds=tuple(build for build in view.builds if build.target == name),
        waivers=waivers,
        stopped=view.run.cancelled_packages,
    )


def _tests_head(view: ChangeView, run: Run) -> bool:
    state = view.change.state
    return state is not None and (run.head_sha, run.base_branch) == (state.head_sha, state.base_branch)


def _decide_run(view: ChangeView, run_view: RunView, now: datetime) -> list[Action]:
    run = run_view.run
    if run.state is RunState.FINISHED:
        waivers = in_force(view.waivers, view.change.state, now)
        if _stands(view, run) and disagree(run_view.findings, waivers):
            return [ResumeRun(run=run.id)]
        return _clean_up(view, run_view, now)
    if run.stop is not None:
        conclusion = Conclusion.TIMED_OUT if run.stop is StopReason.DEADLINE else Conclusion.CANCELLED
        return [FinishRun(run=run.id, conclusion=conclusion)]
    reason = _reason_to_stop(view, run, now)
    if reason is not None:
        return [StopRun(run=run.id, reason=reason)]
    if run.state is RunState.WAITING:
        return []
    return _advance(view, run_view, now)


def _stands(view: ChangeView, run: Run) -> bool:
    """Whether a run came to its end by itself and is what is told of the change now."""
    state = view.change.state
    shown = state is not None and state.open and run.id == view.runs[0].run.id and _tests_head(view, run)
    return shown and run.state is RunState.FINISHED and run.stop is None and run.problem is None


def _reason_to_stop(view: ChangeView, run: Run, now: datetime) -> StopReason | None:
    state = view.change.state
    if state is not None and not state.open:
        return StopReason.CLOSED
    if not _tests_head(view, run) or run.id != view.runs[0].run.id:
        return StopReason.SUPERSEDED
    # A run that waits for an approval costs nothing and may wait for as long as the pull request is open.
    if run.state is RunState.ACTIVE and run.deadline is not None and now >= run.deadline:
        return StopReason.DEADLINE
    return None


def _clean_up(view: ChangeView, run_view: RunView, now: datetime) -> list[Action]:
    run = run_view.run
    if run.cleaned or any(build.run and build.state is not BuildState.DONE for build in run_view.builds):
        return []
    state = view.change.state
    wanted = state is not None and state.open and run.id == view.runs[0].run.id and _tests_head(view, run)
    over = run.finished_at is None or now >= run.finished_at + view.retention
    return [CleanUp(run=run.id)] if over or not wanted else []


def _advance(view: ChangeView, run_view: RunView, now: datetime) -> list[Action]:
    run = run_view.run
    if run.config is None:
        return [LoadConfiguration(run=run.id)]
    if run.checkout is None:
        return [FetchSource(run=run.id)]
    preparing: list[Action] = [
        PinSnapshot(run=run.id, target=target.target.name) for target in run_view.targets if target.snapshot is None
    ]
    preparing += [
        PrepareWorkspace(run=run.id, target=target.target.name)
        for target in run_view.targets
        if target.snapshot is not None and target.workspace is None
    ]
    if preparing:
        return preparing
    if fallen := _fall_back(run_view):
        return fallen
    subjects = [_decide_subjects(run_view, target, now) for target in run_view.targets]
    queued = [action for due in subjects if due is not None for action in due]
    if queued or any(due is None for due in subjects):
        return queued or _compare_failed_subjects(run_view) or _finish_failed_subject(run_view)
    return _decide_dependents(view, run_view, run.config, now)


def _fall_back(run_view: RunView) -> list[Action]:
    """Leave the backends that refuse to build the change, where there are others."""
    refused: dict[str, str] = {
        build.target: build.outcome.cause
        for build in _present_subjects(run_view)
        if isinstance(build.outcome, Failed) and build.outcome.refused
    }
    return [
        FallBack(run=run_view.run.id, target=target.target.name, reason=refused[target.target.name])
        for target in run_view.targets
        if target.target.fallback is not None and target.target.name in refused
    ]


def _present_subjects(run_view: RunView) -> list[Build]:
    """Return the builds of the change in the backends that build now: what others refused counts no more."""
    backends = {target.target.name: target.target.backend for target in run_view.targets}
    return [
        build
        for build in run_view.builds
        if build.purpose is Purpose.SUBJECT and build.backend == backends.get(build.target)
    ]


def _decide_subjects(run_view: RunView, target: RunTarget, now: datetime) -> list[Action] | None:
    """Return what the change itself needs on a target: an empty list where it is built, None while it is not."""
    done = True
    due: list[Build] = []
    for package in run_view.run.packages:
        attempts = subject_attempts(run_view, target, package.name or "")
        last = attempts[-1] if attempts else None
        if last is None or last.backend != target.target.backend or _may_try_again(last, attempts):
            due.append(subject_build(run_view.run, target, package, now, attempts))
        elif not isinstance(last.outcome, Succeeded):
            done = False
    if due:
        return [QueueBuilds(run=run_view.run.id, builds=tuple(due))]
    if not done:
        return None
    if target.generation < 0:
        keys = tuple(
            subject_attempts(run_view, target, package.name or "")[-1].key for package in run_view.run.packages
        )
        return [PublishGeneration(run=run_view.run.id, target=target.target.name, generation=0, builds=keys)]
    return []


def _may_try_again(last: Build, attempts: Sequence[Build]) -> bool:
    refused = isinstance(last.outcome, Failed) and last.outcome.refused
    here = sum(build.backend == last.backend for build in attempts)
    return lost_to_infrastructure(last) and not refused and here <= SUBJECT_RETRIES


def subject_attempts(run_view: RunView, target: RunTarget, package: str) -> Sequence[Build]:
    """Return the builds of a package of the change on a target, by attempt."""
    found = [
        build
        for build in run_view.builds
        if build.purpose is Purpose.SUBJECT and build.package == package and build.target == target.target.name
    ]
    return sorted(found, key=lambda build: build.attempt)


def _compare_failed_subjects(run_view: RunView) -> list[Action]:
    """Find out what differs in the roots of the changed packages that do not build, before that ends the run."""
    compared = {difference.build for difference in run_view.differences}
    actions: list[Action] = []
    for target in run_view.targets:
        last = [subject_attempts(run_view, target, package.name or "")[-1:] for package in run_view.run.packages]
        keys = tuple(build.key for builds in last for build in builds if is_fault(build) and build.key not in compared)
        if keys:
            actions.append(CompareRoots(run=run_view.run.id, target=target.target.name, builds=keys))
    return actions


def _finish_failed_subject(run_view: RunView) -> list[Action]:
    """End the run where the change itself does not build; wait while any of its builds goes on."""
    subjects = _present_subjects(run_view)
    if any(build.state is not BuildState.DONE for build in subjects):
        return []
    for build in reversed(subjects):
        match build.outcome:
            case Failed(reason=FailureReason.INFRASTRUCTURE, cause=cause):
                problem = Problem(
                    what=f"{build.package} could not be built on {build.target}: {cause}",
                    hint="The service is at fault, not the change. `/revdeps run` tries again.",
                )
                return [FinishRun(run=run_view.run.id, conclusion=Conclusion.ACTION_REQUIRED, problem=problem)]
            case Failed(cause=cause):
                problem = Problem(
                    what=f"{build.package} itself does not build on {build.target}: {cause}",
                    hint="Nothing that depends on it was built. Push a commit that mends it.",
                )
                return [FinishRun(run=run_view.run.id, conclusion=Conclusion.FAILURE, problem=problem)]
            case Cancelled() | Succeeded() | None:
                pass
            case _ as never:
                assert_never(never)
    return [FinishRun(run=run_view.run.id, conclusion=Conclusion.CANCELLED)]


def _decide_dependents(view: ChangeView, run_view: RunView, config: Config, now: datetime) -> list[Action]:
    run = run_view.run
    unplanned = [target for target in run_view.targets if not target.planned]
    if unplanned:
        return [MakePlan(run=run.id, target=target.target.name) for target in unplanned]
    turn = _pause_or_go_on(run_view, view.systemic_failures)
    if turn is not None:
        return [turn]
    actions: list[Action] = []
    findings: list[Finding] = []
    open_questions = False
    waivers = in_force(view.waivers, view.change.state, now)
    for target in run_view.targets:
        part = target_view(run_view, target, config, waivers)
        judged = judge_all(part)
        rebuilds = unpublished_rebuilds(part, judged)
        if rebuilds:
            keys = tuple(build.key for build in rebuilds)
            name, generation = target.target.name, target.generation + 1
            actions.append(PublishGeneration(run=run.id, target=name, generation=generation, builds=keys))
        if wants_baseline_workspace(part, judged):
            actions.append(PrepareWorkspace(run=run.id, target=target.target.name, baseline=True))
        due = dependents_builds(run, part, judged, now)
        if run.pause is not None:
            due = tuple(build for build in due if not holds(run.pause, build))
        if due:
            actions.append(QueueBuilds(run=run.id, builds=due, reusable=reusable(part, due)))
        failed = uncompared(part, judged, run_view.differences)
        if failed:
            actions.append(CompareRoots(run=run.id, target=target.target.name, builds=failed))
        findings += _findings(run, target, judged)
        open_questions = open_questions or any(isinstance(result, Needs) for result in judged.values())
    known = set(run_view.findings)
    fresh = tuple(finding for finding in findings if finding not in known)
    if fresh:
        actions.append(RecordFindings(run=run.id, findings=fresh))
    if not actions and not open_questions:
        conclusion = conclude((finding.judgement for finding in findings), min_coverage=config.min_coverage)
        actions.append(FinishRun(run=run.id, conclusion=conclusion))
    return actions


def _pause_or_go_on(run_view: RunView, most: int) -> PauseRun | None:
    """Return the pause for which there is a reason, or the end of one whose reason is gone; None where all stays."""
    run = run_view.run
    if run.pause is not None:
        return PauseRun(run=run.id, pause=None) if is_over(run.pause, run_view.builds) else None
    for target in run_view.targets:
        pause = common_failure(run_view.builds, target.target.name, run.accepted_failures, most)
        if pause is not None and waits(run_view.builds, pause) and not is_over(pause, run_view.builds):
            return PauseRun(run=run.id, pause=pause)
    return None


def _findings(run: Run, target: RunTarget, judged: Mapping[str, Judged]) -> list[Finding]:
    return [
        Finding(run=run.id, target=target.target.name, package=package, judgement=result)
        for package, result in judged.items()
        if isinstance(result, Judgement)
    ]
