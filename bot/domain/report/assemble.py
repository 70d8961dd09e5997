"""Makes a `Report` of a run's rows. Nothing is decided here: verdicts and conclusions are read, never made."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.domain import commits
from bot.domain.build import ASIDE, Build, BuildState, Failed, Purpose, TreeSource
from bot.domain.config import BaselinePolicy
from bot.domain.difference import RootDifference
from bot.domain.ids import BuildKey, WorkspaceRef
from bot.domain.packages import Nevra
from bot.domain.parlance import PULL_REQUESTS, Parlance
from bot.domain.plan import PlanEntry, Selection
from bot.domain.report.values import BuildView, Forecast, Report, Row, Stage, Subject
from bot.domain.report.words import count
from bot.domain.reuse import log_key
from bot.domain.run import ChangeRef, ChangeState, Part, Problem, Run, RunState, RunTarget
from bot.domain.verdict import Finding, Judgement, Verdict

MAX_TAILS = 50
"""More logs than that are not quoted in one report."""

_QUOTED = (Verdict.REGRESSED, Verdict.CHANGED_FAILURE, Verdict.INCONCLUSIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A run with all its rows. `builds` are its candidates and the baselines that it subscribes to."""

    run: Run
    targets: Sequence[RunTarget] = ()
    entries: Sequence[PlanEntry] = ()
    findings: Sequence[Finding] = ()
    builds: Sequence[Build] = ()
    differences: Sequence[RootDifference] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a report tells besides the run's own rows; all of it may be missing."""

    state: ChangeState | None = None
    log_tails: Mapping[BuildKey, str] = field(default_factory=dict)
    """The ends of the logs that `wanted_tails` names."""
    notes: tuple[str, ...] = ()
    review: tuple[str, ...] = ()
    forecast: Forecast | None = None
    previous: Report | None = None
    parlance: Parlance = PULL_REQUESTS


_NOTHING = Context()


def assemble(stored: Stored, context: Context = _NOTHING) -> Report:
    """Return all that is to be told about the run as it stands."""
    run, state = stored.run, context.state
    return Report(
        run=run.id,
        change=run.change,
        head_sha=run.head_sha,
        base_sha=run.base_sha,
        base_branch=run.base_branch or (state.base_branch if state else ""),
        created_at=run.created_at,
        stage=stage(stored),
        title=state.title if state else "",
        url=state.url if state else "",
        targets=_target_names(stored),
        left_out=_targets_left_out(stored.run),
        subjects=_subjects(stored, context),
        rows=_rows(stored, context),
        conclusion=run.conclusion,
        finished_at=run.finished_at,
        problem=run.problem or _trouble(stored) or commits.problem(run, stored.entries),
        config_problems=run.config_problems,
        config_from_head=run.config_from_head,
        pause=run.pause,
        stop=run.stop,
        stopped_by=run.stopped_by,
        min_coverage=run.config.min_coverage if run.config else 90,
        examined=sum(target.examined for target in stored.targets),
        changes=tuple(dict.fromkeys(each for target in stored.targets for each in target.changes)),
        notes=(*_notes(stored), *context.notes),
        review=context.review,
        forecast=context.forecast,
        parlance=context.parlance,
        parts=_parts(run, state),
        previous=context.previous,
    )


def _trouble(stored: Stored) -> Problem | None:
    """Return what is in the way of builds that go on, None where nothing is."""
    told = sorted({build.trouble for build in stored.builds if build.state is not BuildState.DONE} - {""})
    if stored.run.state is not RunState.ACTIVE or not told:
        return None
    return Problem(what=" ".join(told), hint="The builds wait. They go on by themselves once that is mended.")


def _parts(run: Run, state: ChangeState | None) -> tuple[Part, ...]:
    if not run.companions:
        return ()
    return (replace(run.parts[0], url=state.url if state else ""), *run.companions)


def stage(stored: Stored) -> Stage:
    """Return how far the run has come."""
    run = stored.run
    if run.state is not RunState.ACTIVE:
        return Stage.FINISHED if run.state is RunState.FINISHED else Stage.WAITING
    if run.trusted is None and run.config is None:
        return Stage.QUEUED
    targets = stored.targets
    if not targets or any(target.workspace is None or target.snapshot is None for target in targets):
        return Stage.PREPARING
    if any(target.generation < 0 for target in targets):
        return Stage.BUILDING
    examined = {entry.target for entry in stored.entries}
    if any(not target.planned and target.target.name not in examined for target in targets):
        return Stage.RESOLVING
    return Stage.PAUSED if run.pause else Stage.REBUILDING


def wanted_tails(stored: Stored) -> tuple[BuildKey, ...]:
    """Return the builds whose logs' ends a report quotes: the last failure of each package that needs explaining."""
    told = {(found.target, found.package) for found in stored.findings if found.judgement.verdict in _QUOTED}
    last: dict[tuple[str, str], BuildKey] = {}
    for build in stored.builds:
        place = (build.target, build.package)
        explains = build.purpose is Purpose.SUBJECT or (place in told and build.purpose not in ASIDE)
        if build.run and isinstance(build.outcome, Failed) and explains:
            last[place] = log_key(build)
    return tuple(last.values())[:MAX_TAILS]


def _target_names(stored: Stored) -> tuple[str, ...]:
    if stored.targets:
        return tuple(target.target.name for target in stored.targets)
    wanted = stored.run.only_targets
    configured = stored.run.config.targets if stored.run.config else ()
    return tuple(target.name for target in configured if not wanted or target.name in wanted)


def _targets_left_out(run: Run) -> tuple[str, ...]:
    configured = [target.name for target in run.config.targets] if run.config else []
    tested = set(run.only_targets) & set(configured)
    return tuple(name for name in configured if tested and name not in tested)


def _subjects(stored: Stored, context: Context) -> tuple[Subject, ...]:
    """Return the packages of the change: as configured, and as built once their names are known."""
    builds = [build for build in stored.builds if build.purpose is Purpose.SUBJECT]
    configured = [package.name for package in stored.run.subjects if package.name]
    replaced = {_source_name(nevra): nevra for target in stored.targets for nevra in target.replaced}
    published = {
        _source_name(package.source): package.source for target in stored.targets for package in target.published
    }
    return tuple(
        Subject(
            package=name,
            before=replaced.get(name, ""),
            after=published.get(name, ""),
            builds=tuple(_view(build) for build in builds if build.package == name),
            log_tail=_tail((build for build in builds if build.package == name), context),
            differences=tuple(
                found
                for found in stored.differences
                if found.good is not None
                and any(build.key == found.build and build.package == name for build in builds)
            ),
        )
        for name in dict.fromkeys([*configured, *(build.package for build in builds)])
    )


def _source_name(nevra: str) -> str:
    try:
        return Nevra.parse(nevra).name
    except ValueError:
        return nevra


def _rows(stored: Stored, context: Context) -> tuple[Row, ...]:
    judgements = {(found.target, found.package): found.judgement for found in stored.findings}
    differences = {found.build: found for found in stored.differences}
    candidates: defaultdict[tuple[str, str], list[Build]] = defaultdict(list)
    baselines: defaultdict[tuple[str, str], list[Build]] = defaultdict(list)
    alone: defaultdict[tuple[str, str], list[tuple[ChangeRef, BuildView]]] = defaultdict(list)
    spaces = _spaces(stored)
    for build in stored.builds:
        if build.purpose not in ASIDE:
            (candidates if build.run else baselines)[build.target, build.package].append(build)
        elif build.purpose is Purpose.BLAME and build.request.workspace in spaces:
            alone[build.target, build.package].append((spaces[build.request.workspace], _view(build)))
    return tuple(
        replace(
            _row(entry, judgements.get(place), candidates[place], baselines[place], context),
            difference=differences.get(_last_ended(candidates[place])),
            alone=tuple(alone[place]),
        )
        for entry in stored.entries
        for place in [(entry.target, entry.package)]
    )


def _spaces(stored: Stored) -> Mapping[WorkspaceRef, ChangeRef]:
    """Return which of several changes stands alone in which workspace."""
    parts = stored.run.parts
    known = [(place, alone.workspace) for target in stored.targets for place, alone in enumerate(target.alone)]
    return {workspace: parts[place].change for place, workspace in known if workspace is not None}


def _last_ended(builds: Sequence[Build]) -> BuildKey:
    """Return the build on which a verdict rests, nothing where none has ended."""
    ended = [build.key for build in builds if build.outcome is not None]
    return ended[-1] if ended else BuildKey("")


def _row(
    entry: PlanEntry,
    judgement: Judgement | None,
    candidates: Sequence[Build],
    baselines: Sequence[Build],
    context: Context,
) -> Row:
    affected = entry.affected
    told = judgement or (Judgement(verdict=Verdict.NOT_TESTED) if not entry.planned else None)
    not_tested = told is not None and told.verdict is Verdict.NOT_TESTED
    return Row(
        package=entry.package,
        target=entry.target,
        own=entry.own,
        nevra=str(affected.source.nevra),
        verdict=told.verdict if told else None,
        cause=told.cause if told and not not_tested else "",
        signature=told.signature if told else "",
        root=told.root if told else None,
        blame=told.blame if told else None,
        needs_order=bool(told and told.needs_order),
        selection=entry.selection,
        dependents=affected.dependents,
        distance=affected.distance,
        path=affected.path,
        candidate=tuple(_view(build) for build in candidates),
        baseline=tuple(_view(build) for build in baselines),
        problem=affected.problem,
        uninstallable=entry.uninstallable,
        rebuilt=entry.rebuilt,
        level=entry.level,
        needs=entry.needs,
        dynamic=affected.source.dynamic,
        weight=entry.weight,
        least_chosen=entry.least_chosen,
        log_tail=_tail(candidates, context),
    )


def _view(build: Build) -> BuildView:
    return BuildView(
        key=build.key,
        target=build.target,
        purpose=build.purpose,
        state=build.state,
        attempt=build.attempt,
        generation=build.request.generation,
        outcome=build.outcome,
        duration=build.duration,
        reused=build.reused_from is not None,
    )


def _tail(builds: Iterable[Build], context: Context) -> str:
    """Return the end of the last failed build's log."""
    failed = [log_key(build) for build in builds if isinstance(build.outcome, Failed)]
    return context.log_tails.get(failed[-1], "") if failed else ""


def _notes(stored: Stored) -> tuple[str, ...]:
    """Return what a reader has to know to judge the result."""
    return tuple(note for note in (*_configuration_notes(stored.run), *_build_notes(stored)) if note)


def _configuration_notes(run: Run) -> tuple[str, ...]:
    notes = []
    if run.config_changed:
        notes.append(
            "This change edits `.revdeps.yaml`, and the edited version was used."
            if run.config_from_head
            else "This change edits `.revdeps.yaml`; the base branch's version was used, because the author is not "
            "trusted with it."
        )
    if run.config and run.config.baseline is BaselinePolicy.OFF:
        notes.append("`baseline: off` is configured: whatever fails counts as regressed, even if it failed before.")
    return tuple(notes)


def _build_notes(stored: Stored) -> tuple[str, ...]:
    suffixes = sorted(
        {build.request.source.release_suffix for build in stored.builds if isinstance(build.request.source, TreeSource)}
        - {""}
    )
    stale = [target.target.name for target in stored.targets if target.stale_snapshot]
    refused = [f"{target.target.name} ({target.refusal})" for target in stored.targets if target.refusal]
    dynamic = sum(entry.affected.source.dynamic and entry.selection is Selection.PLANNED for entry in stored.entries)
    reused = sum(build.reused_from is not None for build in stored.builds)
    return (
        f"The tested build has `{'`, `'.join(suffixes)}` appended to its Release, so that it is newer than what it "
        "replaces; the change itself is not touched."
        if suffixes
        else "",
        f"A repository could not be reached: older metadata was used for {', '.join(stale)}." if stale else "",
        f"Another backend than the first one built, which refused: {'; '.join(refused)}." if refused else "",
        f"{count(dynamic, 'package')} with dynamic BuildRequires (`%generate_buildrequires`): what they ask for beyond "
        "what is recorded shows only when they are built."
        if dynamic
        else "",
        _dist_git_note(stored),
        f"{count(reused, 'result')} taken over from earlier builds with the same inputs." if reused else "",
    )


def _dist_git_note(stored: Stored) -> str:
    named = {target.target.name for target in stored.targets if target.target.dist_git is not None}
    return commits.note([entry for entry in stored.entries if entry.planned and entry.target in named])
