"""The commands about waivers: who accepts which package's failure, why, and until when."""

from dataclasses import replace

from bot.domain.asked import Asked, Effect, names, refused, spelled
from bot.domain.commands import Command, expand
from bot.domain.decide import ChangeView, target_view
from bot.domain.evidence import judge_all
from bot.domain.report.escape import code
from bot.domain.run import Run, RunState
from bot.domain.verbs import Verb, syntax
from bot.domain.verdict import WAIVABLE, Needs, Waiver
from bot.domain.waivers import LONGEST, beginning_of, in_force
from bot.domain.wording import did_you_mean, quoted

_SHOWN = 20


def waive(command: Command, view: ChangeView, asked: Asked) -> Effect:
    """Note that somebody accepts the failures of packages; without packages (the button) tell what to write."""
    latest = view.runs[0]
    if not command.packages:
        return _what_to_write(view)
    state = view.change.state
    if not latest.entries or state is None:
        answer = "There is no plan yet, or none was made: what depends on the change can be waived once it is known."
        return Effect(view=view, answer=answer, done=False)
    until = beginning_of(command.until) if command.until else None
    if until is not None and not asked.now < until <= asked.now + LONGEST:
        answer = f"{quoted(command.until or '')} has to be a day to come, at most {LONGEST.days} days from now."
        return Effect(view=view, answer=answer, done=False)
    meant, mistakes = expand(command.packages, names(view))
    if mistakes:
        return refused(view, mistakes)
    waiver = Waiver(
        by=asked.actor,
        reason=command.text,
        base_branch=state.base_branch,
        base_sha=state.base_sha,
        given_at=asked.now,
        until=until,
    )
    after = replace(view, waivers={**view.waivers, **dict.fromkeys(meant, waiver)})
    also = "" if until is None else f", or until {code(state.base_branch)} moves if that is sooner"
    how_long = f"until {code(state.base_branch)} moves" if until is None else f"until {until:%Y-%m-%d}{also}"
    return Effect(view=after, answer=f"Waived {how_long}: {spelled(meant, _SHOWN)}.{_later(latest.run)}")


def _later(run: Run) -> str:
    if run.state is not RunState.FINISHED or (run.stop is None and run.problem is None):
        return ""
    return " The run did not come to its end by itself, so this counts from the next one on: `/revdeps run`."


def needs_builds(view: ChangeView, asked: Asked) -> bool:
    """Whether what is waived now leaves something open that only a build can tell."""
    latest = view.runs[0]
    config = latest.run.config
    assert config is not None  # there is no plan without a configuration
    waivers = in_force(view.waivers, view.change.state, asked.now)
    return any(
        isinstance(result, Needs)
        for target in latest.targets
        for result in judge_all(target_view(latest, target, config, waivers)).values()
    )


def unwaive(command: Command, view: ChangeView) -> Effect:
    """Take waivers back."""
    meant, mistakes = expand(command.packages, sorted(view.waivers))
    if mistakes:
        unknown = [mistake.line for mistake in mistakes]
        hints = "".join(did_you_mean(name, sorted(view.waivers)) for name in unknown)
        answer = f"No waiver of {', '.join(quoted(name) for name in unknown)} is known.{hints}"
        return Effect(view=view, answer=answer, done=False)
    kept = {package: waiver for package, waiver in view.waivers.items() if package not in meant}
    return Effect(view=replace(view, waivers=kept))


def _what_to_write(view: ChangeView) -> Effect:
    """Return the line that waives what stands in the way now: a reason cannot be given with a button."""
    failing = [found.package for found in view.runs[0].findings if found.judgement.verdict in WAIVABLE]
    if not failing:
        return Effect(view=view, answer="Nothing that could be waived stands in the way.", done=False)
    listed = " ".join(list(dict.fromkeys(failing))[:_SHOWN])
    answer = (
        f"A waiver needs a reason. Write, with the packages that you mean:\n\n"
        f"```text\n/revdeps waive {listed} -- why this is acceptable\n```\n\n"
        f"`{syntax(Verb.WAIVE)}`: with a date it lapses on that day, and in any case when the base branch moves."
    )
    return Effect(view=view, answer=answer)
