"""What a command does: from a change as it is to the change as it is to be, and the words of the answer.

Pure: the engine stores the difference. Applying a command to its own result changes nothing more, so a command that is
carried out twice after a crash is carried out once, and whoever asks for what waits already joins it and is told so.
"""

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.asked import NO_PLAN_YET, Asked, Effect, cancelled, joined, names, refused, spelled, with_run
from bot.domain.building_again import build_again, build_baselines, build_sooner, is_open_to_builds, not_yet
from bot.domain.commands import Command, expand
from bot.domain.companions import again, chosen
from bot.domain.decide import ChangeView, RunView
from bot.domain.permission import Permission
from bot.domain.plan import Selection
from bot.domain.policy import help_text
from bot.domain.report.answers import answer_logs, answer_no_run, answer_status, answer_why
from bot.domain.report.configuration import answer_config
from bot.domain.run import Change, Part, Run, RunState, StopReason, revived
from bot.domain.select import reselect, wishes_of
from bot.domain.systemic import resumed
from bot.domain.verbs import Verb
from bot.domain.waiving import needs_builds, unwaive, waive
from bot.domain.wording import quoted

_ALREADY = "That is so already: there was nothing to do."


def carry_out(command: Command, view: ChangeView, asked: Asked) -> Effect:
    """Return what an authorised command does."""
    if command.verb is not Verb.OK and command.sha is not None and not _is_head(command.sha, view):
        return Effect(view=view, answer=_late_text(command, view), done=False)
    effect = _carried_out(command, view, asked)
    if effect.done and not effect.answer and effect.view == view:
        return replace(effect, answer=_ALREADY)
    return effect


def _carried_out(command: Command, view: ChangeView, asked: Asked) -> Effect:
    match command.verb:
        case Verb.HELP:
            return Effect(view=view, answer=help_text(view.parlance))
        case Verb.RUN:
            return _start(command, view, asked)
        case Verb.OK:
            return _approve(command, view, asked)
        case Verb.WITH:
            return _start_together(command, view, asked)
    if not view.runs or asked.report is None:
        return Effect(view=view, answer=answer_no_run(view.parlance), done=False)
    match command.verb:
        case Verb.STATUS:
            return Effect(view=view, answer=answer_status(asked.report, asked.links))
        case Verb.WHY | Verb.LOGS:
            return _about_packages(command, view, asked)
        case Verb.CONFIG:
            return Effect(view=view, answer=answer_config(view.runs[0].run, asked.proposal, view.parlance))
        case Verb.RETRY | Verb.REBUILD | Verb.BASELINE:
            return _build_again(command, view, asked)
        case Verb.PRIORITY:
            return build_sooner(command, view)
        case Verb.CANCEL:
            return _cancel(command, view, asked)
        case Verb.SKIP | Verb.INCLUDE:
            return _select_anew(command, view, asked)
        case Verb.WAIVE:
            return _waive(command, view, asked)
        case Verb.UNWAIVE:
            return unwaive(command, view)
    assert command.verb is Verb.REVOKE  # the last of them
    return _revoke(view, asked)


def _is_head(sha: str, view: ChangeView) -> bool:
    return view.change.state is not None and view.change.state.head_sha.startswith(sha)


def _late_text(command: Command, view: ChangeView) -> str:
    """Return the answer to a request on a check that is history: who made it did not see the present head."""
    head = view.change.state.head_sha if view.change.state else ""
    return (
        f"`{command.verb.value}` was asked for on `{(command.sha or '')[:10]}`, which is not the head any more: "
        f"nothing was done. Ask on the check of `{head[:10]}`."
    )


def _start_together(command: Command, view: ChangeView, asked: Asked) -> Effect:
    state = view.change.state
    if state is None or not state.open:
        return _start(command, view, asked)
    if any(found.run.head_sha == state.head_sha and found.run.trusted is False for found in view.runs[:1]):
        head, right = state.head_sha[:10], view.parlance.right(Permission.WRITE)
        answer = f"`{head}` is by somebody without {right}: read it, `/revdeps ok @{head}`, and ask again."
        return Effect(view=view, answer=answer, done=False)
    companions = chosen(command, asked.companions)
    if isinstance(companions, str):
        return Effect(view=view, answer=companions, done=False)
    return _start(Command(verb=Verb.WITH), view, asked, companions)


def _start(command: Command, view: ChangeView, asked: Asked, companions: tuple[Part, ...] = ()) -> Effect:
    state = view.change.state
    if state is None or not state.open:
        return Effect(view=view, answer=f"The {view.parlance.change} is closed: nothing was started.", done=False)
    latest = view.runs[0].run if view.runs else None
    targets = tuple(value for key, value in command.options if key == "target")
    wanted = (command.limit, command.depth, targets, _commits(companions))
    if latest is not None and _wanted_of(latest) == wanted and _is_beginning(view):
        return Effect(view=view, answer="A run that was asked for earlier is about to start: this joins it.")
    known = latest.config.targets if latest is not None and latest.config is not None else ()
    unknown = [name for name in targets if known and name not in {target.name for target in known}]
    if unknown:
        meant = " or ".join(quoted(name) for name in unknown)
        answer = f"There is no target {meant}. Targets here: {spelled(target.name for target in known)}."
        return Effect(view=view, answer=answer, done=False)
    run = Run(
        id=asked.new_run,
        change=view.change.ref,
        head_sha=state.head_sha,
        base_sha=state.base_sha,
        base_branch=state.base_branch,
        head_repo=state.head_repo,
        created_at=asked.now,
        sequence=(latest.sequence if latest else 0) + 1,
        limit=command.limit,
        depth=command.depth,
        only_targets=targets,
        companions=companions,
        skip=latest.skip if latest else (),
        include=latest.include if latest else (),
        accepted_failures=_accepted(latest, state.head_sha),
    )
    return Effect(view=replace(view, runs=(RunView(run=run), *view.runs)))


def _wanted_of(run: Run) -> tuple[object, ...]:
    return run.limit, run.depth, run.only_targets, _commits(run.companions)


def _commits(parts: Sequence[Part]) -> tuple[tuple[str, str], ...]:
    return tuple((part.change.id, part.head_sha) for part in parts)


def _is_beginning(view: ChangeView) -> bool:
    """Whether the newest run is of the present head and has seen nothing of the distribution yet."""
    latest, state = view.runs[0], view.change.state
    run = latest.run
    if run.state is not RunState.ACTIVE or run.stop is not None or state is None:
        return False
    here = (run.head_sha, run.base_branch) == (state.head_sha, state.base_branch)
    return here and all(target.snapshot is None for target in latest.targets)


def _accepted(latest: Run | None, head_sha: str) -> tuple[str, ...]:
    """Return for what a run of the same commit does not pause: who asks for it has seen why the last one did."""
    return resumed(latest).accepted_failures if latest is not None and latest.head_sha == head_sha else ()


def _approve(command: Command, view: ChangeView, asked: Asked) -> Effect:
    state = view.change.state
    if state is None or not state.open:
        answer = f"The {view.parlance.change} is closed: there is nothing to approve."
        return Effect(view=view, answer=answer, done=False)
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
    if view.change.approved_sha != head:
        view = replace(view, change=replace(view.change, approved_sha=head))
    if latest is not None and latest.run.state is RunState.WAITING:
        run = replace(revived(latest.run, asked.now), trusted=True)
        return Effect(view=with_run(view, replace(latest, run=run)))
    if latest is not None and latest.run.stop is StopReason.CANCELLED:
        return _start(Command(verb=Verb.RUN), view, asked)
    return Effect(view=view)


def _revoke(view: ChangeView, asked: Asked) -> Effect:
    if view.change.approved_sha is None:
        return Effect(view=view, answer=f"No commit of this {view.parlance.change} is approved.", done=False)
    latest = view.runs[0]
    change: Change = replace(view.change, approved_sha=None)
    view = replace(view, change=change)
    return _stop(with_run(view, replace(latest, run=replace(latest.run, trusted=False))), asked)


def _stop(view: ChangeView, asked: Asked) -> Effect:
    latest = view.runs[0]
    if latest.run.state is RunState.FINISHED:
        return Effect(view=view)
    if latest.run.stop is not None:
        return Effect(view=view, answer="The run is being stopped already: this joins that.")
    run = replace(latest.run, stop=StopReason.CANCELLED, stopped_by=asked.actor)
    builds = tuple(cancelled(build) if build.run else build for build in latest.builds)
    return Effect(view=with_run(view, replace(latest, run=run, builds=builds)))


def _cancel(command: Command, view: ChangeView, asked: Asked) -> Effect:
    latest = view.runs[0]
    if latest.run.state is RunState.FINISHED:
        return Effect(view=view, answer="The run is over: there is nothing to cancel.", done=False)
    if not command.packages:
        return _stop(view, asked)
    meant, mistakes = expand(command.packages, names(view))
    if mistakes:
        return refused(view, mistakes)
    stopped = tuple(sorted({*latest.run.cancelled_packages, *meant}))
    builds = tuple(cancelled(build) if build.run and build.package in meant else build for build in latest.builds)
    run = replace(latest.run, cancelled_packages=stopped)
    return Effect(view=with_run(view, replace(latest, run=run, builds=builds)))


def _about_packages(command: Command, view: ChangeView, asked: Asked) -> Effect:
    """Return what is known of packages: why they are tested, or where their logs are."""
    assert asked.report is not None  # checked by carry_out
    tell = answer_logs if command.verb is Verb.LOGS else answer_why
    known = names(view)
    if command.verb is Verb.LOGS:
        known = joined(known, [subject.package for subject in asked.report.subjects])
    meant, mistakes = expand(command.packages, known)
    if mistakes and not view.runs[0].entries:
        return Effect(view=view, answer=NO_PLAN_YET, done=False)
    if mistakes:
        unaffected = answer_why(asked.report, command.packages[0], asked.links)
        return Effect(view=view, answer="\n\n".join([unaffected, *(mistake.answer for mistake in mistakes)]))
    return Effect(view=view, answer="\n\n".join(tell(asked.report, name, asked.links) for name in meant))


def _build_again(command: Command, view: ChangeView, asked: Asked) -> Effect:
    latest = view.runs[0]
    if is_open_to_builds(latest):
        return (build_baselines if command.verb is Verb.BASELINE else build_again)(command, view, asked)
    if latest.run.state is not RunState.FINISHED:
        return Effect(view=view, answer=not_yet(latest.run), done=False)
    if latest.run.companions:
        answer = f"What the run built is gone. `{again(latest.run, view.parlance)}` tests them together anew."
        return Effect(view=view, answer=answer, done=False)
    if command.verb is Verb.BASELINE:
        answer = "What the run built is gone. `/revdeps run` tests anew; ask again then."
        return Effect(view=view, answer=answer, done=False)
    return _start(Command(verb=Verb.RUN), view, asked)


def _waive(command: Command, view: ChangeView, asked: Asked) -> Effect:
    effect = waive(command, view, asked)
    latest = view.runs[0]
    ended = latest.run.state is RunState.FINISHED and latest.run.stop is None and latest.run.problem is None
    if effect.view != view and ended:
        return _judged_anew(effect, asked)
    return effect


def _judged_anew(effect: Effect, asked: Asked) -> Effect:
    """Begin a new run where what is waived leaves a question that the old one cannot answer any more."""
    if not is_open_to_builds(effect.view.runs[0]) and needs_builds(effect.view, asked):
        if effect.view.runs[0].run.companions:
            answer = f"{effect.answer} `{again(effect.view.runs[0].run)}` builds what failed because of them."
            return replace(effect, answer=answer)
        started = _start(Command(verb=Verb.RUN), effect.view, asked)
        return replace(started, answer=f"{effect.answer} What failed because of them is built anew: a run begins.")
    return effect


def _select_anew(command: Command, view: ChangeView, asked: Asked) -> Effect:
    latest = view.runs[0]
    run = latest.run
    meant, mistakes = expand(command.packages, names(view))
    if mistakes and latest.entries:
        return refused(view, mistakes)
    wanted = meant or command.packages
    changed_itself = {entry.package for entry in latest.entries if entry.own}.intersection(wanted)
    if changed_itself and len(changed_itself) == len(set(wanted)):
        told = spelled(sorted(changed_itself))
        answer = f"What is changed itself cannot be skipped; `/revdeps waive` accepts its failure: {told}."
        return Effect(view=view, answer=answer, done=False)
    if command.verb is Verb.SKIP:
        run = replace(run, skip=joined(run.skip, wanted), include=_without(run.include, wanted))
    else:
        run = replace(run, include=joined(run.include, wanted), skip=_without(run.skip, wanted))
    if run.config is None or not latest.entries:
        return Effect(view=with_run(view, replace(latest, run=run)))
    changed = {
        (entry.target, entry.package): entry
        for target in latest.targets
        for entry in reselect(
            [entry for entry in latest.entries if entry.target == target.target.name], wishes_of(run, run.config)
        )
    }
    entries = tuple(changed.get((entry.target, entry.package), entry) for entry in latest.entries)
    skipped = {entry.package for entry in changed.values() if entry.selection is not Selection.PLANNED}
    builds = tuple(cancelled(build) if build.run and build.package in skipped else build for build in latest.builds)
    if changed and run.state is RunState.FINISHED and is_open_to_builds(latest):
        run = revived(run, asked.now)
    return Effect(view=with_run(view, replace(latest, run=run, entries=entries, builds=builds)))


def _without(listed: Sequence[str], gone: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in listed if name not in gone)
