"""What is still to come and what was left out, in words that every surface shares; plain text, not escaped."""

from datetime import timedelta

from bot.domain.plan import Selection
from bot.domain.report.values import Forecast, Report, Row
from bot.domain.report.words import SELECTIONS, count

RULE = (
    "A package weighs more the nearer it is, the more depends on it, if it newly failed, the longer ago it was built, "
    "and by its boost; those that weigh least are left out."
)


def forecast_words(report: Report) -> str:
    """Return `1,437 builds to go, about 112 CPU hours, expected to end at 17:40 UTC`; nothing where all is told."""
    told = report.forecast
    if report.finished or told is None:
        return ""
    parts = [f"{count(told.builds, 'build')} to go"]
    if told.builds:
        parts.append(_cost(told))
    if told.ends_at is not None:
        # A clock alone would be misread in a run that goes on over night.
        day = "" if told.ends_at.date() == report.created_at.date() else f"{told.ends_at:%Y-%m-%d} "
        parts.append(f"expected to end at {day}{told.ends_at:%H:%M} UTC")
    return ", ".join(parts)


def why_left_out(row: Row) -> str:
    """Return why a package is not tested, with the figures where a limit left it out."""
    why = SELECTIONS[row.selection]
    return f"{why}: {figures(row)}" if row.selection is Selection.OVER_LIMIT and figures(row) else why


def figures(row: Row) -> str:
    """Return `distance 4, 0 dependents, passed 2 days ago: weight 71; the last one chosen has 96`, if weighed."""
    weight = row.weight
    if weight is None:
        return ""
    ago = "" if weight.built_before is None else f" {_ago(weight.built_before)}"
    facts = [f"distance {row.distance}", count(row.dependents, "dependent"), f"{weight.known.value}{ago}"]
    facts += [f"boost {weight.boost}"] if weight.boost else []
    mark = (
        "what is never left out takes all places"
        if row.least_chosen is None
        else f"the last one chosen has {row.least_chosen}"
    )
    return f"{', '.join(facts)}: weight {weight.total}; {mark}"


def _cost(told: Forecast) -> str:
    if told.cpu is not None:
        return f"about {_hours(told.cpu)} CPU hours"
    if told.wall is not None:
        return f"about {_hours(told.wall)} build hours"
    return "what they cost is not known yet"


def _hours(length: timedelta) -> str:
    hours = length / timedelta(hours=1)
    return f"{hours:,.0f}" if hours >= 10 else f"{max(0.1, hours):.1f}"


def _ago(length: timedelta) -> str:
    hours = length // timedelta(hours=1)
    if hours < 1:
        return "less than an hour ago"
    return f"{count(hours, 'hour')} ago" if hours < 48 else f"{count(hours // 24, 'day')} ago"
