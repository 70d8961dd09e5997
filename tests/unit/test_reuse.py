"""Which results are taken over, and which have to be found out again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.build import (
    Build,
    BuildState,
    Cancelled,
    FailureReason,
    Outcome,
    Purpose,
    SrpmSource,
    Succeeded,
    TreeSource,
)
from bot.domain.config import Mode
from bot.domain.ids import BuildKey, RunId
from bot.domain.packages import Nevra
from bot.domain.reuse import LatestBuild, first_baselines, log_key, passed_already, reusable, taken_over
from tests.fakes.domain import CONFIG, INFRASTRUCTURE, NOW, built, entry, failed, part
from tests.fakes.resolver import uninstallable

NEW = built("bar", key=BuildKey("new"), buildroot="root")


def old(outcome: Outcome, name: str = "old", minute: int = 0, **changes: object) -> Build:
    ended = NOW + timedelta(minutes=minute)
    plain = built("bar", outcome, key=BuildKey(name), run=RunId("r0"), buildroot="root", started_at=NOW, ended_at=ended)
    return replace(plain, cpu_seconds=3.0, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("outcome", [Succeeded(), failed()])
def test_an_equal_build_ends_as_the_earlier_one_did(outcome: Outcome) -> None:
    ended = taken_over(NEW, [old(outcome, minute=4)])
    assert (ended.key, ended.run, ended.state, ended.outcome) == (NEW.key, NEW.run, BuildState.DONE, outcome)
    assert (ended.reused_from, ended.duration, ended.cpu_seconds) == ("old", timedelta(minutes=4), 3.0)
    assert (log_key(ended), log_key(NEW)) == ("old", "new")


def test_the_newest_counts_and_where_it_was_taken_over_its_origin_is_named() -> None:
    ended = taken_over(NEW, [old(Succeeded()), old(Succeeded(), "later", 1, reused_from=BuildKey("first"))])
    assert ended.reused_from == "first"


@pytest.mark.parametrize(
    "other",
    [
        {"buildroot": "another"},
        {"backend": "another"},
        {"target": "another"},
        {"request": replace(NEW.request, source=SrpmSource(location="", checksum="sha256:1"))},
        {"request": replace(NEW.request, package="baz")},
        {"request": replace(NEW.request, source=TreeSource(directory="/", package=CONFIG.packages[0]))},
    ],
)
def test_other_inputs_tell_nothing(other: dict[str, object]) -> None:
    assert taken_over(NEW, [old(Succeeded(), **other)]) is NEW


@pytest.mark.parametrize(
    "earlier",
    [
        [],
        [old(Cancelled())],
        [old(INFRASTRUCTURE)],
        [old(failed(reason=FailureReason.TIMEOUT))],
        [old(failed(reason=FailureReason.MEMORY))],
        [old(failed()), old(Succeeded(), "again", 1)],
        [old(failed()), old(INFRASTRUCTURE, "again", 1)],
        [old(failed("a new fault")), old(failed("what fails now and then"), "again", 1)],
    ],
)
def test_what_may_be_chance_is_built_again(earlier: list[Build]) -> None:
    assert taken_over(NEW, earlier) is NEW


def test_what_a_person_asks_for_and_what_settles_a_verdict_is_always_built() -> None:
    others = [replace(NEW, key=BuildKey(each.value), purpose=each) for each in Purpose if each is not Purpose.FIRST]
    assert reusable(part(entry("bar")), [NEW, *others]) == ("new",)


def test_without_a_solved_buildroot_nothing_is_known_to_be_equal() -> None:
    assert reusable(part(entry("bar")), [replace(NEW, buildroot="")]) == ()


def test_what_is_published_for_others_is_built() -> None:
    moved = entry("bar", uninstallable=(uninstallable("bar", "nothing provides libfoo.so.1"),))
    assert reusable(part(moved), [NEW]) == ()
    assert reusable(part(entry("bar"), config=replace(CONFIG, mode=Mode.CHAINED)), [NEW]) == ()


HERE, THERE = Nevra.parse("gcc-1-1.x86_64"), Nevra.parse("gcc-1-2.x86_64")
BASELINE = built("bar", key=BuildKey("b"), run=None, purpose=Purpose.BASELINE, backend="koji:here")
LATEST = LatestBuild(
    name="bar-1-1",
    source=Nevra.parse("bar-1-1.src"),
    installed=(HERE,),
    started_at=NOW - timedelta(days=1),
    ended_at=NOW,
)


def test_a_baseline_passes_where_the_distributions_own_build_had_the_same_root() -> None:
    ended = passed_already(BASELINE, LATEST, {HERE})
    assert (ended.state, ended.outcome, ended.duration) == (BuildState.DONE, Succeeded(), timedelta(days=1))
    assert ended.reused_from == "koji:here/bar-1-1"


@pytest.mark.parametrize("root", [{THERE}, {HERE, THERE}, set()])
def test_one_other_package_in_the_root_and_the_baseline_is_built(root: set[Nevra]) -> None:
    assert passed_already(BASELINE, LATEST, root) is BASELINE


def test_only_a_first_baseline_can_do_without_a_build() -> None:
    assert first_baselines([BASELINE, NEW, replace(BASELINE, attempt=2)]) == (BASELINE,)
    assert first_baselines([replace(BASELINE, state=BuildState.DONE)]) == ()
