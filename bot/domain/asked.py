"""What a command is given and what it leaves behind: the circumstances, the effect, and the pieces both are made of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.build import Build, BuildState
from bot.domain.commands import Mistake
from bot.domain.decide import ChangeView, RunView
from bot.domain.ids import RunId
from bot.domain.report.values import Links, Report
from bot.domain.run import Part


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
    """Since when a check has asked for an approval of the present head, None where none does."""
    report: Report | None = None
    """Of the newest run."""
    companions: Mapping[str, Part | str] = field(default_factory=dict)
    """What a pull request that `with` names would be in a run, or why it cannot be in one, as written."""
    links: Links
    proposal: str = ""
    """A configuration for a repository that has none, where somebody asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """The change after the command; `answer` is Markdown, empty where a reaction says enough."""

    view: ChangeView
    answer: str = ""
    done: bool = True


NO_PLAN_YET = "The plan is not made yet; ask again in a moment."


def names(view: ChangeView) -> tuple[str, ...]:
    """Return the packages of the newest run's plan."""
    return tuple(dict.fromkeys(entry.package for entry in view.runs[0].entries))


def refused(view: ChangeView, mistakes: Sequence[Mistake]) -> Effect:
    """Return the effect of a command in which names stand that nobody knows."""
    return Effect(view=view, answer="\n".join(mistake.answer for mistake in mistakes), done=False)


def with_run(view: ChangeView, run_view: RunView) -> ChangeView:
    """Return the change with another state of its newest run."""
    return replace(view, runs=(run_view, *view.runs[1:]))


def cancelled(build: Build) -> Build:
    """Return a build as one that is to be stopped."""
    return build if build.state is BuildState.DONE else replace(build, cancel_requested=True)


def joined(listed: Sequence[str], more: Sequence[str]) -> tuple[str, ...]:
    """Return names with more of them behind, each once."""
    return tuple(dict.fromkeys([*listed, *more]))


def spelled(packages: Iterable[str], most: int = 20) -> str:
    """Return names of packages, which the resolver gave, as they stand in a sentence."""
    each = list(dict.fromkeys(packages))
    rest = len(each) - most
    return ", ".join(f"`{name}`" for name in each[:most]) + (f" and {rest:,} more" if rest > 0 else "")
