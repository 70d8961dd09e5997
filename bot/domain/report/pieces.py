"""Pieces of Markdown that the check and the comment share: links, lists of names, the table, folded sections."""

from collections.abc import Sequence

from bot.domain.build import BuildState
from bot.domain.report.budget import Detail
from bot.domain.report.escape import block, cell, code, prose, shorten
from bot.domain.report.groups import Group
from bot.domain.report.values import BuildView, Links, Report, Row, Subject
from bot.domain.report.words import blame_words, count, outcome_sign, word
from bot.domain.verdict import Verdict

NAME = 80
"""Characters of a name before it is cut off; the longest source package of Fedora has 58."""

_LINE = 300
"""Characters of a log's line before it is cut off."""


def link(text: str, address: str) -> str:
    """Return a link, or the text alone where there is no web address. The address is our own or the forge's."""
    safe = address.replace(" ", "%20").replace("(", "%28").replace(")", "%29").replace("<", "%3C").replace(">", "%3E")
    return f"[{text}]({safe})" if address.startswith(("https://", "http://")) else text


def names(rows: Sequence[Row | Subject], most: int) -> str:
    """Return the packages' names as code, up to `most` of them, then how many more there are."""
    found = list(dict.fromkeys(row.package for row in rows))
    listed = ", ".join(code(name, NAME) for name in found[:most])
    rest = len(found) - most
    if rest <= 0:
        return listed
    return f"{listed} and {rest:,} more" if listed else count(rest, "package")


def folded(summary: str, body: str) -> str:
    """Return a section that opens on a click. `summary` is HTML, `body` is Markdown."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def last_lines(text: str, lines: int) -> str:
    """Return the last lines of a text as a block of code, nothing where there are none."""
    kept = text.rstrip().splitlines()[-lines:] if lines else []
    return block("\n".join(shorten(line, _LINE) for line in kept)) if kept else ""


def subject(report: Report) -> str:
    """Return what is changed: `libfoo 1.8-1.fc44 → 1.9-1.fc44`, up to three of them."""
    listed = [code(subject_text(each), NAME) for each in report.subjects[:3]]
    rest = len(report.subjects) - 3
    if not listed:
        return code(report.parlance.name(report.change), NAME)
    return ", ".join([*listed, *([f"{rest} more"] if rest > 0 else [])])


def subject_text(each: Subject) -> str:
    """Return a changed package's name with its versions, as far as they are known; not escaped."""
    versions = [nevra.removeprefix(f"{each.package}-").removesuffix(".src") for nevra in (each.before, each.after)]
    known = " → ".join(version for version in versions if version)
    return f"{each.package} {known}".rstrip()


def table(groups: Sequence[Group], report: Report, links: Links, detail: Detail) -> str:
    """Return the table of regressions, one row for each cause."""
    if not groups or not detail.worst:
        return f"{count(len(groups), 'cause')} of regressions: see the full report." if groups else ""
    rows = "\n".join(_table_row(group, report, links, detail) for group in groups[: detail.worst])
    rest = len(groups) - detail.worst
    more = f"\n\n… and {rest:,} more. The full report has them all." if rest > 0 else ""
    head = f"| Package | Verdict | Base → {report.parlance.abbreviation} | Cause | Again |\n|---|---|---|---|---|"
    return f"{head}\n{rows}{more}"


def sides(row: Row, report: Report, links: Links) -> str:
    """Return the last outcome on either side, each with its log: `[✅](…) → [❌](…)`."""
    if not row.candidate and (row.problem or row.uninstallable):
        return "found without a build"
    return f"{_side(row.baseline, report, links)} → {_side(row.candidate, report, links)}"


def cause(row: Row) -> str:
    """Return the first line of the cause, empty where there is none."""
    return next((line for line in row.cause.splitlines() if line.strip()), "")


def verdict_words(row: Row) -> str:
    """Return a verdict with its sign, how often it was seen, and what kind of regression it is."""
    told = word(row.verdict)
    times = f" ×{row.failures}" if row.verdict is Verdict.REGRESSED and row.failures > 1 else ""  # noqa: RUF001  times
    kind = ""
    if row.verdict is Verdict.REGRESSED and not row.failures:
        kind = " (does not install)" if row.uninstallable else " (unresolvable)" if row.problem else ""
    return f"{told.sign} {told.label}{'?' if row.needs_order else ''}{times}{kind}"


def _side(builds: Sequence[BuildView], report: Report, links: Links) -> str:
    if not builds:
        return "—"
    last = builds[-1]
    address = "" if last.state is BuildState.QUEUED else links.log(report.run, last.key)
    return link(outcome_sign(last.outcome), address)


def _table_row(group: Group, report: Report, links: Links, detail: Detail) -> str:
    lead = group.lead
    also = _also("the same cause", group.same, detail) + _also("because of it", group.caused, detail)
    dependents = f" ({count(lead.dependents, 'dependent')})" if lead.dependents else ""
    role = " (the change itself)" if lead.own else dependents
    where = f"<br>{cell(lead.target, NAME)}" if len(report.targets) > 1 else ""
    verb = "retry" if lead.candidate else "why"  # a second solve of the same metadata is bound to agree
    again = cell(f"/revdeps {verb} {lead.package}", NAME + 20)
    whose = blame_words(lead.blame, report.change, report.parlance)
    return (
        f"| **{cell(lead.package, NAME)}**{role}{where}{also} | {verdict_words(lead)} "
        f"| {sides(lead, report, links)} | {cell(cause(lead))}{f'<br>{prose(whose)}' if whose else ''} | {again} |"
    )


def _also(why: str, rows: Sequence[Row], detail: Detail) -> str:
    """Return who else a row stands for; a few names, the rest is told in a section of its own."""
    if not rows:
        return ""
    few = ", ".join(
        cell(name, NAME) for name in list(dict.fromkeys(row.package for row in rows))[: min(3, detail.names)]
    )
    number = len({row.package for row in rows})
    rest = number - min(3, detail.names, number)
    shown = f": {few}{f' and {rest:,} more' if rest else ''}" if few else ""
    return f"<br>+ {number:,} {why}{shown}"
