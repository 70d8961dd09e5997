"""The check on the head commit: its state, its one-line title, a summary, and the whole story below it."""

from bot.domain.commands import APPROVE, CANCEL_RUN, REFRESH_BASELINE, RETRY_FAILED, WAIVE
from bot.domain.publication import Annotation, Button, Capabilities, Check, CheckStatus
from bot.domain.report.budget import Detail, fit
from bot.domain.report.comment import LIMIT, overview, previous
from bot.domain.report.escape import clean, code, prose, shorten
from bot.domain.report.headline import WAITS, headline, sign, title
from bot.domain.report.pieces import NAME, subject
from bot.domain.report.sections import sections
from bot.domain.report.values import Links, Report, Stage
from bot.domain.run import Conclusion
from bot.domain.verdict import WAIVABLE, Verdict

NAME_OF_GATE = "revdeps"
"""The check that a branch protection rule requires."""

_TITLE = 200
_ANNOTATIONS = 50
"""What GitHub takes in one request."""


def render_check(report: Report, links: Links, capabilities: Capabilities, name: str = NAME_OF_GATE) -> Check:
    """Return the check as it is to stand, with nothing in it that the forge cannot show."""
    limit = min(capabilities.text_limit, LIMIT)
    status, conclusion = _state(report)
    return Check(
        name=name,
        run=report.run,
        head_sha=report.head_sha,
        status=status,
        title=shorten(clean(title(report)), _TITLE),
        summary=fit(lambda detail: _summary(report, links, detail), limit),
        text=fit(lambda detail: _text(report, links, detail), limit),
        conclusion=conclusion,
        details_url=links.run(report.run),
        started_at=None if status is CheckStatus.QUEUED else report.created_at,
        completed_at=report.finished_at if conclusion else None,
        annotations=_annotations(report) if capabilities.annotations else (),
        buttons=_buttons(report) if capabilities.buttons else (),
    )


def _state(report: Report) -> tuple[CheckStatus, Conclusion | None]:
    """Return status and conclusion, by the table of docs/reports.md. What waits for a person is not in progress."""
    if report.stage is Stage.QUEUED:
        return CheckStatus.QUEUED, None
    if report.stage in WAITS:
        return CheckStatus.COMPLETED, Conclusion.ACTION_REQUIRED
    if report.finished:
        return CheckStatus.COMPLETED, report.conclusion or Conclusion.CANCELLED
    return CheckStatus.IN_PROGRESS, None


def _summary(report: Report, links: Links, detail: Detail) -> str:
    against = f" against {code(report.base_branch, NAME)} @ {code(report.base_sha[:7])}" if report.base_sha else ""
    heading = f"### {sign(report)} {prose(headline(report), 200)}"
    what = f"{subject(report)} @ {code(report.head_sha[:7])}{against}"
    return "\n\n".join((heading, what, *overview(report, links, detail), previous(report, links))).rstrip() + "\n"


def _text(report: Report, links: Links, detail: Detail) -> str:
    """Return the sections; nothing while there is nothing to tell of."""
    if not detail.sections or not (report.rows or report.subjects):
        return ""
    return "\n\n".join(sections(report, links, detail, weights=True)) + "\n"


def _annotations(report: Report) -> tuple[Annotation, ...]:
    return tuple(
        Annotation(
            path=problem.path,
            line=problem.line,
            column=problem.column,
            title="Configuration",
            message=clean(problem.message),
        )
        for problem in report.config_problems[:_ANNOTATIONS]
    )


def _buttons(report: Report) -> tuple[Button, ...]:
    """Return at most three actions that make sense now."""
    if report.stage is Stage.WAITING:
        return (APPROVE,)
    if report.stage is Stage.PAUSED:
        return (RETRY_FAILED, CANCEL_RUN)
    if not report.finished:
        return (CANCEL_RUN,)
    if not report.with_verdict(*WAIVABLE, Verdict.CHANGED_FAILURE):
        return ()
    if report.stop is not None:
        return (RETRY_FAILED,)
    in_the_way = report.conclusion in {Conclusion.FAILURE, Conclusion.ACTION_REQUIRED}
    return (RETRY_FAILED, REFRESH_BASELINE, WAIVE) if in_the_way else (RETRY_FAILED, REFRESH_BASELINE)
