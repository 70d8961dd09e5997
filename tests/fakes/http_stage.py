"""What the stages behind HTTP have in common: a forge's adapter, and a server that behaves like that forge.

See `tests.fakes.forge_stages` for what a stage is.
"""

import contextlib
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import aiohttp

from bot.domain.permission import Permission
from bot.domain.run import ChangeRef, RepoRef
from tests.fakes.clock import ShiftedClock
from tests.fakes.forge_stages import Files


class HttpStage:
    """A server, and a session for the adapter that talks to it.

    Leaving the stage fails where something was asked for that the forge refuses as wrong, unless `strict` is off.
    """

    levels: Collection[Permission] = tuple(Permission)
    keeps_deliveries = True
    repo: RepoRef
    server: Any
    session: aiohttp.ClientSession

    def __init__(self, tmp_path: Path) -> None:
        self.clock = ShiftedClock()
        self.root = tmp_path / "forge"
        self.root.mkdir()
        self.strict = True

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as started:
            await started.enter_async_context(self.server)
            self.session = await started.enter_async_context(aiohttp.ClientSession())
            await self._furnish()
            self._started = started.pop_all()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._started.aclose()
        assert not (self.strict and self.server.violations), self.server.violations

    async def _furnish(self) -> None:
        """Make what is there before anything happens, and the adapter."""
        raise NotImplementedError

    def now(self) -> datetime:
        return self.clock.now()

    async def commit(self, files: Files) -> str:
        """Commit to the base branch."""
        return await self.server.push(str(self.repo), "main", files)

    async def write(self, ref: ChangeRef, body: str, author: str) -> str:
        return str((await self.server.comment(str(ref.repo), ref.number, author, body)).id)


class PullRequestStage(HttpStage):
    """People's side of a forge of GitHub's kind: with repositories and pull requests."""

    async def open(
        self, files: Files, *, labels: Sequence[str] = (), author: str = "octocat", **more: Any
    ) -> ChangeRef:
        branch = f"change-{len(self.server.repository(str(self.repo)).pulls)}"
        title = more.pop("title", "Update")
        opened = await self.server.open_pull_request(str(self.repo), branch, title, author, files=files, **more)
        for label in labels:
            await self.server.label(str(self.repo), opened.number, label)
        return ChangeRef(repo=self.repo, number=opened.number)

    async def push(self, ref: ChangeRef, files: Files) -> str:
        return await self.server.push(str(ref.repo), self.server.pull(str(ref.repo), ref.number).head_ref, files)

    async def close(self, ref: ChangeRef) -> None:
        await self.server.close_pull_request(str(ref.repo), ref.number)

    async def grant(self, user: str, permission: Permission) -> None:
        self.server.set_permission(str(self.repo), user, permission.name.lower())
