"""`GitLabServer`: GitLab's REST API, git over HTTP and webhooks on a loopback port, for what the bot uses of them.

Tests and the demo act on it as people do (`push`, `open_merge_request`, `comment` …); each act returns when its
webhooks have been answered, or have failed. What the bot published is read with `statuses` and `notes`. `violations`
lists requests that the real GitLab would have refused as wrong, or whose parameters it does not know: a test asserts
that it is empty. No package registry has GitLab's own description, so each endpoint declares what its page documents.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.ports.clock import Clock
from tests.fakes import git
from tests.fakes.clock import SystemClock
from tests.fakes.forge_history import Push
from tests.fakes.forge_server import SECRET, ForgeServer
from tests.fakes.gitlab import events, history, hooks, projects, requests, statuses
from tests.fakes.gitlab.gate import Failure, Gate
from tests.fakes.gitlab.model import (
    MAINTAINER,
    Hook,
    MergeRequest,
    Note,
    Pipeline,
    Project,
    Status,
    Token,
    World,
)  # fmt: skip
from tests.fakes.gitlab.webhooks import Sender

EVENTS = ("Merge Request Hook", "Note Hook", "Pipeline Hook", "Push Hook")
TOKEN = "glpat-0123456789abcdefghij"


class GitLabServer(ForgeServer):
    """The server. `async with GitLabServer() as gitlab:` serves until the block ends.

    clock       the time that tokens and limits go by
    root        where the repositories are kept; by default a directory that goes away with the server
    rate_limit  requests a minute
    """

    failure = Failure

    def __init__(self, *, clock: Clock | None = None, root: Path | None = None, rate_limit: int = 2_000) -> None:
        super().__init__(root)
        self.world = World(root=self._root, clock=clock or SystemClock())
        self.webhooks = Sender(self.world)
        routes = [
            route
            for each in (projects.ROUTES, requests.ROUTES, statuses.ROUTES, hooks.routes(self.webhooks.resend))
            for route in each.found
        ]
        self.gate = Gate(self.world, self.webhooks, routes, rate_limit)

    def _add_routes(self, application: web.Application) -> None:
        application.router.add_route("*", "/api/v4/{anything:.*}", self.gate.rest)
        application.router.add_route("*", "/{path:.+}.git/{rest:.*}", self.gate.git)

    # What can be seen from outside.

    def project(self, path: str) -> Project:
        found = self.world.project(path)
        assert found is not None, f"no project {path}"
        return found

    def request(self, project: str, iid: int) -> MergeRequest:
        return self.project(project).requests[iid]

    def notes(self, project: str, iid: int) -> list[Note]:
        """The notes of a merge request, oldest first, with their history."""
        return requests.notes_of(self.world, self.request(project, iid))

    def statuses(self, sha: str, project: str | None = None) -> list[tuple[Pipeline, Status]]:
        """What stands on a commit in all its pipelines, oldest first, of one project or of all."""
        return [
            (pipeline, status)
            for pipeline in self.world.pipelines
            for status in pipeline.latest
            if pipeline.sha == sha and project in (None, pipeline.project.path)
        ]

    # Users, projects, hooks.

    def create_token(
        self, user: str = "revdeps-bot", *, value: str = TOKEN, scopes: Sequence[str] = ("api",),
        expires_at: datetime | None = None, bot: bool = True,
    ) -> Token:  # fmt: skip
        """Make an access token of a user, who is made as well."""
        token = Token(value, self.world.user(user, bot=bot), tuple(scopes), expires_at)
        self.world.tokens[value] = token
        return token

    async def create_project(
        self, path: str, files: git.Files | Path | None = None, *, visibility: str = "public", owner: str = "octocat"
    ) -> Project:
        """Make a project out of files or a directory."""
        who = self.world.user(owner)
        return await history.create(self.world, path, files or {"README.md": "Hi\n"}, visibility=visibility, owner=who)

    def add_member(self, project: str, user: str, level: int = MAINTAINER, *, invited: bool = False) -> None:
        """Give a user an access level; `invited`: by a group that was invited."""
        where, who = self.project(project), self.world.user(user)
        (where.invited if invited else where.members)[who.id] = level

    def remove_member(self, project: str, user: str) -> None:
        """Take a user out of a project."""
        where, who = self.project(project), self.world.user(user)
        where.members.pop(who.id, None)
        where.invited.pop(who.id, None)

    def rename_project(self, project: str, path: str) -> None:
        """Rename or transfer: the old path leads to the new one."""
        where = self.project(project)
        self.world.moved[project.lower()] = where.id
        where.path = path

    def add_hook(
        self, project: str, url: str, *, token: str = SECRET, signing_key: bytes = b"",
        wanted: Sequence[str] = EVENTS,
    ) -> Hook:  # fmt: skip
        """Add a webhook to a project."""
        where = self.project(project)
        hook = Hook(next(self.world.small_ids), where, url, tuple(wanted), token, signing_key)
        where.hooks.append(hook)
        return hook

    # Merge requests.

    async def push(
        self, project: str, branch: str, files: git.Files | Path, user: str = "octocat", *, message: str = "",
        parent: str | None = None,
    ) -> str:  # fmt: skip
        """Commit and push, and return the new commit's SHA; open merge requests from that branch follow."""
        where, who = self.project(project), self.world.user(user)
        what = Push(branch=branch, files=files, user=who, message=message, parent=parent)
        before, after = await history.push(self.world, where, what)
        self.webhooks.emit(
            where, "Push Hook", events.push(self.world, where, who, f"refs/heads/{branch}", before, after)
        )
        for other in list(self.world.projects.values()):
            for request in other.requests.values():
                if request.source is where and request.source_branch == branch and request.state == "opened":
                    await history.follow(self.world, request, after)
                    self._tell(request, "update", user, oldrev=before)
        await self.settled()
        return after

    async def open_merge_request(
        self, project: str, branch: str, title: str, user: str = "octocat", *, draft: bool = False,
        from_fork: bool = False, target_branch: str | None = None, files: git.Files | Path | None = None,
    ) -> MergeRequest:  # fmt: skip
        """Open a merge request from a branch; with `files` the branch is pushed first.

        `from_fork`: from the branch of that name in the user's fork, which is made where there is none.
        """
        target, who = self.project(project), self.world.user(user)
        source = await history.fork(self.world, target, who) if from_fork else target
        if files is not None:
            await self.push(source.path, branch, files, user, message=title)
        new = await history.open_request(
            self.world, target, source, branch, who, title=title, draft=draft,
            target_branch=target_branch or target.default_branch,
        )  # fmt: skip
        self._tell(new, "open", user)
        await self.settled()
        return new

    async def close_merge_request(self, project: str, iid: int, user: str = "octocat") -> None:
        """Close without merging."""
        request = self.request(project, iid)
        request.state = "closed"
        self._tell(request, "close", user)
        await self.settled()

    async def reopen(self, project: str, iid: int, user: str = "octocat") -> None:
        request = self.request(project, iid)
        request.state = "opened"
        self._tell(request, "reopen", user)
        await self.settled()

    async def alter(self, project: str, iid: int, user: str = "octocat", **facts: Any) -> None:
        """Edit a merge request: its title, `draft`, `labels`, `target_branch`."""
        request, changes = self.request(project, iid), {}
        for name, value in facts.items():
            changes[name] = {"previous": getattr(request, name), "current": value}
            setattr(request, name, value)
        request.updated_at = self.world.now()
        if "target_branch" in facts:
            await history.follow(self.world, request, request.sha)
        self._tell(request, "update", user, changes=changes)
        await self.settled()

    async def merge(self, project: str, iid: int, user: str = "octocat") -> str:
        """Merge with a merge commit, and return its SHA."""
        request = self.request(project, iid)
        where = request.project.git_dir
        tip = await git.resolve(where, f"refs/heads/{request.target_branch}") or request.start_sha
        sha = await git.merge(where, tip, request.sha, f"Merge !{iid}", user)
        assert sha is not None, f"{project}!{iid} has conflicts"
        ref = f"refs/heads/{request.target_branch}"
        await git.git(where, "update-ref", ref, sha)
        request.state = "merged"
        self._tell(request, "merge", user)
        who = self.world.user(user)
        self.webhooks.emit(request.project, "Push Hook", events.push(self.world, request.project, who, ref, tip, sha))
        await self.settled()
        return sha

    async def board(self, project: str, iid: int, after: Pipeline | None = None) -> Pipeline:
        """Put a merge request on a merge train, first or behind another one, and run its pipeline there.

        Read in: GitLab docs, "Merge trains". Asked again, it is put together anew, as when one before it was dropped.
        """
        self.request(project, iid).train = "fresh"
        return await self.run_pipeline(project, iid, "train", on=after.sha if after else None)

    async def leave_train(self, project: str, iid: int, how: str = "") -> None:
        """Drop a merge request from its train, or merge it (`merged`); its pipeline's end is told."""
        request = self.request(project, iid)
        request.train = how
        pipeline = self.world.pipelines_of(request)[-1]
        payload = events.pipeline(self.world, pipeline, request.author)
        payload["object_attributes"]["status"] = "success" if how else "canceled"
        self.webhooks.emit(request.project, "Pipeline Hook", payload)
        await self.settled()

    async def run_pipeline(
        self, project: str, iid: int, kind: str = "head", *, in_fork: bool = False, on: str | None = None
    ) -> Pipeline:
        """Run a merge request's pipeline: on its `head` (detached), `merge`d with its target, or in a `train`.

        A fork's runs in the fork unless a member runs it in the project ("Merge request pipelines").
        """
        request = self.request(project, iid)
        where = request.source if in_fork and request.source else request.project
        sha, ref = request.sha, f"refs/merge-requests/{iid}/{kind}"
        if kind != "head":
            merged = await git.merge(
                where.git_dir, on or request.start_sha, sha, f"Merge !{iid} for a pipeline", "octocat"
            )
            assert merged is not None, f"{project}!{iid} has conflicts"
            sha = merged
            await git.git(where.git_dir, "update-ref", ref, sha)
        new = Pipeline(where, self.world.new_id(), sha, ref, "merge_request_event", self.world.now(), request)
        self.world.pipelines.append(new)
        self.webhooks.emit(request.project, "Pipeline Hook", events.pipeline(self.world, new, request.author))
        await self.settled()
        return new

    def _tell(
        self, request: MergeRequest, action: str, user: str, *, changes: dict[str, Any] | None = None, oldrev: str = ""
    ) -> None:
        who = self.world.user(user)
        payload = events.merge_request(self.world, request, action, who, changes, oldrev)
        self.webhooks.emit(request.project, "Merge Request Hook", payload)

    # Notes.

    async def comment(self, project: str, iid: int, user: str, body: str, *, internal: bool = False) -> Note:
        """Write a note."""
        request = self.request(project, iid)
        new = requests.write_note(self.world, request, self.world.user(user), body, internal=internal)
        self._note_event(new, "create")
        await self.settled()
        return new

    async def edit_note(self, note: Note, body: str) -> None:
        """Rewrite a note."""
        note.history.append(body)
        note.updated_at = self.world.now()
        self._note_event(note, "update")
        await self.settled()

    def delete_note(self, note: Note) -> None:
        """Delete a note, the bot's too; no event tells of it."""
        del self.world.notes[note.id]

    def _note_event(self, note: Note, action: str) -> None:
        event = "Confidential Note Hook" if note.internal else "Note Hook"
        self.webhooks.emit(note.request.project, event, events.note(self.world, note, action))
