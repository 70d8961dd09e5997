"""The stage behind HTTP: Forgejo's adapter, and a server that behaves like Forgejo. See `tests.fakes.forge_stages`."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import aiohttp

from bot.adapters.forgejo.forge import ForgejoForge
from bot.adapters.forgejo.settings import NEEDED_SCOPES, ForgejoSettings
from bot.domain.permission import Permission
from bot.domain.run import ChangeRef, RepoRef
from bot.ports.clock import Clock
from bot.web.dialects import Dialect, ForgejoDialect
from bot.web.webhook import Translator
from handlers.forgejo.translate import ForgejoTranslator
from tests.fakes.forge_stages import BASE, SeenCheck, SeenComment
from tests.fakes.forgejo import ForgejoServer
from tests.fakes.forgejo.model import Token
from tests.fakes.http_stage import PullRequestStage

BOT = "revdeps"
REPO = RepoRef(forge="forgejo", owner="octocat", name="libfoo")
_STATES = {"pending": ("queued", None), "error": ("completed", "cancelled")}
"""What a person reads out of a state. The others are conclusions by the same name."""
_FOLDED = "<details><summary>Outdated</summary>"

MakeForge = Callable[[ForgejoSettings, aiohttp.ClientSession, Clock], ForgejoForge]


class ForgejoStage(PullRequestStage):
    """Forgejo with our account, whose token has the scopes that docs/forgejo.md names and no more, and which is an
    administrator of a private repository.
    """

    levels: Collection[Permission] = (Permission.NONE, Permission.READ, Permission.WRITE, Permission.ADMIN)
    keeps_deliveries = False
    repo = REPO

    def __init__(self, tmp_path: Path, make: MakeForge = ForgejoForge) -> None:
        super().__init__(tmp_path)
        self.server = ForgejoServer(clock=self.clock, root=self.root, check_answers=True)
        self.forge: ForgejoForge
        self.settings: ForgejoSettings
        self.token: Token
        self._make = make

    async def _furnish(self) -> None:
        self.token = self.server.create_token(BOT, NEEDED_SCOPES)
        await self.server.create_repository(str(self.repo), BASE, private=True)
        await self.server.create_repository("stranger/elsewhere", BASE, private=True)
        await self.server.create_repository("stranger/open", BASE)
        self.server.set_permission(str(self.repo), BOT, "admin")
        self.server.set_permission("stranger/open", BOT, "read")
        self.server.world.user("passer-by")
        self.settings = ForgejoSettings(url=self.server.url, user=BOT, token=lambda: self.token.value)
        self.forge = self._make(self.settings, self.session, self.clock)

    def connect(self, url: str) -> tuple[Dialect, Translator]:
        """Have webhooks sent there, and return what understands them."""
        hook = self.server.add_hook(url)
        return ForgejoDialect(hook.secret.encode()), ForgejoTranslator(self.repo.forge, BOT)

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
