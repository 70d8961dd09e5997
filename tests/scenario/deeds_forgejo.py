"""What people, forges and time do on Forgejo."""

from dataclasses import replace
from typing import Any

from bot.domain.run import ChangeRef, RepoRef
from tests.fakes.forgejo import history
from tests.fakes.forgejo.model import User
from tests.fakes.forgejo_stage import BOT, ForgejoStage
from tests.scenario.deeds_shared import NOWHERE, DeedsOfPullRequests


class ForgejoDeeds(DeedsOfPullRequests):
    """Read in: `services/pull/pull.go` (CloseBranchPulls), `services/webhook/notifier.go`; of a repository that is
    renamed, transferred, archived or made private no webhook tells.
    """

    def __init__(self, stage: ForgejoStage) -> None:
        super().__init__(stage, (BOT, "forgejo-actions"))
        stage.server.world.users["forgejo-actions"] = User("forgejo-actions", -2)
        [self.hook] = stage.server.world.hooks
        self.url = self.hook.url

    def let_in(self, repo: RepoRef) -> None:
        self.server.set_permission(str(repo), BOT, "admin")

    def _moved(self, repo: RepoRef) -> RepoRef:
        self.server.rename(self.name, str(repo))
        self.stage.repo = repo
        return repo

    async def rename(self, name: str) -> RepoRef:
        return self._moved(replace(self.stage.repo, name=name))

    async def transfer(self, owner: str) -> RepoRef:
        return self._moved(replace(self.stage.repo, owner=owner))

    async def delete(self) -> None:
        repo = self.server.repository(self.name)
        payload = history.drop(self.server.world, repo)
        self.server.webhooks.emit(repo, "repository", payload)
        await self.server.settled()

    async def uninstall(self) -> None:
        self.server.set_permission(self.name, BOT, "none")

    async def install(self) -> None:
        self.let_in(self.stage.repo)

    async def drop_branch(self, ref: ChangeRef) -> None:
        await self.server.delete_branch(str(ref.repo), self._pull(ref).head_ref)
        await self.server.close_pull_request(str(ref.repo), ref.number)

    async def draft(self, ref: ChangeRef, *, draft: bool) -> None:
        title = self._pull(ref).title.removeprefix("WIP: ")
        await self.server.retitle(str(ref.repo), ref.number, f"WIP: {title}" if draft else title)

    def end_tokens(self) -> None:
        self.server.revoke(self.stage.token)

    def renew_tokens(self) -> None:
        self.stage.token = self.server.create_token(BOT)

    def refuse(self, status: int, times: int) -> Any:
        return self.server.fail(status=status, times=times, method="POST", path="/statuses/|/comments$")

    def deafen(self) -> None:
        self.hook.url = NOWHERE

    def listen(self) -> None:
        self.hook.url = self.url

    async def resend(self, *, failed: bool = True, backwards: bool = False) -> int:
        found = [delivery for delivery in self.server.deliveries if (delivery.status_code == 0) is failed]
        for delivery in reversed(found) if backwards else found:
            self.server.webhooks.replay(delivery)
        await self.server.settled()
        return len(found)
