"""The stage behind HTTP: Forgejo's adapter, and a server that behaves like Forgejo. See `tests.fakes.forge_stages`."""

import contextlib
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import aiohttp

from bot.adapters.forgejo.forge import ForgejoForge
from bot.adapters.forgejo.settings import NEEDED_SCOPES, ForgejoSettings
from bot.domain.permission import Permission
from bot.domain.run import ChangeRef, RepoRef
from bot.ports.clock import Clock
from bot.web.dialects import Dialect, ForgejoDialect
from bot.web.webhook import Translator
from handlers.forgejo.translate import ForgejoTranslator
from tests.fakes.clock import ShiftedClock
from tests.fakes.forge_stages import BASE, Files, SeenCheck, SeenComment
from tests.fakes.forgejo import ForgejoServer
from tests.fakes.forgejo.model import Token

BOT = "revdeps"
REPO = RepoRef(forge="forgejo", owner="octocat", name="libfoo")
_STATES = {"pending": ("queued", None), "error": ("completed", "cancelled")}
"""What a person reads out of a state. The others are conclusions by the same name."""
_FOLDED = "<details><summary>Outdated</summary>"

MakeForge = Callable[[ForgejoSettings, aiohttp.ClientSession, Clock], ForgejoForge]


class ForgejoStage:
    """Forgejo with our account, whose token has the scopes that docs/forgejo.md names and no more, and which is an
    administrator of a private repository.

    Leaving the stage fails where something was asked for that nobody would ask for who knows Forgejo.
    """

    levels: Collection[Permission] = (Permission.NONE, Permission.READ, Permission.WRITE, Permission.ADMIN)
    keeps_deliveries = False

    def __init__(self, tmp_path: Path, make: MakeForge = ForgejoForge) -> None:
        self.clock = ShiftedClock()
        root = tmp_path / "forgejo"
        root.mkdir()
        self.server = ForgejoServer(clock=self.clock, root=root, check_answers=True)
        self.repo = REPO
        self.forge: ForgejoForge
        self.settings: ForgejoSettings
        self.session: aiohttp.ClientSession
        self.token: Token
        self.strict = True
        self._make = make

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as started:
            await self._start(started)
            self._started = started.pop_all()
        return self

    async def _start(self, started: contextlib.AsyncExitStack) -> None:
        await started.enter_async_context(self.server)
        self.token = self.server.create_token(BOT, NEEDED_SCOPES)
        await self.server.create_repository(str(self.repo), BASE, private=True)
        await self.server.create_repository("stranger/elsewhere", BASE, private=True)
        await self.server.create_repository("stranger/open", BASE)
        self.server.set_permission(str(self.repo), BOT, "admin")
        self.server.set_permission("stranger/open", BOT, "read")
        self.server.world.user("passer-by")
        self.settings = ForgejoSettings(url=self.server.url, user=BOT, token=lambda: self.token.value)
        self.session = await started.enter_async_context(aiohttp.ClientSession())
        self.forge = self._make(self.settings, self.session, self.clock)

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
        hook = self.server.add_hook(url)
        return ForgejoDialect(hook.secret.encode()), ForgejoTranslator(self.repo.forge, BOT)

    async def push(self, ref: ChangeRef, files: Files) -> str:
        return await self.server.push(str(ref.repo), self.server.pull(str(ref.repo), ref.number).head_ref, files)

    async def close(self, ref: ChangeRef) -> None:
        await self.server.close_pull_request(str(ref.repo), ref.number)

    async def grant(self, user: str, permission: Permission) -> None:
        self.server.set_permission(str(self.repo), user, permission.name.lower())

    async def write(self, ref: ChangeRef, body: str, author: str) -> str:
        return str((await self.server.comment(str(ref.repo), ref.number, author, body)).id)

    def checks(self, sha: str) -> Sequence[SeenCheck]:
        """One to a context: the status that counts."""
        newest = {status.context: status for status in self.server.statuses(str(self.repo), sha)}
        seen = []
        for status in newest.values():
            state, conclusion = _STATES.get(status.state, ("completed", status.state))
            seen.append(
                SeenCheck(
                    external_id="",
                    status=state,
                    conclusion=conclusion,
                    title=status.description,
                    text="",
                    url=status.target_url,
                    annotations=0,
                    buttons=(),
                )
            )
        return seen

    def comments(self, ref: ChangeRef) -> Sequence[SeenComment]:
        return [
            SeenComment(
                body=comment.body,
                minimised=comment.body.startswith(_FOLDED),
                reactions=tuple(reaction.content for reaction in comment.reactions),
            )
            for comment in self.server.comments(str(ref.repo), ref.number)
        ]

    async def deliver(self, guid: str, attempts: Sequence[bool]) -> None:
        raise NotImplementedError("Forgejo tells of no deliveries")

    async def redelivered(self) -> Sequence[str]:
        return ()
