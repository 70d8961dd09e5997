"""What the fake forges' servers have in common: they serve on loopback, and let a test see what came and what went."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from aiohttp import web

from tests.fakes import forge_history, git
from tests.fakes.forge_gate import ForgeFailure, ForgeGate

SECRET = "It's a Secret to Everybody"
"""What webhooks are signed with unless a test says otherwise."""
_PUSH_BOUND = 64 * 1024 * 1024


class ForgeServer:
    """`async with` serves until the block ends. A forge's own sets what it knows (`world`), its sender and its gate."""

    failure: ClassVar[type[ForgeFailure]]
    world: Any
    webhooks: Any
    gate: ForgeGate[Any]

    def __init__(self, root: Path | None) -> None:
        self._temporary = None if root else tempfile.TemporaryDirectory(prefix=f"fake-{type(self).__name__}-")
        self._root = root or Path(self._temporary.name)  # type: ignore[union-attr]
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self, port: int = 0) -> None:
        """Serve on loopback, on a free port unless told otherwise."""
        application = web.Application(client_max_size=_PUSH_BOUND)
        self._add_routes(application)
        self._runner = web.AppRunner(application, handle_signals=False, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.world.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    def _add_routes(self, application: web.Application) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        """Stop serving; webhooks that have not been delivered are dropped."""
        await self.webhooks.close()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._temporary is not None:
            self._temporary.cleanup()

    @property
    def url(self) -> str:
        """The address of the server: of its API, of git and of what people open."""
        return self.world.url

    @property
    def violations(self) -> list[str]:
        """What was asked for that the real forge refuses as wrong, or that nobody would ask for who knows it."""
        return self.gate.violations

    @property
    def calls(self) -> Mapping[tuple[str, str], int]:
        """How often each (method, template of the path) was called, failed calls included."""
        return self.gate.calls

    def fail(self, **what: Any) -> Any:
        """Plan a failure: see the forge's `Failure` for what can go wrong. Returns it, to be counted or stopped."""
        failure = self.failure(**what)
        self.gate.failures.append(failure)
        return failure

    async def settled(self) -> None:
        """Wait until no webhook is on its way."""
        await self.webhooks.settled()


class PullRequestServer(ForgeServer):
    """What people do alike on GitHub and on Forgejo. Each act returns when its webhooks were answered, or failed.

    A forge tells of its own pull requests (`_tell`) and comments (`_tell_of_comment`), and of what it calls a draft.
    """

    roles: ClassVar[tuple[str, ...]]

    @property
    def deliveries(self) -> Sequence[Any]:
        """Every attempt to deliver a webhook, oldest first."""
        return self.world.deliveries

    def repository(self, full_name: str) -> Any:
        return self.world.repositories[full_name]

    def pull(self, repo: str, number: int) -> Any:
        return self.repository(repo).pulls[number]

    def comments(self, repo: str, number: int) -> list[Any]:
        """The comments of a pull request, oldest first, with their history."""
        return self.world.comments_of(self.pull(repo, number))

    def set_permission(self, repo: str, user: str, role: str) -> None:
        """Give a user one of the forge's roles, or none."""
        if role not in self.roles:
            raise AssertionError(f"{role!r} is none of {self.roles}")
        self.repository(repo).roles[self.world.user(user).login] = role

    async def open_pull_request(
        self, repo: str, head: str, title: str, user: str = "octocat", *, draft: bool = False, from_fork: bool = False,
        body: str = "", base: str | None = None, files: git.Files | Path | None = None,
    ) -> Any:  # fmt: skip
        """Open a pull request from branch `head`; with `files` the branch is pushed first.

        `from_fork`: from the branch of that name in the user's fork, which is made where there is none.
        """
        target, who = self.repository(repo), self.world.user(user)
        source = await forge_history.fork(self.world, target, who) if from_fork else target
        if files is not None:
            await self.push(source.full_name, head, files, user, message=title)
        facts = {"user": who, "body": body, "base_ref": base, **self._titled(title, draft=draft)}
        pull = await self._open(target, source, head, facts)
        await self._tell(pull, "opened", user)
        return pull

    async def close_pull_request(self, repo: str, number: int, user: str = "octocat") -> None:
        """Close without merging."""
        pull = self.pull(repo, number)
        pull.state, pull.closed_at = "closed", self.world.now()
        await self._tell(pull, "closed", user)

    async def reopen(self, repo: str, number: int, user: str = "octocat") -> None:
        pull = self.pull(repo, number)
        pull.state, pull.closed_at = "open", None
        await self._tell(pull, "reopened", user)

    async def comment(self, repo: str, number: int, user: str, body: str) -> Any:
        """Write a comment."""
        new = self._write_comment(self.pull(repo, number), self.world.user(user), body)
        await self._tell_of_comment(new, "created", user)
        return new

    async def edit_comment(self, comment: Any, body: str, user: str | None = None) -> None:
        """Rewrite a comment."""
        before = comment.body
        comment.history.append(body)
        comment.updated_at = self.world.now()
        changes = {"body": {"from": before}}
        await self._tell_of_comment(comment, "edited", user or comment.user.login, changes=changes)

    async def delete_comment(self, comment: Any, user: str | None = None) -> None:
        """Delete a comment, the bot's too."""
        del self.world.comments[comment.id]
        await self._tell_of_comment(comment, "deleted", user or comment.user.login)
