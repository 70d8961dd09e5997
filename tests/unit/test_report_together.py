"""What is told of several changes that are tested together, on each of their pull requests."""

from dataclasses import replace

import pytest

from bot.adapters.gitlab.parlance import MERGE_REQUESTS
from bot.domain.build import Purpose
from bot.domain.config import PackageConfig
from bot.domain.ids import RunId, WorkspaceRef
from bot.domain.parlance import PULL_REQUESTS
from bot.domain.publication import Capabilities
from bot.domain.report.assemble import Stored, assemble
from bot.domain.report.check import render_check
from bot.domain.report.comment import next_step, render_comment
from bot.domain.report.export import to_json
from bot.domain.report.headline import headline, title
from bot.domain.report.together import seen_from
from bot.domain.report.values import Joint, Links, Report
from bot.domain.report.words import blame_words, tried_words
from bot.domain.run import Alone, ChangeRef, Conclusion, Part, Pause, Problem, RepoRef, RunState, StopReason
from bot.domain.verdict import Blame, Inseparable, Verdict
from tests.fakes.reports import (
    CHANGE,
    INIT_MISSING,
    build,
    context,
    entry,
    finding,
    run,
    run_target,
    story,
    subject_build,
    twice,
)

OTHER = ChangeRef(repo=RepoRef(forge="github", owner="octocat", name="other"), number=1)
THIRD = replace(OTHER, number=2)
PART = Part(
    change=OTHER,
    head_sha="f" * 40,
    base_sha="e" * 40,
    base_branch="f44",
    url="https://forge.example/octocat/other/pull/1",
    packages=(PackageConfig(spec="libbar.spec", name="libbar"),),
)
JOINT = run(companions=(PART,))
NEEDING = Blame(culprits=(CHANGE,), inseparable=(Inseparable(change=CHANGE, others=(OTHER,)),))
CIRCLE = Blame(
    culprits=(OTHER, THIRD),
    inseparable=(Inseparable(change=OTHER, others=(THIRD,)), Inseparable(change=THIRD, others=(OTHER,))),
)
GITHUB = Capabilities(buttons=True, annotations=True, comment_limit=60_000, text_limit=60_000)


def report(*blames: Blame | None, **changes: object) -> Report:
    """Return the report of a run with a regression for each blame."""
    names = [f"bar{number}" for number, _ in enumerate(blames)]
    stored = Stored(
        run=replace(JOINT, **changes),  # type: ignore[arg-type]
        targets=[run_target()],
        entries=[entry(name) for name in names],
        findings=[
            finding(name, Verdict.REGRESSED, cause="error", blame=blame)
            for name, blame in zip(names, blames, strict=True)
        ],
        builds=[subject_build(), *(each for name in names for each in twice(name, INIT_MISSING))],
    )
    return assemble(stored, context())


def elsewhere(told: Report) -> Report:
    return seen_from(told, PART)


def here(told: Report) -> Report:
    return seen_from(told, told.parts[0])


@pytest.mark.parametrize(
    ("blames", "own", "other"),
    [
        ([Blame(culprits=(OTHER,))], Conclusion.ACTION_REQUIRED, Conclusion.FAILURE),
        ([Blame(culprits=(CHANGE,))], Conclusion.FAILURE, Conclusion.ACTION_REQUIRED),
        ([Blame(culprits=(OTHER,)), Blame(culprits=(CHANGE,))], Conclusion.FAILURE, Conclusion.FAILURE),
        ([Blame(culprits=(OTHER,)), Blame()], Conclusion.FAILURE, Conclusion.FAILURE),
        ([Blame(culprits=(OTHER,)), None], Conclusion.FAILURE, Conclusion.FAILURE),
        ([Blame(unknown=(OTHER,))], Conclusion.FAILURE, Conclusion.FAILURE),
        ([], Conclusion.FAILURE, Conclusion.FAILURE),
    ],
)
def test_a_check_fails_unless_everything_is_the_fault_of_others(blames, own, other):
    told = report(*blames)
    assert (here(told).conclusion, elsewhere(told).conclusion) == (own, other)


def test_whoever_is_not_to_blame_is_told_who_is_and_what_to_do():
    told = here(report(Blame(culprits=(OTHER, THIRD))))
    assert headline(told) == "Not this change: octocat/other#1 and octocat/other#2 are to blame."
    assert title(told).endswith(" · 1 regressed · 1 of 1 tested · with octocat/other#1")
    assert told.problem is not None
    assert told.problem.hint == "`/revdeps run` tests this pull request by itself."


def test_the_other_pull_request_s_check_is_about_its_own_commit_and_names_this_one():
    check = render_check(elsewhere(report(Blame(culprits=(OTHER,)))), Links(pages="https://revdeps.example"), GITHUB)
    assert check.head_sha == PART.head_sha
    assert check.title == "1 regressed · 1 of 1 tested · with octocat/libfoo#7"
    assert "against `f44` @ `eeeeeee`" in check.summary
    assert (
        "[`octocat/other#\u200b1`](https://forge.example/octocat/other/pull/1) @ `fffffff`: `libbar`" in check.summary
    )
    assert "caused by this change" in check.summary


def test_a_run_of_one_change_tells_of_nobody_else():
    told = assemble(Stored(run=run(), targets=[run_target()]), context())
    assert seen_from(told, run().parts[0]) is told
    assert "together" not in render_check(told, Links(), GITHUB).summary
    assert to_json(told)["together"] == []


def test_packages_that_are_not_known_yet_are_said_to_be_so():
    told = report(companions=(replace(PART, packages=()),))
    assert "not read yet" in render_check(told, Links(), GITHUB).summary


def test_a_run_that_was_stopped_tells_the_others_how_to_go_on_by_themselves():
    told = report(conclusion=Conclusion.CANCELLED, stop=StopReason.SUPERSEDED)
    assert headline(here(told)) == "Superseded by a newer commit"
    assert headline(elsewhere(told)) == "octocat/libfoo#7 is not tested together with this any more."
    moved = replace(told, problem=Problem(what="octocat/other#1 was closed."))
    assert headline(here(moved)) == headline(elsewhere(moved)) == "octocat/other#1 was closed."


@pytest.mark.parametrize(
    ("blame", "words"),
    [
        (None, ""),
        (Blame(culprits=(OTHER,)), "caused by octocat/other#1"),
        (Blame(culprits=(CHANGE, OTHER, THIRD)), "caused by each of this change, octocat/other#1 and octocat/other#2"),
        (NEEDING, "caused by this change, which cannot be built without octocat/other#1"),
        (CIRCLE, "caused by octocat/other#1 and octocat/other#2 together, which cannot be built without each other"),
        (
            replace(CIRCLE, culprits=(OTHER,)),
            "caused by octocat/other#1, which cannot be built without octocat/other#2",
        ),
        (
            Blame(culprits=(CHANGE, *CIRCLE.culprits), inseparable=CIRCLE.inseparable),
            "caused by each of this change and octocat/other#1 and octocat/other#2 together, "
            "which cannot be built without each other",
        ),
        (Blame(), "only together"),
        (Blame(unknown=(OTHER,)), "only together, as far as is known: octocat/other#1 not tested alone"),
    ],
)
def test_who_is_to_blame_in_words(blame, words):
    assert blame_words(blame, CHANGE) == words


def test_with_what_a_change_was_tried_is_told():
    assert tried_words(CHANGE, NEEDING, PULL_REQUESTS) == "octocat/libfoo#7 with octocat/other#1, which it needs"
    assert tried_words(OTHER, NEEDING, PULL_REQUESTS) == tried_words(OTHER, None, PULL_REQUESTS) == "octocat/other#1"
    (package,) = to_json(report(NEEDING))["packages"]  # type: ignore[misc]
    assert package["blame"]["inseparable"] == [  # type: ignore[call-overload,index]
        {"change": "octocat/libfoo#7", "needs": ["octocat/other#1"]}
    ]


def test_whom_a_culprit_needs_is_not_to_blame():
    told = report(NEEDING)
    assert (here(told).conclusion, elsewhere(told).conclusion) == (Conclusion.FAILURE, Conclusion.ACTION_REQUIRED)


def test_regressions_that_others_are_to_blame_for_are_another_row():
    summary = render_check(report(Blame(culprits=(OTHER,)), Blame()), Links(), GITHUB).summary
    assert "caused by octocat/other#\u200b1" in summary
    assert "only together" in summary


def test_the_export_tells_who_is_to_blame():
    told = to_json(report(Blame(culprits=(OTHER,), unknown=(CHANGE,))))
    assert told["together"] == [
        {"change": "octocat/libfoo#7", "head": JOINT.head_sha},
        {"change": "octocat/other#1", "head": PART.head_sha},
    ]
    (package,) = told["packages"]  # type: ignore[misc]
    assert package["blame"] == {  # type: ignore[call-overload,index]
        "culprits": ["octocat/other#1"],
        "not_tested_alone": ["octocat/libfoo#7"],
        "inseparable": [],
    }


def test_the_export_names_changes_as_their_forge_does():
    told = to_json(replace(report(Blame(culprits=(OTHER,), unknown=(CHANGE,))), parlance=MERGE_REQUESTS))
    assert (told["change"], [part["change"] for part in told["together"]]) == (
        "octocat/libfoo!7",
        ["octocat/libfoo!7", "octocat/other!1"],
    )
    (package,) = told["packages"]
    blame = {"culprits": ["octocat/other!1"], "not_tested_alone": ["octocat/libfoo!7"], "inseparable": []}
    assert package["blame"] == blame


def test_builds_with_one_change_alone_are_not_shown_as_the_package_s_own():
    stored = Stored(
        run=JOINT,
        entries=[entry("bar")],
        findings=[finding("bar", Verdict.REGRESSED)],
        builds=[*twice("bar", INIT_MISSING), replace(build("bar", INIT_MISSING, attempt=3), purpose=Purpose.BLAME)],
    )
    (row,) = assemble(stored).rows
    assert len(row.candidate) == 2


def test_while_it_is_found_out_who_is_to_blame_that_is_what_is_told():
    told = report(None, state=RunState.ACTIVE, conclusion=None, finished_at=None)
    assert title(told).startswith("Finding out which of the changes breaks what · 1 regressed")
    assert title(report(Blame(), state=RunState.ACTIVE, conclusion=None, finished_at=None)).startswith("Rebuilding")


def test_a_pause_is_decided_upon_where_the_run_was_begun():
    pause = Pause(target="fedora", signature="x", cause="x", packages=("bar0",))
    told = report(None, state=RunState.ACTIVE, conclusion=None, finished_at=None, pause=pause)
    assert "/revdeps retry" in render_check(here(told), Links(), GITHUB).summary
    summary = render_check(elsewhere(told), Links(), GITHUB).summary
    assert "Whether it goes on is decided in octocat/libfoo#\u200b7." in summary
    assert "where it was begun" in summary
    assert "Retry failed" not in summary


def test_a_run_of_several_changes_that_was_stopped_is_begun_again_with_all_of_them():
    told = report(state=RunState.FINISHED, conclusion=Conclusion.CANCELLED, stopped_by="octocat")
    assert "`/revdeps with octocat/other#1` tests them together anew." in next_step(here(told))
    assert next_step(elsewhere(told)) == ""  # its problem says what to do there
    assert "`/revdeps run` tests this pull request by itself." in render_check(elsewhere(told), Links(), GITHUB).summary


@pytest.mark.parametrize(
    ("pages", "where"),
    [
        ("https://revdeps.example", "`octocat/other#\u200b1` ([report](https://revdeps.example/runs/r2))"),
        ("", "`octocat/other#\u200b1`"),
    ],
)
def test_a_comment_says_where_its_commit_is_tested_with_others(pages: str, where: str):
    told = replace(assemble(story(), context()), joint=Joint(run=RunId("r2"), change=OTHER))
    comment = render_comment(told, Links(pages=pages))
    assert f"in {where}: the check `revdeps` is about that." in comment
    assert "about that" not in render_check(told, Links(pages=pages), GITHUB).summary


def test_builds_with_one_change_alone_are_told_with_that_change():
    alone = Alone(workspace=WorkspaceRef("alone"))
    tried = build("bar", INIT_MISSING, attempt=3)
    tried = replace(tried, purpose=Purpose.BLAME, request=replace(tried.request, workspace=WorkspaceRef("alone")))
    stored = Stored(run=JOINT, targets=[run_target(alone=(Alone(), alone))], entries=[entry("bar")], builds=[tried])
    told = assemble(stored)
    assert [(str(change), build.attempt) for change, build in told.rows[0].alone] == [("octocat/other#1", 3)]
    (package,) = to_json(told)["packages"]  # type: ignore[misc]
    assert package["alone"][0]["change"] == "octocat/other#1"  # type: ignore[call-overload,index]
