"""`ForgejoServer`: Forgejo's API, git over HTTP and webhooks on a loopback port, for what the bot uses of them.

Tests and the demo act on it as people do (`push`, `open_pull_request`, `comment` …); each act returns when its webhooks
have been answered, or have failed. What the bot published is read with `statuses` and `comments`. `violations` lists
requests that no client would make who knows Forgejo: a test asserts that it is empty.
"""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.ports.clock import Clock
from tests.fakes import git, git_http
from tests.fakes.clock import SystemClock
from tests.fakes.forge_history import Push, create
from tests.fakes.forge_server import SECRET, PullRequestServer
from tests.fakes.forgejo import history, hooks, issues, pulls, render, statuses
from tests.fakes.forgejo.description import Description, default_path
from tests.fakes.forgejo.gate import Failure, Gate
from tests.fakes.forgejo.model import (
    ROLES,
    Comment,
    Hook,
    PullRequest,
    Repository,
    Status,
    Token,
    User,
    World,
)
from tests.fakes.forgejo.webhooks import Sender
from tests.fakes.forgejo.wire import Route

SCOPES = ("write:repository", "write:issue", "read:user")


class ForgejoServer(PullRequestServer):
    """The server. `async with ForgejoServer() as forgejo:` serves until the block ends.

    clock          the time that everything is stamped with
    root           where the repositories are kept; by default a directory that goes away with the server
    description    of the API; by default what `scripts/fetch-test-data` fetched, None: no check
    check_answers  also hold the server's own answers against the description
    """

    failure = Failure
    roles = ROLES

    def __init__(
        self, *, clock: Clock | None = None, root: Path | None = None, description: Path | str | None = "default",
        check_answers: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(root)
        self.world = World(root=self._root, clock=clock or SystemClock())
        self.webhooks = Sender(self.world)
        path = default_path() if description == "default" else description
        self.gate = Gate(self.world, self.webhooks, Description(Path(path)) if path else None)
        self.gate.check_answers = check_answers

    def _add_routes(self, application: web.Application) -> None:
        for routes in (pulls.ROUTES, issues.ROUTES, statuses.ROUTES, hooks.ROUTES):
            for route in routes.found:
                application.router.add_route(route.method, route.pattern, self._handler(route))
        application.router.add_route("*", "/api/{anything:.*}", self._handler(None))
        application.router.add_route("*", "/{owner}/{repo}.git/{rest:.*}", self._git)

    def _handler(self, route: Route | None) -> Any:
        return functools.partial(self.gate.rest, route=route)

    async def _git(self, request: web.Request) -> web.StreamResponse:
        """`services/auth/basic.go`: a token is a password, whatever the name; a repository one may not see is not
        there.
        """
        failure = await self.gate.plan(request.method, request.path)
        if failure is not None and failure.status:
            return web.Response(status=failure.status, text=failure.message)
        given = git_http.credentials(request)
        token = self.world.tokens.get(given[1] if given else "")
        repo = self.world.repositories.get(f"{request.match_info['owner']}/{request.match_info['repo']}")
        if given is not None and (token is None or not token.allows("repository", write=False)):
            return web.Response(status=401, text="Unauthorized\n")
        if repo is None or not repo.may(token.user.login if token else "", "read"):
            return git_http.who_are_you("Gitea") if given is None else web.Response(status=404, text="Not found.\n")
        if git_http.writes(request):
            return web.Response(status=403, text="the fake takes no pushes\n")
        return await git_http.backend(repo.git_dir, request, request.match_info["rest"])

    # What can be seen from outside.

    def statuses(self, repo: str, sha: str) -> list[Status]:
        """Every status of a commit, oldest first."""
        return statuses.of_commit(self.repository(repo), sha)

    def status(self, repo: str, sha: str, context: str = "revdeps") -> Status | None:
        """The status that counts for a context."""
        found = [one for one in self.statuses(repo, sha) if one.context == context]
        return max(found, key=lambda one: one.id, default=None)

    # Accounts, tokens and webhooks.

    def create_token(self, login: str, scopes: Sequence[str] = SCOPES) -> Token:
        """Make an access token, for an account that is signed up where there is none yet."""
        number = len(self.world.tokens) + 1
        token = Token(f"{number:040x}", self.world.user(login), frozenset(scopes))
        self.world.tokens[token.value] = token
        return token

    def revoke(self, token: Token) -> None:
        del self.world.tokens[token.value]

    def add_hook(self, url: str, of: str | None = None, secret: str = SECRET) -> Hook:
        """Set a webhook up for a repository, an owner, or the whole server."""
        hook = Hook(of, url, secret)
        self.world.hooks.append(hook)
        return hook

    # Repositories and pull requests.

    async def create_repository(
        self, full_name: str, files: git.Files | Path | None = None, *, private: bool = False
    ) -> Repository:
        """Make a repository out of files or a directory."""
        repo = await create(self.world, Repository, full_name, files, private=private)
        payload = {"action": "created", "repository": render.repository(self.world, repo)}
        payload |= {"organization": render.user(self.world, repo.owner), "sender": render.user(self.world, repo.owner)}
        self.webhooks.emit(repo, "repository", payload)
        await self.settled()
        return repo

    def rename(self, old: str, new: str) -> None:
        """Give a repository another name, or owner; the old one leads there. No webhook tells of it."""
        repo = self.world.repositories.pop(old)
        owner, _, repo.name = new.partition("/")
        repo.owner = self.world.user(owner)
        self.world.repositories[new] = repo
        self.world.renamed[old] = new

    async def push(
        self, repo: str, branch: str, files: git.Files | Path, user: str = "octocat", *, message: str = "",
        parent: str | None = None,
    ) -> str:  # fmt: skip
        """Commit and push, and return the new commit's SHA.

        Open pull requests from that branch follow (`synchronized`, after `push`). With `parent`, the branch is reset to
        that commit first: a forced push.
        """
        where, who = self.repository(repo), self.world.user(user)
        what = Push(branch=branch, files=files, user=who, message=message, parent=parent)
        payload = await history.push(self.world, where, what)
        self.webhooks.emit(where, "push", payload)
        for pull in await history.moved(self.world, where, branch, payload["after"]):
            await self._tell(pull, "synchronized", user, kind="pull_request_sync")
        await self.settled()
        return str(payload["after"])

    async def delete_branch(self, repo: str, branch: str, user: str = "octocat") -> None:
        """Delete a branch: a push to nothing."""
        where = self.repository(repo)
        before = await git.resolve(where.git_dir, f"refs/heads/{branch}")
        await git.git(where.git_dir, "update-ref", "-d", f"refs/heads/{branch}")
        who = self.world.user(user)
        payload = await history.push_event(self.world, where, branch, who, before=before, after=git.ZERO)
        self.webhooks.emit(where, "push", payload)
        await self.settled()

    def _titled(self, title: str, *, draft: bool) -> dict[str, Any]:
        return {"title": f"WIP: {title}" if draft else title}

    async def _open(self, base: Repository, head: Repository, branch: str, facts: dict[str, Any]) -> PullRequest:
        return await history.open_pull(self.world, base, head, branch, facts)

    async def retitle(self, repo: str, number: int, title: str, user: str = "octocat") -> None:
        """Give it another title: with `WIP:` it becomes a draft, without it is ready."""
        pull = self.pull(repo, number)
        before, pull.title = pull.title, title
        await self._tell(pull, "edited", user, changes={"title": {"from": before}})

    async def retarget(self, repo: str, number: int, base: str, user: str = "octocat") -> None:
        """Choose another base branch."""
        pull = self.pull(repo, number)
        before, pull.base_ref = pull.base_ref, base
        await history.follow(pull)
        await self._tell(pull, "edited", user, changes={"ref": {"from": before}})

    async def label(self, repo: str, number: int, name: str, user: str = "octocat") -> None:
        pull = self.pull(repo, number)
        pull.labels.append(name)
        await self._tell(pull, "label_updated", user, kind="pull_request_label")

    async def delete_fork(self, pull: PullRequest) -> None:
        """Delete the repository that a pull request comes from."""
        if pull.head_repo is None or pull.head_repo is pull.repo:
            raise AssertionError(f"{pull.repo.full_name}#{pull.number} comes from no fork")
        del self.world.repositories[pull.head_repo.full_name]
        pull.head_repo = None

    async def _tell(
        self, pull: PullRequest, action: str, user: str, *, kind: str = "pull_request", **more: Any
    ) -> None:
        pull.updated_at = self.world.now()
        payload = await history.pull_event(self.world, pull, action, self.world.user(user), **more)
        self.webhooks.emit(pull.repo, kind, payload)
        await self.settled()

    # Comments.

    def _write_comment(self, pull: PullRequest, user: User, body: str) -> Comment:
        return issues.write_comment(self.world, pull, user, body)

    async def _tell_of_comment(self, comment: Comment, action: str, user: str, **more: Any) -> None:
        pull = comment.repo.pulls[comment.number]
        payload = issues.event(self.world, pull, comment, action, self.world.user(user)) | more
        self.webhooks.emit(comment.repo, "pull_request_comment", payload)
        await self.settled()
