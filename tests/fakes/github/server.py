"""`GitHubServer`: GitHub's REST API, git over HTTP and webhooks on a loopback port, for what the bot uses of them.

Tests and the demo act on it as people do (`push`, `open_pull_request`, `comment`, `press_button` …); each act returns
when its webhooks have been answered, or have failed. What the bot published is read with `checks` and `comments`.
`violations` lists requests that the real GitHub would have refused as wrong: a test asserts that it is empty.
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.ports.clock import Clock
from tests.fakes import git
from tests.fakes.clock import SystemClock
from tests.fakes.forge_history import Push, create
from tests.fakes.forge_server import SECRET, PullRequestServer
from tests.fakes.github import apps, checks, comments, history, moves, pulls, queue, render, trees
from tests.fakes.github.failures import Failure
from tests.fakes.github.gate import Gate
from tests.fakes.github.keys import fresh_key, public_half
from tests.fakes.github.manifests import Manifests
from tests.fakes.github.model import (
    ROLES,
    App,
    CheckRun,
    Comment,
    HookDelivery,
    Installation,
    PullRequest,
    Repository,
    User,
    World,
)  # fmt: skip
from tests.fakes.github.openapi import default_path, load
from tests.fakes.github.webhooks import Sender
from tests.fakes.github.wire import Route

PERMISSIONS = {
    "checks": "write", "pull_requests": "write", "issues": "write", "contents": "read", "metadata": "read",
    "merge_queues": "read",
}  # fmt: skip
EVENTS = ("check_run", "check_suite", "issue_comment", "merge_group", "pull_request", "push")


class GitHubServer(PullRequestServer):
    """The server. `async with GitHubServer() as github:` serves until the block ends.

    clock          the time that tokens and limits go by
    openapi        GitHub's description; by default what `scripts/fetch-test-data` fetched, None: no check
    root           where the repositories are kept; by default a directory that goes away with the server
    rate_limit     requests an hour an installation
    secondary      whether the secondary limits hold (on an Enterprise Server they do not, by default)
    check_answers  also hold the server's own answers against the description
    """

    failure = Failure
    roles = ROLES

    def __init__(
        self, *, clock: Clock | None = None, openapi: Path | str | None = "default", root: Path | None = None,
        rate_limit: int = 5_000, secondary: bool = True, check_answers: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(root)
        self.world = World(root=self._root, clock=clock or SystemClock())
        self.webhooks = Sender(self.world)
        path = default_path() if openapi == "default" else openapi
        description = load(Path(path)) if path else None
        self.gate: Gate = Gate(self.world, self.webhooks, description, rate_limit, check_answers=check_answers)
        self.merge_queue = queue.MergeQueue(self.world, self.webhooks)
        self.manifests = Manifests(self.world, self.create_app)

    def _add_routes(self, application: web.Application) -> None:
        resend = apps.redeliver_route(self.webhooks.resend)
        for routes in (apps.ROUTES, pulls.ROUTES, comments.ROUTES, checks.ROUTES, queue.ROUTES, trees.ROUTES, resend):
            for route in routes.found:
                application.router.add_route(route.method, route.pattern, self._handler(route))
        application.router.add_route("*", "/{owner}/{repo}.git/{rest:.*}", self.gate.git)
        self.manifests.add_to(application)
        application.router.add_route("*", "/{anything:.*}", self._handler(None))

    def _handler(self, route: Route | None) -> Any:
        return functools.partial(self.gate.rest, route=route)

    # What can be seen from outside.

    def checks(self, repo: str, sha: str | None = None) -> list[CheckRun]:
        """The check runs of a repository, or of one commit, oldest first, with their history."""
        return [c for c in self.world.checks.values() if c.repo.full_name == repo and sha in (None, c.head_sha)]

    # Apps.

    def create_app(
        self, app_id: int = 1_234, *, slug: str = "revdeps", private_key: str | None = None,
        public_key: str | None = None, webhook_url: str | None = None, webhook_secret: str = SECRET,
        permissions: Mapping[str, str] | None = None, events: Sequence[str] = EVENTS,
    ) -> App:  # fmt: skip
        """Register an App; without a key one is made, and stands in the result's `private_key` (PEM)."""
        if private_key is None and public_key is None:
            private_key = fresh_key()
        app = App(
            id=app_id, slug=slug, client_id=f"Iv23li{app_id:014}", owner=self.world.user("octocat"),
            bot=self.world.user(f"{slug}[bot]", "Bot"),
            public_key=public_key.encode() if public_key else public_half(private_key or ""), private_key=private_key,
            webhook_url=webhook_url, webhook_secret=webhook_secret,
            permissions=dict(PERMISSIONS if permissions is None else permissions), events=tuple(events),
            created_at=self.world.now(),
        )  # fmt: skip
        self.world.apps[app_id] = app
        return app

    async def install(
        self, account: str, app: App | None = None, repositories: Sequence[str] | None = None
    ) -> Installation:
        """Install an App (the newest by default) for all repositories of an account, or for those named."""
        which, owner = apps.app_by_default(self.world, app), self.world.user(account)
        selected = None if repositories is None else set(repositories)
        new = Installation(self.world.new_id(), which, owner, dict(which.permissions), self.world.now(), selected)
        self.world.installations[new.id] = new
        await self._installation_event(new, "created")
        return new

    async def uninstall(self, installation: Installation) -> None:
        """Remove an installation; its tokens are worth nothing any more."""
        await self._installation_event(installation, "deleted")
        del self.world.installations[installation.id]

    async def add_repositories(self, installation: Installation, *repositories: str, remove: bool = False) -> None:
        """Add repositories to a selection, or take them out of it."""
        change = set(repositories)
        kept = (installation.selected or set()) - change if remove else (installation.selected or set()) | change
        installation.selected = kept
        known = [self.repository(name) for name in repositories]
        brief = [{"id": r.id, "node_id": f"R_{r.id}", "name": r.name, "full_name": r.full_name, "private": r.private}
                 for r in known]  # fmt: skip
        payload = apps.installation_event(self.world, installation, installation.account) | {
            "action": "removed" if remove else "added",
            "repository_selection": "selected",
            "repositories_added": [] if remove else brief,
            "repositories_removed": brief if remove else [],
        }
        del payload["repositories"]
        self.webhooks.emit_to(installation, "installation_repositories", payload)
        await self.settled()

    async def _installation_event(self, which: Installation, action: str) -> None:
        payload = {"action": action} | apps.installation_event(self.world, which, which.account)
        self.webhooks.emit_to(which, "installation", payload)
        await self.settled()

    async def redeliver(self, delivery: HookDelivery) -> None:
        """Press *Redeliver*: the same GUID again."""
        self.webhooks.resend(apps.again(self.world, delivery))
        await self.settled()

    # Repositories and pull requests.

    async def create_repository(
        self, full_name: str, files: git.Files | Path | None = None, *, private: bool = False
    ) -> Repository:
        """Make a repository out of files or a directory."""
        return await create(self.world, Repository, full_name, files, private=private)

    def rename_repository(self, repo: str, name: str) -> str:
        """Rename a repository, and return its new full name. Apps hear of it only by asking for `repository` events."""
        return moves.rename(self.world, repo, name)

    def transfer_repository(self, repo: str, owner: str) -> str:
        """Give a repository to another account, and return its new full name."""
        return moves.transfer(self.world, repo, owner)

    def delete_repository(self, repo: str) -> None:
        """Delete a repository."""
        moves.delete(self.world, self.repository(repo))

    def forget_user(self, login: str) -> None:
        """Delete an account; what it wrote stays, by nobody."""
        del self.world.users[login]

    async def push(
        self, repo: str, branch: str, files: git.Files | Path, user: str = "octocat", *, message: str = "",
        parent: str | None = None,
    ) -> str:  # fmt: skip
        """Commit and push, and return the new commit's SHA.

        Open pull requests from that branch follow (`synchronize`, after `push`). With `parent`, the branch is reset to
        that commit first: a forced push.
        """
        where = self.repository(repo)
        what = Push(branch=branch, files=files, user=self.world.user(user), message=message, parent=parent)
        payload = await history.push(self.world, where, what)
        return await self._pushed(where, branch, payload, user)

    async def _pushed(self, where: Repository, branch: str, payload: dict[str, Any], user: str) -> str:
        before, after = payload["before"], payload["after"]
        self.webhooks.emit(where, "push", payload)
        await self._request_suites(where, after, user)
        for pull in await history.moved(self.world, where, branch, after):
            await self._tell(pull, "synchronize", user, before=before, after=after)
        await self.settled()
        return str(after)

    async def _request_suites(self, where: Repository, sha: str, user: str) -> None:
        """Every App that may write checks is asked for a suite of what was pushed (docs: webhook check_suite)."""
        for installation in self.world.installations.values():
            if installation.covers(where):
                suite = checks.suite_of(self.world, where, installation.app, sha)
                payload = await checks.suite_event(self.world, suite, "requested", self.world.user(user))
                self.webhooks.emit_to(installation, "check_suite", payload)

    def _titled(self, title: str, *, draft: bool) -> dict[str, Any]:
        return {"title": title, "draft": draft}

    async def _open(self, base: Repository, head: Repository, branch: str, facts: dict[str, Any]) -> PullRequest:
        return await history.open_pull(self.world, base, head, branch, facts)

    async def merge_pull_request(self, repo: str, number: int, user: str = "octocat") -> str:
        """Merge with a merge commit, and return its SHA: `closed`, then `push` to the base."""
        pull = self.pull(repo, number)
        where, tip = pull.repo.git_dir, await git.resolve(pull.repo.git_dir, f"refs/heads/{pull.base_ref}")
        sha = await git.merge(where, tip or pull.base_sha, pull.head_sha, f"Merge #{number}", user)
        if sha is None:
            raise AssertionError(f"{repo}#{number} has conflicts")
        await git.git(where, "update-ref", f"refs/heads/{pull.base_ref}", sha)
        pull.state, pull.closed_at, pull.merged_at = "closed", self.world.now(), self.world.now()
        pull.merge_commit_sha = sha
        await self._tell(pull, "closed", user)
        what = Push(branch=pull.base_ref, files={}, user=self.world.user(user))
        await self._pushed(
            pull.repo, pull.base_ref, await history.push_event(self.world, pull.repo, what, tip, sha), user
        )
        return sha

    async def mark_draft(self, repo: str, number: int, user: str = "octocat") -> None:
        self.pull(repo, number).draft = True
        await self._tell(self.pull(repo, number), "converted_to_draft", user)

    async def mark_ready(self, repo: str, number: int, user: str = "octocat") -> None:
        self.pull(repo, number).draft = False
        await self._tell(self.pull(repo, number), "ready_for_review", user)

    async def label(self, repo: str, number: int, name: str, user: str = "octocat") -> None:
        pull = self.pull(repo, number)
        pull.labels.append(name)
        await self._tell(pull, "labeled", user, label=render.label(self.world, pull.repo, name))

    async def retarget(self, repo: str, number: int, base: str, user: str = "octocat") -> None:
        """Choose another base branch: `edited`, with `changes.base`."""
        pull = self.pull(repo, number)
        old = {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}
        sha = await git.resolve(pull.repo.git_dir, f"refs/heads/{base}")
        if sha is None:
            raise AssertionError(f"no branch {base} in {repo}")
        pull.base_ref, pull.base_sha = base, sha
        await self._tell(pull, "edited", user, changes={"base": old})

    async def _tell(self, pull: PullRequest, action: str, user: str, **more: Any) -> None:
        pull.updated_at = self.world.now()
        payload = await history.pull_event(self.world, pull, action, self.world.user(user), **more)
        self.webhooks.emit(pull.repo, "pull_request", payload)
        await self.settled()

    # Comments and checks.

    def _write_comment(self, pull: PullRequest, user: User, body: str) -> Comment:
        return comments.write_comment(self.world, pull, user, body)

    async def _tell_of_comment(self, comment: Comment, action: str, user: str, **more: Any) -> None:
        pull = comment.repo.pulls[comment.number]
        payload = comments.event(self.world, pull, comment, action, self.world.user(user)) | more
        self.webhooks.emit(comment.repo, "issue_comment", payload)
        await self.settled()

    async def press_button(self, check_run_id: int, identifier: str, user: str) -> None:
        """Press a button of a check run, finished or not: octokit/webhooks has an example of an unfinished one."""
        run = self.world.checks[check_run_id]
        shown = [action["identifier"] for action in run.actions]
        if identifier not in shown:
            raise AssertionError(f"check {run.name!r} has no button {identifier!r}, only {shown}")
        more = {"requested_action": {"identifier": identifier}}
        await self._check_event(run, "requested_action", user, **more)

    async def rerequest_check(self, check_run_id: int, user: str) -> None:
        """Press *Re-run*: its suite is queued again, the run itself stays (checks/rerequest-run)."""
        run = self.world.checks[check_run_id]
        run.suite.reset = True
        await self._check_event(run, "rerequested", user)

    async def _check_event(self, run: CheckRun, action: str, user: str, **more: Any) -> None:
        payload = checks.run_event(self.world, run, action, self.world.user(user)) | more
        self._emit_to_owner(run.repo, run.app, "check_run", payload)
        await self.settled()

    async def rerequest_suite(self, repo: str, sha: str, user: str, app: App | None = None) -> None:
        """Press *Re-run all checks* of a commit."""
        which = apps.app_by_default(self.world, app)
        suites = self.world.suites.values()
        suite = next(s for s in suites if s.repo.full_name == repo and s.head_sha == sha and s.app is which)
        suite.reset = True
        payload = await checks.suite_event(self.world, suite, "rerequested", self.world.user(user))
        self._emit_to_owner(suite.repo, which, "check_suite", payload)
        await self.settled()

    def _emit_to_owner(self, repo: Repository, app: App, event: str, payload: dict[str, Any]) -> None:
        """What is asked of a check goes to the App that made it, and to no other."""
        installation = self.world.installation_for(repo, app)
        if installation is not None:
            self.webhooks.emit_to(installation, event, payload)
