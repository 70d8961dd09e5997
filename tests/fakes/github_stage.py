"""The stage behind HTTP: GitHub's adapter, and a server that behaves like GitHub. See `tests.fakes.forge_stages`."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import yaml

from bot.adapters.github.forge import GitHubForge
from bot.adapters.github.settings import GitHubSettings
from bot.domain.run import ChangeRef
from bot.web.dialects import Dialect, GitHubDialect
from bot.web.webhook import Translator
from handlers.github.translate import GitHubTranslator
from tests.fakes.forge import REPO
from tests.fakes.forge_stages import BASE, SeenCheck, SeenComment
from tests.fakes.github import GitHubServer
from tests.fakes.github.model import HookDelivery
from tests.fakes.http_stage import PullRequestStage

MANIFEST = Path(__file__).parents[2] / "app.yml"


class GitHubStage(PullRequestStage):
    """GitHub with our App, which was granted what app.yml asks for and no more, installed in a private repository."""

    repo = REPO

    def __init__(self, tmp_path: Path) -> None:
        super().__init__(tmp_path)
        self.server = GitHubServer(clock=self.clock, root=self.root)
        self.forge: GitHubForge
        self.settings: GitHubSettings

    async def _furnish(self) -> None:
        manifest = yaml.safe_load(MANIFEST.read_text())
        app = self.server.create_app(permissions=manifest["default_permissions"], events=manifest["default_events"])
        await self.server.create_repository(str(self.repo), BASE, private=True)
        await self.server.create_repository("stranger/elsewhere", BASE)
        await self.server.install(self.repo.owner)
        self.settings = GitHubSettings(
            app_id=app.id, private_key=app.private_key or "", api_url=self.server.url, web_url=self.server.url
        )
        self.forge = GitHubForge(self.settings, self.session, self.clock)

    def connect(self, url: str) -> tuple[Dialect, Translator]:
        """Have webhooks sent there, and return what understands them."""
        [app] = self.server.world.apps.values()
        app.webhook_url = url
        return GitHubDialect(app.webhook_secret.encode()), GitHubTranslator(self.repo.forge, app.id)

    def checks(self, sha: str) -> Sequence[SeenCheck]:
        return [
            SeenCheck(
                external_id=run.external_id,
                status=run.status,
                conclusion=run.conclusion,
                title=run.title or "",
                text=run.text or "",
                url=run.details_url or "",
                annotations=len(run.annotations),
                buttons=tuple(action["identifier"] for action in run.actions),
            )
            for run in self.server.checks(str(self.repo), sha)
        ]

    def comments(self, ref: ChangeRef) -> Sequence[SeenComment]:
        return [
            SeenComment(
                body=comment.body,
                minimised=comment.minimised == "OUTDATED",
                reactions=tuple(reaction.content for reaction in comment.reactions),
            )
            for comment in self.server.comments(str(ref.repo), ref.number)
        ]

    async def deliver(self, guid: str, attempts: Sequence[bool]) -> None:
        app = next(iter(self.server.world.apps.values()))
        for arrived in attempts:
            self.clock.shift += timedelta(minutes=1)
            delivery = HookDelivery(self.server.world.new_id(), guid, app, "push", {}, self.clock.now())
            delivery.status, delivery.status_code = ("OK", 202) if arrived else ("timed out", 504)
            self.server.world.deliveries.append(delivery)

    async def redelivered(self) -> Sequence[str]:
        await self.server.settled()
        return [delivery.guid for delivery in self.server.deliveries if delivery.redelivery]
