"""Answers to commands, as Markdown: one comment answers all the commands of one comment."""

from collections.abc import Sequence

from bot.domain.build import BuildState
from bot.domain.parlance import PULL_REQUESTS, Parlance
from bot.domain.report.comment import next_step, problem_words
from bot.domain.report.escape import code, prose
from bot.domain.report.headline import counts, headline, sign
from bot.domain.report.outlook import forecast_words, why_left_out
from bot.domain.report.pause import pause_words
from bot.domain.report.pieces import NAME, cause, last_lines, link, names, sides, subject, verdict_words
from bot.domain.report.values import BuildView, Links, Report, Row
from bot.domain.report.words import count, duration, ended_words, outcome_sign, word

_REPLY_LIMIT = 20_000
_TAIL_LINES = 20


def answer_marker(comment: str) -> str:
    """Return the text by which our answer to a person's comment is found again."""
    return f"<!-- revdeps:answer to={''.join(char for char in comment if char.isalnum())[:64]} -->"


def answer_all(comment: str, answers: Sequence[tuple[str, str]]) -> str:
    """Return the comment that answers another one: each command with its answer, both in the order they were given.

    An answer is Markdown that is safe already; a command is text from outside. A single answer needs no repetition.
    """
    if len(answers) == 1:
        body = answers[0][1]
    else:
        body = "\n\n".join(f"{code(command, 100)}\n\n{answer}" for command, answer in answers)
    return f"{answer_marker(comment)}\n{body[:_REPLY_LIMIT]}\n"


def answer_why(report: Report, package: str, links: Links) -> str:
    """Return why a package is a reverse dependency of the change, and what became of it, on every target."""
    rows = [row for row in report.rows if row.package == package]
    if not rows:
        looked = f" {count(report.examined, 'source package')} were looked at." if report.examined else ""
        return f"{code(package, NAME)} is not affected by {subject(report)}.{looked}"
    return "\n\n".join(_why(row, report, links) for row in rows)


def answer_logs(report: Report, package: str, links: Links) -> str:
    """Return the builds of a package on both sides and every target, each with its log, and how a failure ends."""
    rows = [row for row in report.rows if row.package == package]
    parts = [_became(row, report, links) if row.own else _logs_of(row, report, links) for row in rows]
    for changed in report.subjects:
        if changed.package == package:
            parts.append(f"{code(package, NAME)}, {'which' if changed.builds else 'not built yet, which'} is changed:")
            parts.append("\n".join(_attempts("the change", changed.builds, report, links)))
            parts.append(last_lines(changed.log_tail, _TAIL_LINES))
    return "\n\n".join(part for part in parts if part)


def answer_status(report: Report, links: Links) -> str:
    """Return how far a run has come, and what it waits for where somebody has to do something."""
    running = [row for row in report.rows if row.running]
    lines = [f"{sign(report)} {prose(headline(report), 200)} — {subject(report)} @ {code(report.head_sha[:7])}"]
    lines.append(counts(report))
    if running:
        lines.append(f"Building now: {names(running, 20)}.")
    if forecast_words(report):
        lines.append(f"{forecast_words(report)}.")
    lines += [*problem_words(report), *pause_words(report), next_step(report)]
    lines.append(link("full report", links.run(report.run)) if links.pages else "")
    return "\n\n".join(line for line in lines if line)


def answer_no_run(parlance: Parlance = PULL_REQUESTS) -> str:
    """Return the answer to a command about a run, where the pull request has none."""
    return f"Nothing was tested for this {parlance.change} yet. `/revdeps run` starts it."


def _logs_of(row: Row, report: Report, links: Links) -> str:
    with_change = _attempts("with the change", row.candidate, report, links)
    without = _attempts("without it", row.baseline, report, links)
    if not (with_change or without):
        return f"{code(row.package, NAME)} on {code(row.target, NAME)} was not built. {_became(row, report, links)}"
    lines = "\n".join([*with_change, *without])
    parts = (f"{code(row.package, NAME)}:", lines, last_lines(row.log_tail, _TAIL_LINES))
    return "\n\n".join(part for part in parts if part)


def _attempts(side: str, builds: Sequence[BuildView], report: Report, links: Links) -> list[str]:
    """Return a line for every build of a side; what waits has no log."""
    lines = []
    for build in builds:
        ended = ended_words(build.outcome, build.state) + (f", {duration(build.duration)}" if build.duration else "")
        address = "" if build.state is BuildState.QUEUED else links.log(report.run, build.key)
        where = f"{code(build.target, NAME)}, attempt {build.attempt}"
        lines.append(f"- {side} on {where}: {outcome_sign(build.outcome)} {link(ended, address)}")
    return lines


def _why(row: Row, report: Report, links: Links) -> str:
    """Return one package on one target: the chain of dependencies, the verdict, both sides."""
    if row.own or (row.uninstallable and not row.rebuilt):
        return _why_not_installable(row, report, links)
    how = "directly" if row.distance <= 1 else f"through {count(row.distance - 1, 'other package')}"
    where = f" on {code(row.target, NAME)}" if len(report.targets) > 1 else ""
    lines = [f"{code(row.package, NAME)}{where} depends on {subject(report)} {how}:"]
    steps = [
        f"{step}. {code(each.package, NAME)} needs {code(each.capability)}, provided by {code(each.provider, NAME)}"
        for step, each in enumerate(row.path, start=1)
    ]
    lines.append("\n".join(steps) or "The metadata tell no path.")
    lines.append(_became(row, report, links))
    if row.problem and row.problem.strip() != row.cause.strip():
        lines.append(f"The solver says: {code(_first_line(row.problem), 300)}")
    return "\n\n".join(lines)


def _why_not_installable(row: Row, report: Report, links: Links) -> str:
    """Return what cannot be installed on one target of what the change brings, or of what is built as before."""
    where = f" on {code(row.target, NAME)}" if len(report.targets) > 1 else ""
    what = "is what is changed" if row.own else "is built in the same buildroot as before"
    lines = [f"{code(row.package, NAME)} {what}{where}. {_became(row, report, links)}"]
    if row.uninstallable:
        told = (f"- {code(each.package, NAME)}: {code(_first_line(each.problem), 300)}" for each in row.uninstallable)
        lines.append("Of its packages these cannot be installed:\n\n" + "\n".join(told))
    if row.problem:
        lines.append(f"Could not be installed before either: {code(_first_line(row.problem), 300)}")
    return "\n\n".join(lines)


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "")


def _became(row: Row, report: Report, links: Links) -> str:
    if not row.planned:
        return f"It is not tested: {why_left_out(row)}."
    if row.verdict is None:
        waits = f", waiting for {', '.join(code(name, NAME) for name in row.needs[:5])}" if row.needs else ""
        return f"{word(None, finished=report.finished).sign} {word(None, finished=report.finished).label}{waits}"
    reason = f": {code(cause(row))}" if cause(row) else ""
    because = f", because of {code(row.root, NAME)}" if row.root else ""
    both = f" ({sides(row, report, links)})" if row.candidate or row.baseline else ""
    return f"{verdict_words(row)}{because}{reason}{both}"
