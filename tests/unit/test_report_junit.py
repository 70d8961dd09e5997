"""The report as JUnit XML: what each verdict becomes, and that both schemas that are read would take it."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from bot.domain.build import BuildState, Failed, FailureReason, Outcome, Phase, Succeeded
from bot.domain.plan import Selection
from bot.domain.report.assemble import assemble
from bot.domain.report.junit import to_junit
from bot.domain.report.values import BuildView, Report, Row, Stage, Subject
from bot.domain.verdict import Verdict
from tests.fakes.reports import CHANGE, TARGET, context, story, subject_build

FULL = assemble(story(), context())
EMPTY = replace(FULL, rows=(), subjects=())
ROW = Row(package="bar", target=TARGET.name)
NASTY = "<![CDATA[ ]]>&\x00\x1b[31m\ud800\ufffe\"' \u202e"
SUITE = {"name", "package", "id", "timestamp", "hostname", "tests", "failures", "errors", "skipped", "time"}
CHILDREN = {"skipped": set(), "error": {"type", "message"}, "failure": {"type", "message"}}


def suites(report: Report) -> list[ET.Element]:
    root = ET.fromstring(to_junit(report))
    assert (root.tag, root.attrib) == ("testsuites", {})
    return list(root)


def case(row: Row, **changes: object) -> ET.Element:
    (suite,) = suites(replace(EMPTY, rows=(row,), **changes))  # type: ignore[arg-type]
    (found,) = suite.iter("testcase")
    return found


def built(outcome: Outcome | None, target: str = TARGET.name) -> BuildView:
    state = BuildState.DONE if outcome else BuildState.RUNNING
    build = subject_build()
    return BuildView(key=build.key, target=target, purpose=build.purpose, state=state, outcome=outcome)


@pytest.mark.parametrize("report", [FULL, EMPTY, replace(FULL, targets=(TARGET.name, "el10"))])
def test_it_has_what_the_schemas_ask_for_in_their_order(report: Report):
    for number, suite in enumerate(suites(report)):
        assert suite.tag == "testsuite"
        assert set(suite.keys()) == SUITE
        assert (suite.get("id"), suite.get("timestamp")) == (str(number), "2026-03-02T09:00:00")
        tags = [child.tag for child in suite]
        cases = tags.count("testcase")
        assert tags == ["properties", *["testcase"] * cases, "system-out", "system-err"]
        assert [set(each.attrib) for each in suite.find("properties") or ()] == [{"name", "value"}] * 5
        results = [child.tag for child in suite.iter() if child.tag in CHILDREN]
        told = [int(suite.get(name, "-1")) for name in ("tests", "failures", "errors", "skipped")]
        assert told == [cases, *(results.count(kind) for kind in ("failure", "error", "skipped"))]
        for each in suite.iter("testcase"):
            assert set(each.attrib) == {"classname", "name", "time"}
            assert float(each.get("time", "")) >= 0
            assert len(each) <= 1
            assert all(set(result.attrib) == CHILDREN[result.tag] for result in each)


def test_each_package_is_a_case_of_its_target():
    (suite,) = suites(FULL)
    named = {each.get("name"): each for each in suite.iter("testcase")}
    assert set(named) == {"libfoo", *(row.package for row in FULL.rows)}
    assert named["bar"].get("classname") == "fedora-rawhide-x86_64.dependents"
    assert named["libfoo"].get("classname") == "fedora-rawhide-x86_64.change"
    assert named["bar"].get("time") == "180"


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (Verdict.REGRESSED, "failure"),
        (Verdict.BLOCKED, "error"),
        (Verdict.INCONCLUSIVE, "error"),
        (Verdict.STILL_FAILING, "skipped"),
        (Verdict.CHANGED_FAILURE, "skipped"),
        (Verdict.WAIVED, "skipped"),
        (Verdict.NOT_TESTED, "skipped"),
        (None, "skipped"),
        (Verdict.NEEDS_REBUILD, ""),
        (Verdict.FIXED, ""),
        (Verdict.FLAKY, ""),
        (Verdict.STILL_PASSING, ""),
    ],
)
def test_a_verdict_is_told_as(verdict: Verdict | None, expected: str):
    assert "".join(child.tag for child in case(replace(ROW, verdict=verdict))) == expected


def test_what_nobody_tried_to_rebuild_in_order_is_an_error():
    assert case(replace(ROW, verdict=Verdict.NEEDS_REBUILD, needs_order=True))[0].tag == "error"


def test_a_failure_says_why():
    row = replace(ROW, verdict=Verdict.REGRESSED, cause="no foo_init\nat all", root="baz", log_tail="the end")
    (failure,) = case(row)
    assert failure.attrib == {"type": "regressed", "message": "regressed: no foo_init"}
    assert failure.text == "no foo_init\nat all\n\nbecause of baz\n\nthe end"


def test_what_is_left_out_or_did_not_come_to_its_turn_says_so():
    left_out = replace(ROW, verdict=Verdict.NOT_TESTED, selection=Selection.SKIPPED)
    assert case(left_out)[0].text == "not tested: skipped by a command"
    assert case(ROW)[0].text == "not finished"
    assert case(ROW, stage=Stage.REBUILDING)[0].text == "pending"


def test_a_changed_package_that_cannot_be_installed_is_a_case_besides_its_build():
    own = case(replace(ROW, own=True, verdict=Verdict.REGRESSED))
    assert (own.get("classname"), own.get("name")) == ("fedora-rawhide-x86_64.change", "bar is installed")


@pytest.mark.parametrize(
    ("builds", "tag", "told"),
    [
        ((), "skipped", "not built"),
        ((built(None),), "skipped", "not built"),
        ((built(Succeeded(), target="el10"),), "skipped", "not built"),
        ((built(Failed(reason=FailureReason.TIMEOUT, phase=Phase.CHECK)), built(Succeeded())), "", ""),
        ((built(Failed(reason=FailureReason.INFRASTRUCTURE)),), "error", "infrastructure"),
        (
            (built(Succeeded()), built(Failed(reason=FailureReason.TIMEOUT, phase=Phase.CHECK, cause="late"))),
            "failure",
            "timed out in %check",
        ),
    ],
)
def test_the_change_itself_is_a_case(builds: tuple[BuildView, ...], tag: str, told: str):
    subject = Subject(package="libfoo", builds=builds, log_tail="the end")
    (suite,) = suites(replace(EMPTY, subjects=(subject,)))
    (found,) = suite.iter("testcase")
    assert "".join(child.tag for child in found) == tag
    assert all(child.get("message", child.text) == told for child in found)
    if tag == "failure":
        assert found[0].text == "late\n\nthe end"


def test_a_dot_in_a_targets_name_is_no_level():
    (suite,) = suites(replace(EMPTY, targets=("el-10.1",), rows=(replace(ROW, target="el-10.1"),)))
    assert [each.get("classname") for each in suite.iter("testcase")] == ["el-10_1.dependents"]


def test_whatever_stands_in_a_report_it_is_well_formed():
    row = replace(ROW, package=NASTY, verdict=Verdict.REGRESSED, cause=NASTY, problem=NASTY + "x", log_tail=NASTY)
    (failure,) = case(row, title=NASTY, change=replace(CHANGE, repo=replace(CHANGE.repo, name=NASTY)))
    assert (failure.text or "").startswith("<![CDATA[ ]]>&")
    to_junit(replace(EMPTY, rows=(row,))).encode()
