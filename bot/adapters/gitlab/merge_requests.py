"""Merge requests, files and people: what is read."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from bot.adapters.gitlab import trains
from bot.adapters.gitlab.client import GitLabClient
from bot.adapters.gitlab.parlance import MERGE_REQUESTS
from bot.adapters.gitlab.transport import NotModified
from bot.domain.permission import Permission
from bot.domain.run import ChangeRef, ChangeState, RepoRef
from bot.ports.errors import Gone, Transient

_GHOST = "ghost"
"""GitLab's own name for the author of what a deleted account left behind."""

_OPEN = frozenset({"opened", "locked"})
"""A merge request is locked for the moment in which it is merged."""

_PREPARED_IN = timedelta(seconds=3)

_LEVELS = (
    (50, Permission.ADMIN),
    (40, Permission.MAINTAIN),
    (30, Permission.WRITE),
    (20, Permission.TRIAGE),
    (10, Permission.READ),
)
"""Owner, maintainer, developer, reporter, guest; a role of one's own counts as what it is based on ("Members API")."""


async def change(client: GitLabClient, ref: ChangeRef, known: ChangeState | None) -> ChangeState:
    """Read a merge request, or find that `known` is still how it is."""
    etag = known.etag if known is not None else ""
    try:
        read = await client.get(f"{await client.address(ref.repo)}/merge_requests/{ref.number}", etag=etag)
    except NotModified:
        if known is None:
            raise AssertionError("not modified, though nothing was known") from None
        return known
    return await _state(client, ref.repo, read.data, read.etag)


async def open_changes(client: GitLabClient, repo: RepoRef) -> Sequence[ChangeState]:
    """Return the open merge requests of a project; the list does not tell what they are based on."""
    found = await client.pages(f"{await client.address(repo)}/merge_requests", state="opened", scope="all")
    return [await _state(client, repo, data, "") for data in found if data["sha"]]


async def repositories(client: GitLabClient) -> Sequence[RepoRef]:
    """Return the projects of which we are a member, but for archived ones, which cannot change."""
    found = await client.pages(
        "projects", membership="true", archived="false", pagination="keyset", order_by="id", sort="asc"
    )
    return [repository(client.settings.forge, client.remember(data).path) for data in found]


def repository(forge: str, path: str) -> RepoRef:
    """Return the repository at a path; the owner may be a group in a group."""
    owner, _, name = path.rpartition("/")
    return RepoRef(forge=forge, owner=owner, name=name)


async def changed_files(client: GitLabClient, ref: ChangeRef) -> Sequence[str]:
    """Return old and new paths. GitLab names as many files as the instance's diff limits let it (1,000 by default)."""
    found = await client.pages(f"{await client.address(ref.repo)}/merge_requests/{ref.number}/diffs")
    return tuple(dict.fromkeys(path for file in found for path in (file["old_path"], file["new_path"])))


async def read_file(client: GitLabClient, repo: RepoRef, path: str, ref: str) -> bytes | None:
    """Return a file's contents, None where there is none or where it is no file."""
    if not ref or {"", ".", ".."}.intersection(path.split("/")):
        return None
    address = await client.address(repo)
    try:
        return await client.file(f"{address}/repository/files/{quote(path, safe='')}/raw", ref=ref)
    except Gone:
        return None


async def permission(client: GitLabClient, repo: RepoRef, user: str) -> Permission:
    """Ask what a user may do in a project, by membership of it, of its groups and of those invited."""
    project = await client.project(repo)
    found = (await client.get("users", username=user)).data
    if not found or found[0].get("state") != "active":
        return Permission.NONE
    try:
        member = (await client.get(f"projects/{project.id}/members/all/{found[0]['id']}")).data
    except Gone:
        member = {"access_level": 0}
    granted = next((granted for level, granted in _LEVELS if member["access_level"] >= level), Permission.NONE)
    return max(granted, Permission.READ if project.everybody_reads else Permission.NONE)


def _still_there(repo: RepoRef, data: Mapping[str, Any]) -> None:
    """Raise `Gone` where a project was renamed or transferred: under its new path it is another one to us, which is
    found by itself. Two names for one project would be two changes for one merge request.
    """
    now = data["references"]["full"].rpartition("!")[0]
    if now.lower() != str(repo).lower():
        raise Gone(f"{repo} is {now} now")


async def _state(client: GitLabClient, repo: RepoRef, data: Mapping[str, Any], etag: str) -> ChangeState:
    _still_there(repo, data)
    if not data["sha"]:
        ref = ChangeRef(repo=repo, number=data["iid"])
        raise Transient(f"{MERGE_REQUESTS.name(ref)}: GitLab has not found out its commits yet", _PREPARED_IN)
    source = data["source_project_id"]
    return ChangeState(
        ref=ChangeRef(repo=repo, number=data["iid"]),
        title=data["title"],
        author=data["author"]["username"] if data["author"] else _GHOST,
        head_sha=data["sha"],
        base_sha=(data.get("diff_refs") or {}).get("start_sha") or "",
        base_branch=data["target_branch"],
        head_repo=await client.path(source) if source is not None else "",
        open=data["state"] in _OPEN,
        draft=bool(data.get("draft", data.get("work_in_progress"))),
        labels=tuple(data["labels"]),
        url=data["web_url"],
        etag=etag,
        place=_place(await trains.own_pipeline(client, data)),
    )


def _place(pipeline: Mapping[str, Any] | None) -> str:
    """Return the pipeline in which a status has to stand. One that our own status has made is none."""
    return "" if pipeline is None or pipeline.get("source") == "external" else str(pipeline["id"])
