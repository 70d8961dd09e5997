"""`bot.ports.forge.Forge` for Forgejo: hands each question to the module that knows about it."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import aiohttp

from bot.adapters import own_comment
from bot.adapters.forgejo import comments, pulls, statuses, unheard
from bot.adapters.forgejo.client import ForgejoClient
from bot.adapters.forgejo.failures import unauthorised
from bot.adapters.forgejo.parlance import WITHOUT_TRIAGE
from bot.adapters.forgejo.settings import ForgejoSettings
from bot.adapters.git_checkout import CloneRequest, TokenRefused, clone
from bot.domain.intents import Commented
from bot.domain.permission import Permission
from bot.domain.publication import Capabilities, Check, Reaction
from bot.domain.run import ChangeRef, ChangeState, RepoRef
from bot.ports.clock import Clock
from bot.ports.errors import Rejected
from bot.ports.forge import Delivery


class ForgejoForge:
    """Forgejo, as the bot's account. The session is the caller's, who closes it."""

    def __init__(self, settings: ForgejoSettings, session: aiohttp.ClientSession, clock: Clock) -> None:
        self._settings = settings
        self._client = ForgejoClient(settings, session, clock)

    @property
    def capabilities(self) -> Capabilities:
        """Commit statuses, which have neither texts nor buttons, and the limits that we set ourselves."""
        return Capabilities(
            buttons=False,
            annotations=False,
            comment_limit=comments.COMMENT_LIMIT,
            text_limit=statuses.TEXT_LIMIT,
            rich_checks=False,
            parlance=WITHOUT_TRIAGE,
        )

    async def change(self, ref: ChangeRef, known: ChangeState | None = None) -> ChangeState:
        """Read a pull request."""
        return await pulls.change(self._client, ref, known)

    async def repositories(self) -> Sequence[RepoRef]:
        """Return the repositories that we may write in."""
        return await pulls.repositories(self._client)

    async def open_changes(self, repo: RepoRef) -> Sequence[ChangeState]:
        """Return the open pull requests of a repository."""
        return await pulls.open_changes(self._client, repo)

    async def missed_deliveries(self, since: datetime) -> Sequence[Delivery]:  # noqa: ARG002 - the port's signature
        """Return nothing: Forgejo shows deliveries on its pages, and has no API for them."""
        return ()

    async def redeliver(self, delivery: Delivery) -> None:
        """Refuse: see `missed_deliveries`."""
        raise Rejected(f"Forgejo cannot be asked to deliver {delivery.guid} again")

    async def unheard_comments(self, repo: RepoRef, since: datetime) -> Sequence[Commented]:
        """Return commands that no webhook told of."""
        return await unheard.comments(self._client, repo, since)

    async def clone_source(self, ref: ChangeRef, sha: str, directory: str) -> None:
        """Check a commit of a pull request out, with one more try where the token was renewed."""
        for last in (False, True):
            request = CloneRequest(
                url=f"{self._settings.url}/{ref.repo}.git",
                ref=f"refs/pull/{ref.number}/head",
                sha=sha,
                token=self._client.token,
                user=self._settings.user,
                seconds=self._settings.clone_seconds,
            )
            try:
                return await clone(request, Path(directory))
            except TokenRefused as error:
                if last or not self._client.renewed():
                    raise unauthorised(str(error), self._settings.user) from None
        return None

    async def read_file(self, repo: RepoRef, path: str, ref: str) -> bytes | None:
        """Return a file's contents at a commit or branch."""
        return await pulls.read_file(self._client, repo, path, ref)

    async def changed_files(self, ref: ChangeRef) -> Sequence[str]:
        """Return the paths that the change touches."""
        return await pulls.changed_files(self._client, ref)

    async def permission(self, repo: RepoRef, user: str) -> Permission:
        """Ask what the user may do in the repository, now."""
        return await pulls.permission(self._client, repo, user)

    async def publish_check(self, repo: RepoRef, check: Check, known: str | None) -> str:  # noqa: ARG002 - the port's
        """Write the commit status that the check comes to."""
        return await statuses.publish(self._client, repo, check)

    async def upsert_comment(self, ref: ChangeRef, body: str, marker: str, known: str | None) -> str:
        """Create our summary comment or edit it in place."""
        return await own_comment.upsert(comments.CommentsOf(self._client, ref), body, marker, known)

    async def comment(self, ref: ChangeRef, body: str, marker: str) -> str:
        """Write a comment, once."""
        return await own_comment.write_once(comments.CommentsOf(self._client, ref), body, marker)

    async def minimise(self, ref: ChangeRef, comment: str) -> None:
        """Fold a comment of ours away as outdated."""
        await comments.minimise(self._client, ref, comment)

    async def react(self, ref: ChangeRef, comment: str, reaction: Reaction) -> None:
        """React to a comment."""
        await comments.react(self._client, ref, comment, reaction)
