"""The commands about builds: `retry` and `rebuild`, `baseline`, and `priority`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from bot.domain.asked import NO_PLAN_YET, Asked, Effect, names, refused, spelled, with_run
from bot.domain.build import Build, BuildState, Purpose
from bot.domain.commands import Command, expand
from bot.domain.config import BaselinePolicy
from bot.domain.decide import ChangeView, RunView, target_view
from bot.domain.evidence import TargetView
from bot.domain.plan import PlanEntry
from bot.domain.queue import by_hand, candidate_build
from bot.domain.run import Run, RunState, revived
from bot.domain.systemic import holds, resumed
from bot.domain.verdict import Verdict

RETRIED = frozenset({Verdict.REGRESSED, Verdict.CHANGED_FAILURE, Verdict.INCONCLUSIVE, Verdict.STILL_FAILING})
"""What `retry` without a package builds again."""

_REST_ON_A_BASELINE = RETRIED | {Verdict.FLAKY, Verdict.WAIVED}
_JOINS = "That is being built already, or waits for its turn: this joins it."


def is_open_to_builds(run_view: RunView) -> bool:
    """Whether builds can be added to a run: it has a plan and its workspaces, and nobody stopped or disapproved it."""
    run = run_view.run
    return bool(run_view.entries) and run.stop is None and not run.cleaned and run.trusted is not False


def not_yet(run: Run) -> str:
    """Return why nothing can be built again in a run that goes on."""
    known = "is being stopped" if run.stop is not None else "has not come to its dependents yet"
    return f"The run {known}: there is nothing to build again."


def build_again(command: Command, view: ChangeView, asked: Asked) -> Effect:
    """Carry out `retry` or `rebuild` in a run that is open to builds."""
    latest = view.runs[0]
    run = latest.run
    meant, mistakes = expand(command.packages, names(view))
    if mistakes:
        return refused(view, mistakes)
    verdicts = _verdicts(latest)
    chosen = [
        entry
        for entry in latest.entries
        if entry.buildable
        and (entry.package in meant if command.packages else verdicts.get((entry.target, entry.package)) in RETRIED)
    ]
    parts = _parts(latest)
    builds = [build for entry in chosen for build in _by_hand(latest, parts[entry.target], entry, asked)]
    known = {build.key for build in latest.builds}
    begun = {build.key: build for build in builds if build.key in known}
    goes_on = run.pause is not None and not command.packages
    if goes_on:
        run = resumed(run)
    # What waits for its commit goes on to.
    awaited = {entry.package for entry in chosen if entry.asks_at is not None}.intersection(run.cancelled_packages)
    if not builds and not goes_on and not awaited:
        nothing = "There is nothing to build again; `/revdeps rebuild PKG` builds even what passed."
        itself = sorted({entry.package for entry in latest.entries if entry.own}.intersection(meant))
        if itself:
            nothing = f"What is changed itself is built anew for a new commit, or by `/revdeps run`: {spelled(itself)}."
        answer = _JOINS if chosen else nothing
        return Effect(view=view, answer=answer, done=bool(chosen))
    again = {build.package for build in builds} | awaited
    going_on = tuple(name for name in run.cancelled_packages if name not in again)
    run = replace(revived(run, asked.now), cancelled_packages=going_on)
    new = tuple(build for build in builds if build.key not in known)
    all_builds = (*(begun.get(build.key, build) for build in latest.builds), *new)
    waiting = {entry.package for entry in chosen} - again
    answer = f"These wait or run already, and this joins them: {spelled(sorted(waiting))}." if waiting else ""
    return Effect(view=with_run(view, replace(latest, run=run, builds=all_builds)), answer=answer)


def build_baselines(command: Command, view: ChangeView, asked: Asked) -> Effect:
    """Ask for one more build of the side without the change; `decide` finds the place and writes it down."""
    latest = view.runs[0]
    run = latest.run
    assert run.config is not None  # there is no plan without a configuration
    if run.config.baseline is BaselinePolicy.OFF:
        answer = "`baseline: off` is configured: verdicts of this run do not ask for the side without the change."
        return Effect(view=view, answer=answer, done=False)
    meant, mistakes = expand(command.packages, names(view))
    if mistakes:
        return refused(view, mistakes)
    verdicts, parts = _verdicts(latest), _parts(latest)
    asked_for: dict[tuple[str, str], PlanEntry] = {}
    joins = False
    for entry in latest.entries:
        place = (entry.target, entry.package)
        wanted = entry.package in meant if command.packages else verdicts.get(place) in _REST_ON_A_BASELINE
        baselines = parts[entry.target].baselines(entry)
        if not entry.buildable or not wanted or not (baselines or command.packages):
            continue
        if entry.baselines > len(baselines) or any(build.state is not BuildState.DONE for build in baselines):
            joins = True
        else:
            asked_for[place] = replace(entry, baselines=len(baselines) + 1)
    if not asked_for:
        answer = _JOINS if joins else "There is nothing to build again on the side without the change."
        return Effect(view=view, answer=answer, done=joins)
    entries = tuple(asked_for.get((entry.target, entry.package), entry) for entry in latest.entries)
    after = replace(latest, run=revived(run, asked.now), entries=entries)
    return Effect(view=with_run(view, after))


def build_sooner(command: Command, view: ChangeView) -> Effect:
    """Raise the priority of packages for the rest of the newest run."""
    latest = view.runs[0]
    if latest.run.state is RunState.FINISHED:
        return Effect(view=view, answer="The run is over: nothing waits to be built sooner.", done=False)
    if not latest.entries:
        return Effect(view=view, answer=NO_PLAN_YET, done=False)
    meant, mistakes = expand(command.packages, names(view))
    if mistakes:
        return refused(view, mistakes)
    planned = {entry.package for entry in latest.entries if entry.planned}
    left_out = [name for name in meant if name not in planned]
    if left_out:
        answer = f"{spelled(left_out)}: not planned in this run. `/revdeps include PKG` adds a package to it."
        return Effect(view=view, answer=answer, done=False)
    before = dict(latest.run.boosts)
    boosts = before | dict.fromkeys(meant, command.priority)
    builds = tuple(_raised(build, meant, boosts, before) for build in latest.builds)
    run = replace(latest.run, boosts=tuple(sorted(boosts.items())))
    return Effect(view=with_run(view, replace(latest, run=run, builds=builds)))


def _raised(build: Build, meant: Collection[str], boosts: dict[str, int], before: dict[str, int]) -> Build:
    if build.package not in meant or build.state is not BuildState.QUEUED:
        return build
    return replace(build, priority=build.priority + boosts[build.package] - before.get(build.package, 0))


def _verdicts(latest: RunView) -> dict[tuple[str, str], Verdict]:
    return {(found.target, found.package): found.judgement.verdict for found in latest.findings}


def _parts(latest: RunView) -> Mapping[str, TargetView]:
    """Return the parts of the run by target."""
    config = latest.run.config
    assert config is not None  # there is no plan without a configuration
    return {target.target.name: target_view(latest, target, config, {}) for target in latest.targets}


def _by_hand(latest: RunView, part: TargetView, entry: PlanEntry, asked: Asked) -> Sequence[Build]:
    """Return the build of one package: a new one, or one that a pause holds; none where one waits or runs already."""
    pause = latest.run.pause
    unfinished = [build for build in part.candidates(entry.package) if build.state is not BuildState.DONE]
    if pause is not None and any(holds(pause, build) for build in unfinished):
        return [by_hand(build) for build in unfinished if build.state is BuildState.QUEUED and holds(pause, build)]
    if unfinished or entry.asks_at is not None:
        return []
    return [candidate_build(latest.run, part, entry, Purpose.BY_HAND, asked.now)]
