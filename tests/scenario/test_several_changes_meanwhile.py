"""What becomes of a run of several pull requests when one of them, or its repository, changes."""

import pytest

from bot.domain.build import BuildRequest, Outcome, Succeeded
from bot.domain.intents import RepositoryTouched, RerunRequested
from bot.domain.publication import CheckStatus
from bot.domain.run import ChangeRef, Conclusion, RunState, StopReason
from bot.engine.resync import Resync
from bot.ports.errors import Transient
from tests.fakes.resolver import affected
from tests.scenario.harness import Stage
from tests.scenario.several import OTHER, THIRD, blames, both, breaks, built, gate, impacts, open_other, push_other
from tests.scenario.test_conversations import answers, is_done, is_refused


async def begun(revdeps: Stage) -> tuple[ChangeRef, ChangeRef]:
    """Return two pull requests that are being tested together: a dependent is being built."""
    lead, other = await both(revdeps)
    impacts(revdeps, first=("app",), second=("app",))

    def outcome(request: BuildRequest) -> Outcome | None:
        return None if request.package == "app" else Succeeded()

    revdeps.builder.outcome_for = outcome
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert [gate(revdeps, ref).status for ref in (lead, other)] == [CheckStatus.IN_PROGRESS] * 2
    return lead, other


async def test_a_push_to_a_companion_ends_the_run_and_says_how_to_begin_again(revdeps: Stage) -> None:
    lead, other = await begun(revdeps)
    old = revdeps.forge.changes[other].head_sha
    await push_other(revdeps, other)
    await revdeps.settle()
    run = (await revdeps.view(lead)).runs[0].run
    assert (run.state, run.stop) == (RunState.FINISHED, StopReason.SUPERSEDED)
    assert gate(revdeps, lead).conclusion is Conclusion.CANCELLED
    assert "octocat/other#1 has another commit by now" in gate(revdeps, lead).title
    assert "/revdeps with octocat/other#1" in gate(revdeps, lead).summary.replace("\u200b", "")
    assert revdeps.forge.latest_check(old).conclusion is Conclusion.CANCELLED
    again = await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert is_done(again)
    assert gate(revdeps, other).status is CheckStatus.IN_PROGRESS


@pytest.mark.parametrize(
    ("state", "told"),
    [({"open": False}, "was closed or merged"), ({"base_branch": "f44"}, "has another base branch by now")],
)
async def test_a_companion_that_is_closed_or_retargeted_ends_the_run(
    revdeps: Stage, state: dict[str, object], told: str
) -> None:
    lead, other = await begun(revdeps)
    revdeps.forge.alter(other, **state)
    await revdeps.deliver_refresh(other)
    await revdeps.settle()
    assert gate(revdeps, lead).conclusion is Conclusion.CANCELLED
    assert told in gate(revdeps, lead).title


async def test_an_approval_that_is_taken_back_ends_the_run(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks({})
    lead, other = await revdeps.open(), await open_other(revdeps, author="monalisa")
    await revdeps.settle()
    await revdeps.say(other, f"/revdeps ok @{revdeps.forge.changes[other].head_sha[:10]}")
    impacts(revdeps, first=("app",))
    revdeps.builder.outcome_for = lambda request: None if request.package == "app" else Succeeded()
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert gate(revdeps, lead).status is CheckStatus.IN_PROGRESS
    await revdeps.say(other, "/revdeps revoke")
    await revdeps.deliver_refresh(other)
    await revdeps.settle()
    assert gate(revdeps, lead).conclusion is Conclusion.CANCELLED
    assert "the approval of octocat/other#1 was taken back" in gate(revdeps, lead).title


async def test_a_success_is_taken_back_when_a_companion_has_another_commit(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert gate(revdeps, lead).conclusion is Conclusion.SUCCESS
    await push_other(revdeps, other)
    await revdeps.settle()
    assert gate(revdeps, lead).conclusion is Conclusion.ACTION_REQUIRED
    assert "octocat/other#1 has another commit by now" in gate(revdeps, lead).title


async def test_a_success_stands_when_a_companion_is_merged(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    revdeps.forge.close(other)
    await revdeps.deliver_refresh(other)
    await revdeps.settle()
    assert gate(revdeps, lead).conclusion is Conclusion.SUCCESS


async def test_a_repository_that_is_taken_from_the_bot_ends_the_run(revdeps: Stage) -> None:
    lead, _ = await begun(revdeps)
    revdeps.forge.installed.remove(OTHER)
    await revdeps.deliver(RepositoryTouched(repo=OTHER, removed=True))
    await Resync(world=revdeps.world, owner="engine", woke=lambda: None).once()
    await revdeps.settle()
    assert gate(revdeps, lead).conclusion is Conclusion.CANCELLED
    assert "was closed or merged" in gate(revdeps, lead).title


async def test_a_run_by_itself_puts_an_end_to_the_one_with_others(revdeps: Stage) -> None:
    lead, other = await begun(revdeps)
    await revdeps.say(lead, "/revdeps run")
    assert not gate(revdeps, lead).title.endswith("octocat/other#1")
    assert gate(revdeps, other).conclusion is Conclusion.CANCELLED
    assert "`/revdeps run` tests this pull request by itself" in gate(revdeps, other).summary
    assert (await revdeps.view(lead)).runs[0].run.companions == ()


async def test_the_same_command_twice_joins_what_is_about_to_begin(revdeps: Stage) -> None:
    lead, _ = await both(revdeps)
    await revdeps.say(lead, "/revdeps with octocat/other#1\nand\n/revdeps with octocat/other#1")
    assert len((await revdeps.view(lead)).runs) == 2
    await revdeps.ask(lead, "/revdeps with octocat/other#1")
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert len((await revdeps.view(lead)).runs) == 3
    assert "joins it" in answers(revdeps, lead)[-1]


async def test_running_a_check_again_tests_the_same_pull_requests_again(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    view = await revdeps.view(lead)
    again = RerunRequested(repo=lead.repo, head_sha=view.runs[0].run.head_sha, user="octocat", run=view.runs[0].run.id)
    await revdeps.deliver(again)
    await revdeps.settle()
    after = await revdeps.view(lead)
    assert len(after.runs) == 3
    assert [part.change for part in after.runs[0].run.companions] == [other]


async def test_what_is_gone_is_not_built_again_by_itself_alone(revdeps: Stage) -> None:
    lead, _ = await both(revdeps)
    impacts(revdeps, first=("app",), second=("app",))
    revdeps.builder.outcome_for = breaks({"app": ("together",)})
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    revdeps.clock.pass_time(days=4)
    await revdeps.deliver_refresh(lead)
    await revdeps.settle()
    assert (await revdeps.view(lead)).runs[0].run.cleaned
    comment = await revdeps.say(lead, "/revdeps retry app")
    assert is_refused(comment)
    assert "/revdeps with octocat/other#1" in answers(revdeps, lead)[-1]


async def test_a_regression_that_is_built_again_and_passes_is_nobody_s_fault(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    impacts(revdeps, first=("app",), second=("app",))
    revdeps.builder.outcome_for = breaks({"app": ("together", "1")})
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    revdeps.builder.outcome_for = breaks({})
    await revdeps.say(lead, "/revdeps retry app")
    assert (await blames(revdeps, lead))["app"] is None
    assert [gate(revdeps, ref).conclusion for ref in (lead, other)] == [Conclusion.SUCCESS] * 2


async def test_a_check_that_a_companion_s_repository_refuses_keeps_nobody_from_theirs(revdeps: Stage) -> None:
    lead, _ = await begun(revdeps)
    revdeps.forge.installed.remove(OTHER)
    revdeps.builder.outcome_for = breaks({})
    await revdeps.settle()
    assert gate(revdeps, lead).conclusion is Conclusion.SUCCESS
    written = revdeps.forge.calls["publish_check"]
    await revdeps.deliver_refresh(lead)
    await revdeps.settle()
    assert revdeps.forge.calls["publish_check"] == written


async def test_a_check_on_a_companion_is_written_when_the_forge_is_well_again(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    await revdeps.ask(lead, "/revdeps with octocat/other#1")
    revdeps.forge.fail_next("publish_check", Transient("busy"), times=3)
    await revdeps.settle()
    for _ in range(4):
        revdeps.clock.pass_time(minutes=10)
        await revdeps.settle()
    assert [gate(revdeps, ref).conclusion for ref in (lead, other)] == [Conclusion.SUCCESS] * 2


async def test_three_changes_are_told_apart(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    third = await open_other(revdeps, THIRD, "libbaz")
    await revdeps.settle()
    for names, after in (
        (["libfoo"], "1"),
        (["libbar"], "2"),
        (["libbaz"], "3"),
        (["libfoo", "libbar", "libbaz"], "all"),
    ):
        revdeps.resolver.script_impact(names, affected("app", buildroot_after=f"app-{after}"))
    revdeps.builder.outcome_for = breaks({"app": ("together", "2")})
    start = len(revdeps.builder.started)
    await revdeps.say(lead, "/revdeps with octocat/other#1 octocat/third#1")
    blame = (await blames(revdeps, lead))["app"]
    assert blame is not None
    assert blame.culprits == (third,)
    conclusions = [gate(revdeps, ref).conclusion for ref in (lead, other, third)]
    assert conclusions == [Conclusion.ACTION_REQUIRED, Conclusion.ACTION_REQUIRED, Conclusion.FAILURE]
    assert gate(revdeps, third).title.endswith("with octocat/libfoo#1 and octocat/other#1")
    together = [what for what in built(revdeps, start) if what.endswith("together") and "app" not in what]
    assert together == ["libbar in together", "libbaz in together", "libfoo in together"]
