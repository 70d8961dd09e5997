"""What a command does: from a change as it is to the change as it is to be, and the words of the answer.

Pure: the engine stores the difference. Applying a command to its own result changes nothing more, so a command that is
carried out twice after a crash is carried out once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.build import Build, BuildState, Purpose
from bot.domain.commands import Command, Mistake, expand
from bot.domain.decide import ChangeView, RunView, target_view
from bot.domain.ids import RunId
from bot.domain.plan import PlanEntry, Selection
from bot.domain.policy import help_text, unavailable_text
from bot.domain.queue import candidate_build
from bot.domain.report.answers import answer_no_run, answer_status, answer_why
from bot.domain.report.values import Links, Report
from bot.domain.run import Change, Run, RunState, StopReason
from bot.domain.select import reselect, wishes_of
from bot.domain.systemic import resumed
from bot.domain.verbs import USAGES, Verb
from bot.domain.verdict import Verdict

_RETRIED = frozenset({Verdict.REGRESSED, Verdict.CHANGED_FAILURE, Verdict.INCONCLUSIVE, Verdict.STILL_FAILING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The circumstances of a command."""

    actor: str
    at: datetime
    """When it was given."""
    now: datetime
    new_run: RunId
    """For a run that the command may start."""
    waiting_since: datetime | None = None
    """When the check that asks for an approval of the present head was published."""
    report: Report | None = None
    """Of the newest run."""
    links: Links


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """The change after the command; `answer` is Markdown, empty where a reaction says enough."""

    view: ChangeView
    answer: str = ""
    done: bool = True


def carry_out(command: Command, view: ChangeView, asked: Asked) -> Effect:
    """Return what an authorised command does."""
    if command.verb is not Verb.OK and command.sha is not None and not _is_head(command.sha, view):
        return Effect(view=view, answer=_late_text(command, view), done=False)
    if not USAGES[command.verb].available:
        return Effect(view=view, answer=unavailable_text(command.verb), done=False)
    match command.verb:
        case Verb.HELP:
            return Effect(view=view, answer=help_text())
        case Verb.RUN:
            return _start(command, view, asked)
        case Verb.OK:
            return _approve(command, view, asked)
    if not view.runs or asked.report is None:
        return Effect(view=view, answer=answer_no_run(), done=False)
    match command.verb:
        case Verb.STATUS:
            return Effect(view=view, answer=answer_status(asked.report, asked.links))
        case Verb.WHY:
            return _why(command, view, asked)
        case Verb.RETRY | Verb.REBUILD:
            return _build_again(command, view, asked)
        case Verb.CANCEL:
            return _cancel(command, view, asked)
        case Verb.SKIP | Verb.INCLUDE:
            return _select_anew(command, view, asked)
    assert command.verb is Verb.REVOKE  # the last of those that this version acts on
    return _revoke(view, asked)


def _is_head(sha: str, view: ChangeView) -> bool:
    return view.change.state is not None and view.change.state.head_sha.startswith(sha)


def _late_text(command: Command, view: ChangeView) -> str:
    """Return the answer to a button on a check that is history: who pressed it did not see the present head."""
    head = view.change.state.head_sha if view.change.state else ""
    return (
        f"`{command.verb.value}` was asked for on `{(command.sha or '')[:10]}`, which is not the head any more: "
        f"nothing was done. Press the button on the check of `{head[:10]}`."
    )


def _names(view: ChangeView) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entry.package for entry in view.runs[0].entries))


def _refused(view: ChangeView, mistakes: Sequence[Mistake]) -> Effect:
    return Effect(view=view, answer="\n".join(mistake.answer for mistake in mistakes), done=False)


def _with_run(view: ChangeView, run_view: RunView) -> ChangeView:
    return replace(view, runs=(run_view, *view.runs[1:]))


def _start(command: Command, view: ChangeView, asked: Asked) -> Effect:
    state = view.change.state
    if state is None or not state.open:
        return Effect(view=view, answer="The pull request is closed: nothing was started.", done=False)
    latest = view.runs[0].run if view.runs else None
    targets = tuple(value for key, value in command.options if key == "target")
    wanted = (command.limit, command.depth, targets)
    if (
        latest is not None
        and latest.state is RunState.ACTIVE
        and latest.config is None
        and latest.stop is None
        and (latest.head_sha, latest.base_branch) == (state.head_sha, state.base_branch)
        and (latest.limit, latest.depth, latest.only_targets) == wanted
    ):
        return Effect(view=view, answer="A run that was asked for earlier is about to start: this joins it.")
    known = latest.config.targets if latest is not None and latest.config is not None else ()
    unknown = [name for name in targets if known and name not in {target.name for target in known}]
    if unknown:
        named = ", ".join(f"`{target.name}`" for target in known)
        return Effect(view=view, answer=f"There is no target of that name. Targets here: {named}.", done=False)
    run = Run(
        id=asked.new_run,
        change=view.change.ref,
        head_sha=state.head_sha,
        base_sha=state.base_sha,
        base_branch=state.base_branch,
        created_at=asked.now,
        sequence=(latest.sequence if latest else 0) + 1,
        limit=command.limit,
        depth=command.depth,
        only_targets=targets,
        skip=latest.skip if latest else (),
        include=latest.include if latest else (),
        accepted_failures=_accepted(latest, state.head_sha),
    )
    return Effect(view=replace(view, runs=(RunView(run=run), *view.runs)))


def _accepted(latest: Run | None, head_sha: str) -> tuple[str, ...]:
    """Return for what a run of the same commit does not pause: who asks for it has seen why the last one did."""
    return resumed(latest).accepted_failures if latest is not None and latest.head_sha == head_sha else ()


def _approve(command: Command, view: ChangeView, asked: Asked) -> Effect:
    state = view.change.state
    if state is None or not state.open:
        return Effect(view=view, answer="The pull request is closed: there is nothing to approve.", done=False)
    head = state.head_sha
    if command.sha is not None and not head.startswith(command.sha):
        answer = f"The head is `{head[:10]}` by now, not `{command.sha[:10]}`: read it, and `/revdeps ok @{head[:10]}`."
        return Effect(view=view, answer=answer, done=False)
    latest = view.runs[0] if view.runs and view.runs[0].run.head_sha == head else None
    # The check that waits may still be that of the commit before.
    seen = latest is not None and asked.waiting_since is not None and asked.waiting_since <= asked.at
    if command.sha is None and not seen:
        answer = f"Which commit did you read? The head is `{head[:10]}`: say `/revdeps ok @{head[:10]}`."
        return Effect(view=view, answer=answer, done=False)
    change = replace(view.change, approved_sha=head, approved_by=asked.actor)
    view = replace(view, change=change)
    if latest is not None and latest.run.state is RunState.WAITING:
        run = replace(_revived(latest.run, asked), trusted=True)
        return Effect(view=_with_run(view, replace(latest, run=run)))
    if latest is not None and latest.run.stop is StopReason.CANCELLED:
        return _start(Command(verb=Verb.RUN), view, asked)
    return Effect(view=view)


def _revoke(view: ChangeView, asked: Asked) -> Effect:
    if view.change.approved_sha is None:
        return Effect(view=view, answer="No commit of this pull request is approved.", done=False)
    latest = view.runs[0]
    change: Change = replace(view.change, approved_sha=None, approved_by=None)
    view = replace(view, change=change)
    return _stop(_with_run(view, replace(latest, run=replace(latest.run, trusted=False))), asked)


def _stop(view: ChangeView, asked: Asked) -> Effect:
    latest = view.runs[0]
    if latest.run.state is RunState.FINISHED:
        return Effect(view=view)
    run = replace(latest.run, stop=StopReason.CANCELLED, stopped_by=asked.actor)
    builds = tuple(_cancelled(build) if build.run else build for build in latest.builds)
    return Effect(view=_with_run(view, replace(latest, run=run, builds=builds)))


def _revived(run: Run, asked: Asked) -> Run:
    """Return the run as one that goes on, with the whole of its time before it."""
    deadline = asked.now + run.config.timeout if run.config else None
    return replace(run, state=RunState.ACTIVE, conclusion=None, finished_at=None, problem=None, deadline=deadline)


def _cancelled(build: Build) -> Build:
    return build if build.state is BuildState.DONE else replace(build, cancel_requested=True)


def _cancel(command: Command, view: ChangeView, asked: Asked) -> Effect:
    latest = view.runs[0]
    if latest.run.state is RunState.FINISHED:
        return Effect(view=view, answer="The run is over: there is nothing to cancel.", done=False)
    if not command.packages:
        return _stop(view, asked)
    meant, mistakes = expand(command.packages, _names(view))
    if mistakes:
        return _refused(view, mistakes)
    names = tuple(sorted({*latest.run.cancelled_packages, *meant}))
    builds = tuple(_cancelled(build) if build.run and build.package in meant else build for build in latest.builds)
    run = replace(latest.run, cancelled_packages=names)
    return Effect(view=_with_run(view, replace(latest, run=run, builds=builds)))


def _why(command: Command, view: ChangeView, asked: Asked) -> Effect:
    assert asked.report is not None  # checked by carry_out
    names = _names(view)
    meant, mistakes = expand(command.packages, names)
    if mistakes and not names:
        return Effect(view=view, answer="The plan is not made yet; ask again in a moment.", done=False)
    if mistakes:
        unaffected = answer_why(asked.report, command.packages[0], asked.links)
        return Effect(view=view, answer="\n\n".join([unaffected, *(mistake.answer for mistake in mistakes)]))
    return Effect(view=view, answer="\n\n".join(answer_why(asked.report, name, asked.links) for name in meant))


def _build_again(command: Command, view: ChangeView, asked: Asked) -> Effect:
    latest = view.runs[0]
    run = latest.run
    if run.cleaned or run.stop is not None or not latest.entries:
        if run.state is not RunState.FINISHED:
            known = "is being stopped" if run.stop is not None else "has not come to its dependents yet"
            return Effect(view=view, answer=f"The run {known}: there is nothing to build again.", done=False)
        return _start(Command(verb=Verb.RUN), view, asked)
    meant, mistakes = expand(command.packages, _names(view))
    if mistakes:
        return _refused(view, mistakes)
    verdicts = {(found.target, found.package): found.judgement.verdict for found in latest.findings}
    chosen = [
        entry
        for entry in latest.entries
        if entry.buildable
        and (entry.package in meant if command.packages else verdicts.get((entry.target, entry.package)) in _RETRIED)
    ]
    builds = [build for entry in chosen for build in _by_hand(latest, view, entry, asked)]
    goes_on = run.pause is not None and not command.packages
    if goes_on:
        run = resumed(run)
    if not builds and not goes_on:
        answer = "They wait or run already: this joins them." if chosen else "There is nothing to build again."
        if chosen and run.pause is not None:
            answer += " The run pauses, though: `/revdeps retry` without a package lets it go on."
        return Effect(view=view, answer=answer, done=bool(chosen))
    again = {build.package for build in builds}
    going_on = tuple(name for name in run.cancelled_packages if name not in again)
    run = replace(_revived(run, asked), cancelled_packages=going_on)
    return Effect(view=_with_run(view, replace(latest, run=run, builds=(*latest.builds, *builds))))


def _by_hand(latest: RunView, view: ChangeView, entry: PlanEntry, asked: Asked) -> list[Build]:
    """Return the build of one package, none where one is waiting or running already."""
    assert latest.run.config is not None  # there is no plan without a configuration
    target = next(found for found in latest.targets if found.target.name == entry.target)
    part = target_view(latest, target, latest.run.config, view.waivers)
    if any(build.state is not BuildState.DONE for build in part.candidates(entry.package)):
        return []
    return [candidate_build(latest.run, part, entry, Purpose.BY_HAND, asked.now)]


def _select_anew(command: Command, view: ChangeView, asked: Asked) -> Effect:
    latest = view.runs[0]
    run = latest.run
    names = _names(view)
    meant, mistakes = expand(command.packages, names)
    if mistakes and latest.entries:
        return _refused(view, mistakes)
    wanted = meant or command.packages
    if command.verb is Verb.SKIP:
        run = replace(run, skip=_joined(run.skip, wanted), include=_without(run.include, wanted))
    else:
        run = replace(run, include=_joined(run.include, wanted), skip=_without(run.skip, wanted))
    if run.config is None or not latest.entries:
        return Effect(view=_with_run(view, replace(latest, run=run)))
    changed = {
        (entry.target, entry.package): entry
        for target in latest.targets
        for entry in reselect(
            [entry for entry in latest.entries if entry.target == target.target.name], wishes_of(run, run.config)
        )
    }
    entries = tuple(changed.get((entry.target, entry.package), entry) for entry in latest.entries)
    skipped = {entry.package for entry in changed.values() if entry.selection is not Selection.PLANNED}
    builds = tuple(_cancelled(build) if build.run and build.package in skipped else build for build in latest.builds)
    if changed and run.state is RunState.FINISHED and not run.cleaned and run.stop is None:
        run = _revived(run, asked)
    return Effect(view=_with_run(view, replace(latest, run=run, entries=entries, builds=builds)))


def _joined(names: Sequence[str], more: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*names, *more]))


def _without(names: Sequence[str], gone: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in gone)
