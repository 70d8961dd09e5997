"""Several changes tested together: what each of their pull requests is told, and whose fault is what."""

from dataclasses import replace

from bot.domain.parlance import Parlance
from bot.domain.report.escape import code
from bot.domain.report.pieces import NAME, link
from bot.domain.report.values import Links, Report, Stage
from bot.domain.report.words import count, listed
from bot.domain.run import ChangeRef, Conclusion, Part, Problem
from bot.domain.verdict import Verdict


def seen_from(report: Report, part: Part) -> Report:
    """Return the report as it is told on one of the pull requests.

    A change that is not to blame for anything fails no gate, but it is not proved either: what passes with the others
    may need them.
    """
    if not report.parts:
        return report
    seen = report if part.change == report.change else _elsewhere(report, part)
    culprits = _culprits(report)
    if report.conclusion is Conclusion.FAILURE and culprits and part.change not in culprits:
        names = listed([report.parlance.name(change) for change in culprits])
        verb = "is" if len(culprits) == 1 else "are"
        problem = Problem(what=f"Not this change: {names} {verb} to blame.", hint=by_itself(report.parlance))
        return replace(seen, conclusion=Conclusion.ACTION_REQUIRED, problem=problem)
    return seen


def by_itself(parlance: Parlance) -> str:
    """Return how a change is tested without the others."""
    return f"`/revdeps run` tests this {parlance.change} by itself."


def tested_anew(report: Report) -> str:
    """Return how what the report is about is tested anew, as the beginning of a sentence."""
    others = [report.parlance.name(part.change) for part in report.parts if part.change != report.change]
    if others:
        return f"`/revdeps with {' '.join(others)}` tests them together anew"
    return f"`/revdeps run` tests this {report.parlance.change} anew"


def joint(report: Report, links: Links) -> str:
    """Return in which later test of several changes this commit is too, as Markdown; nothing where there is none."""
    if report.joint is None:
        return ""
    told, where = link("report", links.run(report.joint.run)), report.parlance.name(report.joint.change)
    where = f"{code(where, NAME)} ({told})" if links.pages else code(where, NAME)
    return (
        f"This commit is tested together with others too, in {where}: the check `revdeps` is about that. What stands "
        "here is about this change by itself."
    )


def _elsewhere(report: Report, part: Part) -> Report:
    problem, lead = report.problem, report.parlance.name(report.change)
    if report.pause is not None and report.stage is Stage.PAUSED:
        what = f"It pauses: the first {count(len(report.pause.packages), 'rebuild')} failed in one way."
        problem = Problem(what=what, hint=f"Whether it goes on is decided in {lead}.")
    if report.conclusion is Conclusion.CANCELLED and problem is None:
        problem = Problem(what=f"{lead} is not tested together with this any more.", hint=by_itself(report.parlance))
    return replace(
        report,
        change=part.change,
        head_sha=part.head_sha,
        base_sha=part.base_sha,
        base_branch=part.base_branch,
        url=part.url,
        problem=problem,
        config_problems=(),
        pause=None,
        previous=None,
    )


def _culprits(report: Report) -> tuple[ChangeRef, ...]:
    """Return who is to blame for all regressions; nobody where one of them has nobody to blame, or is not known."""
    blames = [row.blame for row in report.with_verdict(Verdict.REGRESSED)]
    if not all(blame is not None and blame.culprits for blame in blames):
        return ()
    return tuple(dict.fromkeys(change for blame in blames if blame is not None for change in blame.culprits))


def with_others(report: Report) -> str:
    """Return `with octocat/other#7` for the end of a title; nothing where a change is tested by itself."""
    others = [report.parlance.name(part.change) for part in report.parts if part.change != report.change]
    return f"with {listed(others)}" if others else ""


def together(report: Report) -> str:
    """Return which pull requests are tested together, at which commits, as Markdown."""
    lines = [
        f"- {link(code(report.parlance.name(part.change), NAME), part.url)} @ {code(part.head_sha[:7])}: "
        + (", ".join(code(package.name, NAME) for package in part.packages if package.name) or "not read yet")
        for part in report.parts
    ]
    if not lines:
        return ""
    lead = report.parts[0]
    begun = link(code(report.parlance.name(lead.change), NAME), lead.url)
    elsewhere = f"\n\nCommands about this belong to {begun}, where it was begun."
    return "\n".join(["Tested together:\n", *lines]) + (elsewhere if report.change != lead.change else "")
