"""A pull request from opening to verdict, over fakes: what a packager sees."""

import pytest

from bot.domain.build import Failed, FailureReason, Phase, Succeeded
from bot.domain.publication import CheckStatus
from bot.domain.run import Conclusion
from bot.domain.verdict import Verdict
from tests.fakes.builder import failed
from tests.fakes.resolver import affected
from tests.scenario.harness import Stage
from tests.scenario.outcomes import breaks


async def test_a_change_that_breaks_nothing_is_a_success_without_a_comment(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks()
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), affected("baz"), sources=10)
    ref = await revdeps.open()
    await revdeps.settle()
    check = revdeps.check(ref)
    assert (check.status, check.conclusion) == (CheckStatus.COMPLETED, Conclusion.SUCCESS)
    assert await revdeps.verdicts(ref) == {"bar": Verdict.STILL_PASSING, "baz": Verdict.STILL_PASSING}
    assert revdeps.comment(ref) == ""


async def test_a_confirmed_failure_that_the_baseline_does_not_have_is_a_regression(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks("bar")
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), affected("baz"), sources=10)
    ref = await revdeps.open()
    await revdeps.settle()
    assert await revdeps.verdicts(ref) == {"bar": Verdict.REGRESSED, "baz": Verdict.STILL_PASSING}
    assert revdeps.check(ref).conclusion is Conclusion.FAILURE
    assert "soft_unicode" in revdeps.comment(ref)
    built = sorted(key.split("/", 1)[0] + ":" + revdeps.builder.request(key).package for key in revdeps.builder.started)
    assert built == ["b:bar", "c:bar", "c:bar", "c:baz", "c:libfoo"]


async def test_what_fails_with_the_cause_of_another_package_is_in_one_row_with_it(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks("jinja2", "flask")
    revdeps.resolver.script_impact(
        ["libfoo"], affected("jinja2"), affected("flask", distance=2, contains=("jinja2",)), sources=10
    )
    ref = await revdeps.open()
    await revdeps.settle()
    findings = {found.package: found.judgement for found in (await revdeps.view(ref)).runs[0].findings}
    assert findings["flask"].verdict is Verdict.REGRESSED
    assert findings["flask"].root == "jinja2"
    assert findings["jinja2"].root is None


async def test_a_failure_that_was_there_before_is_not_blamed_on_the_change(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = lambda request: failed("old") if request.package == "bar" else Succeeded()
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), affected("baz"))
    ref = await revdeps.open()
    await revdeps.settle()
    assert await revdeps.verdicts(ref) == {"bar": Verdict.STILL_FAILING, "baz": Verdict.STILL_PASSING}
    assert revdeps.check(ref).conclusion is Conclusion.SUCCESS


async def test_a_change_that_does_not_build_fails_without_building_its_dependents(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = lambda request: failed("error: no")
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    ref = await revdeps.open()
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.FAILURE
    assert "libfoo" in revdeps.comment(ref)
    assert {revdeps.builder.request(key).package for key in revdeps.builder.started} == {"libfoo"}


async def test_infrastructure_trouble_is_tried_again_and_never_a_regression(revdeps: Stage) -> None:
    trouble = Failed(reason=FailureReason.INFRASTRUCTURE, phase=Phase.BUILDROOT, signature="x", cause="mirror")
    revdeps.builder.outcome_for = lambda request: trouble if request.package == "bar" else Succeeded()
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), affected("baz"))
    ref = await revdeps.open()
    for tried, minutes in ((1, 1), (2, 5)):
        await revdeps.settle()
        assert sum(revdeps.builder.request(key).package == "bar" for key in revdeps.builder.started) == tried
        revdeps.clock.pass_time(minutes=minutes)
    await revdeps.settle()
    assert (await revdeps.verdicts(ref))["bar"] is Verdict.INCONCLUSIVE
    assert sum(revdeps.builder.request(key).package == "bar" for key in revdeps.builder.started) == 3
    assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED


async def test_a_push_supersedes_the_run_and_cancels_its_builds(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    ref = await revdeps.open()
    await revdeps.settle()
    old = revdeps.forge.changes[ref].head_sha
    await revdeps.push(ref)
    await revdeps.settle()
    revdeps.clock.pass_time(minutes=1)
    await revdeps.settle()
    assert revdeps.forge.latest_check(old).conclusion is Conclusion.CANCELLED
    assert len(revdeps.builder.cancelled) == 1
    assert revdeps.check(ref).status is CheckStatus.IN_PROGRESS


async def test_closing_cancels_and_cleans_up(revdeps: Stage) -> None:
    ref = await revdeps.open()
    await revdeps.settle()
    revdeps.forge.close(ref)
    await revdeps.deliver_refresh(ref)
    await revdeps.settle()
    assert revdeps.builder.running == ()
    assert revdeps.builder.workspaces == {}
    assert revdeps.check(ref).conclusion is Conclusion.CANCELLED


async def test_without_a_configuration_the_check_is_skipped_and_nobody_is_told(revdeps: Stage) -> None:
    ref = await revdeps.open(config=None)
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.SKIPPED
    assert revdeps.forge.comments == {}


async def test_a_broken_configuration_is_annotated_where_it_is_wrong(revdeps: Stage) -> None:
    ref = await revdeps.open(config="version: 1\ntargts: []\n")
    await revdeps.settle()
    check = revdeps.check(ref)
    assert check.conclusion is Conclusion.ACTION_REQUIRED
    assert [(note.path, note.line) for note in check.annotations if "targets" in note.message]


async def test_a_trusted_authors_change_waits_where_an_outsider_pushed_last(revdeps: Stage) -> None:
    ref = await revdeps.open()
    await revdeps.settle()
    await revdeps.push(ref, user="mallory-octocat")
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED
    await revdeps.push(ref, user="octocat")
    await revdeps.settle()
    assert revdeps.check(ref).status is not CheckStatus.COMPLETED


async def test_an_outsiders_change_waits_until_somebody_lets_it_be_built(revdeps: Stage) -> None:
    ref = await revdeps.open(author="mallory-octocat")
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED
    assert revdeps.builder.started == []
    revdeps.clock.pass_time(minutes=1)
    await revdeps.say(ref, "/revdeps ok")
    assert len(revdeps.builder.started) == 1


@pytest.mark.parametrize("priority", [None, 1])
async def test_the_plan_is_made_with_the_priority_that_the_change_has_where_it_is_built_with(
    revdeps: Stage, priority: int | None
) -> None:
    revdeps.builder.priority = priority
    revdeps.builder.outcome_for = breaks()
    await revdeps.open()
    await revdeps.settle()

    (overlay,) = [change for method, _, change in revdeps.resolver.asked if method == "impact"]
    assert overlay is not None
    assert overlay.priority == priority
