"""A run of which the first rebuilds all fail in one way: it pauses, asks, and goes on or ends as it is told."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.build import BuildRequest, FailureReason, Outcome, Succeeded
from bot.domain.publication import CheckStatus
from bot.domain.run import ChangeRef, Conclusion, RunState, StopReason
from bot.domain.verdict import Verdict
from bot.engine.world import EngineSettings
from tests.fakes.builder import failed, is_baseline
from tests.fakes.resolver import affected
from tests.scenario.harness import Stage, stage

NAMES = [f"dependent-{number:02}" for number in range(30)]
LINKER = failed("ld: cannot find -lfoo")


@pytest.fixture
async def revdeps(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path, settings=EngineSettings(state=tmp_path, systemic_failures=3)) as found:
        found.resolver.script_impact(["libfoo"], *(affected(name) for name in NAMES))
        yield found


def dependents(revdeps: Stage) -> set[str]:
    """What was begun with the change, besides the change."""
    return {revdeps.builder.request(key).package for key in revdeps.builder.started if key.startswith("c/")} - {
        "libfoo"
    }


def with_the_change(request: BuildRequest) -> Outcome:
    return LINKER if request.package != "libfoo" and not is_baseline(request) else Succeeded()


async def paused(revdeps: Stage) -> ChangeRef:
    revdeps.builder.outcome_for = with_the_change
    ref = await revdeps.open()
    await revdeps.settle()
    return ref


async def test_the_farm_is_not_burnt_and_the_check_asks(revdeps: Stage) -> None:
    ref = await paused(revdeps)
    run = (await revdeps.view(ref)).runs[0].run
    assert run.pause is not None
    assert run.pause.packages == tuple(NAMES[:3])
    # Four slots: the first four, and those that were begun in the poll that saw them end.
    assert len(dependents(revdeps)) == 8
    check = revdeps.check(ref)
    assert (check.status, check.conclusion) == (CheckStatus.COMPLETED, Conclusion.ACTION_REQUIRED)
    assert check.title == "Paused: the first 3 rebuilds failed in one way · 3 regressed · 3 of 30 tested"
    assert [button.label for button in check.buttons] == ["Retry failed", "Cancel"]
    for text in (check.summary, revdeps.comment(ref)):
        assert "`ld: cannot find -lfoo`" in text
        assert "`build: ld: cannot find -lfoo`" in text
        assert "Without the change all of them build: the change is at fault." in text
        assert "22 other packages wait until somebody decides." in text


async def test_what_failed_goes_on_and_tells_whose_fault_it_is(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = lambda request: LINKER if request.package != "libfoo" else Succeeded()
    ref = await revdeps.open()
    await revdeps.settle()
    verdicts = await revdeps.verdicts(ref)
    assert verdicts == dict.fromkeys(NAMES[:3], Verdict.STILL_FAILING)
    assert "the distribution or the build system is at fault, and not the change" in revdeps.check(ref).summary


async def test_retry_goes_on_and_it_does_not_pause_for_the_same_again(revdeps: Stage) -> None:
    ref = await paused(revdeps)
    await revdeps.say(ref, "/revdeps retry")
    assert revdeps.actions.count("PauseRun") == 1
    assert dependents(revdeps) == set(NAMES)
    run = (await revdeps.view(ref)).runs[0].run
    assert (run.state, run.conclusion, run.pause) == (RunState.FINISHED, Conclusion.FAILURE, None)
    assert run.accepted_failures == (LINKER.signature,)
    assert len(await revdeps.verdicts(ref)) == 30
    assert revdeps.check(ref).conclusion is Conclusion.FAILURE


async def test_retry_of_one_package_builds_that_one_and_the_rest_goes_on_waiting(revdeps: Stage) -> None:
    ref = await paused(revdeps)
    before = dependents(revdeps)
    await revdeps.say(ref, f"/revdeps retry {NAMES[-1]}")
    assert dependents(revdeps) == before | {NAMES[-1]}
    await revdeps.say(ref, f"/revdeps retry {NAMES[0]}")
    assert (await revdeps.view(ref)).runs[0].run.pause is not None


async def test_a_new_run_of_the_commit_does_not_pause_for_what_was_seen_and_one_of_the_next_commit_does(
    revdeps: Stage,
) -> None:
    ref = await paused(revdeps)
    await revdeps.say(ref, "/revdeps run")
    assert (await revdeps.view(ref)).runs[0].run.state is RunState.FINISHED
    # Nothing of what was built before can be taken over.
    revdeps.resolver.script_impact(["libfoo"], *(affected(name, buildroot_after="moved") for name in NAMES))
    await revdeps.push(ref)
    await revdeps.settle()
    assert (await revdeps.view(ref)).runs[0].run.pause is not None


async def test_cancel_ends_it(revdeps: Stage) -> None:
    ref = await paused(revdeps)
    before = dependents(revdeps)
    await revdeps.say(ref, "/revdeps cancel")
    run = (await revdeps.view(ref)).runs[0].run
    assert (run.state, run.conclusion, run.stop) == (RunState.FINISHED, Conclusion.CANCELLED, StopReason.CANCELLED)
    assert dependents(revdeps) == before


async def test_without_a_decision_it_ends_with_its_time(revdeps: Stage) -> None:
    ref = await paused(revdeps)
    revdeps.clock.pass_time(hours=13)
    await revdeps.settle()
    run = (await revdeps.view(ref)).runs[0].run
    assert (run.state, run.conclusion) == (RunState.FINISHED, Conclusion.FAILURE)
    assert revdeps.check(ref).title == "3 regressed · 27 not finished · 3 of 30 tested · out of time"


async def test_trouble_that_passes_does_not_keep_anybody_waiting(revdeps: Stage) -> None:
    full = failed("no space left on device", FailureReason.INFRASTRUCTURE)
    lost: set[str] = set()

    def outcome(request: BuildRequest) -> Outcome:
        if request.package in NAMES[:8] and request.package not in lost:
            lost.add(request.package)
            return full
        return Succeeded()

    revdeps.builder.outcome_for = outcome
    ref = await revdeps.open()
    for _ in range(2):
        await revdeps.settle()
        revdeps.clock.pass_time(minutes=1)
    await revdeps.settle()
    assert revdeps.actions.count("PauseRun") == 2
    run = (await revdeps.view(ref)).runs[0].run
    assert (run.state, run.conclusion) == (RunState.FINISHED, Conclusion.SUCCESS)


async def test_a_plan_that_is_under_way_as_a_whole_has_nothing_to_pause(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], *(affected(name) for name in NAMES[:4]))
    ref = await paused(revdeps)
    assert "PauseRun" not in revdeps.actions
    assert (await revdeps.view(ref)).runs[0].run.conclusion is Conclusion.FAILURE
