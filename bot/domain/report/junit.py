"""The report as JUnit XML, which CI systems and test viewers read: a suite for each target, a case for each package.

There is no standard but what is read: elements and attributes are those that both the schema of Ant's task and the one
of Jenkins's xUnit plugin allow, in their order. The check decides whether a change may be merged, not this file: of
what is only partly tested it knows no more than that there are errors in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from xml.etree import ElementTree as ET

from bot.domain.build import Failed
from bot.domain.report.escape import clean, clean_lines
from bot.domain.report.headline import title
from bot.domain.report.outlook import why_left_out
from bot.domain.report.pieces import cause
from bot.domain.report.values import BuildView, Report, Row, Subject
from bot.domain.report.words import blame_words, ended_words, word
from bot.domain.verdict import Verdict

_RESULTS: Mapping[Verdict, str] = {
    Verdict.REGRESSED: "failure",
    Verdict.BLOCKED: "error",
    Verdict.INCONCLUSIVE: "error",
    Verdict.STILL_FAILING: "skipped",
    Verdict.CHANGED_FAILURE: "skipped",
    Verdict.WAIVED: "skipped",
    Verdict.NOT_TESTED: "skipped",
}
"""What a case with such a verdict holds; with every other one it passed."""
_SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One test case. `result` is the name of the element that tells how it ended, empty where it passed."""

    group: str
    name: str
    took: timedelta
    result: str = ""
    kind: str = ""
    message: str = ""
    text: str = ""


def to_junit(report: Report) -> str:
    """Return the report as an XML document. Times are UTC, durations seconds of the last build with the change."""
    root = ET.Element("testsuites")
    for number, target in enumerate(report.targets):
        root.append(_suite(report, target, number))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(report: Report, target: str, number: int) -> ET.Element:
    cases = [*_subjects(report, target), *_rows(report, target)]
    results = [case.result for case in cases]
    suite = ET.Element(
        "testsuite",
        {
            "name": clean(target),
            "package": "revdeps",
            "id": str(number),
            "timestamp": f"{report.created_at:%Y-%m-%dT%H:%M:%S}",
            "hostname": "localhost",
            "tests": str(len(cases)),
            "failures": str(results.count("failure")),
            "errors": str(results.count("error")),
            "skipped": str(results.count(_SKIPPED)),
            "time": _seconds(sum((case.took for case in cases), timedelta())),
        },
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(report):
        ET.SubElement(properties, "property", {"name": name, "value": clean(value)})
    suite.extend(map(_element, cases))
    for stream in ("system-out", "system-err"):
        ET.SubElement(suite, stream)
    return suite


def _properties(report: Report) -> Iterator[tuple[str, str]]:
    yield "change", report.parlance.name(report.change)
    yield "head", report.head_sha
    yield "base", report.base_sha
    yield "state", report.conclusion.value if report.finished and report.conclusion else report.stage.value
    yield "title", title(report)


def _element(case: _Case) -> ET.Element:
    named = {"classname": case.group, "name": clean(case.name), "time": _seconds(case.took)}
    element = ET.Element("testcase", named)
    if case.result == _SKIPPED:  # which has no attributes
        ET.SubElement(element, _SKIPPED).text = clean(case.message)
    elif case.result:
        told = ET.SubElement(element, case.result, {"type": case.kind, "message": clean(case.message)})
        told.text = clean_lines(case.text)
    return element


def _subjects(report: Report, target: str) -> Iterator[_Case]:
    """Yield the changed packages, as they were built."""
    for subject in report.subjects:
        last = next((build for build in reversed(subject.builds) if build.target == target), None)
        result, message = _built(last)
        yield _Case(
            group=_group(target, own=True),
            name=subject.package,
            took=_took([last] if last else []),
            result=result,
            kind="build",
            message=message,
            text=_told_of(subject),
        )


def _built(last: BuildView | None) -> tuple[str, str]:
    if last is None or last.outcome is None:
        return _SKIPPED, "not built"
    if last.passed:
        return "", ""
    return "failure" if last.failed else "error", ended_words(last.outcome, last.state)


def _told_of(subject: Subject) -> str:
    causes = [build.outcome.cause for build in subject.failures if isinstance(build.outcome, Failed)]
    return "\n\n".join(part for part in (*dict.fromkeys(causes), subject.log_tail) if part)


def _rows(report: Report, target: str) -> Iterator[_Case]:
    for row in report.rows:
        if row.target == target:
            yield _Case(
                group=_group(target, own=row.own),
                name=f"{row.package} is installed" if row.own else row.package,
                took=_took(row.candidate),
                result=_result(row),
                kind=row.verdict.value if row.verdict else "",
                message=_message(row, report),
                text=_text(row, report),
            )


def _result(row: Row) -> str:
    if row.verdict is None:
        return _SKIPPED
    return "error" if row.needs_order else _RESULTS.get(row.verdict, "")


def _message(row: Row, report: Report) -> str:
    """Return the verdict in a word, and why."""
    told = word(row.verdict, finished=report.finished).label
    why = cause(row) if row.planned else why_left_out(row)
    return f"{told}: {why}" if why else told


def _text(row: Row, report: Report) -> str:
    """Return what else is known of a package that did not pass."""
    root = f"because of {row.root}" if row.root else ""
    whose = blame_words(row.blame, report.change, report.parlance)
    parts = (row.cause, row.problem if row.problem != row.cause else "", root, whose, row.log_tail)
    return "\n\n".join(part for part in parts if part.strip())


def _group(target: str, *, own: bool) -> str:
    """Return the name under which viewers show cases together; a dot would begin a new level."""
    return f"{clean(target).replace('.', '_')}.{'change' if own else 'dependents'}"


def _took(builds: Sequence[BuildView]) -> timedelta:
    return (builds[-1].duration if builds else None) or timedelta()


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():.0f}"
