"""The search for commits that a dist-git does not tell: how often it is asked, and what is said meanwhile."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.domain.commits import asked_again, next_question, note, problem, with_answers
from bot.domain.plan import PlanEntry, Selection, Unanswered
from bot.domain.run import Run, RunState, StopReason
from bot.domain.target import DistGit
from tests.fakes.domain import NOW, entry, run

DIST_GIT = DistGit(url="https://src.example.org/rpms/{name}")
WHY = "src.example.org does not answer."
COMMIT = "a" * 40


def silent(package: str, since: datetime = NOW, again: datetime | None = NOW, why: str = WHY) -> PlanEntry:
    return replace(entry(package), unanswered=Unanswered(since=since, again=again, why=why))


def test_an_answer_ends_the_search() -> None:
    found, gone, known = with_answers([silent("a"), silent("b"), entry("c")], DIST_GIT, {"a": COMMIT}, {}, NOW)

    assert found.affected.source.location == f"git+https://src.example.org/rpms/a#{COMMIT}"
    assert (found.unanswered, gone.unanswered, gone.affected) == (None, None, entry("b").affected)
    assert known == entry("c")


@pytest.mark.parametrize(
    ("passed", "wait"),
    [
        (timedelta(), timedelta(seconds=15)),
        (timedelta(minutes=2), timedelta(minutes=2)),
        (timedelta(minutes=20), timedelta(minutes=5)),
        (timedelta(minutes=28), timedelta(minutes=2)),
        (timedelta(minutes=30), None),
    ],
)
def test_without_an_answer_it_is_asked_ever_less_often_and_not_for_ever(
    passed: timedelta, wait: timedelta | None
) -> None:
    [still] = with_answers([silent("a", since=NOW - passed)], DIST_GIT, {}, {"a": WHY}, NOW)

    assert still.unanswered == Unanswered(since=NOW - passed, again=None if wait is None else NOW + wait, why=WHY)


def test_what_was_given_up_is_waited_for_anew() -> None:
    [again] = with_answers([silent("a", NOW - timedelta(hours=1), None)], DIST_GIT, {}, {"a": WHY}, NOW)

    assert again.unanswered == Unanswered(since=NOW, again=NOW + timedelta(seconds=15), why=WHY)


def test_what_is_due_is_asked_about() -> None:
    later = silent("later", again=NOW + timedelta(seconds=1))
    skipped = replace(silent("skipped"), selection=Selection.SKIPPED)
    goes_on = run(cancelled_packages=("stopped",))
    entries = [silent("due"), later, skipped, silent("stopped"), silent("over", again=None), entry("plain")]

    assert [each.package for each in asked_again(goes_on, entries, NOW)] == ["due"]
    assert next_question(goes_on, entries) == NOW
    assert next_question(goes_on, [later]) == NOW + timedelta(seconds=1)


@pytest.mark.parametrize("ended", [run(state=RunState.FINISHED), run(stop=StopReason.CANCELLED)])
def test_a_run_that_does_not_go_on_asks_nothing(ended: Run) -> None:
    assert asked_again(ended, [silent("a")], NOW) == ()
    assert next_question(ended, [silent("a")]) is None


def test_people_are_told_what_waits_and_how_long() -> None:
    told = problem(run(), [silent("b"), silent("a", why="the hub is offline"), silent("c", again=None)])

    assert problem(run(), [entry("a")]) is None
    assert told is not None
    assert told.what == (
        "It is not known yet from which commit of the dist-git to build `b` and 1 more: "
        "src.example.org does not answer (and 1 more)."
    )
    assert told.hint == "This is asked again by itself; from 12:30 UTC on the source package is built instead."


def test_a_note_says_what_is_built_from_where() -> None:
    [tied] = with_answers([entry("a")], DIST_GIT, {"a": COMMIT}, {}, NOW)

    assert note([]) == ""
    assert note([tied, silent("b")]) == ("1 package built from the dist-git, at commits that were found in planning.")
    assert note([tied, entry("c"), silent("d", again=None)]) == (
        "1 package built from the dist-git, at commits that were found in planning, and 1 package that it does not "
        "have from source packages, and 1 package from source packages since it did not answer: "
        "src.example.org does not answer."
    )
