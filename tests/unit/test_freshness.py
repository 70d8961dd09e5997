"""Which baselines that passed are beyond doubt, and by what two roots differ."""

from datetime import timedelta

from bot.domain.build import Build, FailureReason, Outcome, Succeeded
from bot.domain.difference import is_outdated, moved
from bot.domain.evidence import judge_all
from bot.domain.freshness import is_overtaken, to_hold
from bot.domain.verdict import Needs
from tests.fakes.domain import INFRASTRUCTURE, NOW, base, built, entry, failed, part

BAR = entry("bar")
OK = Succeeded()
HOUR = timedelta(hours=1)


def passed(hours: int | None, attempt: int = 1, outcome: Outcome = OK) -> Build:
    """A baseline that began so many hours from now."""
    return base(BAR, outcome, attempt, started_at=None if hours is None else NOW + hours * HOUR)


def fails(hours: int | None) -> Build:
    return built("bar", failed(), started_at=None if hours is None else NOW + hours * HOUR)


def test_a_baseline_is_held_against_a_failure_that_came_after_it():
    assert to_hold(BAR, [fails(0)], [passed(-1)]) == (passed(-1).key,)
    assert to_hold(BAR, [built("bar", INFRASTRUCTURE, started_at=NOW), fails(2)], [passed(1)]) == (passed(1).key,)


def test_one_that_was_begun_later_or_held_already_is_enough():
    earlier, later = passed(-1), passed(1, attempt=2)
    assert to_hold(BAR, [fails(0)], [earlier, later]) == ()
    assert to_hold(BAR, [fails(0)], [passed(0)]) == ()
    assert to_hold(entry("bar", held=(earlier.key,)), [fails(0)], [earlier]) == ()


def test_nothing_is_held_where_nothing_failed_or_passed_or_times_are_not_known():
    assert to_hold(BAR, [built("bar", OK, started_at=NOW)], [passed(-1)]) == ()
    assert to_hold(BAR, [fails(0)], [passed(-1, outcome=failed())]) == ()
    assert to_hold(BAR, [fails(None)], [passed(-1)]) == ()
    assert to_hold(BAR, [fails(0)], [passed(None)]) == ()


def test_a_root_that_could_not_be_made_overtakes_the_baselines_before_it():
    unmade = failed("nothing provides foo", FailureReason.UNRESOLVABLE)
    gone = built("bar", unmade, started_at=NOW)
    assert is_overtaken(passed(-1), [gone])
    assert not is_overtaken(passed(1), [gone])
    assert not is_overtaken(passed(-1, outcome=failed()), [gone])
    assert not is_overtaken(passed(-1), [fails(0)])
    assert not is_overtaken(passed(-1), [])
    view = part(BAR, builds=(gone, passed(-1)))
    assert judge_all(view) == {"bar": Needs.BASELINE}


def test_roots_differ_by_what_the_run_did_not_publish():
    before = ["gcc-15-1.x86_64", "libfoo-1-1.x86_64", "make-4-1.x86_64"]
    after = ["gcc-16-1.x86_64", "libfoo-2-1.x86_64", "make-4-1.x86_64", "libbaz-1-1.x86_64"]
    assert moved(before, after, ["libfoo-2-1.x86_64"]) == {"gcc", "libbaz"}
    assert moved(before, [], []) == moved([], after, []) == frozenset()


def test_what_the_solver_expects_of_the_change_is_no_other_root():
    assert not is_outdated("bar", {"libbaz"}, {"bar": {"libbaz", "libfoo"}})
    assert is_outdated("bar", {"libbaz", "gcc"}, {"bar": {"libbaz", "libfoo"}})
    assert not is_outdated("bar", {"gcc"}, {})
