"""When the first rebuilds all fail in one way, and what a pause holds."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.build import Build, BuildState, Cancelled, Failed, FailureReason, Outcome, Purpose, Succeeded
from bot.domain.ids import BuildKey
from bot.domain.run import Pause
from bot.domain.systemic import common_failure, holds, is_over, resumed, waits
from tests.fakes.domain import NOW, TARGET, base, built, entry, failed, run, subject

LINKER = failed("ld: no such library")
PAUSE = Pause(target=TARGET.name, signature=LINKER.signature, cause=LINKER.cause, packages=("a", "b"))


def ended(package: str, outcome: Outcome, minute: int = 0, **changes: object) -> Build:
    return built(package, outcome, ended_at=NOW + timedelta(minutes=minute), **changes)


def found(*builds: Build, accepted: tuple[str, ...] = (), most: int = 2) -> Pause | None:
    return common_failure(builds, TARGET.name, accepted, most)


def test_the_first_that_all_fail_in_one_way_are_a_reason_to_pause() -> None:
    assert found(subject(Succeeded()), ended("b", LINKER, 1), ended("a", LINKER), ended("c", LINKER, 2)) == PAUSE


@pytest.mark.parametrize(
    "other",
    [
        ended("b", Succeeded()),
        ended("b", failed("another cause")),
        ended("b", Cancelled()),
        ended("b", LINKER, attempt=2),
        ended("b", LINKER, purpose=Purpose.BY_HAND),
        ended("b", LINKER, target="f44"),
        ended("b", LINKER, reused_from=BuildKey("c/earlier")),
        built("b", state=BuildState.RUNNING),
        base(entry("b"), LINKER),
    ],
)
def test_a_failure_that_is_not_alike_or_no_first_rebuild_is_none(other: Build) -> None:
    assert found(ended("a", LINKER), other) is None


def test_once_something_was_built_what_fails_later_is_no_reason() -> None:
    assert found(ended("a", Succeeded()), ended("b", LINKER, 1), ended("c", LINKER, 2)) is None


def test_without_a_signature_the_cause_stands_for_it() -> None:
    full = Failed(reason=FailureReason.INFRASTRUCTURE, cause="no space left")
    pause = found(ended("a", full), ended("b", full))
    assert pause is not None
    assert (pause.signature, pause.cause) == ("no space left", "no space left")


def test_failures_of_which_nothing_is_known_are_not_taken_for_alike() -> None:
    mute = Failed(reason=FailureReason.COMPILE)
    assert found(ended("a", mute), ended("b", mute)) is None


def test_a_signature_that_was_accepted_is_passed_over() -> None:
    builds = (ended("a", LINKER), ended("b", LINKER), ended("c", failed("x"), 1), ended("d", failed("x"), 2))
    assert found(*builds[:3], accepted=(LINKER.signature,)) is None
    pause = found(*builds, accepted=(LINKER.signature,))
    assert pause is not None
    assert pause.packages == ("c", "d")


def test_an_operator_can_turn_it_off() -> None:
    assert found(ended("a", LINKER), ended("b", LINKER), most=0) is None


def test_what_failed_goes_on_and_all_else_is_held_except_what_a_person_asked_for() -> None:
    assert not holds(PAUSE, built("a", attempt=2))
    assert not holds(PAUSE, base(entry("a")))
    assert holds(PAUSE, built("a", target="f44"))
    assert holds(PAUSE, built("c"))
    assert not holds(PAUSE, built("c", purpose=Purpose.BY_HAND))


def test_it_waits_for_a_decision_only_where_something_is_held() -> None:
    assert waits([built("c")], PAUSE)
    assert not waits([built("c", state=BuildState.RUNNING), built("a"), base(entry("c"))], PAUSE)


def test_it_is_over_when_all_that_failed_were_built_since() -> None:
    again = [ended(name, Succeeded(), attempt=2) for name in ("a", "b")]
    assert is_over(PAUSE, again)
    assert not is_over(PAUSE, again[:1])
    assert not is_over(PAUSE, [replace(build, purpose=Purpose.BLAME) for build in again])
    assert not is_over(PAUSE, [base(entry(name), Succeeded()) for name in ("a", "b")])
    assert not is_over(PAUSE, [replace(build, target="f44") for build in again])


def test_a_run_that_goes_on_does_not_pause_for_the_same_again() -> None:
    going = resumed(run(pause=PAUSE, accepted_failures=("x",)))
    assert (going.pause, going.accepted_failures) == (None, ("x", LINKER.signature))
    assert resumed(going) == going
