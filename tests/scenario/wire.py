"""Conversations at the wire: a forge's server with people on it, its webhooks, its adapter, and the engine behind.

Only builds and the solver are fakes at their ports. A conversation reads the same on every forge: what people do, then
what they see.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from bot.domain.permission import Permission
from bot.domain.run import ChangeRef, Conclusion
from bot.engine.intake import Intake
from bot.engine.resync import Resync
from bot.web.dialects import Dialect
from bot.web.metrics import Metrics
from bot.web.webhook import Translator, Webhook, WebhookParts
from tests.fakes.builder import is_baseline
from tests.fakes.clock import ShiftedClock
from tests.fakes.forge_stages import Files, SeenCheck, SeenComment, Stage
from tests.fakes.forgejo_stage import ForgejoStage
from tests.fakes.github_stage import GitHubStage
from tests.fakes.gitlab_stage import GitLabStage
from tests.fakes.resolver import affected
from tests.scenario.harness import CONFIG, Engine, engine
from tests.scenario.outcomes import breaks, holds_builds

SUMMARY = "revdeps:v1"
ANSWER = "revdeps:answer"


class WireStage(Stage, Protocol):
    """A stage behind HTTP, whose webhooks can be listened to. Every act returns when its webhooks were answered."""

    clock: ShiftedClock
    server: Any
    """Of a class of its own on each forge; all of them count their `calls`."""

    async def commit(self, files: Files) -> str:
        """Commit to the base branch."""
        ...

    def connect(self, url: str) -> tuple[Dialect, Translator]:
        """Have webhooks sent there, and return what understands them."""
        ...


FORGES: dict[str, Callable[[Path], WireStage]] = {
    "forgejo": ForgejoStage,
    "github": GitHubStage,
    "gitlab": GitLabStage,
}
"""By name; a conversation is held on each."""


@dataclass(slots=True, kw_only=True)
class Talk:
    """People and the bot on one forge."""

    stage: WireStage
    engine: Engine
    intake: Intake

    async def open(self, *, author: str = "octocat", files: Files | None = None, draft: bool = False) -> ChangeRef:
        """Open a pull request that changes the package, and let the bot work."""
        ref = await self.stage.open(files or {"libfoo.spec": "Name: libfoo\n# new\n"}, author=author, draft=draft)
        await self.settle()
        return ref

    async def push(self, ref: ChangeRef, text: str = "# newer\n") -> str:
        """Push another commit, and let the bot work."""
        sha = await self.stage.push(ref, {"libfoo.spec": f"Name: libfoo\n{text}"})
        await self.settle()
        return sha

    async def say(self, ref: ChangeRef, body: str, author: str = "octocat") -> SeenComment:
        """Comment, let the bot work, and return the comment with the reactions to it."""
        before = len(self.stage.comments(ref))
        await self.stage.write(ref, body, author)
        await self.settle()
        return self.stage.comments(ref)[before]

    async def settle(self, minutes: int = 2) -> None:
        """Let the bot work until nothing is left to do, and some time pass, after which updates held back are made."""
        await self.engine.settle()
        self.stage.clock.shift += timedelta(minutes=minutes)
        await self.engine.settle()

    async def under_way(self) -> ChangeRef:
        """Open a pull request whose dependents are being built."""
        self.engine.builder.outcome_for = holds_builds
        ref = await self.open()
        assert len(self.engine.builder.running) == 2
        return ref

    async def finish(self, minutes: int = 2) -> None:
        """Let the builds end well, and the bot tell it."""
        self.engine.builder.outcome_for = breaks()
        await self.engine.finish_all()
        await self.settle(minutes)

    async def sweep(self) -> None:
        """Let the bot look for what nobody told it, and work on it."""
        await Resync(world=self.engine.world, owner="resync", woke=lambda: None).once()
        await self.settle()

    async def conclusions(self, ref: ChangeRef) -> list[Conclusion | None]:
        """Return how the runs of a pull request ended, the newest first."""
        return [found.run.conclusion for found in (await self.engine.view(ref)).runs]

    @property
    def calls(self) -> int:
        """How often the forge was asked for something."""
        return sum(self.stage.server.calls.values())

    async def gate(self, ref: ChangeRef) -> SeenCheck:
        """Return the check on the head commit that people see."""
        sha = (await self.stage.forge.change(ref)).head_sha
        return self.stage.checks(sha)[-1]

    def summary(self, ref: ChangeRef) -> str:
        """Return the summary comment, empty where there is none."""
        found = [seen.body for seen in self.stage.comments(ref) if SUMMARY in seen.body]
        assert len(found) <= 1, "more than one summary"
        return found[0] if found else ""

    def answers(self, ref: ChangeRef) -> Sequence[str]:
        """Return the bot's answers to commands, oldest first."""
        return [seen.body for seen in self.stage.comments(ref) if ANSWER in seen.body]

    def built(self) -> list[str]:
        """Return the packages of all builds with the change that were started, in order."""
        requests = [self.engine.builder.request(key) for key in self.engine.builder.started]
        return [request.package for request in requests if not is_baseline(request)]


@asynccontextmanager
async def talking(stage: WireStage, directory: Path, config: str | None = CONFIG) -> AsyncIterator[Talk]:
    """A forge with one repository that holds libfoo, where `octocat` may write. Two packages depend on it, and nothing
    breaks.
    """
    async with stage, engine(directory, {stage.repo.forge: stage.forge}, stage.clock) as parts:
        parts.builder.outcome_for = breaks()
        parts.resolver.script_impact(["libfoo"], affected("bar"), affected("baz"), sources=10)
        intake = Intake(parts.world.store, wake=lambda: None)
        async with _listening(stage, intake):
            await stage.grant("octocat", Permission.WRITE)
            files = {"libfoo.spec": "Name: libfoo\n"}
            await stage.commit(files if config is None else {**files, ".revdeps.yaml": config})
            yield Talk(stage=stage, engine=parts, intake=intake)
        await intake.close()


@asynccontextmanager
async def _listening(stage: WireStage, intake: Intake) -> AsyncIterator[None]:
    application = web.Application()
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    routed: list[Webhook] = []

    async def receive(request: web.Request) -> web.Response:
        return await routed[0].receive(request)

    application.router.add_post("/webhook", receive)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        dialect, translator = stage.connect(f"http://127.0.0.1:{runner.addresses[0][1]}/webhook")
        parts = WebhookParts(
            forge=stage.repo.forge,
            dialect=dialect,
            translate=translator,
            submit=intake.submit,
            clock=stage.clock,
            metrics=Metrics(),
        )
        routed.append(Webhook(parts))
        yield
    finally:
        await runner.cleanup()
