"""What people see on Forgejo where the bot's account may not what it has to, or its token ends."""

from pathlib import Path

from tests.fakes.forgejo_stage import BOT, ForgejoStage
from tests.fakes.resolver import affected
from tests.scenario.test_first_light import breaks
from tests.scenario.wire import talking


async def test_the_run_of_a_bot_that_is_no_administrator_waits_and_says_why(tmp_path: Path) -> None:
    stage = ForgejoStage(tmp_path)
    async with talking(stage, tmp_path) as talk:
        talk.engine.builder.outcome_for = breaks()
        talk.engine.resolver.script_impact(["libfoo"], affected("bar"), sources=10)
        stage.server.set_permission(str(stage.repo), BOT, "write")
        ref = await talk.open()
        assert (await talk.gate(ref)).status == "queued"
        [waiting] = (await talk.engine.view(ref)).runs
        assert waiting.run.problem is not None
        assert "Make revdeps a collaborator with the permission Administrator" in waiting.run.problem.what
        assert talk.stage.comments(ref) == []

        stage.server.set_permission(str(stage.repo), BOT, "admin")
        await talk.settle(minutes=30)
        assert (await talk.gate(ref)).conclusion == "success"


async def test_a_token_that_ends_in_mid_run_and_is_renewed_costs_nothing_but_time(tmp_path: Path) -> None:
    stage = ForgejoStage(tmp_path)
    async with talking(stage, tmp_path) as talk:
        talk.engine.builder.outcome_for = lambda request: None
        talk.engine.resolver.script_impact(["libfoo"], affected("bar"), sources=10)
        ref = await talk.open()
        stage.server.revoke(stage.token)
        talk.engine.builder.outcome_for = breaks()
        await talk.engine.finish_all()
        stage.token = stage.server.create_token(BOT)
        await talk.settle(minutes=30)
        assert (await talk.gate(ref)).conclusion == "success"
        assert talk.built() == ["libfoo", "bar"]
