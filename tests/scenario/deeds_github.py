"""What people, forges and time do on GitHub."""

from dataclasses import replace
from typing import Any

from bot.domain.run import ChangeRef, RepoRef
from tests.fakes.github import apps, history
from tests.fakes.github_stage import GitHubStage
from tests.scenario.deeds_shared import NOWHERE, DeedsOfPullRequests


class GitHubDeeds(DeedsOfPullRequests):
    """Read in: GitHub docs, "Webhook events and payloads"; Mergify's on deleted head branches, which close."""

    def __init__(self, stage: GitHubStage) -> None:
        super().__init__(stage, ("revdeps[bot]", "dependabot[bot]"))
        for bot in self.bots:
            self.server.world.user(bot, "Bot")
        [self.app] = stage.server.world.apps.values()
        self.url = self.app.webhook_url

    def let_in(self, repo: RepoRef) -> None:
        """An App is installed for all repositories of an account, the new ones too."""

    def _moved(self, full_name: str) -> RepoRef:
        owner, _, name = full_name.partition("/")
        self.stage.repo = replace(self.stage.repo, owner=owner, name=name)
        return self.stage.repo

    async def rename(self, name: str) -> RepoRef:
        return self._moved(self.server.rename_repository(self.name, name))

    async def transfer(self, owner: str) -> RepoRef:
        return self._moved(self.server.transfer_repository(self.name, owner))

    async def delete(self) -> None:
        self.server.delete_repository(self.name)

    async def uninstall(self) -> None:
        [installation] = self.server.world.installations.values()
        await self.server.uninstall(installation)

    async def install(self) -> None:
        await self.server.install(self.stage.repo.owner)

    async def drop_branch(self, ref: ChangeRef) -> None:
        pull = self._pull(ref)
        payload = await history.drop_branch(self.server.world, pull.repo, pull.head_ref, pull.user)
        self.server.webhooks.emit(pull.repo, "push", payload)
        await self.server.close_pull_request(str(ref.repo), ref.number)

    async def draft(self, ref: ChangeRef, *, draft: bool) -> None:
        mark = self.server.mark_draft if draft else self.server.mark_ready
        await mark(str(ref.repo), ref.number)

    def end_tokens(self) -> None:
        self.server.world.tokens.clear()

    def renew_tokens(self) -> None:
        """The App gets itself new ones."""

    def refuse(self, status: int, times: int) -> Any:
        return self.server.fail(status=status, times=times, method="POST", path="/check-runs|/comments$")

    def deafen(self) -> None:
        self.app.webhook_url = NOWHERE

    def listen(self) -> None:
        self.app.webhook_url = self.url

    async def resend(self, *, failed: bool = True, backwards: bool = False) -> int:
        found = [delivery for delivery in self.server.deliveries if delivery.succeeded is not failed]
        for delivery in reversed(found) if backwards else found:
            self.server.webhooks.resend(apps.again(self.server.world, delivery))
        await self.server.settled()
        return len(found)
