"""When a check is written again although nothing of it has changed: forges lose some, and let others grow stale.

GitHub drops the oldest of a thousand checks of one name, and calls one stale that was incomplete for 14 days; and a
write that seemed to fail may arrive after the next one, so that a run that is over looks as if it went on.
"""

from datetime import datetime, timedelta

from bot.domain.publication import Published
from bot.domain.report.headline import WAITS
from bot.domain.report.values import Report

CONFIRMED = timedelta(minutes=10)
"""So long after a run's end its check is written once more: no write is on its way for longer."""
REPEATED = timedelta(hours=6)
"""How often the check of a run that goes on is written at least."""
RENEWED = timedelta(days=13)
"""How long a check may be incomplete before another takes its place, ahead of GitHub's 14 days."""


def again_at(published: Published, report: Report) -> datetime | None:
    """Return when what stands there is to be written again, None where it need not be any more."""
    if report.finished_at is not None:
        confirmed = report.finished_at + CONFIRMED
        return confirmed if published.published_at < confirmed else None
    return None if report.stage in WAITS else published.published_at + REPEATED


def outworn(published: Published, report: Report, now: datetime) -> bool:
    """Tell whether a check has been incomplete for so long that another is to take its place."""
    if report.finished_at is not None or report.stage in WAITS:
        return False
    return (published.published_at - report.created_at) // RENEWED < (now - report.created_at) // RENEWED
