"""What stands in the heading, the title and the check in every state of a run."""

from dataclasses import replace

import pytest

from bot.domain.build import BuildState, Failed, FailureReason
from bot.domain.config import ConfigProblem
from bot.domain.plan import Selection
from bot.domain.publication import Capabilities, CheckStatus
from bot.domain.report.answers import answer_all, answer_no_run, answer_status, answer_why
from bot.domain.report.assemble import assemble
from bot.domain.report.budget import Detail
from bot.domain.report.check import render_check
from bot.domain.report.comment import notice_marker, overview, previous, render_comment, render_notice
from bot.domain.report.export import to_json
from bot.domain.report.groups import regressions, root_of
from bot.domain.report.headline import counts, headline, sign, title
from bot.domain.report.pieces import subject
from bot.domain.report.values import BuildView, Forecast, Links, Report, Row, Stage, Subject
from bot.domain.run import Conclusion, Problem, StopReason
from bot.domain.verdict import Verdict
from tests.fakes.reports import START, context, story, subject_build

LINKS = Links()
ALL = Capabilities(buttons=True, annotations=True, comment_limit=60_000, text_limit=60_000)
BARE = Capabilities(buttons=False, annotations=False, comment_limit=60_000, text_limit=60_000)
FULL = assemble(story(), context())
EMPTY = replace(FULL, rows=(), notes=(), changes=())
PLANNED = Row(package="bar", target="f44")


def finished(conclusion: Conclusion | None, *rows: Row, **changes: object) -> Report:
    return replace(EMPTY, conclusion=conclusion, rows=rows, **changes)


def row(verdict: Verdict | None, **changes: object) -> Row:
    return replace(PLANNED, verdict=verdict, **changes)


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (replace(EMPTY, stage=Stage.QUEUED), "⏳ Queued"),
        (replace(EMPTY, stage=Stage.WAITING), "✋ Waiting for approval"),
        (replace(EMPTY, stage=Stage.PREPARING), "⏳ Preparing"),
        (replace(EMPTY, stage=Stage.BUILDING), "⏳ Building the change"),
        (replace(EMPTY, stage=Stage.RESOLVING), "⏳ Resolving who depends on it"),
        (replace(EMPTY, stage=Stage.REBUILDING), "⏳ Rebuilding: nearly done"),
        (replace(EMPTY, stage=Stage.REBUILDING, rows=(PLANNED,)), "⏳ Rebuilding: 1 to go"),
        (finished(Conclusion.SUCCESS), "✅ No package is affected (2,030 source packages looked at)"),
        (finished(Conclusion.SUCCESS, examined=0), "✅ No package is affected"),
        (finished(Conclusion.SUCCESS, row(Verdict.FIXED)), "✅ Nothing breaks"),
        (
            finished(Conclusion.SUCCESS, row(Verdict.NEEDS_REBUILD)),
            "✅ Nothing breaks for good; 1 package needs a rebuild",
        ),
        (
            finished(Conclusion.SUCCESS, row(Verdict.STILL_PASSING), row(Verdict.INCONCLUSIVE, package="b")),
            "✅ Nothing that was tested breaks",
        ),
        (
            finished(Conclusion.SUCCESS, row(Verdict.STILL_PASSING), row(Verdict.NOT_TESTED, package="b")),
            "✅ Nothing that was tested breaks",
        ),
        (
            finished(Conclusion.SUCCESS, row(Verdict.NOT_TESTED)),
            "✅ Nothing was tested: 1 package is affected and left out",
        ),
        (
            finished(Conclusion.SUCCESS, row(Verdict.STILL_PASSING), left_out=("f43",)),
            "✅ Nothing that was tested breaks",
        ),
        (
            finished(Conclusion.SUCCESS, targets=("f44",), left_out=("f43",), examined=0),
            "✅ No package is affected on f44",
        ),
        (
            finished(Conclusion.SUCCESS, row(Verdict.STILL_PASSING), row(Verdict.WAIVED, package="b")),
            "✅ Nothing breaks, but for what was waived",
        ),
        (finished(Conclusion.FAILURE, row(Verdict.REGRESSED)), "❌ 1 package regresses"),
        (finished(Conclusion.FAILURE), "❌ Failed"),
        (finished(Conclusion.FAILURE, problem=Problem(what="The SRPM is empty")), "❌ The SRPM is empty"),
        (
            finished(Conclusion.ACTION_REQUIRED, problem=Problem(what="No such repository")),
            "✋ No such repository",
        ),
        (finished(Conclusion.ACTION_REQUIRED, PLANNED), "✋ Too little tested: 0 %, and 90 % are needed"),
        (
            finished(
                Conclusion.ACTION_REQUIRED,
                *[row(Verdict.STILL_PASSING, package=f"lib{number}") for number in range(9)],
                row(Verdict.INCONCLUSIVE, target="f43-aarch64"),
            ),
            "✋ Nothing was tested on f43-aarch64",
        ),
        (
            finished(Conclusion.ACTION_REQUIRED, row(Verdict.NEEDS_REBUILD, needs_order=True)),
            "✋ 1 package needs a rebuild that was not tried in order",
        ),
        (
            finished(Conclusion.ACTION_REQUIRED, row(Verdict.INCONCLUSIVE, needs_order=True)),
            "✋ 1 package breaks, and no rebuild came to a result",
        ),
        (
            finished(
                Conclusion.ACTION_REQUIRED, config_problems=(ConfigProblem(path="x", line=1, column=1, message="m"),)
            ),
            "✋ 1 problem in x",
        ),
        (finished(Conclusion.TIMED_OUT), "⌛ Out of time"),
        (
            finished(Conclusion.FAILURE, row(Verdict.REGRESSED), PLANNED, stop=StopReason.DEADLINE),
            "❌ 1 package regresses; 1 more package was not judged in time",
        ),
        (
            finished(Conclusion.FAILURE, row(Verdict.REGRESSED), stop=StopReason.DEADLINE),
            "❌ 1 package regresses; out of time",
        ),
        (finished(Conclusion.CANCELLED, stop=StopReason.SUPERSEDED), "🚫 Superseded by a newer commit"),
        (finished(None), "⏳ Cancelled on request"),
        (finished(Conclusion.SKIPPED), "⏭️ Nothing to test"),
        (finished(Conclusion.SKIPPED, problem=Problem(what="No `.revdeps.yaml`")), "⏭️ No `.revdeps.yaml`"),
    ],
)
def test_the_heading_of_every_state(report: Report, expected: str) -> None:
    assert f"{sign(report)} {headline(report)}" == expected


def test_several_changed_packages_that_fail_are_counted() -> None:
    failed = BuildView(
        key=subject_build().key,
        target="f44",
        purpose=subject_build().purpose,
        state=BuildState.DONE,
        outcome=Failed(reason=FailureReason.COMPILE),
    )
    both = (Subject(package="a", builds=(failed,)), Subject(package="b", builds=(failed,)))
    assert headline(finished(Conclusion.FAILURE, subjects=both)) == "2 changed packages do not build"
    assert headline(finished(Conclusion.FAILURE, subjects=both[:1])) == "a itself does not build"


def test_the_title_says_what_was_not_tested() -> None:
    left_out = row(Verdict.NOT_TESTED, selection=Selection.OVER_LIMIT)
    report = finished(Conclusion.SUCCESS, row(Verdict.STILL_PASSING), left_out)
    assert title(report) == "1 of 1 tested · 1 of 2 planned"
    late = finished(Conclusion.TIMED_OUT, row(Verdict.FIXED), PLANNED)
    assert title(late) == "Out of time · 1 fixed · 1 not finished · 1 of 2 tested"
    broken = finished(Conclusion.FAILURE, row(Verdict.REGRESSED), PLANNED, stop=StopReason.DEADLINE)
    assert title(broken) == "1 regressed · 1 not finished · 1 of 2 tested · out of time"
    assert title(finished(Conclusion.CANCELLED, PLANNED)) == "Cancelled on request"
    assert title(finished(Conclusion.SUCCESS)) == headline(EMPTY_SUCCESS)
    assert title(replace(EMPTY, stage=Stage.REBUILDING, rows=(PLANNED,))) == "Rebuilding: 1 to go · 0 of 1 tested"
    assert title(replace(EMPTY, stage=Stage.REBUILDING)) == "Rebuilding: nearly done"
    assert counts(EMPTY) == ""


EMPTY_SUCCESS = finished(Conclusion.SUCCESS)


def test_targets_that_a_command_left_out_stand_in_the_title():
    report = finished(Conclusion.SUCCESS, row(Verdict.STILL_PASSING), left_out=("f43", "f42"))
    assert title(report) == "1 of 1 tested · not tested on f43, f42"


@pytest.mark.parametrize(
    ("report", "status", "conclusion"),
    [
        (replace(EMPTY, stage=Stage.QUEUED), CheckStatus.QUEUED, None),
        (replace(EMPTY, stage=Stage.RESOLVING), CheckStatus.IN_PROGRESS, None),
        (replace(EMPTY, stage=Stage.WAITING), CheckStatus.COMPLETED, Conclusion.ACTION_REQUIRED),
        (finished(None), CheckStatus.COMPLETED, Conclusion.CANCELLED),
        (FULL, CheckStatus.COMPLETED, Conclusion.FAILURE),
    ],
)
def test_the_checks_status(report: Report, status: CheckStatus, conclusion: Conclusion | None) -> None:
    check = render_check(report, LINKS, ALL)
    assert (check.status, check.conclusion) == (status, conclusion)
    assert check.external_id == "r1f00/revdeps"


def test_buttons_are_those_that_make_sense_now() -> None:
    def labels(report: Report) -> list[str]:
        return [button.label for button in render_check(report, LINKS, ALL).buttons]

    assert labels(replace(EMPTY, stage=Stage.WAITING)) == ["Approve this commit"]
    assert labels(replace(EMPTY, stage=Stage.REBUILDING)) == ["Cancel"]
    assert labels(EMPTY_SUCCESS) == []
    assert labels(FULL)[0] == "Retry failed"
    assert render_check(FULL, LINKS, BARE).buttons == ()
    ran_out = replace(FULL, conclusion=Conclusion.TIMED_OUT, stop=StopReason.DEADLINE)
    assert [button.label for button in render_check(ran_out, LINKS, ALL).buttons] == ["Retry failed"]


def test_a_forge_without_annotations_gets_none() -> None:
    problem = ConfigProblem(path=".revdeps.yaml", line=1, column=2, message="wrong")
    report = finished(Conclusion.ACTION_REQUIRED, config_problems=(problem,) * 60)
    assert len(render_check(report, LINKS, ALL).annotations) == 50
    assert render_check(report, LINKS, BARE).annotations == ()
    assert "- and 40 more" in render_comment(report, LINKS)


def test_an_approver_is_told_what_to_read_and_what_to_write() -> None:
    waiting = replace(EMPTY, stage=Stage.WAITING)
    assert "/revdeps ok @a1b2c3d00000`.\n" in render_comment(waiting, LINKS)
    many = replace(waiting, review=tuple(f"file-{number}" for number in range(25)))
    assert "`file-19` and 5 more." in render_comment(many, LINKS)


def test_too_little_coverage_says_what_to_do() -> None:
    report = finished(Conclusion.ACTION_REQUIRED, row(Verdict.STILL_PASSING), row(Verdict.INCONCLUSIVE))
    assert "50 % of the planned packages came to a verdict, 90 % are needed." in render_comment(report, LINKS)


def test_a_target_on_which_nothing_was_tested_is_named() -> None:
    lost = row(Verdict.INCONCLUSIVE, target="f43-aarch64")
    report = finished(Conclusion.ACTION_REQUIRED, row(Verdict.STILL_PASSING), lost, min_coverage=50)
    assert "Of what was planned on `f43-aarch64` nothing came to a verdict." in render_comment(report, LINKS)


def test_a_rebuild_that_was_not_tried_says_how_to_try_it() -> None:
    order = row(Verdict.NEEDS_REBUILD, needs_order=True)
    advice = "Set `mode: auto` (or `chained`)"
    assert advice in overview(finished(Conclusion.ACTION_REQUIRED, order, min_coverage=0), LINKS, Detail())[-1]
    assert "🔁 1 package needs a rebuild" in render_comment(finished(Conclusion.ACTION_REQUIRED, order), LINKS)
    nothing = finished(Conclusion.ACTION_REQUIRED, row(Verdict.FIXED))
    assert not any(advice in part for part in overview(nothing, LINKS, Detail()))


def test_a_stopped_run_says_who_stopped_it() -> None:
    report = finished(Conclusion.CANCELLED, PLANNED, stop=StopReason.CANCELLED, stopped_by="octocat")
    text = render_comment(report, LINKS)
    assert "Stopped by `octocat`." in text
    assert "⏹️ 1 package not finished" in text


def test_what_is_blocked_by_something_else_stands_by_itself() -> None:
    rows = (row(Verdict.BLOCKED, root="gone"), row(Verdict.INCONCLUSIVE, package="quiet"))
    text = render_comment(finished(Conclusion.ACTION_REQUIRED, *rows), LINKS)
    assert "- by `gone`: `bar`" in text
    assert "- no cause known: `quiet`" in text


def test_a_circle_of_roots_loses_nobody() -> None:
    rows = (row(Verdict.REGRESSED, package="a", root="b"), row(Verdict.REGRESSED, package="b", root="a"))
    groups = regressions(finished(Conclusion.FAILURE, *rows))
    assert [group.lead.package for group in groups] == ["a", "b"]
    assert root_of("a", {"a": "b", "b": "a"}) == "b"


def test_a_chain_of_roots_ends_in_one_row() -> None:
    rows = (
        row(Verdict.REGRESSED, package="a"),
        row(Verdict.REGRESSED, package="b", root="a"),
        row(Verdict.REGRESSED, package="c", root="b"),
    )
    (group,) = regressions(finished(Conclusion.FAILURE, *rows))
    assert [each.package for each in group.caused] == ["b", "c"]


def test_kinds_of_regressions_without_a_build() -> None:
    broken = FULL.with_verdict(Verdict.REGRESSED)[1].uninstallable
    rows = (
        row(Verdict.REGRESSED, package="a", problem="nothing provides x"),
        row(Verdict.REGRESSED, package="b", uninstallable=broken),
        row(Verdict.REGRESSED, package="c"),
    )
    text = render_comment(finished(Conclusion.FAILURE, *rows), LINKS)
    assert "❌ regressed (unresolvable) | found without a build" in text
    assert "❌ regressed (does not install) | found without a build" in text
    assert "❌ regressed | — → — |" in text


def test_more_targets_stand_in_the_row_and_many_are_counted() -> None:
    report = finished(Conclusion.FAILURE, row(Verdict.REGRESSED), targets=tuple(f"f{n}" for n in range(7)))
    text = render_comment(report, LINKS)
    assert "| **`bar`**<br>`f44` |" in text
    assert "`f4` and 2 more" in text


def test_without_a_base_nothing_is_said_of_it() -> None:
    report = replace(EMPTY_SUCCESS, base_sha="", subjects=())
    assert "against" not in render_comment(report, LINKS).splitlines()[1]
    assert "against" not in render_check(report, LINKS, ALL).summary
    assert "`octocat/libfoo#\u200b7`" in render_comment(report, LINKS)


def test_many_subjects_are_counted() -> None:
    report = replace(EMPTY, subjects=tuple(Subject(package=f"p{n}") for n in range(5)))
    assert subject(report) == "`p0`, `p1`, `p2`, 2 more"


def test_a_forecast_without_an_end_tells_the_number() -> None:
    report = replace(EMPTY, stage=Stage.REBUILDING, forecast=Forecast(builds=1))
    assert "1 build to go, what they cost is not known yet." in render_comment(report, LINKS)
    assert "1 build to go, what they cost is not known yet." in answer_status(report, LINKS)


def test_a_previous_result_is_gone_once_there_is_a_new_one() -> None:
    assert previous(replace(FULL, previous=FULL), LINKS) == ""
    nothing = replace(EMPTY, stage=Stage.QUEUED, previous=EMPTY)
    assert "For the previous commit <code>a1b2c3d</code>: no result" in previous(nothing, LINKS)


def test_without_pages_there_are_no_links() -> None:
    assert "](" not in render_comment(FULL, LINKS)
    assert render_notice(FULL, LINKS).startswith(notice_marker(FULL.head_sha))
    assert "](" not in answer_status(FULL, LINKS)
    assert "](" not in render_notice(EMPTY_SUCCESS, LINKS)


def test_one_answer_needs_no_repetition() -> None:
    assert answer_all("c-1", [("/revdeps help", "Help.")]) == "<!-- revdeps:answer to=c1 -->\nHelp.\n"
    assert "`/revdeps run`" in answer_no_run()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (row(None), "⏳ pending"),
        (row(None, needs=("foo",)), "⏳ pending, waiting for `foo`"),
        (row(Verdict.NOT_TESTED, selection=Selection.TOO_DEEP), "not tested: further away than the configured depth."),
        (row(Verdict.STILL_PASSING), "✅ still passing"),
        (row(Verdict.REGRESSED, problem="\nnothing provides x\nmore"), "The solver says: `nothing provides x`"),
        (row(Verdict.FIXED, distance=3), "through 2 other packages:\n\nThe metadata tell no path."),
    ],
)
def test_why(asked: Row, expected: str) -> None:
    assert expected in answer_why(replace(EMPTY, stage=Stage.REBUILDING, rows=(asked,)), "bar", LINKS)


def test_why_of_an_unaffected_package_says_how_many_were_looked_at() -> None:
    assert answer_why(EMPTY, "gone", LINKS).endswith("2,030 source packages were looked at.")
    assert answer_why(replace(EMPTY, examined=0, targets=("a", "b")), "gone", LINKS).endswith("rd1`.")


def test_why_names_the_target_where_there_are_several() -> None:
    assert "`bar` on `f44`" in answer_why(replace(EMPTY, rows=(PLANNED,), targets=("f44", "el10")), "bar", LINKS)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"config_from_head": True}, "Push a commit that mends it."),
        ({}, "Mend it on the base branch, and say `/revdeps run`."),
        ({"url": ""}, "unknown key"),
    ],
)
def test_a_wrong_configuration_is_mended_where_it_was_read(changes: dict[str, object], told: str) -> None:
    problem = ConfigProblem(path=".revdeps.yaml", line=1, column=1, message="unknown key")
    report = finished(Conclusion.ACTION_REQUIRED, config_problems=(problem,), **changes)
    assert overview(report, LINKS, Detail())[-1].endswith(told)


def test_an_unfinished_run_has_no_duration_and_exports_as_null() -> None:
    report = replace(EMPTY, stage=Stage.QUEUED, conclusion=None, finished_at=None, problem=Problem(what="w"))
    exported = to_json(report)
    assert report.duration is None
    assert (exported["conclusion"], exported["finished_at"], exported["headline"]) == (None, None, "Queued")
    assert exported["created_at"] == START.isoformat()


def test_logs_are_found_by_run_and_key() -> None:
    links = Links(pages="https://revdeps.example.org/")
    assert links.log(FULL.run, subject_build().key).endswith(
        "/runs/r1f00/log/c/r1f00/fedora-rawhide-x86_64/libfoo/change/0/1"
    )
    assert LINKS.log(FULL.run, subject_build().key) == ""
