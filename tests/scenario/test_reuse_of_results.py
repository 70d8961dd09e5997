"""After a push: what would be built with the same inputs is not built again, and the report says so."""

from collections import Counter

from bot.domain.build import BuildRequest, FailureReason, Outcome, Succeeded
from bot.domain.run import ChangeRef, Conclusion
from bot.domain.verdict import Verdict
from tests.fakes.builder import failed
from tests.fakes.resolver import affected
from tests.scenario.harness import CONFIG, Stage

BROKEN = failed("error: no such function")


def with_the_change(request: BuildRequest) -> Outcome:
    return BROKEN if request.package == "tool" and "baseline" not in request.workspace else Succeeded()


def builds(revdeps: Stage) -> Counter[str]:
    """How often each dependent was really built with the change."""
    return Counter(key.split("/")[3] for key in revdeps.builder.started if key.startswith("c/"))


async def opened(revdeps: Stage, config: str = CONFIG) -> ChangeRef:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), affected("tool"))
    revdeps.builder.outcome_for = with_the_change
    ref = await revdeps.open(config=config)
    await revdeps.settle()
    return ref


async def test_equal_contents_are_not_built_again_and_the_report_says_so(revdeps: Stage) -> None:
    ref = await opened(revdeps)
    first = await revdeps.verdicts(ref)
    revdeps.clock.pass_time(minutes=10)
    before = builds(revdeps)
    await revdeps.push(ref)
    await revdeps.settle()
    # A regression is confirmed by a build of this commit, whatever was taken over.
    assert builds(revdeps) - before == {"libfoo": 1, "tool": 1}
    assert await revdeps.verdicts(ref) == first == {"bar": Verdict.STILL_PASSING, "tool": Verdict.REGRESSED}
    assert "2 results taken over from earlier builds with the same inputs." in revdeps.comment(ref)
    mine = [build for build in (await revdeps.view(ref)).runs[0].builds if build.reused_from]
    assert {build.package for build in mine} == {"bar", "tool"}
    async with revdeps.world.store.transaction() as tx:
        assert set(await tx.roots.get([build.key for build in mine])) == {build.key for build in mine}


async def test_other_contents_are_built(revdeps: Stage) -> None:
    ref = await opened(revdeps)
    before = builds(revdeps)
    revdeps.resolver.script_impact(["libfoo"], affected("bar", buildroot_after="moved"), affected("tool"))
    await revdeps.push(ref)
    await revdeps.settle()
    assert (builds(revdeps) - before)["bar"] == 1
    assert "1 result taken over" in revdeps.comment(ref)


async def test_another_pull_request_of_the_repository_has_the_result_too(revdeps: Stage) -> None:
    await opened(revdeps)
    before = builds(revdeps)
    queue = await revdeps.open(number=8)
    await revdeps.settle()
    assert (builds(revdeps) - before)["bar"] == 0
    assert (await revdeps.verdicts(queue))["bar"] is Verdict.STILL_PASSING


async def test_what_was_asked_for_past_every_cache_is_built(revdeps: Stage) -> None:
    ref = await opened(revdeps)
    before = builds(revdeps)
    await revdeps.say(ref, "/revdeps rebuild bar")
    assert builds(revdeps) - before == {"bar": 1}


async def test_what_the_infrastructure_lost_is_built_again(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    lost = failed("no space left on device", FailureReason.INFRASTRUCTURE)
    revdeps.builder.outcome_for = lambda request: lost if request.package == "bar" else Succeeded()
    ref = await revdeps.open()
    await revdeps.settle()
    revdeps.builder.outcome_for = with_the_change
    before = builds(revdeps)
    await revdeps.push(ref)
    await revdeps.settle()
    assert (builds(revdeps) - before)["bar"] == 1
    assert (await revdeps.view(ref)).runs[0].run.conclusion is Conclusion.SUCCESS


async def test_what_is_published_in_a_chain_is_built_again(revdeps: Stage) -> None:
    ref = await opened(revdeps, CONFIG + "mode: chained\n")
    before = builds(revdeps)
    await revdeps.push(ref)
    await revdeps.settle()
    assert (builds(revdeps) - before)["bar"] == 1
