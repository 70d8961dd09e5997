"""What people, forges and time do on GitLab."""

from dataclasses import replace
from typing import Any

from bot.domain.run import ChangeRef, RepoRef
from tests.fakes.forge_stages import Files
from tests.fakes.gitlab import history
from tests.fakes.gitlab_stage import BOT, GitLabStage
from tests.scenario.deeds_shared import NOWHERE, SharedDeeds


class GitLabDeeds(SharedDeeds):
    """Read in: app/services/merge_requests/refresh_service.rb (`close_upon_missing_source_branch_ref`); GitLab docs,
    "Project webhooks" (none tells of renamed, archived or deleted projects, nor of members).
    """

    def __init__(self, stage: GitLabStage) -> None:
        super().__init__(stage, (BOT, "project_3_bot_0123456789abcdef"))
        self.project = stage.server.project(str(stage.repo))
        self.url = self.project.hooks[0].url

    async def edit(self, comment: str, body: str) -> None:
        await self.server.edit_note(self.server.world.notes[int(comment)], body)

    async def erase(self, comment: str) -> None:
        self.server.delete_note(self.server.world.notes[int(comment)])

    async def erase_ours(self, ref: ChangeRef) -> None:
        for note in self.server.notes(str(ref.repo), ref.number):
            if note.author.username == BOT:
                self.server.delete_note(note)

    def _moved(self, path: str) -> RepoRef:
        self.server.rename_project(self.project.path, path)
        owner, _, name = path.rpartition("/")
        self.stage.repo = replace(self.stage.repo, owner=owner, name=name)
        return self.stage.repo

    async def rename(self, name: str) -> RepoRef:
        return self._moved(f"{self.stage.repo.owner}/{name}")

    async def transfer(self, owner: str) -> RepoRef:
        return self._moved(f"{owner}/{self.stage.repo.name}")

    async def archive(self) -> None:
        self.project.archived = True

    async def show(self, *, private: bool) -> None:
        self.project.visibility = "private" if private else "public"

    async def delete(self) -> None:
        del self.server.world.projects[self.project.id]

    async def uninstall(self) -> None:
        self.server.remove_member(self.project.path, BOT)

    async def install(self) -> None:
        self.server.add_member(self.project.path, BOT)

    async def reset(self, ref: ChangeRef, sha: str) -> None:
        request = self.server.request(str(ref.repo), ref.number)
        await self.server.push(self.project.path, request.source_branch, {}, parent=sha)

    async def drop_branch(self, ref: ChangeRef) -> None:
        request = self.server.request(str(ref.repo), ref.number)
        payload = await history.drop_branch(self.server.world, self.project, request.source_branch, "octocat")
        self.server.webhooks.emit(self.project, "Push Hook", payload)
        await self.server.close_merge_request(str(ref.repo), ref.number)

    async def retarget(self, ref: ChangeRef, base: str) -> None:
        await self.server.alter(str(ref.repo), ref.number, target_branch=base)

    async def draft(self, ref: ChangeRef, *, draft: bool) -> None:
        await self.server.alter(str(ref.repo), ref.number, draft=draft)

    async def lock(self, ref: ChangeRef) -> None:
        self.server.request(str(ref.repo), ref.number).discussion_locked = True

    async def label(self, ref: ChangeRef, label: str) -> None:
        await self.server.alter(str(ref.repo), ref.number, labels=[label])

    async def beside(self, name: str, files: Files, change: Files) -> ChangeRef:
        repo = replace(self.stage.repo, name=name)
        await self.server.create_project(str(repo), files, visibility="private")
        self.server.add_member(str(repo), BOT)
        self.server.add_hook(str(repo), self.url)
        opened = await self.server.open_merge_request(str(repo), "change", "Update", "octocat", files=change)
        return ChangeRef(repo=repo, number=opened.iid)

    def end_tokens(self) -> None:
        self.server.world.tokens[self.stage.token].revoked = True

    def renew_tokens(self) -> None:
        self.stage.token = self.server.create_token(BOT, value="glpat-rotated").value

    def refuse(self, status: int, times: int) -> Any:
        return self.server.fail(status=status, times=times, method="POST", path="/statuses/|/notes$")

    def deafen(self) -> None:
        self.project.hooks[0].url = NOWHERE

    def listen(self) -> None:
        self.project.hooks[0].url = self.url

    async def resend(self, *, failed: bool = True, backwards: bool = False) -> int:
        found = [event for event in self.server.world.events if event.status.startswith("2") is not failed]
        for event in reversed(found) if backwards else found:
            await self.server.webhooks.resend(event)
        return len(found)
