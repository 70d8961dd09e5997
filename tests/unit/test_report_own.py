"""What is told of packages of the change itself that cannot be installed, and of what needs no rebuild itself."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.domain.ids import RunId
from bot.domain.plan import Uninstallable
from bot.domain.report.answers import answer_why
from bot.domain.report.budget import Detail
from bot.domain.report.export import to_json
from bot.domain.report.headline import counts, headline
from bot.domain.report.sections import needs_rebuild
from bot.domain.report.values import Links, Report, Row, Stage
from bot.domain.run import ChangeRef, Conclusion, RepoRef
from bot.domain.verdict import Verdict

PROBLEM = "nothing provides libquux.so.9 needed by foo-tools-2-1.x86_64"
BROKEN = Uninstallable(package="foo-tools-2-1.x86_64", source="libfoo", problem=PROBLEM)
OWN = Row(
    package="libfoo",
    target="rawhide",
    own=True,
    rebuilt=False,
    verdict=Verdict.REGRESSED,
    cause=PROBLEM,
    uninstallable=(BROKEN,),
)
BAR = Row(package="bar", target="rawhide", verdict=Verdict.REGRESSED, dependents=9)
LATER = Row(package="app", target="rawhide", verdict=Verdict.NEEDS_REBUILD, rebuilt=False, uninstallable=(BROKEN,))
TOOL = Row(package="tool", target="rawhide", verdict=Verdict.NEEDS_REBUILD)


def report(*rows: Row, conclusion: Conclusion = Conclusion.FAILURE) -> Report:
    """A finished run with these rows."""
    return Report(
        run=RunId("r1"),
        change=ChangeRef(repo=RepoRef(forge="github", owner="octocat", name="libfoo"), number=7),
        head_sha="a" * 40,
        base_sha="b" * 40,
        base_branch="main",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        stage=Stage.FINISHED,
        targets=("rawhide",),
        rows=rows,
        conclusion=conclusion,
    )


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ((OWN,), "libfoo itself cannot be installed"),
        ((OWN, replace(OWN, target="f44")), "libfoo itself cannot be installed"),
        ((OWN, replace(OWN, package="libbaz")), "2 changed packages cannot be installed"),
        ((OWN, BAR), "libfoo itself cannot be installed; 1 package regresses"),
        ((BAR,), "1 package regresses"),
    ],
)
def test_the_headline_tells_of_what_is_changed_first(rows: tuple[Row, ...], told: str):
    assert headline(report(*rows)) == told


def test_what_is_changed_itself_stands_first_and_counts_for_nothing_but_its_verdict():
    found = report(BAR, OWN)
    assert found.with_verdict(Verdict.REGRESSED) == (OWN, BAR)
    assert (found.coverage.planned, found.coverage.affected) == (1, 1)
    assert counts(found) == "2 regressed · 1 of 1 tested"


def test_what_needs_no_rebuild_itself_is_not_counted_among_those_that_do():
    found = report(LATER, TOOL, conclusion=Conclusion.SUCCESS)
    assert counts(found) == "1 to rebuild · 2 of 2 tested"
    assert headline(found) == "Nothing breaks for good; 1 package needs a rebuild"


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ((TOOL,), "1. `tool`\n\n</details>"),
        (
            (TOOL, LATER),
            "1. `tool`\n\nUntil then these cannot be installed, and they need no rebuild themselves: `app`.",
        ),
        ((LATER,), "They need no rebuild themselves: what they require does. `app`"),
    ],
)
def test_it_is_told_what_has_to_be_rebuilt_and_what_only_waits_for_that(rows: tuple[Row, ...], told: str):
    assert told in needs_rebuild(report(*rows), Detail())


def test_nothing_is_told_where_nothing_needs_a_rebuild():
    assert needs_rebuild(report(BAR), Detail()) == ""


def test_why_names_every_package_and_where():
    still = replace(OWN, target="f44", verdict=Verdict.STILL_FAILING, uninstallable=(), problem="no\nmore", cause="no")
    several = replace(report(OWN, still), targets=("rawhide", "f44"))
    here, there = answer_why(several, "libfoo", Links()).split("\n\n`libfoo` is what is changed on `f44`")
    assert here.endswith(f"- `foo-tools-2-1.x86_64`: `{PROBLEM}`")
    assert here.startswith("`libfoo` is what is changed on `rawhide`. ❌ regressed (does not install)")
    assert there.endswith("Could not be installed before either: `no`")


def test_why_tells_of_what_is_built_as_before_that_it_cannot_be_installed():
    told = answer_why(report(LATER), "app", Links())
    assert told.startswith("`app` is built in the same buildroot as before. 🔁 needs rebuild")
    assert told.endswith(f"Of its packages these cannot be installed:\n\n- `foo-tools-2-1.x86_64`: `{PROBLEM}`")


def test_programs_can_tell_it_from_a_dependent():
    packages = to_json(report(OWN, BAR))["packages"]
    assert isinstance(packages, list)
    assert [package["of_change"] for package in packages if isinstance(package, dict)] == [True, False]
