"""The stage behind HTTP: GitLab's adapter, and a server that behaves like GitLab. See `tests.fakes.forge_stages`."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.adapters.gitlab.forge import GitLabForge
from bot.adapters.gitlab.settings import GitLabSettings
from bot.domain.permission import Permission
from bot.domain.run import ChangeRef, RepoRef
from bot.web.dialects import Dialect, GitLabDialect
from bot.web.webhook import Translator
from handlers.gitlab.translate import GitLabTranslator
from tests.fakes.forge_stages import BASE, Files, SeenCheck, SeenComment
from tests.fakes.gitlab import GitLabServer
from tests.fakes.gitlab.model import DEVELOPER, GUEST, MAINTAINER, OWNER, REPORTER, HookEvent
from tests.fakes.gitlab.webhooks import headers
from tests.fakes.http_stage import HttpStage

BOT = "revdeps-bot"
HOOK = "http://127.0.0.1:9/webhook/gitlab"
_LEVELS = {
    Permission.NONE: 0,
    Permission.READ: GUEST,
    Permission.TRIAGE: REPORTER,
    Permission.WRITE: DEVELOPER,
    Permission.MAINTAIN: MAINTAINER,
    Permission.ADMIN: OWNER,
}
_SEEN = {
    "pending": ("queued", None),
    "running": ("in_progress", None),
    "success": ("completed", "success"),
    "failed": ("completed", "failure"),
    "canceled": ("completed", "cancelled"),
}


class GitLabStage(HttpStage):
    """GitLab with a private project in a group in a group, of which the bot's user is a maintainer.

    Leaving the stage fails also where a note of ours made it do something.
    """

    repo = RepoRef(forge="gitlab", owner="octocat/rpms", name="libfoo")

    def __init__(self, tmp_path: Path) -> None:
        super().__init__(tmp_path)
        self.server = GitLabServer(clock=self.clock, root=self.root)
        self.forge: GitLabForge
        self.settings: GitLabSettings
        self.token = self.server.create_token(BOT).value

    async def _furnish(self) -> None:
        await self.server.create_project(str(self.repo), BASE, visibility="private")
        await self.server.create_project("stranger/elsewhere", BASE)
        self.server.add_member(str(self.repo), BOT)
        self.forge = self.fresh()

    async def __aexit__(self, *error: object) -> None:
        await super().__aexit__(*error)
        assert not self.server.world.quick_actions, self.server.world.quick_actions

    def fresh(self) -> GitLabForge:
        """The adapter as after a restart: it remembers nothing."""
        self.settings = GitLabSettings(url=self.server.url, token=lambda: self.token, hook_url=HOOK)
        return GitLabForge(self.settings, self.session, self.clock)

    async def open(
        self, files: Files, *, labels: Sequence[str] = (), author: str = "octocat", **more: Any
    ) -> ChangeRef:
        branch = f"change-{len(self.server.project(str(self.repo)).requests)}"
        title = more.pop("title", "Update")
        opened = await self.server.open_merge_request(str(self.repo), branch, title, author, files=files, **more)
        opened.labels += labels
        return ChangeRef(repo=self.repo, number=opened.iid)

    def connect(self, url: str) -> tuple[Dialect, Translator]:
        """Have webhooks sent there, and return what understands them."""
        hook = self.server.add_hook(str(self.repo), url)
        return GitLabDialect(token=hook.token), GitLabTranslator(self.repo.forge)

    async def push(self, ref: ChangeRef, files: Files) -> str:
        request = self.server.request(str(ref.repo), ref.number)
        assert request.source is not None
        return await self.server.push(request.source.path, request.source_branch, files)

    async def close(self, ref: ChangeRef) -> None:
        await self.server.close_merge_request(str(ref.repo), ref.number)

    async def grant(self, user: str, permission: Permission) -> None:
        self.server.add_member(str(self.repo), user, _LEVELS[permission])

    def checks(self, sha: str) -> Sequence[SeenCheck]:
        found = []
        for _, status in self.server.statuses(sha):
            state, conclusion = _SEEN[status.status]
            found.append(
                SeenCheck(
                    external_id="",
                    status=state,
                    conclusion=conclusion,
                    title=status.description or "",
                    text="",
                    url=status.target_url or "",
                    annotations=0,
                    buttons=(),
                )
            )
        return found

    def comments(self, ref: ChangeRef) -> Sequence[SeenComment]:
        return [
            SeenComment(
                body=note.body,
                minimised=note.body.startswith("<details>\n<summary>Outdated</summary>"),
                reactions=tuple(award.name for award in note.awards),
            )
            for note in self.server.notes(str(ref.repo), ref.number)
        ]

    async def deliver(self, guid: str, attempts: Sequence[bool]) -> None:
        project = self.server.project(str(self.repo))
        hook = project.hooks[0] if project.hooks else self.server.add_hook(str(self.repo), HOOK)
        for arrived in attempts:
            self.clock.shift += timedelta(minutes=1)
            world = self.server.world
            event = HookEvent(world.new_id(), hook, guid, "push", {}, self.clock.now())
            event.headers, event.status = headers(world, event), "202" if arrived else "internal error"
            world.events.append(event)

    async def redelivered(self) -> Sequence[str]:
        return [event.key for event in self.server.world.events if event.resent]
