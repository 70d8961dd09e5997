"""The report as plain values for `report.json`: stable names, additions only; `version` counts incompatible changes."""

from bot.domain.build import Failed
from bot.domain.difference import RootDifference
from bot.domain.parlance import Parlance
from bot.domain.report.headline import headline, title
from bot.domain.report.values import BuildView, Forecast, Report, Row, Subject
from bot.domain.report.words import outcome_words
from bot.domain.run import Pause
from bot.domain.verdict import Blame

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]

VERSION = 1


def to_json(report: Report) -> dict[str, Json]:
    """Return the report as dicts, lists, text and numbers. Times are ISO 8601 in UTC, durations seconds."""
    coverage = report.coverage
    return {
        "version": VERSION,
        "run": str(report.run),
        "change": report.parlance.name(report.change),
        "head": report.head_sha,
        "base": report.base_sha,
        "base_branch": report.base_branch,
        "state": report.stage.name,
        "conclusion": report.conclusion.value if report.conclusion else None,
        "headline": headline(report),
        "title": title(report),
        "created_at": report.created_at.isoformat(),
        "finished_at": report.finished_at.isoformat() if report.finished_at else None,
        "targets": list(report.targets),
        "coverage": {"tested": coverage.tested, "planned": coverage.planned, "affected": coverage.affected},
        "problem": {"what": report.problem.what, "hint": report.problem.hint} if report.problem else None,
        "pause": _pause(report.pause) if report.pause else None,
        "configuration_problems": [str(problem) for problem in report.config_problems],
        "subjects": [_subject(subject, report) for subject in report.subjects],
        "packages": [_row(row, report.parlance) for row in report.rows],
        "changes": [
            {"package": each.package, "removed": list(each.removed), "added": list(each.added)}
            for each in report.changes
        ],
        "notes": list(report.notes),
        "forecast": _forecast(report.forecast) if report.forecast else None,
        "together": [{"change": report.parlance.name(part.change), "head": part.head_sha} for part in report.parts],
    }


def _pause(pause: Pause) -> Json:
    return {
        "target": pause.target,
        "signature": pause.signature,
        "cause": pause.cause,
        "packages": list(pause.packages),
    }


def _blame(blame: Blame, parlance: Parlance) -> Json:
    return {
        "culprits": [parlance.name(change) for change in blame.culprits],
        "not_tested_alone": [parlance.name(change) for change in blame.unknown],
        "inseparable": [
            {"change": parlance.name(each.change), "needs": [parlance.name(other) for other in each.others]}
            for each in blame.inseparable
        ],
    }


def _subject(subject: Subject, report: Report) -> Json:
    return {
        "package": subject.package,
        "before": subject.before or None,
        "after": subject.after or None,
        "builds": [_build(build) | {"with": list(report.company(subject, build))} for build in subject.builds],
    }


def _row(row: Row, parlance: Parlance) -> Json:
    return {
        "package": row.package,
        "target": row.target,
        "nevra": row.nevra,
        "of_change": row.own,
        "verdict": row.verdict.name if row.verdict else None,
        "conclusive": row.conclusive,
        "cause": row.cause,
        "signature": row.signature,
        "root": row.root,
        "blame": _blame(row.blame, parlance) if row.blame else None,
        "alone": [{"change": parlance.name(change), "build": _build(build)} for change, build in row.alone],
        "selection": row.selection.value,
        "dependents": row.dependents,
        "distance": row.distance,
        "path": [
            {"package": link.package, "capability": link.capability, "provider": link.provider} for link in row.path
        ],
        "order": row.level,
        "weight": _weight(row),
        "needs": list(row.needs),
        "problem": row.problem,
        "uninstallable": [{"package": each.package, "problem": each.problem} for each in row.uninstallable],
        "candidate": [_build(build) for build in row.candidate],
        "baseline": [_build(build) for build in row.baseline],
        "buildroot": _difference(row.difference) if row.difference else None,
    }


def _weight(row: Row) -> Json:
    weight = row.weight
    if weight is None:
        return None
    return {
        "distance": weight.distance,
        "dependents": weight.dependents,
        "previous": weight.previous,
        "age": weight.age,
        "boost": weight.boost,
        "total": weight.total,
        "least_chosen": row.least_chosen,
    }


def _forecast(told: Forecast) -> Json:
    return {
        "builds": told.builds,
        "build_seconds": round(told.wall.total_seconds()) if told.wall is not None else None,
        "cpu_seconds": round(told.cpu.total_seconds()) if told.cpu is not None else None,
        "ends_at": told.ends_at.isoformat() if told.ends_at else None,
    }


def _difference(difference: RootDifference) -> Json:
    return {
        "build": str(difference.build),
        "compared_with": difference.basis.value,
        "good_build": str(difference.good) if difference.good else None,
        "good_at": difference.good_at.isoformat() if difference.good_at else None,
        "good_with_change": difference.with_change,
        "differs": difference.total,
        "changes": [
            {
                "name": change.name,
                "before": change.before,
                "after": change.after,
                "distance": change.distance,
                "of_change": change.ours,
            }
            for change in difference.changes
        ],
    }


def _build(build: BuildView) -> dict[str, Json]:
    return {
        "key": str(build.key),
        "target": build.target,
        "purpose": build.purpose.value,
        "attempt": build.attempt,
        "outcome": outcome_words(build.outcome, build.state),
        "step": build.outcome.phase.value if isinstance(build.outcome, Failed) and build.outcome.phase else None,
        "seconds": round(build.duration.total_seconds()) if build.duration else None,
        "reused": build.reused,
    }
