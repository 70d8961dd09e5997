"""The one comment on a pull request, and the short one that tells of its first failure.

GitHub takes 65,536 characters; the budget is 60,000. Nothing in here mentions anybody: an edited comment must be as
quiet as a new one.
"""

import re
from dataclasses import replace

from bot.domain.permission import Permission
from bot.domain.report.budget import Detail, fit
from bot.domain.report.escape import code, prose, tag
from bot.domain.report.groups import regressions
from bot.domain.report.headline import counts, enough_but_for, headline, sign
from bot.domain.report.outlook import forecast_words
from bot.domain.report.pause import pause_words
from bot.domain.report.pieces import NAME, folded, link, names, subject, table
from bot.domain.report.sections import sections
from bot.domain.report.together import joint, tested_anew, together
from bot.domain.report.values import Links, Report, Stage
from bot.domain.report.words import SIGNS, duration
from bot.domain.run import Conclusion
from bot.domain.verdict import Verdict

MARKER = "<!-- revdeps:v1 "
"""By this text our summary comment is found again; nothing else that the bot writes begins so."""

_HEADLINE = 200

LIMIT = 60_000
"""Characters; GitHub's own limit is 65,536."""


def render_comment(report: Report, links: Links, limit: int = LIMIT) -> str:
    """Return the summary comment in at most `limit` characters, and never more than `LIMIT`."""
    return fit(lambda detail: _comment(report, links, detail), min(limit, LIMIT))


def notice_marker(head_sha: str) -> str:
    """Return the text by which the notice of a commit is found again."""
    return f"<!-- revdeps:notice sha={_identifier(head_sha)} -->"


def render_notice(report: Report, links: Links, comment: str = "") -> str:
    """Return the short new comment on the first change to failing: an edit of the summary tells nobody.

    `comment` is the summary comment's address.
    """
    # The first of each cause, then the others: the heading counts them all.
    worst = [*(group.lead for group in regressions(report)), *report.with_verdict(Verdict.REGRESSED)]
    told = f": {names(worst, 3)}" if worst else ""
    more = " · ".join(
        part for part in (link("summary", comment), link("full report", links.run(report.run))) if part.startswith("[")
    )
    return "\n".join(
        (
            notice_marker(report.head_sha),
            f"{sign(report)} {prose(headline(report), _HEADLINE)}{told} — {code(report.head_sha[:7])}"
            + (f" ({more})" if more else ""),
        )
    )


def overview(report: Report, links: Links, detail: Detail) -> list[str]:
    """Return what stands above the folded sections: state, problem, advice, the table. Each part is a paragraph."""
    groups = regressions(report)
    parts = [
        _status(report, links),
        together(report),
        *problem_words(report),
        *pause_words(report),
        _forecast(report),
        table(groups, report, links, detail),
    ]
    return [part for part in (*parts, next_step(report)) if part]


def previous(report: Report, links: Links) -> str:
    """Return the last result of an earlier commit, marked as such, until this commit has its own."""
    earlier = report.previous
    if earlier is None or report.finished:
        return ""
    links = replace(links, check="")  # that is this commit's
    brief = Detail(log_lines=0, failing=0, fixed=0, worst=10, names=3)
    body = "\n\n".join(
        part for part in (_status(earlier, links), table(regressions(earlier), earlier, links, brief)) if part
    )
    summary = f"{sign(earlier)} For the previous commit {tag(earlier.head_sha[:7])}: {counts(earlier) or 'no result'}"
    return folded(summary, body)


def _comment(report: Report, links: Links, detail: Detail) -> str:
    folds = [*sections(report, links, detail), previous(report, links)] if detail.sections else []
    closing = "" if detail.sections else "_Shortened: the rest is in the full report._"
    opening = (f"{_marker(report)}\n{_header(report)}", joint(report, links))
    parts = [*opening, *overview(report, links, detail), *folds, closing]
    return "\n\n".join(part for part in parts if part) + "\n"


def _marker(report: Report) -> str:
    return f"{MARKER}run={_identifier(report.run)} sha={_identifier(report.head_sha)} -->"


def _header(report: Report) -> str:
    against = f" against {code(report.base_branch, NAME)} @ {code(report.base_sha[:7])}" if report.base_sha else ""
    what = f"{subject(report)} @ {code(report.head_sha[:7])}{against}"
    return f"### {sign(report)} {prose(headline(report).removesuffix('.'), _HEADLINE)} — {what}"


def _status(report: Report, links: Links) -> str:
    """Return one line: how much was tested, where, how long it took, and where there is more."""
    coverage = report.coverage
    tested = f"**{coverage.tested:,} of {coverage.planned:,} tested**" if report.rows else ""
    left_out = coverage.affected - coverage.planned
    targets = ", ".join(code(target, NAME) for target in report.targets[:5])
    more = f" and {len(report.targets) - 5} more" if len(report.targets) > 5 else ""
    parts = (
        tested,
        f"{coverage.planned:,} of {coverage.affected:,} planned" if left_out else "",
        targets + more,
        duration(report.duration),
        link("full report", links.run(report.run)) if links.pages else "",
        link("check", links.check) if links.check else "",
    )
    return " · ".join(part for part in parts if part)


def problem_words(report: Report) -> list[str]:
    """Return why the run could not go on and what to do, and every problem of the configuration with its place."""
    parts = []
    if report.problem:
        told = report.problem.what == headline(report) and len(report.problem.what) <= _HEADLINE
        if not (told or report.config_problems):
            parts.append(f"**{prose(report.problem.what)}**")
        parts.append(prose(report.problem.hint))
    if report.config_problems:
        lines = [
            f"- {code(f'{each.path}:{each.line}:{each.column}')}: {prose(each.message)}"
            for each in report.config_problems[:20]
        ]
        rest = len(report.config_problems) - 20
        parts.append("\n".join([*lines, *([f"- and {rest:,} more"] if rest > 0 else [])]))
    if report.stopped_by:
        parts.append(f"Stopped by {code(report.stopped_by, NAME)}.")
    return parts


def _forecast(report: Report) -> str:
    words = forecast_words(report)
    return f"{words}." if words else ""


def next_step(report: Report) -> str:
    """Return what has to be done for the check to become green, where that is not plain already."""
    if report.stage is Stage.WAITING:
        read = ", ".join(code(path) for path in report.review[:20])
        rest = len(report.review) - 20
        right = report.parlance.right(Permission.WRITE)
        files = f" Read first: {read}{f' and {rest:,} more' if rest > 0 else ''}." if read else ""
        return (
            f"Building runs the author's code, so somebody with {right} has to let this commit through: "
            f"`/revdeps ok {'@' + _identifier(report.head_sha)[:12]}`.{files}"
        )
    if report.config_problems and report.url:  # without a page it is somebody's own working tree
        here = "Push a commit that mends it."
        return here if report.config_from_head else "Mend it on the base branch, and say `/revdeps run`."
    if report.out_of_time:
        return f"{tested_anew(report)}; a longer `timeout` or a `limit` in `.revdeps.yaml` lets it come to its end."
    if report.stopped_by and not report.problem:
        return f"{tested_anew(report)}."
    if report.conclusion is not Conclusion.ACTION_REQUIRED or report.problem or report.config_problems:
        return ""
    if report.coverage.percent < report.min_coverage:
        return (
            f"{SIGNS[Conclusion.ACTION_REQUIRED]} {int(report.coverage.percent)} % of the planned packages came to a "
            f"verdict, {report.min_coverage} % are needed. `/revdeps retry` builds the rest again."
        )
    if report.with_verdict(Verdict.NEEDS_REBUILD):
        return "Set `mode: auto` (or `chained`) in `.revdeps.yaml`, so that what has to be rebuilt is, in order."
    if missed := enough_but_for(report):
        nowhere = ", ".join(code(target, NAME) for target in missed)
        return f"Of what was planned on {nowhere} nothing came to a verdict. `/revdeps retry` builds it again."
    return ""


def _identifier(text: str) -> str:
    """Return what may stand in an HTML comment of ours."""
    return re.sub(r"[^A-Za-z0-9_.]+", "", text)[:64]
