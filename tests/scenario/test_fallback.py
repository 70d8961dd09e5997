"""A backend that refuses to build the change, with and without another one to go on with; builds that others cancel."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.config_file.load import load
from bot.domain.build import BuildRequest, Cancelled, Failed, FailureReason, Outcome, Succeeded
from bot.domain.run import Conclusion
from bot.domain.verdict import Verdict
from bot.ports.errors import Rejected
from tests.fakes.builder import FakeBuilder, failed
from tests.fakes.resolver import affected
from tests.scenario.harness import CONFIG, OFFER, Stage, stage

WITH_FALLBACK = CONFIG.replace("backend: fake,", "backend: fake, fallback: other,")
REFUSED = Failed(reason=FailureReason.INFRASTRUCTURE, cause="its policy build_from_srpm forbids it", refused=True)


@pytest.fixture
def other() -> FakeBuilder:
    return FakeBuilder(outcome_for=lambda request: Succeeded())


@pytest.fixture
async def revdeps(tmp_path: Path, other: FakeBuilder) -> AsyncIterator[Stage]:
    offer = replace(OFFER, backends=("fake", "other"))
    async with stage(tmp_path, load_config=lambda text, path, specs: load(text, path, specs, offer)) as made:
        made.world = replace(made.world, builders={"fake": made.builder, "other": other})
        made.resolver.script_impact(["libfoo"], affected("bar"))
        yield made


def refuses_the_change(request: BuildRequest) -> Outcome:
    return REFUSED if request.package == "libfoo" else Succeeded()


async def test_where_the_backend_refuses_the_change_its_fallback_builds(revdeps: Stage, other: FakeBuilder) -> None:
    revdeps.builder.outcome_for = refuses_the_change
    ref = await revdeps.open(config=WITH_FALLBACK)

    await revdeps.settle()

    assert await revdeps.verdicts(ref) == {"bar": Verdict.STILL_PASSING}
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS
    assert [key.rsplit("/", 1)[-1] for key in revdeps.builder.started] == ["1"]
    assert [other.request(key).package for key in other.started] == ["libfoo", "bar"]
    assert revdeps.builder.workspaces == {}
    (target,) = (await revdeps.view(ref)).runs[0].targets
    assert target.refusal == "fake: its policy build_from_srpm forbids it"
    assert target.target.backend == "other"


@pytest.mark.parametrize("method", ["prepare", "submit"])
async def test_a_refusal_before_the_build_is_one_too(revdeps: Stage, other: FakeBuilder, method: str) -> None:
    revdeps.builder.fail_next(method, Rejected("policy violation (sidetag)"))
    ref = await revdeps.open(config=WITH_FALLBACK)

    await revdeps.settle()

    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS
    assert [other.request(key).package for key in other.started] == ["libfoo", "bar"]


async def test_a_backend_that_cannot_be_cleaned_up_is_left_all_the_same(revdeps: Stage, other: FakeBuilder) -> None:
    revdeps.builder.outcome_for = refuses_the_change
    revdeps.builder.fail_next("discard", Rejected("not yours"))
    ref = await revdeps.open(config=WITH_FALLBACK)

    await revdeps.settle()

    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS


async def test_what_the_fallback_says_of_the_change_counts(revdeps: Stage, other: FakeBuilder) -> None:
    revdeps.builder.outcome_for = refuses_the_change
    other.outcome_for = lambda request: failed("error: no")
    ref = await revdeps.open(config=WITH_FALLBACK)

    await revdeps.settle()

    assert revdeps.check(ref).conclusion is Conclusion.FAILURE
    (problem,) = [found.run.problem for found in (await revdeps.view(ref)).runs]
    assert problem is not None
    assert problem.what == "libfoo itself does not build on rawhide: error: no"


async def test_without_a_fallback_the_check_asks_for_action_at_once(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = refuses_the_change
    ref = await revdeps.open(config=CONFIG)

    await revdeps.settle()

    assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED
    assert len(revdeps.builder.started) == 1
    (problem,) = [found.run.problem for found in (await revdeps.view(ref)).runs]
    assert problem is not None
    assert "its policy build_from_srpm forbids it" in problem.what


async def test_a_build_that_somebody_else_cancelled_is_built_again(revdeps: Stage) -> None:
    ref = await revdeps.open(config=CONFIG)
    await revdeps.settle(until=lambda: bool(revdeps.builder.running))
    (key,) = revdeps.builder.running
    revdeps.builder.finish(key, Cancelled())
    revdeps.builder.outcome_for = lambda request: Succeeded()

    for _ in range(4):
        await revdeps.settle()
        revdeps.clock.pass_time(hours=1)

    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS
    first = next(build for build in (await revdeps.view(ref)).runs[0].builds if build.key == key)
    assert isinstance(first.outcome, Failed)
    assert first.outcome.reason is FailureReason.INFRASTRUCTURE
