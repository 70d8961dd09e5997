"""The stage behind HTTP: GitHub's adapter, and a server that behaves like GitHub. See `tests.fakes.forge_stages`."""

import contextlib
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml

from bot.adapters.github.forge import GitHubForge
from bot.adapters.github.settings import GitHubSettings
from bot.domain.permission import Permission
from bot.domain.run import ChangeRef, RepoRef
from bot.web.dialects import Dialect, GitHubDialect
from bot.web.webhook import Translator
from handlers.github.translate import GitHubTranslator
from tests.fakes.clock import ShiftedClock
from tests.fakes.forge import REPO
from tests.fakes.forge_stages import BASE, Files, SeenCheck, SeenComment
from tests.fakes.github import GitHubServer
from tests.fakes.github.model import HookDelivery

MANIFEST = Path(__file__).parents[2] / "app.yml"


class GitHubStage:
    """GitHub with our App, which was granted what app.yml asks for and no more, installed in a private repository.

    Leaving the stage fails where something was asked for that GitHub refuses as wrong.
    """

    levels: Collection[Permission] = tuple(Permission)
    keeps_deliveries = True

    def __init__(self, tmp_path: Path) -> None:
        self.clock = ShiftedClock()
        root = tmp_path / "github"
        root.mkdir()
        self.server = GitHubServer(clock=self.clock, root=root)
        self.repo: RepoRef = REPO
        self.forge: GitHubForge
        self.settings: GitHubSettings
        self.session: aiohttp.ClientSession
        self.strict = True

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as started:
            await self._start(started)
            self._started = started.pop_all()
        return self

    async def _start(self, started: contextlib.AsyncExitStack) -> None:
        await started.enter_async_context(self.server)
        manifest = yaml.safe_load(MANIFEST.read_text())
        app = self.server.create_app(permissions=manifest["default_permissions"], events=manifest["default_events"])
        await self.server.create_repository(str(self.repo), BASE, private=True)
        await self.server.create_repository("stranger/elsewhere", BASE)
        await self.server.install(self.repo.owner)
        self.settings = GitHubSettings(
            app_id=app.id, private_key=app.private_key or "", api_url=self.server.url, web_url=self.server.url
        )
        self.session = await started.enter_async_context(aiohttp.ClientSession())
        self.forge = GitHubForge(self.settings, self.session, self.clock)

    async def __aexit__(self, *error: object) -> None:
        await self._started.aclose()
        assert not (self.strict and self.server.violations), self.server.violations

    def now(self) -> datetime:
        return self.clock.now()

    async def open(
        self, files: Files, *, labels: Sequence[str] = (), author: str = "octocat", **more: Any
    ) -> ChangeRef:
        branch = f"change-{len(self.server.repository(str(self.repo)).pulls)}"
        title = more.pop("title", "Update")
        opened = await self.server.open_pull_request(str(self.repo), branch, title, author, files=files, **more)
        for label in labels:
            await self.server.label(str(self.repo), opened.number, label)
        return ChangeRef(repo=self.repo, number=opened.number)

    async def commit(self, files: Files) -> str:
        """Commit to the base branch."""
        return await self.server.push(str(self.repo), "main", files)

    def connect(self, url: str) -> tuple[Dialect, Translator]:
        """Have webhooks sent there, and return what understands them."""
        [app] = self.server.world.apps.values()
        app.webhook_url = url
        return GitHubDialect(app.webhook_secret.encode()), GitHubTranslator(self.repo.forge, app.id)

    async def push(self, ref: ChangeRef, files: Files) -> str:
        return await self.server.push(str(ref.repo), self.server.pull(str(ref.repo), ref.number).head_ref, files)

    async def close(self, ref: ChangeRef) -> None:
        await self.server.close_pull_request(str(ref.repo), ref.number)

    async def grant(self, user: str, permission: Permission) -> None:
        self.server.set_permission(str(self.repo), user, permission.name.lower())

    async def write(self, ref: ChangeRef, body: str, author: str) -> str:
        return str((await self.server.comment(str(ref.repo), ref.number, author, body)).id)

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
