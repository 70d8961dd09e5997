"""A build without the change serves every run that asks: whatever another run found out about it counts here too."""

from bot.domain.build import BuildRequest, FailureReason, Outcome, Succeeded
from bot.domain.ids import BuildKey
from bot.domain.run import ChangeRef
from bot.domain.verdict import Verdict
from tests.fakes.builder import failed
from tests.fakes.resolver import affected
from tests.scenario.harness import Stage

FLAKE, FAULT = failed("test_clock failed"), failed("error: no member named foo")
LOST = failed("mirror", FailureReason.INFRASTRUCTURE)


async def scripted(revdeps: Stage, *without: Outcome) -> list[BuildKey]:
    """With the change bar always fails; without it ends as is said, one after the other. Return the baselines."""
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    ends = list(without)

    def outcome_for(request: BuildRequest) -> Outcome:
        if "baseline" in request.workspace:
            return ends.pop(0)
        return FAULT if request.package == "bar" else Succeeded()

    revdeps.builder.outcome_for = outcome_for
    return revdeps.builder.started


async def another(revdeps: Stage) -> ChangeRef:
    """Open the next pull request and wait for its run's end."""
    ref = await revdeps.open()
    await revdeps.settle()
    return ref


async def test_every_attempt_that_was_ever_made_counts(revdeps: Stage) -> None:
    started = await scripted(revdeps, FLAKE, Succeeded())
    first = await another(revdeps)
    assert await revdeps.verdicts(first) == {"bar": Verdict.CHANGED_FAILURE}
    await revdeps.say(first, "/revdeps baseline bar")
    assert await revdeps.verdicts(first) == {"bar": Verdict.REGRESSED}
    second = await another(revdeps)
    assert await revdeps.verdicts(second) == {"bar": Verdict.REGRESSED}
    assert len([key for key in started if key.startswith("b/")]) == 2


async def test_trouble_of_last_week_is_not_held_against_the_next_change(revdeps: Stage) -> None:
    await scripted(revdeps, LOST, LOST, LOST, Succeeded())
    first = await another(revdeps)
    for _ in range(4):
        revdeps.clock.pass_time(minutes=10)
        await revdeps.settle()
    assert await revdeps.verdicts(first) == {"bar": Verdict.INCONCLUSIVE}
    revdeps.clock.pass_time(days=7)
    second = await another(revdeps)
    assert await revdeps.verdicts(second) == {"bar": Verdict.REGRESSED}
