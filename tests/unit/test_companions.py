"""Which pull requests are tested together, in which order they are built, and whether they still are the same."""

from dataclasses import replace

import pytest

from bot.domain.commands import Command, parse
from bot.domain.companions import again, chosen, in_need, moved, outdated, ref_of
from bot.domain.config import PackageConfig
from bot.domain.run import Change, ChangeRef, Part, RepoRef
from tests.fakes.domain import REF, run, state

OTHER = ChangeRef(repo=RepoRef(forge="github", owner="octocat", name="other"), number=1)
PART = Part(change=OTHER, head_sha="f" * 40, base_sha="e" * 40, base_branch="main")
SEEN = replace(state(), ref=OTHER, head_sha=PART.head_sha)
OWN = state(url="https://forge.example/octocat/libfoo/pull/7")
JOINT = run(companions=(PART,))


def known(approved: str | None = None, **changes: object) -> dict[str, Change]:
    change = Change(ref=OTHER, state=replace(SEEN, **changes), stale=False, approved_sha=approved)  # type: ignore[arg-type]
    return {OTHER.id: change}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("octocat/other#1", "octocat/other#1"),
        ("group/part/other!12", "group/part/other#12"),
        ("https://forge.example/octocat/other/pull/1", "octocat/other#1"),
        ("http://FORGE.example/octocat/other/pulls/1/", "octocat/other#1"),
        ("https://forge.example/group/part/other/-/merge_requests/12/diffs", "group/part/other#12"),
    ],
)
def test_a_pull_request_is_written_by_name_or_address(written, name):
    (command,) = parse([f"/revdeps with {written}"])
    assert isinstance(command, Command)
    found = ref_of(command.changes[0], OWN)
    assert isinstance(found, ChangeRef)
    assert (str(found), found.repo.forge) == (name, "github")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("https://elsewhere.example/octocat/other/pull/1", "is on another forge"),
        ("https://forge.example/octocat/other", "is not the page of a pull request"),
        ("libbar", "is no pull request"),
    ],
)
def test_what_is_no_pull_request_of_this_forge_is_told(written, told):
    found = ref_of(written, OWN)
    assert isinstance(found, str)
    assert told in found


def test_one_that_is_named_in_two_ways_is_one_companion():
    (command,) = parse(["/revdeps with octocat/other#1 https://forge.example/octocat/other/pull/1"])
    assert isinstance(command, Command)
    assert chosen(command, dict.fromkeys(command.changes, PART)) == (PART,)


def test_every_reason_against_the_companions_is_told():
    (command,) = parse(["/revdeps with octocat/other#1 octocat/a#1 octocat/b#1"])
    assert isinstance(command, Command)
    found = {"octocat/other#1": PART, "octocat/a#1": "a is closed", "octocat/b#1": "b is closed"}
    assert chosen(command, found) == "a is closed\nb is closed"


def parts(*names: str) -> list[Part]:
    return [replace(PART, packages=(PackageConfig(spec=f"{name}.spec", name=name),)) for name in names]


@pytest.mark.parametrize(
    ("needs", "order"),
    [
        ([], (0, 1, 2)),
        ([("a", "b")], (1, 0, 2)),
        ([("a", "c"), ("b", "a")], (2, 0, 1)),
        ([("a", "b"), ("b", "a")], (2, 0, 1)),
        ([("a", "a"), ("a", "elsewhere")], (0, 1, 2)),
    ],
)
def test_changes_are_built_after_those_that_they_need_and_else_as_named(needs, order):
    assert in_need(parts("a", "b", "c"), needs) == order


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, ""),
        ({"head_sha": "0" * 40}, "octocat/other#1 has another commit by now"),
        ({"base_branch": "f44"}, "octocat/other#1 has another base branch by now"),
        ({"open": False}, "octocat/other#1 was closed or merged"),
    ],
)
def test_a_companion_that_moved_is_told(change, told):
    assert moved(JOINT, known(**change)) == told
    assert outdated(JOINT, known(**change)) == ("" if "open" in change else told)


def test_of_a_companion_that_is_about_to_be_looked_at_nothing_is_said():
    stale = {ref: replace(change, stale=True) for ref, change in known(head_sha="0" * 40).items()}
    for companions in ({}, stale, {OTHER.id: Change(ref=OTHER, stale=False)}):
        assert moved(JOINT, companions) == outdated(JOINT, companions) == ""


def test_what_rests_on_an_approval_lasts_as_long_as_that():
    joint = run(companions=(replace(PART, approved=True),))
    assert moved(joint, known(approved=PART.head_sha)) == ""
    assert moved(joint, known()) == "the approval of octocat/other#1 was taken back"
    assert moved(JOINT, known()) == ""


def test_the_way_to_begin_again_names_all_of_them():
    third = replace(PART, change=replace(REF, number=9))
    assert again(run(companions=(PART, third))) == "/revdeps with octocat/other#1 octocat/libfoo#9"
