"""The heart: from what is stored about a change to the actions that are due. Pure, and the same input gives the same.

The engine loads a `ChangeView`, performs what `decide` answers, loads again, and stops when nothing is due. Whatever is
not due yet becomes due by an event that wakes the change: a build that ended, a comment, a time that came.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain.actions import (
    Action,
    CleanUp,
    CompareRoots,
    FetchSource,
    FindCommits,
    FinishRun,
    HandleIntent,
    HoldBaselines,
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
from bot.domain.blame import find_out, with_blame
from bot.domain.build import Build, BuildState
from bot.domain.commits import asked_again, next_question
from bot.domain.companions import again, moved, outdated
from bot.domain.conclusion import conclude, conclude_stopped
from bot.domain.config import Config
from bot.domain.difference import RootDifference, uncompared
from bot.domain.evidence import Judged, TargetView, judge_all, unpublished_rebuilds
from bot.domain.ids import ChangeId
from bot.domain.intents import Refresh, StoredIntent
from bot.domain.parlance import PULL_REQUESTS, Parlance
from bot.domain.plan import PlanEntry
from bot.domain.queue import dependents_builds, wants_baseline_workspace
from bot.domain.reuse import reusable
from bot.domain.run import Change, Conclusion, Problem, Run, RunState, RunTarget, StopReason
from bot.domain.subjects import Subjects
from bot.domain.systemic import MOST, common_failure, holds, is_over, waits
from bot.domain.verdict import CANCELLED, Finding, Judgement, Needs, Verdict, Waiver
from bot.domain.waivers import disagree, in_force, lapses_at


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
    companions: Mapping[ChangeId, Change] = field(default_factory=dict)
    """The pull requests that the newest run tests together with this one, as they are now."""
    retention: timedelta = timedelta(days=3)
    """How long the workspaces of a finished run are kept for `retry`."""
    systemic_failures: int = MOST
    """So many first rebuilds that fail with one signature pause a run; 0: none do."""
    parlance: Parlance = PULL_REQUESTS
    """The words of the change's forge."""


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
    times += [
        question for run_view in view.runs if (question := next_question(run_view.run, run_view.entries)) is not None
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
        since=view.run.created_at,
    )


def _tests_head(view: ChangeView, run: Run) -> bool:
    state = view.change.state
    return state is not None and (run.head_sha, run.base_branch) == (state.head_sha, state.base_branch)


def _decide_run(view: ChangeView, run_view: RunView, now: datetime) -> list[Action]:
    run = run_view.run
    if run.state is RunState.FINISHED:
        other = outdated(run, view.companions, view.parlance)
        if run.conclusion is Conclusion.SUCCESS and _is_shown(view, run) and other:
            problem = _companions_problem(view, run, other)
            return [FinishRun(run=run.id, conclusion=Conclusion.ACTION_REQUIRED, problem=problem)]
        waivers = in_force(view.waivers, view.change.state, now)
        if _stands(view, run) and disagree(run_view.findings, waivers):
            return [ResumeRun(run=run.id)]
        return _clean_up(view, run_view, now)
    if run.stop is not None:
        overtaken = _overtaken(view, run_view, now)
        if overtaken:
            return [RecordFindings(run=run.id, findings=overtaken)]
        conclusion = conclude_stopped(run_view.findings, run.stop)
        superseded = run.stop is StopReason.SUPERSEDED and _is_shown(view, run)
        why = moved(run, view.companions, view.parlance) if superseded else ""
        told = _companions_problem(view, run, why) if why else None
        return [FinishRun(run=run.id, conclusion=conclusion, problem=told)]
    reason = _reason_to_stop(view, run, now)
    if reason is not None:
        return [StopRun(run=run.id, reason=reason)]
    if run.state is RunState.WAITING:
        return []
    return _ask_again(run_view, now) or _advance(view, run_view, now)


def _ask_again(run_view: RunView, now: datetime) -> list[Action]:
    """Return what is asked of dist-gits that did not answer; no plan is made meanwhile: both store entries."""
    asked: dict[str, list[str]] = {}
    for entry in asked_again(run_view.run, run_view.entries, now):
        asked.setdefault(entry.target, []).append(entry.package)
    run = run_view.run.id
    return [FindCommits(run=run, target=target, packages=tuple(packages)) for target, packages in asked.items()]


def _stands(view: ChangeView, run: Run) -> bool:
    """Whether a run came to its end by itself and is what is told of the change now."""
    state = view.change.state
    shown = state is not None and state.open and run.id == view.runs[0].run.id and _tests_head(view, run)
    return shown and run.state is RunState.FINISHED and run.stop is None and run.problem is None


def _reason_to_stop(view: ChangeView, run: Run, now: datetime) -> StopReason | None:
    state = view.change.state
    if state is not None and not state.open:
        return StopReason.CLOSED
    if not _is_shown(view, run) or moved(run, view.companions):
        return StopReason.SUPERSEDED
    # A run that waits for an approval costs nothing and may wait for as long as the pull request is open.
    if run.state is RunState.ACTIVE and run.deadline is not None and now >= run.deadline:
        return StopReason.DEADLINE
    return None


def _is_shown(view: ChangeView, run: Run) -> bool:
    """Whether the run is the one that tells of the change as it is now."""
    return _tests_head(view, run) and run.id == view.runs[0].run.id


def _companions_problem(view: ChangeView, run: Run, reason: str) -> Problem:
    return Problem(what=f"{reason}.", hint=f"`{again(run, view.parlance)}` tests them together as they are now.")


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
    subjects = Subjects(
        run=run,
        targets=run_view.targets,
        builds=run_view.builds,
        differences=run_view.differences,
        parlance=view.parlance,
    )
    unbuilt = subjects.due(now)
    if unbuilt is not None:
        return unbuilt
    return _decide_dependents(view, run_view, run.config, now)


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
    known_parts: list[tuple[TargetView, Mapping[str, Judged]]] = []
    open_questions = False
    waivers = in_force(view.waivers, view.change.state, now)
    for target in run_view.targets:
        part = target_view(run_view, target, config, waivers)
        judged = with_blame(run, part, judge_all(part))
        known_parts.append((part, judged))
        actions += _due_on_target(run_view, part, judged, now)
        findings += _findings(run, target, judged)
        open_questions = open_questions or any(isinstance(result, Needs) for result in judged.values())
    known = {(finding.target, finding.package): finding for finding in run_view.findings}
    fresh = tuple(finding for finding in findings if known.get((finding.target, finding.package)) != finding)
    if fresh:
        actions.append(RecordFindings(run=run.id, findings=fresh))
    if not actions and not open_questions and run.companions:
        steps = [find_out(run, part, judged, now) for part, judged in known_parts]
        actions = [action for step in steps for action in step or ()]
        open_questions = None in steps
    if not actions and not open_questions:
        conclusion = conclude(findings, min_coverage=config.min_coverage)
        actions.append(FinishRun(run=run.id, conclusion=conclusion))
    return actions


def _due_on_target(
    run_view: RunView, part: TargetView, judged: Mapping[str, Judged], now: datetime
) -> Iterator[Action]:
    """Yield what the judgements on one target ask for; at most one action that is stored with the whole target."""
    run, name = run_view.run, part.target.target.name
    rebuilds = unpublished_rebuilds(part, judged)
    if rebuilds:
        keys = tuple(build.key for build in rebuilds)
        yield PublishGeneration(run=run.id, target=name, generation=part.target.generation + 1, builds=keys)
    elif wants_baseline_workspace(part, judged):
        yield PrepareWorkspace(run=run.id, target=name, baseline=True)
    due = dependents_builds(run, part, judged, now)
    if run.pause is not None:
        due = tuple(build for build in due if not holds(run.pause, build))
    if due:
        yield QueueBuilds(run=run.id, builds=due, reusable=reusable(part, due))
    in_doubt = tuple(package for package, need in judged.items() if need is Needs.COMPARISON)
    if in_doubt:
        yield HoldBaselines(run=run.id, target=name, packages=in_doubt)
    failed = uncompared(part, judged, run_view.differences)
    if failed:
        yield CompareRoots(run=run.id, target=name, builds=failed)


def _overtaken(view: ChangeView, run_view: RunView, now: datetime) -> tuple[Finding, ...]:
    """Return what is to be found instead of what was, of a run that was resumed and stopped before it came to its end
    again: what is open again is inconclusive.
    """
    run, known = run_view.run, {(found.target, found.package): found for found in run_view.findings}
    if run.config is None or not known:
        return ()
    waivers = in_force(view.waivers, view.change.state, now)
    overtaken = []
    for target in run_view.targets:
        part = target_view(run_view, target, run.config, waivers)
        judged = with_blame(run, part, judge_all(part))
        for package, result in judged.items():
            found = known.get((target.target.name, package))
            if found is None:
                continue
            open_again = found.judgement if found.judgement.verdict is Verdict.INCONCLUSIVE else CANCELLED
            told = replace(found, judgement=result if isinstance(result, Judgement) else open_again)
            if told != found:
                overtaken.append(told)
    return tuple(overtaken)


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
