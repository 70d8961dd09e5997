"""GitLab switches a webhook off that fails, on Forgejo people do: what happens meanwhile is found all the same."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.intents import Commented
from bot.domain.publication import Reaction
from bot.engine.resync import Resync
from tests.fakes.forgejo_stage import ForgejoStage
from tests.fakes.gitlab_stage import GitLabStage
from tests.scenario.harness import Stage
from tests.scenario.outcomes import breaks
from tests.scenario.wire import WireStage, talking


def off_on_forgejo(stage: ForgejoStage) -> None:
    [hook] = stage.server.world.hooks
    hook.active = False


def off_on_gitlab(stage: GitLabStage) -> None:
    [hook] = stage.server.project(str(stage.repo)).hooks
    hook.disabled_until = stage.now() + timedelta(days=1)


@pytest.mark.parametrize(("make", "switch_off"), [(ForgejoStage, off_on_forgejo), (GitLabStage, off_on_gitlab)])
async def test_a_change_and_a_command_from_that_time_are_taken_up_once(
    tmp_path: Path, make: Callable[[Path], WireStage], switch_off: Callable[[WireStage], None]
) -> None:
    stage = make(tmp_path)
    async with talking(stage, tmp_path) as talk:
        talk.engine.builder.outcome_for = breaks("bar")
        switch_off(stage)
        ref = await talk.open()
        asked = await talk.say(ref, "/revdeps help")
        assert (talk.built(), asked.reactions) == ([], ())
        sweeper = Resync(world=talk.engine.world, owner="resync", woke=lambda: None)
        for _ in range(3):
            await sweeper.once()
            await talk.settle(minutes=6)
        assert (await talk.gate(ref)).conclusion == "failure"
        [asked] = [seen for seen in stage.comments(ref) if seen.body == "/revdeps help"]
        assert asked.reactions == ("eyes", "rocket")
        assert len(talk.answers(ref)) == 1


async def test_a_command_is_waited_for_two_minutes_and_taken_up_once(revdeps: Stage) -> None:
    ref = await revdeps.open()
    await revdeps.settle()
    comment = revdeps.forge.write(ref, "/revdeps help")
    revdeps.forge.unheard.append(
        Commented(change=ref, comment=comment.id, author="octocat", body=comment.body, written_at=revdeps.clock.now())
    )
    sweeper = Resync(world=revdeps.world, owner="resync", woke=lambda: None)
    await sweeper.once()
    await revdeps.settle()
    assert comment.reactions == []
    for _ in range(3):
        revdeps.clock.pass_time(minutes=6)
        await sweeper.once()
        await revdeps.settle()
    assert comment.reactions == [Reaction.SEEN, Reaction.DONE]
    assert revdeps.forge.calls["react"] == 2
