"""What people, forges and time do in the same way on several forges."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bot.domain.run import ChangeRef, RepoRef
from bot.ports.clock import Clock
from tests.fakes.forge_stages import Files

NOWHERE = "http://127.0.0.1:9/webhook"
"""Where no webhook arrives."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """A clock that is wrong by so much."""

    clock: Clock
    by: timedelta

    def now(self) -> datetime:
        return self.clock.now() + self.by


class SharedDeeds:
    """What is the same wherever it is done."""

    def __init__(self, stage: Any, bots: tuple[str, ...]) -> None:
        self.stage, self.server, self.bots = stage, stage.server, bots

    @property
    def name(self) -> str:
        return str(self.stage.repo)

    async def branch(self, name: str, files: Files) -> None:
        await self.server.push(self.name, name, files)

    def skew(self, by: timedelta) -> None:
        self.server.world.clock = Ahead(self.stage.clock, by)


class DeedsOfPullRequests(SharedDeeds):
    """GitHub, and what was made to be like it."""

    async def edit(self, comment: str, body: str) -> None:
        await self.server.edit_comment(self.server.world.comments[int(comment)], body, "octocat")

    async def erase(self, comment: str) -> None:
        await self.server.delete_comment(self.server.world.comments[int(comment)], "octocat")

    async def erase_ours(self, ref: ChangeRef) -> None:
        for comment in self.server.comments(str(ref.repo), ref.number):
            if comment.user.login == self.bots[0]:
                await self.server.delete_comment(comment, "octocat")

    async def archive(self) -> None:
        self.server.repository(self.name).archived = True

    async def show(self, *, private: bool) -> None:
        self.server.repository(self.name).private = private

    async def reset(self, ref: ChangeRef, sha: str) -> None:
        await self.server.push(str(ref.repo), self._pull(ref).head_ref, {}, parent=sha)

    async def retarget(self, ref: ChangeRef, base: str) -> None:
        await self.server.retarget(str(ref.repo), ref.number, base)

    async def lock(self, ref: ChangeRef) -> None:
        self._pull(ref).locked = True

    async def label(self, ref: ChangeRef, label: str) -> None:
        await self.server.label(str(ref.repo), ref.number, label)

    async def beside(self, name: str, files: Files, change: Files) -> ChangeRef:
        repo = replace(self.stage.repo, name=name)
        await self.server.create_repository(str(repo), files, private=True)
        self.let_in(repo)
        opened = await self.server.open_pull_request(str(repo), "change", "Update", "octocat", files=change)
        return ChangeRef(repo=repo, number=opened.number)

    def let_in(self, repo: RepoRef) -> None:
        """Let the bot into a new repository."""
        raise NotImplementedError

    def _pull(self, ref: ChangeRef) -> Any:
        return self.server.pull(str(ref.repo), ref.number)
