"""What the demo's pull requests are opened on: a stand-in for GitHub, GitLab or Forgejo, at the wire.

A forge is a context that serves, and knows how people act on it and what they see. To add one, add its class to
`FORGES`.
"""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import yaml

from tests.fakes.forgejo import ForgejoServer
from tests.fakes.git import Files
from tests.fakes.github import GitHubServer
from tests.fakes.gitlab import GitLabServer
from tests.fakes.gitlab.model import DEVELOPER
from tests.fakes.service import Process

_BOT = "revdeps"
_PACKAGER = "hubot-packager"
_SECRET = "hook secret"  # noqa: S105  of a stand-in


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A pull request, with the commit that is tested."""

    number: int
    head_sha: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A check as people see it; `conclusion` is None until it is done."""

    title: str
    conclusion: str | None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A comment as people see it."""

    author: str
    body: str
    reactions: Sequence[str]


class DemoForge(Protocol):
    """A forge on which the story is told."""

    name: str

    @property
    def url(self) -> str:
        """The address of the forge."""
        ...

    @property
    def violations(self) -> list[str]:
        """What was asked for that the real one refuses as wrong."""
        ...

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *error: object) -> None: ...

    def register(self, bot: Process) -> Mapping[str, str]:
        """Make the bot known here, and return the settings that make this forge known to it."""
        ...

    async def create(self, repository: str, files: Files) -> None:
        """Make a repository in which the packager may write and the bot may work."""
        ...

    async def begin(self) -> None:
        """Do what waits for a bot that listens."""
        ...

    async def open(self, repository: str, title: str, files: Files) -> Opened:
        """Open a pull request as the packager."""
        ...

    def check(self, repository: str, sha: str) -> Shown | None:
        """Return the bot's check of a commit."""
        ...

    def comments(self, repository: str, number: int) -> Sequence[Said]:
        """Return the comments of a pull request, oldest first."""
        ...

    async def say(self, repository: str, number: int, text: str) -> None:
        """Comment as the packager."""
        ...


def _branch(title: str) -> str:
    return title.lower().replace(" ", "-")


class _Served:
    """What all of them share: a server that runs while the context does."""

    name = ""

    def __init__(self, server: Any) -> None:
        self.server = server
        self._started = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._started.enter_async_context(self.server)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._started.aclose()

    @property
    def url(self) -> str:
        return str(self.server.url)

    @property
    def violations(self) -> list[str]:
        return list(self.server.violations)

    async def begin(self) -> None:
        return None

    async def say(self, repository: str, number: int, text: str) -> None:
        await self.server.comment(repository, number, _PACKAGER, text)

    def _settings(self, directory: Path, token: str, **more: str) -> Mapping[str, str]:
        """Write token and secret down, and an entry of the operator's file."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "token").write_text(token)
        (directory / "webhook-secret").write_text(_SECRET)
        entry = {"kind": self.name, "url": self.url, "token-file": str(directory / "token"), **more}
        (directory / "forges.yaml").write_text(yaml.safe_dump({self.name: entry}))
        return {"REVDEPS_FORGES_FILE": str(directory / "forges.yaml")}


class _GitHub(_Served):
    name = "github"

    def __init__(self) -> None:
        super().__init__(GitHubServer())

    def register(self, bot: Process) -> Mapping[str, str]:
        app = self.server.create_app(webhook_url=f"{bot.url}/webhook/github", webhook_secret=_SECRET)
        bot.directory.mkdir(parents=True, exist_ok=True)
        (bot.directory / "app.pem").write_text(app.private_key or "")
        (bot.directory / "webhook-secret").write_text(_SECRET)
        return {
            "REVDEPS_GITHUB_APP_ID": str(app.id),
            "REVDEPS_GITHUB_PRIVATE_KEY_FILE": str(bot.directory / "app.pem"),
            "REVDEPS_GITHUB_WEBHOOK_SECRET_FILE": str(bot.directory / "webhook-secret"),
            "REVDEPS_GITHUB_API_URL": self.url,
            "REVDEPS_GITHUB_WEB_URL": self.url,
        }

    async def create(self, repository: str, files: Files) -> None:
        await self.server.create_repository(repository, files)
        self.server.set_permission(repository, _PACKAGER, "write")

    async def begin(self) -> None:
        await self.server.install("octocat")

    async def open(self, repository: str, title: str, files: Files) -> Opened:
        opened = await self.server.open_pull_request(repository, _branch(title), title, _PACKAGER, files=files)
        return Opened(number=opened.number, head_sha=opened.head_sha)

    def check(self, repository: str, sha: str) -> Shown | None:
        found = self.server.checks(repository, sha)
        if not found:
            return None
        check = found[-1]
        done = check.conclusion if check.status == "completed" else None
        return Shown(title=check.title, conclusion=done, text=check.summary)

    def comments(self, repository: str, number: int) -> Sequence[Said]:
        return [
            Said(author=one.user.login, body=one.body, reactions=[reaction.content for reaction in one.reactions])
            for one in self.server.comments(repository, number)
        ]


class _GitLab(_Served):
    name = "gitlab"
    _STATES: Mapping[str, str] = {"success": "success", "failed": "failure", "canceled": "cancelled"}

    def __init__(self) -> None:
        super().__init__(GitLabServer())
        self._hook = ""

    def register(self, bot: Process) -> Mapping[str, str]:
        self._hook = f"{bot.url}/webhook/{self.name}"
        secret = str(bot.directory / "webhook-secret")
        token = self.server.create_token(_BOT).value
        return self._settings(bot.directory, token, **{"webhook-token-file": secret})

    async def create(self, repository: str, files: Files) -> None:
        await self.server.create_project(repository, files)
        self.server.add_member(repository, _BOT)
        self.server.add_member(repository, _PACKAGER, DEVELOPER)
        self.server.add_hook(repository, self._hook, token=_SECRET)

    async def open(self, repository: str, title: str, files: Files) -> Opened:
        opened = await self.server.open_merge_request(repository, _branch(title), title, _PACKAGER, files=files)
        return Opened(number=opened.iid, head_sha=opened.sha)

    def check(self, repository: str, sha: str) -> Shown | None:
        found = self.server.statuses(sha, repository)
        if not found:
            return None
        _, status = found[-1]
        return Shown(title=status.description or "", conclusion=self._STATES.get(status.status))

    def comments(self, repository: str, number: int) -> Sequence[Said]:
        return [
            Said(author=one.author.username, body=one.body, reactions=[award.name for award in one.awards])
            for one in self.server.notes(repository, number)
            if not one.system
        ]


class _Forgejo(_Served):
    name = "forgejo"
    _STATES: Mapping[str, str] = {"success": "success", "failure": "failure", "error": "cancelled"}

    def __init__(self) -> None:
        super().__init__(ForgejoServer())

    def register(self, bot: Process) -> Mapping[str, str]:
        self.server.add_hook(f"{bot.url}/webhook/{self.name}", secret=_SECRET)
        more = {"user": _BOT, "webhook-secret-file": str(bot.directory / "webhook-secret")}
        return self._settings(bot.directory, self.server.create_token(_BOT).value, **more)

    async def create(self, repository: str, files: Files) -> None:
        await self.server.create_repository(repository, files)
        self.server.set_permission(repository, _BOT, "admin")
        self.server.set_permission(repository, _PACKAGER, "write")

    async def open(self, repository: str, title: str, files: Files) -> Opened:
        opened = await self.server.open_pull_request(repository, _branch(title), title, _PACKAGER, files=files)
        return Opened(number=opened.number, head_sha=opened.head_sha)

    def check(self, repository: str, sha: str) -> Shown | None:
        status = self.server.status(repository, sha)
        return status and Shown(title=status.description, conclusion=self._STATES.get(status.state))

    def comments(self, repository: str, number: int) -> Sequence[Said]:
        return [
            Said(author=one.user.login, body=one.body, reactions=[reaction.content for reaction in one.reactions])
            for one in self.server.comments(repository, number)
        ]


FORGES: Mapping[str, type[_GitHub | _GitLab | _Forgejo]] = {"github": _GitHub, "gitlab": _GitLab, "forgejo": _Forgejo}
"""By name, the usual one first."""
