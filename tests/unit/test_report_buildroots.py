"""What differs in the buildroots of what failed: the words, and what a comment tells of them."""

from dataclasses import replace

import pytest

from bot.domain.difference import Basis, RootChange
from bot.domain.report.assemble import Stored, assemble
from bot.domain.report.budget import Detail
from bot.domain.report.buildroots import basis, buildroots, change_notes, change_words
from bot.domain.report.comment import render_comment
from bot.domain.report.values import Links, Report
from bot.domain.verdict import Verdict
from tests.fakes.reports import INIT_MISSING, PASSED, build, difference, entry, finding, run, run_target, subject_build

LINKS = Links(pages="https://revdeps.example.org")

WORDS = [
    (RootChange(name="zlib", old="1-1", new="2-1", arch="x86_64", distance=1), "zlib 1-1 → 2-1", "distance 1"),
    (RootChange(name="zlib", new="2-1", arch="x86_64"), "zlib 2-1", "added"),
    (RootChange(name="zlib", old="1-1", arch="x86_64", distance=3), "zlib 1-1", "dropped, distance 3"),
    (RootChange(name="zlib", old="1-1", new="1-1", arch="x86_64"), "zlib 1-1", "other contents"),
    (RootChange(name="zlib", old="1-1", new="2-1", arch="noarch", ours=True), "zlib 1-1 → 2-1", "of this change"),
    (
        RootChange(name="zlib", old="1-1", new="1-1", arch="noarch", old_arch="x86_64"),
        "zlib 1-1 (x86_64) → 1-1 (noarch)",
        "",
    ),
    (RootChange(name="host", new=""), "host", "added"),
]


@pytest.mark.parametrize(("change", "words", "notes"), WORDS, ids=[f"{row[1]} {row[2]}" for row in WORDS])
def test_the_words_for_one_package(change, words, notes):
    assert (change_words(change), change_notes(change)) == (words, notes)


GOOD = difference("bar")
BASES = [
    ([GOOD], "since its last good build (2026-02-28 09:00 UTC, without this change)"),
    (
        [replace(GOOD, good_at=None, with_change=True)],
        "since its last good build (with an earlier state of this change)",
    ),
    ([GOOD, GOOD], "since their last good builds (the oldest 2026-02-28 09:00 UTC, without this change)"),
    (
        [difference("bar", good=False)],
        "with and without this change as resolved, because no earlier good build is known",
    ),
    (
        [replace(GOOD, basis=Basis.NOTHING)],
        "of which no earlier good build is known, and no buildroot without this change",
    ),
]


@pytest.mark.parametrize(("found", "words"), BASES, ids=[words for _, words in BASES])
def test_what_a_root_was_compared_with(found, words):
    assert basis(found) == words


def report(*found, verdict=Verdict.REGRESSED) -> Report:
    """A run in which packages failed, each for a reason of its own."""
    names = [each.package for each in found]
    return assemble(
        Stored(
            run=run(),
            targets=(run_target(),),
            entries=[entry(name) for name in names],
            findings=[finding(name, verdict, cause=name, signature=name) for name in names],
            builds=[build(name, INIT_MISSING) for name in names],
            differences=found,
        )
    )


def test_what_differs_for_several_is_told_once():
    text = buildroots(report(GOOD, difference("foo"), difference("other", good=False)), LINKS, Detail())
    assert text.count("- `libfoo 1.8-1.fc44 → 1.9-1.fc44.rd1` (of this change, distance 2)") == 2
    assert "`bar`, `foo`, since their last good builds" in text
    assert "`other`, with and without this change as resolved" in text


def test_a_long_list_is_cut_and_leads_to_the_page():
    told = report(GOOD)
    text = buildroots(told, LINKS, Detail(changes=1))
    assert text.count("\n- ") == 2
    assert "- and 44 more: see the [full report](https://revdeps.example.org/runs/r1f00)" in text
    assert "- and 44 more\n" in buildroots(told, Links(), Detail(changes=1))
    assert buildroots(told, LINKS, Detail(changes=0)) == ""


def test_a_changed_package_that_does_not_build_comes_first():
    found = replace(GOOD, package="libfoo", build=subject_build().key)
    base = Stored(
        run=run(),
        targets=(run_target(),),
        entries=[entry("bar")],
        findings=[finding("bar", Verdict.REGRESSED, cause="x")],
        builds=[subject_build(INIT_MISSING), build("bar", INIT_MISSING)],
        differences=[found, difference("bar", good=False)],
    )
    told = assemble(base)
    assert [subject.differences for subject in told.subjects] == [(found,)]
    text = buildroots(told, LINKS, Detail())
    assert text.index("`libfoo`, since its last good build") < text.index("`bar`, with and without")
    unknown = replace(found, basis=Basis.NOTHING, good=None)
    assert assemble(replace(base, differences=[unknown])).subjects[0].differences == ()


def test_that_nothing_differs_is_said():
    assert "- no package differs" in buildroots(report(replace(GOOD, changes=(), total=0)), LINKS, Detail())
    nothing = replace(GOOD, changes=(), total=0, basis=Basis.NOTHING)
    assert "- nothing to compare" in buildroots(report(nothing), LINKS, Detail())


@pytest.mark.parametrize("verdict", [Verdict.CHANGED_FAILURE, Verdict.STILL_FAILING, Verdict.INCONCLUSIVE])
def test_every_failure_tells_of_its_buildroot(verdict):
    assert "`bar`, since its last good build" in buildroots(report(GOOD, verdict=verdict), LINKS, Detail())


def test_a_difference_is_told_of_the_build_on_which_the_verdict_rests():
    known = [build("bar", INIT_MISSING), build("bar", PASSED, attempt=2)]
    again = Stored(run=run(), targets=(run_target(),), entries=[entry("bar")], builds=known, differences=[GOOD])
    assert assemble(again).rows[0].difference is None
    going_on = replace(again, builds=[known[0], build("bar", None, attempt=2)])
    assert assemble(going_on).rows[0].difference == GOOD


def test_names_and_versions_from_outside_stand_in_code():
    evil = RootChange(name="<b>@octocat</b>", new="`#1`", arch="x86_64")
    text = render_comment(report(replace(GOOD, changes=(evil,), total=1)), LINKS)
    assert "`` <b>@\u200boctocat</b> `#\u200b1` `` (added)" in text
