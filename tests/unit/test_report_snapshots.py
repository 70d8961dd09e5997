"""Whole texts, compared with the files in `snapshots/`.

After a wanted change: `UPDATE_SNAPSHOTS=1 .venv/bin/python -m pytest tests/unit/test_report_snapshots.py`, then read
the difference before committing it.
"""

import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bot.domain.build import Failed, FailureReason
from bot.domain.config import ConfigProblem
from bot.domain.publication import Capabilities, Check
from bot.domain.report.answers import answer_all, answer_status, answer_why
from bot.domain.report.assemble import Context, Stored, assemble
from bot.domain.report.check import render_check
from bot.domain.report.comment import render_comment, render_notice
from bot.domain.report.export import to_json
from bot.domain.report.values import Forecast, Links, Report
from bot.domain.run import Conclusion, Pause, Problem, RunState
from bot.domain.verdict import Verdict
from tests.fakes.reports import (
    CHANGED,
    INIT_MISSING,
    PASSED,
    START,
    STATE,
    build,
    context,
    entry,
    finding,
    run,
    run_target,
    source,
    story,
    subject_build,
    twice,
)

SNAPSHOTS = Path(__file__).parent / "snapshots"
LINKS = Links(pages="https://revdeps.example.org/", check="https://github.com/octocat/libfoo/runs/1")
GITHUB = Capabilities(buttons=True, annotations=True, comment_limit=60_000, text_limit=60_000)


def matches(name: str, text: str) -> bool:
    """Whether the text is that of the snapshot; with UPDATE_SNAPSHOTS set it becomes so."""
    path = SNAPSHOTS / name
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text, encoding="utf-8")
    return path.read_text(encoding="utf-8") == text


def whole(check: Check) -> str:
    buttons = "".join(f"[ {button.label} ] {button.description}\n" for button in check.buttons)
    notes = "".join(f"{each.path}:{each.line}:{each.column}: {each.message}\n" for each in check.annotations)
    state = check.conclusion.value if check.conclusion else check.status.value
    return f"{check.name}: {state}\n{check.title}\n\n{check.summary}\n-----\n{check.text}-----\n{buttons}{notes}"


def full() -> Report:
    return assemble(story(), context())


def test_a_regression_is_told_with_all_that_belongs_to_it() -> None:
    assert matches("regressed.md", render_comment(full(), LINKS))


def test_the_check_of_a_regression_has_counts_in_its_title_and_a_button() -> None:
    assert matches("regressed-check.md", whole(render_check(full(), LINKS, GITHUB)))


def test_the_export_has_every_package_with_both_sides() -> None:
    assert matches("regressed.json", json.dumps(to_json(full()), indent=1, ensure_ascii=False) + "\n")


def test_the_answers_stand_in_one_comment() -> None:
    report = full()
    why = [
        (f"/revdeps why {name}", answer_why(report, name, LINKS)) for name in ("flaskish", "quux", "baz", "far", "no")
    ]
    answers = [*why, ("/revdeps status", answer_status(report, LINKS))]
    assert matches("answers.md", answer_all("1234", answers))


def test_the_notice_of_the_first_failure_is_short() -> None:
    assert matches("notice.md", render_notice(full(), LINKS, "https://github.com/octocat/libfoo/pull/7#issuecomment-1"))


def test_while_it_builds_the_previous_result_stays_readable() -> None:
    entries = (entry("bar", dependents=214), entry("flaskish", needs=("bar",)), entry("baz"))
    stored = Stored(
        run=run(state=RunState.ACTIVE, conclusion=None, finished_at=None, head_sha="feedbee" + "1" * 33),
        targets=(run_target(),),
        entries=entries,
        findings=(finding("baz", Verdict.STILL_PASSING),),
        builds=(subject_build(), build("bar", None), build("baz", PASSED)),
    )
    report = assemble(
        stored,
        Context(state=STATE, previous=full(), forecast=Forecast(builds=3, cpu=timedelta(hours=2), ends_at=START)),
    )
    assert matches("rebuilding.md", render_comment(report, LINKS))
    assert matches("rebuilding-check.md", whole(render_check(report, LINKS, GITHUB)))
    assert matches("rebuilding-status.md", answer_status(report, LINKS))


def test_a_run_that_pauses_asks_and_says_whose_fault_it_looks_like() -> None:
    names = ("bar", "baz", "old-1")
    stored = Stored(
        run=run(
            state=RunState.ACTIVE,
            conclusion=None,
            finished_at=None,
            pause=Pause(
                target=run_target().target.name,
                signature=INIT_MISSING.signature,
                cause=INIT_MISSING.cause,
                packages=names,
            ),
        ),
        targets=(run_target(),),
        entries=[entry(name) for name in (*names, "happy", "fine")],
        findings=(finding("bar", Verdict.REGRESSED, cause=INIT_MISSING.cause, signature=INIT_MISSING.signature),),
        builds=(
            subject_build(),
            *twice("bar", INIT_MISSING),
            build("baz", INIT_MISSING),
            build("old-1", INIT_MISSING),
            build("old-1", INIT_MISSING, baseline=True),
            build("happy", None),
        ),
    )
    report = assemble(stored, Context(state=STATE))
    assert matches("paused.md", render_comment(report, LINKS))
    assert matches("paused-check.md", whole(render_check(report, LINKS, GITHUB)))
    assert to_json(report)["pause"] == {
        "target": run_target().target.name,
        "signature": INIT_MISSING.signature,
        "cause": INIT_MISSING.cause,
        "packages": list(names),
    }


def test_an_outsiders_change_waits_and_says_what_to_read() -> None:
    stored = Stored(run=run(state=RunState.WAITING, trusted=False, conclusion=None, finished_at=None, config=None))
    report = assemble(stored, Context(state=STATE, review=("libfoo.spec", "fix`@octocat`.patch")))
    assert matches("waiting-check.md", whole(render_check(report, LINKS, GITHUB)))


def test_a_broken_configuration_is_told_with_its_lines() -> None:
    problems = (
        ConfigProblem(path=".revdeps.yaml", line=3, column=1, message="unknown key `targts`; did you mean `targets`?"),
        ConfigProblem(path=".revdeps.yaml", line=9, column=12, message="expected a number, found <b>many</b>"),
    )
    stored = Stored(run=run(config=None, config_problems=problems, conclusion=Conclusion.ACTION_REQUIRED))
    assert matches("configuration-check.md", whole(render_check(assemble(stored), LINKS, GITHUB)))


def test_a_change_that_does_not_build_itself_is_told_with_its_log() -> None:
    failure = Failed(reason=FailureReason.COMPILE, cause="foo.c:1: error", signature="build: error")
    problem = Problem(what="libfoo itself does not build on fedora-rawhide-x86_64: foo.c:1: error", hint="Push a fix.")
    failed = subject_build(failure)
    stored = Stored(
        run=run(problem=problem), targets=(replace(run_target(), published=(), generation=-1),), builds=(failed,)
    )
    tail = "cc foo.c\nfoo.c:1: error: \x1b[31mexpected ';'\x1b[0m\n```\n</details> @octocat fixes #1\n"
    report = assemble(stored, Context(state=STATE, log_tails={failed.key: tail}))
    assert matches("subject-fails.md", render_comment(report, LINKS))


def test_moved_sonames_on_two_targets_have_an_order_each() -> None:
    names = ("one", "two", "three")
    entries = [
        entry(name, target=target, level=level if target == "f44" else 0, source=source(name))
        for target in ("f44", "el10")
        for level, name in enumerate(names)
    ]
    findings = [finding(each.package, Verdict.NEEDS_REBUILD, target=each.target) for each in entries]
    stored = Stored(
        run=run(conclusion=Conclusion.SUCCESS),
        targets=(run_target("f44", changes=(CHANGED,)), run_target("el10")),
        entries=entries,
        findings=findings,
    )
    assert matches("needs-rebuild.md", render_comment(assemble(stored, context()), Links()))
