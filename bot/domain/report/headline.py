"""The result in one line: the heading of every surface, and the check's title with its counts. Plain text, not escaped.

A reader who sees nothing else must not be misled: what was not tested stands in the counts, always.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import assert_never

from bot.domain.build import BuildState
from bot.domain.conclusion import untested
from bot.domain.report.together import with_others
from bot.domain.report.values import Report, Row, Stage
from bot.domain.report.words import PENDING, SIGNS, UNFINISHED, WORDS, count, listed, stop_words
from bot.domain.run import Conclusion, StopReason
from bot.domain.verdict import Verdict

_ACTIVE = {
    Stage.QUEUED: "Queued",
    Stage.PREPARING: "Preparing",
    Stage.RESOLVING: "Resolving who depends on it",
}
WAITS = frozenset({Stage.WAITING, Stage.PAUSED})
"""Stages in which somebody has to decide before anything more is begun."""
_MOST = 3
"""So many packages that are built now are named."""
_QUIET = (Verdict.STILL_PASSING, Verdict.NOT_TESTED)


def sign(report: Report) -> str:
    """Return the sign in front of the headline."""
    if report.stage in WAITS:
        return SIGNS[Conclusion.ACTION_REQUIRED]
    return SIGNS[report.conclusion] if report.finished and report.conclusion else PENDING.sign


def headline(report: Report) -> str:
    """Return what a run has come to, in a few words."""
    if report.stage is Stage.WAITING:
        return "Waiting for approval"
    if report.pause and report.stage is Stage.PAUSED:
        return f"Paused: the first {count(len(report.pause.packages), 'rebuild')} failed in one way"
    if not report.finished:
        return _ACTIVE.get(report.stage) or (_building(report) if report.stage is Stage.BUILDING else _progress(report))
    match report.conclusion:
        case Conclusion.SUCCESS:
            return _success(report)
        case Conclusion.FAILURE:
            return _failure(report)
        case Conclusion.ACTION_REQUIRED:
            return _action_required(report)
        case Conclusion.TIMED_OUT:
            return stop_words(StopReason.DEADLINE, report.parlance)
        case Conclusion.CANCELLED | None if report.problem:
            return report.problem.what
        case Conclusion.CANCELLED | None:
            return stop_words(report.stop or StopReason.CANCELLED, report.parlance)
        case Conclusion.SKIPPED:
            return report.problem.what if report.problem else "Nothing to test"
        case _ as never:
            assert_never(never)


def counts(report: Report) -> str:
    """Return `2 regressed · 1 fixed · 5 already failing · 118 of 124 tested`; nothing where nothing is affected."""
    if not report.rows:
        return ""
    # What waits for the rebuilds of others and needs none itself is nothing to rebuild.
    told_of = [row for row in report.rows if row.rebuilt or row.verdict is not Verdict.NEEDS_REBUILD]
    numbers = Counter(row.verdict for row in told_of if row.planned)
    told = [verdict for verdict in WORDS if numbers[verdict] and verdict not in _QUIET]
    parts = [f"{numbers[verdict]:,} {WORDS[verdict].counted}" for verdict in told]
    coverage = report.coverage
    if numbers[None] and report.finished:
        parts.append(f"{numbers[None]:,} {UNFINISHED.counted}")
    if coverage.affected:
        parts.append(f"{coverage.tested:,} of {coverage.planned:,} tested")
    if coverage.planned < coverage.affected:
        parts.append(f"{coverage.planned:,} of {coverage.affected:,} planned")
    return " · ".join(parts)


def title(report: Report) -> str:
    """Return the check's title: what became of it, where it was not tested, and with which other changes it was."""
    return " · ".join(part for part in (_result(report), _not_on(report), with_others(report)) if part)


def _not_on(report: Report) -> str:
    return f"not tested on {', '.join(report.left_out)}" if report.left_out else ""


def _result(report: Report) -> str:
    """Return the counts where there are any, and else the headline."""
    numbers = counts(report)
    if report.finished and numbers and report.conclusion is not Conclusion.CANCELLED:
        if report.conclusion is Conclusion.TIMED_OUT or (report.parts and report.problem):
            return f"{headline(report).removesuffix('.')} · {numbers}"
        return f"{numbers} · {_late(report)}" if report.out_of_time else numbers
    if report.stage in {Stage.REBUILDING, Stage.PAUSED}:
        return f"{headline(report)} · {numbers}" if numbers else headline(report)
    return headline(report)


def _building(report: Report) -> str:
    """Return which of the changed packages are built now, where these are several."""
    told = "Building the change"
    going = [each for each in report.subjects if any(build.state is not BuildState.DONE for build in each.builds)]
    if len(report.subjects) == 1 or not going:
        return told
    first = [each.package for each in going if not each.built_again]
    again = [each.package for each in going if each.built_again]
    parts = [_named(first)] if first else []
    parts += [f"{_named(again)} again, with the rest of it"] if again else []
    return f"{told}: {'; '.join(parts)}"


def _named(packages: Sequence[str]) -> str:
    return listed(packages) if len(packages) <= _MOST else count(len(packages), "package")


def _progress(report: Report) -> str:
    pending = sum(row.pending for row in report.rows)
    running = sum(row.running for row in report.rows)
    now = f", {running:,} building now" if running else ""
    if not pending and report.parts and any(row.blame is None for row in report.with_verdict(Verdict.REGRESSED)):
        return "Finding out which of the changes breaks what"
    return f"Rebuilding: {pending:,} to go{now}" if pending else "Rebuilding: nearly done"


def _success(report: Report) -> str:
    waived = ", but for what was waived" if _names(report, Verdict.WAIVED) else ""
    if all(row.own for row in report.rows):
        looked = f" ({count(report.examined, 'source package')} looked at)" if report.examined else ""
        where = f" on {', '.join(report.targets)}" if report.left_out else ""
        return f"No package is affected{where}{waived}{looked}"
    coverage = report.coverage
    if not coverage.tested:
        affected = len({row.package for row in report.rows if not row.own})
        return f"Nothing was tested: {count(affected, 'package is', 'packages are')} affected and left out"
    rebuild = len({row.package for row in report.with_verdict(Verdict.NEEDS_REBUILD) if row.rebuilt})
    everything = coverage.tested == coverage.affected and not report.left_out
    told = "Nothing breaks" if everything else "Nothing that was tested breaks"
    told += " for good" if rebuild else ""
    told += waived
    return f"{told}; {count(rebuild, 'package needs', 'packages need')} a rebuild" if rebuild else told


def _failure(report: Report) -> str:
    broken = [subject for subject in report.subjects if subject.failures]
    if len(broken) > 1:
        return f"{len(broken)} changed packages do not build"
    if broken and broken[0].only_alone:
        of = f"these {report.parlance.changes}" if report.parts else f"this {report.parlance.change}"
        return f"{broken[0].package} does not build with the rest of {of}"
    if broken:
        return f"{broken[0].package} itself does not build"
    regressed = report.with_verdict(Verdict.REGRESSED)
    if regressed:
        return "; ".join([*_regressions(regressed), *_missed(report)])
    return report.problem.what if report.problem else "Failed"


def _regressions(rows: Sequence[Row]) -> Iterator[str]:
    own = list(dict.fromkeys(row.package for row in rows if row.own))
    if own:
        what = f"{own[0]} itself" if len(own) == 1 else f"{len(own)} changed packages"
        yield f"{what} cannot be installed"
    others = len({row.package for row in rows if not row.own})
    if others:
        yield count(others, "package regresses", "packages regress")


def _missed(report: Report) -> Iterator[str]:
    """Yield what a run that is out of time did not come to."""
    pending = len({row.package for row in report.rows if row.pending})
    if report.out_of_time:
        what = count(pending, "more package was", "more packages were")
        yield f"{what} not judged in time" if pending else _late(report)


def _late(report: Report) -> str:
    return stop_words(StopReason.DEADLINE, report.parlance).lower()


def _action_required(report: Report) -> str:
    if report.config_problems:
        return f"{count(len(report.config_problems), 'problem')} in {report.config_problems[0].path}"
    if report.problem:
        return report.problem.what
    waiting = len({row.package for row in report.rows if row.needs_order and row.verdict is Verdict.NEEDS_REBUILD})
    if waiting:
        return f"{count(waiting, 'package needs', 'packages need')} a rebuild that was not tried in order"
    lost = len({row.package for row in report.rows if row.needs_order})
    if lost:
        return f"{count(lost, 'package breaks', 'packages break')}, and no rebuild came to a result"
    if enough_but_for(report):
        return f"Nothing was tested on {', '.join(enough_but_for(report))}"
    return f"Too little tested: {int(report.coverage.percent)} %, and {report.min_coverage} % are needed"


def enough_but_for(report: Report) -> tuple[str, ...]:
    """Return the targets on which nothing was tested, where on the whole there was enough."""
    return untested(report.rows) if report.coverage.percent >= report.min_coverage else ()


def _names(report: Report, verdict: Verdict) -> int:
    return len({row.package for row in report.rows if row.verdict is verdict})
