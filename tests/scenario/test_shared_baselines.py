"""A build without the change serves every run that asks: whatever another run found out about it counts here too."""

from bot.domain.build import BuildRequest, FailureReason, Outcome, Succeeded
from bot.domain.ids import BuildKey
from bot.domain.packages import BinaryPackage, Nevra
from bot.domain.run import ChangeRef
from bot.domain.verdict import Verdict
from bot.ports.errors import Rejected
from bot.ports.resolver import Buildroot
from tests.fakes.builder import failed, is_baseline
from tests.fakes.resolver import affected
from tests.scenario.harness import Stage

FLAKE, FAULT = failed("test_clock failed"), failed("error: no member named foo")
LOST = failed("mirror", FailureReason.INFRASTRUCTURE)


async def scripted(revdeps: Stage, *without: Outcome) -> list[BuildKey]:
    """With the change bar always fails; without it ends as is said, one after the other. Return the baselines."""
    ends = list(without)

    def outcome_for(request: BuildRequest) -> Outcome:
        if is_baseline(request):
            return ends.pop(0)
        return FAULT if request.package == "bar" else Succeeded()

    revdeps.builder.outcome_for = outcome_for
    return revdeps.builder.started


async def another(revdeps: Stage) -> ChangeRef:
    """Open the next pull request, of other contents than those before, and wait for its run's end."""
    after = f"bar-after-{len(revdeps.forge.changes)}"
    revdeps.resolver.script_impact(["libfoo"], affected("bar", buildroot_after=after))
    ref = await revdeps.open()
    await revdeps.settle()
    return ref


async def test_a_flake_without_the_change_hides_nothing_and_every_attempt_that_was_ever_made_counts(
    revdeps: Stage,
) -> None:
    started = await scripted(revdeps, FLAKE, Succeeded())
    first = await another(revdeps)
    assert await revdeps.verdicts(first) == {"bar": Verdict.REGRESSED}
    second = await another(revdeps)
    assert await revdeps.verdicts(second) == {"bar": Verdict.REGRESSED}
    assert len([key for key in started if key.startswith("b/")]) == 2


async def test_what_the_distribution_has_broken_meanwhile_is_not_the_changes_fault(revdeps: Stage) -> None:
    started = await scripted(revdeps, Succeeded(), FAULT)
    first = await another(revdeps)
    assert await revdeps.verdicts(first) == {"bar": Verdict.REGRESSED}
    revdeps.clock.pass_time(hours=1)
    revdeps.builder.base_packages = ("host-base-2-1.noarch",)
    second = await another(revdeps)
    assert await revdeps.verdicts(second) == {"bar": Verdict.STILL_FAILING}
    assert len([key for key in started if key.startswith("b/")]) == 2


async def test_a_baseline_of_earlier_counts_where_nothing_but_the_change_differs(revdeps: Stage) -> None:
    started = await scripted(revdeps, Succeeded())
    await another(revdeps)
    revdeps.clock.pass_time(hours=1)
    second = await another(revdeps)
    assert await revdeps.verdicts(second) == {"bar": Verdict.REGRESSED}
    assert len([key for key in started if key.startswith("b/")]) == 1
    assert "HoldBaselines" in revdeps.actions


async def test_what_the_change_brings_along_is_no_move_of_the_distribution(revdeps: Stage) -> None:
    await scripted(revdeps, Succeeded())
    old, new = (
        BinaryPackage(nevra=Nevra.parse(f"host-base-{number}-1.noarch"), location="", checksum="") for number in (1, 2)
    )
    for replaced, package in (((), old), (("libfoo",), new)):
        root = Buildroot(packages=(package,), digest=f"bar-{'after' if replaced else 'before'}")
        revdeps.resolver.script_root(replaced, "bar", root)
    await another(revdeps)
    revdeps.clock.pass_time(hours=1)
    revdeps.builder.base_packages = (str(new.nevra),)
    second = await another(revdeps)
    assert await revdeps.verdicts(second) == {"bar": Verdict.REGRESSED}


async def test_a_resolver_that_cannot_tell_does_not_stand_in_the_way(revdeps: Stage) -> None:
    await scripted(revdeps, Succeeded())
    await another(revdeps)
    revdeps.clock.pass_time(hours=1)
    revdeps.builder.base_packages = ("host-base-2-1.noarch",)
    revdeps.resolver.fail_next("differences", Rejected("the repository is gone"))
    second = await another(revdeps)
    assert await revdeps.verdicts(second) == {"bar": Verdict.REGRESSED}


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
