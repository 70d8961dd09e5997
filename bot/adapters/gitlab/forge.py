"""`bot.ports.forge.Forge` for GitLab: hands each question to the module that knows about it."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import aiohttp

from bot.adapters import own_comment
from bot.adapters.git_checkout import CloneRequest, TokenRefused, clone
from bot.adapters.gitlab import hooks, merge_requests, notes, trains, unheard
from bot.adapters.gitlab.client import GitLabClient
from bot.adapters.gitlab.parlance import MERGE_REQUESTS
from bot.adapters.gitlab.settings import GitLabSettings
from bot.adapters.gitlab.statuses import Statuses
from bot.domain.intents import Commented
from bot.domain.permission import Permission
from bot.domain.publication import Capabilities, Check, Reaction
from bot.domain.run import ChangeRef, ChangeState, RepoRef
from bot.ports.clock import Clock
from bot.ports.forge import Delivery

_GIT_USER = "oauth2"
"""Any name does beside a token; this one GitLab's own documentation uses."""


class GitLabForge:
    """GitLab, as the bot's user. The session is the caller's, who closes it."""

    def __init__(self, settings: GitLabSettings, session: aiohttp.ClientSession, clock: Clock) -> None:
        self._settings = settings
        self._client = GitLabClient(settings, session, clock)
        self._statuses = Statuses(self._client, clock)
        self._resending = hooks.Resending(self._client, clock)

    @property
    def capabilities(self) -> Capabilities:
        """A commit status and notes; no buttons, no annotations."""
        return Capabilities(
            buttons=False,
            annotations=False,
            comment_limit=notes.NOTE_LIMIT,
            text_limit=notes.NOTE_LIMIT,
            rich_checks=False,
            parlance=MERGE_REQUESTS,
        )

    async def change(self, ref: ChangeRef, known: ChangeState | None = None) -> ChangeState:
        """Read a merge request, conditionally where it is known, or its place on a merge train."""
        if ref.queue:
            return await trains.change(self._client, ref)
        state = await merge_requests.change(self._client, ref, known)
        if state is not known:
            self._statuses.forget(ref.repo, state.head_sha)
        return state

    async def repositories(self) -> Sequence[RepoRef]:
        """Return the projects of which the bot is a member."""
        return await merge_requests.repositories(self._client)

    async def open_changes(self, repo: RepoRef) -> Sequence[ChangeState]:
        """Return the open merge requests of a project."""
        return await merge_requests.open_changes(self._client, repo)

    async def missed_deliveries(self, since: datetime) -> Sequence[Delivery]:
        """Return what no attempt brought here, where the bot may look."""
        return await hooks.missed(self._client, since)

    async def redeliver(self, delivery: Delivery) -> None:
        """Ask for a delivery to be made again."""
        await self._resending.redeliver(delivery)

    async def unheard_comments(self, repo: RepoRef, since: datetime) -> Sequence[Commented]:
        """Return commands to which the bot has not reacted: a webhook that is switched off keeps nothing."""
        return await unheard.comments(self._client, repo, since)

    async def clone_source(self, ref: ChangeRef, sha: str, directory: str) -> None:
        """Check a commit of a merge request out, with one more try where the token was turned away for a newer one."""
        for last in (False, True):
            token = await self._client.token()
            request = CloneRequest(
                url=f"{self._settings.url}/{ref.repo}.git",
                ref=ref.queue or f"refs/merge-requests/{ref.number}/head",
                sha=sha,
                token=token,
                seconds=self._settings.clone_seconds,
                user=_GIT_USER,
            )
            try:
                return await clone(request, Path(directory))
            except TokenRefused:
                if last or not await self._client.renew(token):
                    raise
        return None

    async def read_file(self, repo: RepoRef, path: str, ref: str) -> bytes | None:
        """Return a file's contents at a commit or branch."""
        return await merge_requests.read_file(self._client, repo, path, ref)

    async def changed_files(self, ref: ChangeRef) -> Sequence[str]:
        """Return the paths that the change touches."""
        if ref.queue:
            return await trains.changed_files(self._client, ref)
        return await merge_requests.changed_files(self._client, ref)

    async def permission(self, repo: RepoRef, user: str) -> Permission:
        """Ask what the user may do in the project, now."""
        return await merge_requests.permission(self._client, repo, user)

    async def publish_check(self, repo: RepoRef, check: Check, known: str | None) -> str:
        """Set a commit status."""
        return await self._statuses.publish(repo, check, known)

    async def upsert_comment(self, ref: ChangeRef, body: str, marker: str, known: str | None) -> str:
        """Create our summary note or edit it in place."""
        return await own_comment.upsert(notes.NotesOf(self._client, ref), body, marker, known)

    async def comment(self, ref: ChangeRef, body: str, marker: str) -> str:
        """Write a note, once."""
        return await own_comment.write_once(notes.NotesOf(self._client, ref), body, marker)

    async def minimise(self, ref: ChangeRef, comment: str) -> None:
        """Fold a note of ours away as outdated."""
        await notes.fold(self._client, ref, comment)

    async def react(self, ref: ChangeRef, comment: str, reaction: Reaction) -> None:
        """React to a note."""
        await notes.react(self._client, ref, comment, reaction)
