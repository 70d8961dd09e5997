# ruff: noqa: N802 - the names are Koji's
"""Repositories of tags: asking for one, and the queue of those that were asked for.

A tag's repository is not made anew by itself when the tag changes: somebody asks (a build does), and what is asked for
without saying how new it must be may be an hour old (RepoLag).
"""

import bisect
from typing import Any

import koji
from tests.fakes.koji.auth import Sessions
from tests.fakes.koji.model import Repo, RepoRequest, Tag, User
from tests.fakes.koji.tasks import task_row
from tests.fakes.koji.values import convert, text
from tests.fakes.koji.world import World

_OPTIONS = {"src": False, "debuginfo": False, "separate_src": False, "maven": False}


class RepoExports:
    """`repo.…` of Koji 1.35 and later."""

    def __init__(self, world: World, sessions: Sessions) -> None:
        self._world = world
        self._sessions = sessions

    def request(
        self, tag: Any, min_event: Any = None, at_event: Any = None, opts: Any = None, priority: int | None = None,
        force: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """Ask for a repository. Read in kojihub/repos.py, request_repo (Koji 1.35.3)."""
        user = self._sessions.user()
        found = self._world.tag(tag)
        assert found is not None
        assert at_event is None, "repositories at an event are not modelled"
        _plain(opts)
        event = self._event(found, min_event)
        if priority is not None and priority < 0 and not self._sessions.has("admin"):
            raise koji.ActionNotAllowed("only admins may create high-priority requests")
        answer = request(self._world, found, event, user, koji.PRIO_DEFAULT + (priority or 0), force=force)
        if answer["request"] and not answer["duplicate"]:
            self._sessions.changed()
        return answer

    def _event(self, tag: Tag, min_event: Any) -> int:
        if min_event == "last":
            return self._world.last_change(tag)
        if min_event is None:
            return default_min_event(self._world, tag)
        event = int(convert(min_event, int))
        if not 1 <= event <= len(self._world.events):
            raise koji.ParameterError(f"Invalid event: {event}")
        return event

    def get(self, tag: Any, min_event: Any = None, at_event: Any = None, opts: Any = None) -> dict[str, Any] | None:
        """The newest repository that is ready. Read in kojihub/repos.py, get_repo (Koji 1.35.3)."""
        found = self._world.tag(tag)
        assert found is not None
        assert at_event is None, "repositories at an event are not modelled"
        _plain(opts)
        repo = newest(self._world, found, convert(min_event, int, none=True))
        return None if repo is None else repo_row(self._world, repo)

    def checkRequest(self, req_id: Any) -> dict[str, Any]:
        """What became of a request. Read in kojihub/repos.py, check_repo_request (Koji 1.35.3)."""
        found = self._world.requests.get(convert(req_id, int))
        if found is None:
            raise koji.GenericError("No such request")
        answer: dict[str, Any] = {"repo": None, "request": request_row(self._world, found)}
        if found.repo_id is not None:
            answer["repo"] = repo_row(self._world, self._world.repos[found.repo_id])
        elif found.task_id is not None:
            answer["task"] = task_row(self._world.tasks[found.task_id])
        return answer


class OldRepoExports:
    """What hubs of all ages know of repositories."""

    def __init__(self, world: World, sessions: Sessions) -> None:
        self._world = world
        self._sessions = sessions

    def getRepo(
        self, tag: Any, state: Any = None, event: Any = None, dist: bool = False, min_event: Any = None
    ) -> dict[str, Any] | None:
        """The last repository. Read in kojihub/repos.py, old_get_repo (Koji 1.35.3)."""
        found = self._world.tag(tag)
        assert not dist, "distribution repositories are not modelled"
        if event:
            fitting = [each for each in self._of(found) if each.create_event <= int(event)]
        else:
            wanted = koji.REPO_READY if state is None else int(state)
            fitting = [each for each in self._of(found) if each.state == wanted]
        if min_event is not None:
            fitting = [each for each in fitting if each.create_event >= int(min_event)]
        return repo_row(self._world, fitting[-1]) if fitting else None

    def _of(self, tag: Tag | None) -> list[Repo]:
        return [each for each in self._world.repos.values() if each.tag is tag]

    def repoInfo(self, repo_id: Any, strict: bool = False) -> dict[str, Any] | None:
        """A repository. Read in kojihub/kojihub.py, repo_info (Koji 1.35.3)."""
        found = self._world.repos.get(convert(repo_id, int))
        if found is None:
            if strict:
                raise koji.GenericError("query returned no rows")
            return None
        return repo_row(self._world, found)

    def newRepo(
        self, tag: Any, event: Any = None, src: bool = False, debuginfo: bool = False, separate_src: bool = False
    ) -> int:
        """Make a repository by hand, for those who may. Read in kojihub/kojihub.py, RootExports.newRepo (1.35.3)."""
        self._sessions.demand("regen-repo")
        found = self._world.tag(tag)
        assert found is not None
        assert (event, src, debuginfo, separate_src) == (None, False, False, False), "only plain repositories"
        user = self._sessions.user()
        task = self._world.add_task("newRepo", [found.name], user, "createrepo", priority=koji.PRIO_DEFAULT)
        self._sessions.changed()
        return task.id

    def getEvent(self, id: int, strict: bool = True) -> dict[str, Any] | None:  # noqa: A002
        """An event. Read in kojihub/kojihub.py, RootExports.getEvent (Koji 1.35.3)."""
        number = convert(id, int)
        if 1 <= number <= len(self._world.events):
            return {"id": number, "ts": self._world.events[number - 1]}
        if strict:
            raise koji.GenericError("query returned no rows")
        return None

    def getLastEvent(self, before: Any = None, strict: bool = True) -> dict[str, Any] | None:
        """The last event. Read in kojihub/kojihub.py, RootExports.getLastEvent (Koji 1.35.3)."""
        assert before is None, "events before a time are not modelled"
        return self.getEvent(len(self._world.events), strict)


def _plain(opts: Any) -> None:
    if opts is not None and not isinstance(opts, dict):
        raise koji.ParameterError("Repo opts must be a dictionary")
    for key in opts or {}:
        if key not in _OPTIONS:
            raise koji.ParameterError(f"Invalid repo option: {key}")
    assert not opts, "repositories with options are not modelled"


def newest(world: World, tag: Tag, min_event: int | None) -> Repo | None:
    """The newest repository that is ready and new enough."""
    fitting = [
        each
        for each in world.repos.values()
        if each.tag is tag and each.state == koji.REPO_READY and each.create_event >= (min_event or 0)
    ]
    return max(fitting, key=lambda each: each.create_event, default=None)


def default_min_event(world: World, tag: Tag) -> int:
    """How new a repository must be where nobody says. Read in kojihub/repos.py, default_min_event (Koji 1.35.3)."""
    window = world.limits["RepoLagWindow"]
    base_ts = (world.now() - world.limits["RepoLag"]) // window * window
    base = bisect.bisect_left(world.events, base_ts) or tag.first_event
    return min(base, world.last_change(tag))


def request(
    world: World, tag: Tag, min_event: int, owner: User, priority: int, *, force: bool = False
) -> dict[str, Any]:
    """Find a repository, or a request for one, or make a request."""
    repo = None if force else newest(world, tag, min_event)
    if repo is not None:
        return {"repo": repo_row(world, repo), "request": None, "duplicate": False}
    for known in world.requests.values():
        if known.active and known.tag is tag and (known.min_event or 0) >= min_event:
            known.priority = min(known.priority, priority)
            return {"repo": None, "request": request_row(world, known), "duplicate": True}
    fresh = RepoRequest(
        id=world.id("request"), tag=tag, owner=owner, min_event=min_event, at_event=None, created=world.now(),
        updated=world.now(), opts={}, priority=priority,
    )  # fmt: skip
    world.requests[fresh.id] = fresh
    return {"repo": None, "request": request_row(world, fresh), "duplicate": False}


def repo_row(world: World, repo: Repo) -> dict[str, Any]:
    """A repository as the hub shows it. Read in kojihub/repos.py, RepoQuery (Koji 1.35.3)."""
    task = world.tasks.get(repo.task_id or 0)
    created = world.events[repo.create_event - 1]
    return {
        "id": repo.id, "tag_id": repo.tag.id, "tag_name": repo.tag.name, "creation_time": text(repo.created),
        "creation_ts": repo.created, "state_time": text(repo.created), "state_ts": repo.created,
        "create_event": repo.create_event, "create_ts": created, "begin_event": repo.create_event,
        "begin_ts": created, "end_event": None, "end_ts": None, "state": repo.state, "dist": False,
        "opts": dict(_OPTIONS), "custom_opts": {}, "task_id": repo.task_id, "task_state": task.state if task else None,
    }  # fmt: skip


def request_row(world: World, request: RepoRequest) -> dict[str, Any]:
    """A request as the hub shows it. Read in kojihub/repos.py, RepoQueueQuery (Koji 1.35.3)."""
    task = world.tasks.get(request.task_id or 0)
    return {
        "id": request.id, "create_time": text(request.created), "create_ts": request.created,
        "owner": request.owner.id, "owner_name": request.owner.name, "priority": request.priority,
        "tag_id": request.tag.id, "tag_name": request.tag.name, "at_event": request.at_event,
        "min_event": request.min_event, "opts": request.opts, "update_time": text(request.updated),
        "update_ts": request.updated, "active": request.active, "task_id": request.task_id,
        "task_state": task.state if task else None, "tries": request.tries, "repo_id": request.repo_id,
    }  # fmt: skip
