"""A comment of any run fits, and always has its header."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.build import Failed, FailureReason
from bot.domain.packages import PackageChange
from bot.domain.plan import Selection
from bot.domain.publication import Capabilities
from bot.domain.report.assemble import Context, Stored, assemble
from bot.domain.report.check import render_check
from bot.domain.report.comment import MARKER, render_comment, render_notice
from bot.domain.report.values import Links, Report, Row, Stage
from bot.domain.run import Conclusion
from bot.domain.verdict import Verdict
from tests.fakes.reports import INIT_MISSING, build, context, entry, finding, run, run_target, story

LINKS = Links(pages="https://revdeps.example.org")
TEXT = st.one_of(st.text(max_size=40), st.sampled_from(["@octocat", "#1", "`", "|", "</details>", "<!--", "\x1b[31m"]))
CODE = re.compile(r"```.*?```|``.*?``|`[^`\n]*`", re.DOTALL)


def rows() -> st.SearchStrategy[Row]:
    return st.builds(
        Row,
        package=TEXT,
        target=st.sampled_from(["f44", "el10"]),
        verdict=st.sampled_from([*Verdict, None]),
        cause=TEXT,
        signature=TEXT,
        root=st.one_of(st.none(), TEXT),
        needs_order=st.booleans(),
        selection=st.sampled_from(Selection),
        dependents=st.integers(0, 3),
        level=st.integers(0, 3),
        problem=TEXT,
        log_tail=TEXT,
    )


REPORTS = st.builds(
    lambda base, rows, **changes: replace(base, rows=tuple(rows), **changes),
    st.just(assemble(story(), context())),
    st.lists(rows(), max_size=25),
    stage=st.sampled_from(Stage),
    conclusion=st.sampled_from([*Conclusion, None]),
    base_branch=TEXT,
    head_sha=TEXT,
    notes=st.lists(TEXT, max_size=3).map(tuple),
    targets=st.lists(TEXT, max_size=7).map(tuple),
)


def many(number: int) -> Report:
    """A run in which everything regressed, each for a reason of its own, with long names and logs."""
    names = [f"a-rather-long-name-of-a-package-{index:05}" for index in range(number)]
    failed = Failed(reason=FailureReason.COMPILE, cause="error: " + "x" * 150)
    builds = [build(name, failed) for name in names]
    stored = Stored(
        run=run(),
        targets=(run_target(),),
        entries=[entry(name, dependents=index % 7) for index, name in enumerate(names)],
        findings=[finding(name, Verdict.REGRESSED, cause=failed.cause) for name in names],
        builds=builds,
    )
    return assemble(stored, Context(log_tails={each.key: "line of a log\n" * 200 for each in builds}))


@settings(max_examples=150)
@given(REPORTS, st.integers(1_200, 6_000))
def test_no_comment_is_too_long_loses_its_header_or_mentions_anybody(report: Report, limit: int) -> None:
    text = render_comment(report, LINKS, limit)
    assert len(text) <= limit
    assert text.startswith(MARKER)
    assert text.splitlines()[1].startswith("### ")
    assert not re.search(r"@\w", CODE.sub("", text))


@settings(max_examples=60)
@given(REPORTS)
def test_no_check_is_too_long_for_its_forge(report: Report) -> None:
    small = Capabilities(buttons=True, annotations=True, comment_limit=3_000, text_limit=3_000)
    check = render_check(report, LINKS, small)
    assert len(check.summary) <= 3_000
    assert len(check.text) <= 3_000
    assert len(check.title) <= 200
    assert "\n" not in check.title
    assert len(check.buttons) <= 3


@pytest.mark.parametrize("number", [50, 200, 1_000, 5_000])
def test_thousands_of_regressions_fit(number: int) -> None:
    text = render_comment(many(number), LINKS)
    assert len(text) <= 60_000
    assert f"### ❌ {number:,} packages regress" in text
    assert "and 4,950 more. The full report has them all." in text or number < 5_000
    assert len(render_notice(many(number), LINKS)) < 1_000


def test_logs_go_first() -> None:
    whole, shortened = (render_comment(many(50), LINKS, limit) for limit in (60_000, 25_000))
    assert "line of a log" in whole
    assert "line of a log" not in shortened
    assert "a-rather-long-name-of-a-package-00049" in shortened


def test_names_of_those_already_failing_go_before_those_of_the_fixed() -> None:
    names = [f"a-rather-long-name-of-a-package-{index:03}" for index in range(150)]
    entries = [entry(name) for name in [*names, *(name + "-f" for name in names)]]
    findings = [
        *(finding(name, Verdict.STILL_FAILING) for name in names),
        *(finding(name + "-f", Verdict.FIXED) for name in names),
    ]
    report = assemble(Stored(run=run(), targets=(run_target(),), entries=entries, findings=findings))
    whole = len(render_comment(report, LINKS))
    text = render_comment(report, LINKS, whole - 1)
    assert "150 already failing</summary>\n\nTheir names are in the full report." in text
    assert "`a-rather-long-name-of-a-package-149-f`" in text
    assert "149-f" not in render_comment(report, LINKS, 5_000)


def test_a_limit_below_the_header_still_gives_the_marker() -> None:
    assert render_comment(many(50), LINKS, 40).startswith(MARKER)


def test_lists_say_how_many_they_leave_out() -> None:
    changes = tuple(PackageChange(package="libfoo", removed=tuple(f"foo_{n}" for n in range(300))) for _ in range(1))
    names = [f"p{index}" for index in range(250)]
    stored = Stored(
        run=run(),
        targets=(run_target(changes=changes),),
        entries=[entry(name) for name in names],
        findings=[finding(name, Verdict.FLAKY) for name in names],
    )
    text = render_comment(assemble(stored), LINKS)
    assert "and 100 more" in text
    assert "- and 50 more" in text


def test_one_cause_in_many_packages_is_one_row() -> None:
    names = [f"p{index}" for index in range(9)]
    told = {"cause": INIT_MISSING.cause, "signature": INIT_MISSING.signature}
    stored = Stored(
        run=run(),
        targets=(run_target(),),
        entries=[entry(name, dependents=index) for index, name in enumerate(names)],
        findings=[finding(name, Verdict.REGRESSED, **told) for name in names],
        builds=[build(name, INIT_MISSING) for name in names],
    )
    text = render_comment(assemble(stored), LINKS)
    assert "| **`p8`** (8 dependents)<br>+ 8 the same cause: `p7`, `p6`, `p5` and 5 more | ❌ regressed |" in text
    assert "Failed with the same cause: `p7`, `p6`, `p5`, `p4`, `p3`, `p2`, `p1`, `p0`." in text
