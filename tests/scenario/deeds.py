"""What people, forges and time do to a conversation beside opening, pushing and commenting: on every forge alike.

Where a forge tells nobody of a deed, nobody is told here either; it has to be found.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from bot.domain.run import ChangeRef, RepoRef
from bot.ports.clock import Clock
from tests.fakes.forge_stages import Files
from tests.fakes.forgejo import history as forgejo_history
from tests.fakes.forgejo.model import User
from tests.fakes.forgejo_stage import BOT as FORGEJO_BOT
from tests.fakes.forgejo_stage import ForgejoStage
from tests.fakes.github import apps
from tests.fakes.github import history as github_history
from tests.fakes.github_stage import GitHubStage
from tests.fakes.gitlab import history as gitlab_history
from tests.fakes.gitlab_stage import BOT as GITLAB_BOT
from tests.fakes.gitlab_stage import GitLabStage

NOWHERE = "http://127.0.0.1:9/webhook"
"""Where no webhook arrives."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """A clock that is wrong by so much."""

    clock: Clock
    by: timedelta

    def now(self) -> datetime:
        return self.clock.now() + self.by


class Deeds(Protocol):
    """What can be done to a stage. Every deed returns when its webhooks, if any, were answered."""

    bots: tuple[str, ...]
    """Whose words are nobody's orders: our own account, and one of a machine's."""

    async def edit(self, comment: str, body: str) -> None: ...
    async def erase(self, comment: str) -> None: ...
    async def erase_ours(self, ref: ChangeRef) -> None:
        """Delete everything that the bot wrote on a pull request."""
        ...

    async def rename(self, name: str) -> RepoRef: ...
    async def transfer(self, owner: str) -> RepoRef: ...
    async def archive(self) -> None: ...
    async def show(self, *, private: bool) -> None: ...
    async def delete(self) -> None: ...
    async def uninstall(self) -> None: ...
    async def install(self) -> None:
        """Let the bot in again."""
        ...

    async def reset(self, ref: ChangeRef, sha: str) -> None:
        """Force-push the head branch to a commit that it had."""
        ...

    async def drop_branch(self, ref: ChangeRef) -> None:
        """Delete the head branch, whereupon the forge closes the pull request."""
        ...

    async def retarget(self, ref: ChangeRef, base: str) -> None: ...
    async def draft(self, ref: ChangeRef, *, draft: bool) -> None: ...
    async def lock(self, ref: ChangeRef) -> None: ...
    async def label(self, ref: ChangeRef, label: str) -> None: ...
    async def branch(self, name: str, files: Files) -> None:
        """Push to a branch of the repository, which is made where there is none."""
        ...

    async def beside(self, name: str, files: Files, change: Files) -> ChangeRef:
        """Make another repository with the bot in it, and open a pull request there."""
        ...

    def end_tokens(self) -> None:
        """Let everything end that the bot showed to be let in."""
        ...

    def renew_tokens(self) -> None:
        """Give the bot new ones, where people have to."""
        ...

    def skew(self, by: timedelta) -> None:
        """Let the forge's clock be ahead of the bot's."""
        ...

    def refuse(self, status: int, times: int) -> Any:
        """Answer the next writes with an error; `hits` of what is returned counts them."""
        ...

    def deafen(self) -> None:
        """Let webhooks arrive no more."""
        ...

    def listen(self) -> None:
        """Let them arrive again."""
        ...

    async def resend(self, *, failed: bool = True, backwards: bool = False) -> int:
        """Send once more what failed to arrive, or what did arrive; return how much that was."""
        ...


class _Deeds:
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


class _OfPullRequests(_Deeds):
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


class GitHubDeeds(_OfPullRequests):
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
        payload = await github_history.drop_branch(self.server.world, pull.repo, pull.head_ref, pull.user)
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


class GitLabDeeds(_Deeds):
    """Read in: app/services/merge_requests/refresh_service.rb (`close_upon_missing_source_branch_ref`); GitLab docs,
    "Project webhooks" (none tells of renamed, archived or deleted projects, nor of members).
    """

    def __init__(self, stage: GitLabStage) -> None:
        super().__init__(stage, (GITLAB_BOT, "project_3_bot_0123456789abcdef"))
        self.project = stage.server.project(str(stage.repo))
        self.url = self.project.hooks[0].url

    async def edit(self, comment: str, body: str) -> None:
        await self.server.edit_note(self.server.world.notes[int(comment)], body)

    async def erase(self, comment: str) -> None:
        self.server.delete_note(self.server.world.notes[int(comment)])

    async def erase_ours(self, ref: ChangeRef) -> None:
        for note in self.server.notes(str(ref.repo), ref.number):
            if note.author.username == GITLAB_BOT:
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
        self.server.remove_member(self.project.path, GITLAB_BOT)

    async def install(self) -> None:
        self.server.add_member(self.project.path, GITLAB_BOT)

    async def reset(self, ref: ChangeRef, sha: str) -> None:
        request = self.server.request(str(ref.repo), ref.number)
        await self.server.push(self.project.path, request.source_branch, {}, parent=sha)

    async def drop_branch(self, ref: ChangeRef) -> None:
        request = self.server.request(str(ref.repo), ref.number)
        payload = await gitlab_history.drop_branch(self.server.world, self.project, request.source_branch, "octocat")
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
        self.server.add_member(str(repo), GITLAB_BOT)
        self.server.add_hook(str(repo), self.url)
        opened = await self.server.open_merge_request(str(repo), "change", "Update", "octocat", files=change)
        return ChangeRef(repo=repo, number=opened.iid)

    def end_tokens(self) -> None:
        self.server.world.tokens[self.stage.token].revoked = True

    def renew_tokens(self) -> None:
        self.stage.token = self.server.create_token(GITLAB_BOT, value="glpat-rotated").value

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


class ForgejoDeeds(_OfPullRequests):
    """Read in: `services/pull/pull.go` (CloseBranchPulls), `services/webhook/notifier.go`; of a repository that is
    renamed, transferred, archived or made private no webhook tells.
    """

    def __init__(self, stage: ForgejoStage) -> None:
        super().__init__(stage, (FORGEJO_BOT, "forgejo-actions"))
        stage.server.world.users["forgejo-actions"] = User("forgejo-actions", -2)
        [self.hook] = stage.server.world.hooks
        self.url = self.hook.url

    def let_in(self, repo: RepoRef) -> None:
        self.server.set_permission(str(repo), FORGEJO_BOT, "admin")

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
        payload = forgejo_history.drop(self.server.world, repo)
        self.server.webhooks.emit(repo, "repository", payload)
        await self.server.settled()

    async def uninstall(self) -> None:
        self.server.set_permission(self.name, FORGEJO_BOT, "none")

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
        self.stage.token = self.server.create_token(FORGEJO_BOT)

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


DEEDS: Mapping[str, Callable[[Any], Deeds]] = {
    "forgejo": ForgejoDeeds,
    "github": GitHubDeeds,
    "gitlab": GitLabDeeds,
}
"""By the forge's name; made once the stage's webhooks are connected."""
