"""`bot.ports.forge.Forge` for GitHub: hands each question to the module that knows about it."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import aiohttp

from bot.adapters import own_comment
from bot.adapters.git_checkout import CloneRequest, TokenRefused, clone
from bot.adapters.github import checks, comments, hooks, merge_groups, pulls
from bot.adapters.github.client import GitHubClient
from bot.adapters.github.settings import GitHubSettings
from bot.domain.intents import Commented
from bot.domain.permission import Permission
from bot.domain.publication import Capabilities, Check, Reaction
from bot.domain.run import ChangeRef, ChangeState, RepoRef
from bot.ports.clock import Clock
from bot.ports.forge import Delivery


class GitHubForge:
    """GitHub, as our App. The session is the caller's, who closes it."""

    def __init__(self, settings: GitHubSettings, session: aiohttp.ClientSession, clock: Clock) -> None:
        self._settings = settings
        self._client = GitHubClient(settings, session, clock)

    @property
    def capabilities(self) -> Capabilities:
        """Buttons, annotations, and the limits of GitHub's texts."""
        return Capabilities(
            buttons=True,
            annotations=True,
            comment_limit=comments.COMMENT_LIMIT,
            text_limit=checks.TEXT_LIMIT,
        )

    async def change(self, ref: ChangeRef, known: ChangeState | None = None) -> ChangeState:
        """Read a pull request, conditionally where it is known, or a merge queue's group."""
        if ref.queue:
            return await merge_groups.change(self._client, ref)
        return await pulls.change(self._client, ref, known)

    async def repositories(self) -> Sequence[RepoRef]:
        """Return the repositories of all installations that are not suspended."""
        found: list[RepoRef] = []
        for installation in await self._client.app_pages("/app/installations?per_page=100"):
            if installation.get("suspended_at") is None:
                found += await self._client.installation_repositories(installation["id"])
        return tuple(found)

    async def open_changes(self, repo: RepoRef) -> Sequence[ChangeState]:
        """Return the open pull requests of a repository."""
        return await pulls.open_changes(self._client, repo)

    async def missed_deliveries(self, since: datetime) -> Sequence[Delivery]:
        """Return what no attempt brought here."""
        return await hooks.missed(self._client, since)

    async def redeliver(self, delivery: Delivery) -> None:
        """Ask for a delivery to be made again."""
        await hooks.redeliver(self._client, delivery)

    async def unheard_comments(self, repo: RepoRef, since: datetime) -> Sequence[Commented]:  # noqa: ARG002 - the port's signature
        """Return nothing: GitHub knows every delivery that did not arrive."""
        return ()

    async def clone_source(self, ref: ChangeRef, sha: str, directory: str) -> None:
        """Check a commit of a pull request out, with one more try where the token was turned away."""
        for last in (False, True):
            token = await self._client.token(ref.repo)
            request = CloneRequest(
                url=f"{self._settings.web_url.rstrip('/')}/{ref.repo}.git",
                ref=f"refs/heads/{ref.queue}" if ref.queue else f"refs/pull/{ref.number}/head",
                sha=sha,
                token=token.value,
                seconds=self._settings.clone_seconds,
            )
            try:
                return await clone(request, Path(directory))
            except TokenRefused:
                await self._client.refuse(ref.repo, token)
                if last:
                    raise
        return None

    async def read_file(self, repo: RepoRef, path: str, ref: str) -> bytes | None:
        """Return a file's contents at a commit or branch."""
        return await pulls.read_file(self._client, repo, path, ref)

    async def changed_files(self, ref: ChangeRef) -> Sequence[str]:
        """Return the paths that the change touches."""
        if ref.queue:
            return await merge_groups.changed_files(self._client, ref)
        return await pulls.changed_files(self._client, ref)

    async def permission(self, repo: RepoRef, user: str) -> Permission:
        """Ask what the user may do in the repository, now."""
        return await pulls.permission(self._client, repo, user)

    async def publish_check(self, repo: RepoRef, check: Check, known: str | None) -> str:
        """Create a check run or bring it up to date."""
        return await checks.publish(self._client, repo, check, known)

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
