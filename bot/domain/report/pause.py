"""What is told about a run that pauses: the one failure, whose fault it looks like, and what can be done."""

from bot.domain.build import BuildState, Failed, Succeeded
from bot.domain.report.escape import code
from bot.domain.report.pieces import NAME
from bot.domain.report.values import Report, Row, Stage
from bot.domain.report.words import count
from bot.domain.run import Pause


def pause_words(report: Report) -> list[str]:
    """Return the paragraphs about a pause, none where the run does not pause."""
    pause = report.pause
    if pause is None or report.stage is not Stage.PAUSED:
        return []
    packages = ", ".join(code(name, NAME) for name in pause.packages)
    held = sum(_is_held(row, pause) for row in report.rows)
    return [
        f"The first {count(len(pause.packages), 'package')} rebuilt with this change on {code(pause.target, NAME)} "
        f"failed in one way: {code(pause.cause or pause.signature)}",
        f"Signature: {code(pause.signature)}. They are {packages}. {whose_fault(report, pause)}",
        f"{count(held, 'other package waits', 'other packages wait')} until somebody decides. `/revdeps retry` builds "
        "again what failed, goes on with the rest and does not pause for this signature any more; `/revdeps cancel` "
        "ends the run. Without a decision it ends when its time is up.",
    ]


def whose_fault(report: Report, pause: Pause) -> str:
    """Return what the same packages without the change say about where the fault is."""
    rows = [row for row in report.rows if row.target == pause.target and row.package in pause.packages]
    passed = sum(_passed(row) for row in rows)
    alike = sum(_fails_alike(row, pause) for row in rows)
    otherwise = sum(any(build.failed for build in row.baseline) for row in rows if not _passed(row)) - alike
    if alike == len(rows):
        return (
            "Without the change all of them fail in the same way: the distribution or the build system is at fault, "
            "and not the change."
        )
    if passed == len(rows):
        return "Without the change all of them build: the change is at fault."
    told = (
        (passed, "built"),
        (alike, "failed in the same way"),
        (max(0, otherwise), "failed in another way"),
        (len(rows) - passed - alike - max(0, otherwise), "not known yet"),
    )
    return f"Without the change: {', '.join(f'{number} {words}' for number, words in told if number)}."


def _is_held(row: Row, pause: Pause) -> bool:
    witness = row.target == pause.target and row.package in pause.packages
    return row.pending and not witness and all(build.state is BuildState.QUEUED for build in row.candidate)


def _passed(row: Row) -> bool:
    return any(isinstance(build.outcome, Succeeded) for build in row.baseline)


def _fails_alike(row: Row, pause: Pause) -> bool:
    failures = [build.outcome for build in row.baseline if isinstance(build.outcome, Failed)]
    return not _passed(row) and any((failure.signature or failure.cause) == pause.signature for failure in failures)
