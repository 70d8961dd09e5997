"""What the templates need: a report's rows as they are filtered and sorted, and words from the domain."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from markupsafe import Markup, escape

from bot.domain.build import BuildState
from bot.domain.parlance import Parlance
from bot.domain.report.buildroots import basis, change_notes, change_words
from bot.domain.report.comment import next_step
from bot.domain.report.escape import clean, clean_lines
from bot.domain.report.headline import counts, headline
from bot.domain.report.outlook import forecast_words, why_left_out
from bot.domain.report.pause import pause_words
from bot.domain.report.pieces import subject_text
from bot.domain.report.values import BuildView, Links, Report, Row
from bot.domain.report.words import (
    WORDS,
    blame_words,
    count,
    duration,
    ended_words,
    step_words,
    stop_words,
    tried_words,
    word,
)
from bot.domain.run import Conclusion, Run, RunState
from bot.domain.verdict import Verdict

PAGE_SIZE = 250
"""Rows on one page; a run may have thousands."""

_ORDER = {verdict: position for position, verdict in enumerate(WORDS)}
_PENDING = "pending"
_LINKS = Links(pages="/")
_TAIL_LINES = 25
_CONCLUSIONS: Mapping[Conclusion, str] = {
    Conclusion.SUCCESS: "nothing breaks",
    Conclusion.FAILURE: "regressed",
    Conclusion.ACTION_REQUIRED: "action required",
    Conclusion.CANCELLED: "cancelled",
    Conclusion.TIMED_OUT: "timed out",
    Conclusion.SKIPPED: "skipped",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What of a run is shown. `verdict` is empty for all; `text` is looked for in package names and causes."""

    verdict: str = ""
    text: str = ""
    page: int = 1

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Self:
        """Read an address's query; what makes no sense means nothing."""
        page = query.get("page", "1")
        return cls(
            verdict=query.get("verdict", "") if query.get("verdict", "") in _FILTERS else "",
            text=query.get("q", "").strip()[:100],
            page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 6 else 1,
        )

    def shows(self, row: Row) -> bool:
        """Whether the row is among what was asked for."""
        if self.verdict and slug(row.verdict) != self.verdict:
            return False
        text = self.text.casefold()
        return not text or text in row.package.casefold() or text in row.cause.casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of the filters above the table; `name` is empty for all rows."""

    name: str
    label: str
    number: int


def slug(verdict: Verdict | None) -> str:
    """Return a verdict as it stands in addresses and class names."""
    return _PENDING if verdict is None else verdict.name.lower().replace("_", "-")


_FILTERS = frozenset({_PENDING, *(slug(verdict) for verdict in Verdict)})


def run_page_values(report: Report, query: Query) -> dict[str, object]:
    """Return what the run's template shows."""
    found = sorted((row for row in report.rows if query.shows(row)), key=_first)
    last = max(1, -(-len(found) // PAGE_SIZE))
    page = min(query.page, last)
    return {
        "report": report,
        "query": query,
        "choices": _choices(report),
        "rows": found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
        "found": len(found),
        "page": page,
        "last": last,
        "order": _rebuild_order(report),
    }


def tail(text: str) -> str:
    """Return the last lines of a log, safe to show."""
    return "\n".join(clean_lines(text).rstrip().splitlines()[-_TAIL_LINES:])


def coded(text: str) -> Markup:
    """Return words in which what stands between two backticks is code."""
    parts = [str(escape(part)) for part in clean(text).split("`")]
    if len(parts) % 2 == 0:
        parts[-2:] = ["`".join(parts[-2:])]
    return Markup("").join(  # every part was escaped above
        Markup(f"<code>{part}</code>" if position % 2 else part)  # noqa: S704
        for position, part in enumerate(parts)
    )


def moment(at: datetime) -> Markup:
    """Return a time, in UTC."""
    return Markup('<time datetime="{}">{} UTC</time>').format(at.isoformat(), at.strftime("%Y-%m-%d %H:%M"))


def outcome(build: BuildView) -> str:
    """Return the class of a build's end."""
    if build.outcome is None:
        return "queued" if build.state is BuildState.QUEUED else "running"
    return "passed" if build.passed else "failed" if build.failed else "lost"


def state(run: Run, parlance: Parlance) -> str:
    """Return what has become of a run, as far as its own row tells."""
    if run.conclusion is not None and run.stop is not None:
        stopped = stop_words(run.stop, parlance).lower()
        return f"{_CONCLUSIONS[run.conclusion]}, {stopped}" if run.conclusion is Conclusion.FAILURE else stopped
    if run.conclusion is not None:
        return _CONCLUSIONS[run.conclusion]
    if run.state is RunState.WAITING:
        return "waiting for approval"
    return "running" if run.pause is None else "paused"


def waits(run: Run) -> bool:
    """Whether nothing is begun before somebody decides."""
    return run.state is RunState.WAITING or run.pause is not None


def tone(run: Run | Report) -> str:
    """Return the class of a run: how it is coloured."""
    if run.conclusion is None:
        return "active"
    return run.conclusion.value.replace("_", "-")


GLOBALS: Mapping[str, object] = {
    "basis": basis,
    "blame_words": blame_words,
    "change_notes": change_notes,
    "change_words": change_words,
    "count": count,
    "counts": counts,
    "duration": duration,
    "ended_words": ended_words,
    "forecast_words": forecast_words,
    "headline": headline,
    "log": _LINKS.log,
    "next_step": next_step,
    "outcome": outcome,
    "pause_words": pause_words,
    "slug": slug,
    "state": state,
    "step_words": step_words,
    "subject_text": subject_text,
    "tone": tone,
    "tried_words": tried_words,
    "waits": waits,
    "why_left_out": why_left_out,
    "word": word,
}
"""Functions that templates call."""

FILTERS: Mapping[str, Callable[..., object]] = {"clean": clean, "coded": coded, "moment": moment, "tail": tail}
"""Filters of the templates."""


def _choices(report: Report) -> tuple[Choice, ...]:
    """Return all rows, then each verdict that occurs."""
    numbers = Counter(row.verdict for row in report.rows)
    occurring = [verdict for verdict in (*WORDS, None) if numbers[verdict]]
    named = (
        Choice(name=slug(verdict), label=word(verdict, finished=report.finished).label, number=numbers[verdict])
        for verdict in occurring
    )
    return (Choice(name="", label="all", number=len(report.rows)), *named)


def _first(row: Row) -> tuple[bool, int, bool, int, str, str]:
    """Sort what is building now first, then by verdict, then what is changed itself, then by how many depend on it."""
    position = _ORDER[row.verdict] if row.verdict else _ORDER[Verdict.WAIVED]
    return (not row.running, position, not row.own, -row.dependents, row.package, row.target)


def _rebuild_order(report: Report) -> tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]:
    """Return the steps in which packages have to be rebuilt, for each target that has any."""
    rows = [row for row in report.with_verdict(Verdict.NEEDS_REBUILD) if row.rebuilt]
    return tuple(
        (
            target,
            tuple(
                tuple(row.package for row in rows if (row.target, row.level) == (target, level))
                for level in sorted({row.level for row in rows if row.target == target})
            ),
        )
        for target in dict.fromkeys(row.target for row in rows)
    )
