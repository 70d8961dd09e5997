"""What people see on Forgejo where the bot's account may not what it has to."""

from pathlib import Path

from tests.fakes.forgejo_stage import BOT, ForgejoStage
from tests.scenario.wire import talking


async def test_the_run_of_a_bot_that_is_no_administrator_waits_and_says_why(tmp_path: Path) -> None:
    stage = ForgejoStage(tmp_path)
    async with talking(stage, tmp_path) as talk:
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
