"""Pull requests and files: what is read."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.adapters.github.client import GitHubClient
from bot.adapters.github.transport import NotModified
from bot.domain.permission import Permission
from bot.domain.run import ChangeRef, ChangeState, RepoRef
from bot.ports.errors import Gone

_PULL = "/repos/{owner}/{name}/pulls/{number}"
_GHOST = "ghost"
"""GitHub's own name for the author of what a deleted account left behind."""

_PERMISSIONS = {permission.name.lower(): permission for permission in Permission}


async def change(client: GitHubClient, ref: ChangeRef, known: ChangeState | None) -> ChangeState:
    """Read a pull request, or find that `known` is still how it is."""
    etag = known.etag if known is not None else ""
    try:
        read = await client.get(ref.repo, _PULL, {"number": ref.number}, etag=etag)
    except NotModified:
        if known is None:
            raise AssertionError("not modified, though nothing was known") from None
        return known
    return _state(ref.repo, read.data, read.etag)


async def open_changes(client: GitHubClient, repo: RepoRef) -> Sequence[ChangeState]:
    """Return the open pull requests of a repository."""
    found = await client.pages(repo, "/repos/{owner}/{name}/pulls?state=open&per_page=100", {})
    return tuple(_state(repo, data, "") for data in found)


async def changed_files(client: GitHubClient, ref: ChangeRef) -> Sequence[str]:
    """Return old and new paths. GitHub names the first 3,000 files of a pull request and no more."""
    found = await client.pages(ref.repo, f"{_PULL}/files?per_page=100", {"number": ref.number})
    paths = [path for file in found for path in (file.get("previous_filename"), file["filename"]) if path]
    return tuple(dict.fromkeys(paths))


async def read_file(client: GitHubClient, repo: RepoRef, path: str, ref: str) -> bytes | None:
    """Return a file's contents, None where there is none or where it is no file."""
    parts = path.split("/")
    if not ref or {"", ".", ".."}.intersection(parts):
        return None
    # As raw bytes: in JSON, GitHub leaves out the contents of what is larger than a megabyte.
    try:
        url = "/repos/{owner}/{name}/contents{/path*}{?ref}"
        return await client.file(repo, url, {"path": parts, "ref": ref})
    except Gone:
        return None


async def permission(client: GitHubClient, repo: RepoRef, user: str) -> Permission:
    """Ask what a user may do. A role of the organisation's own counts as what it is based on."""
    url = "/repos/{owner}/{name}/collaborators/{user}/permission"
    try:
        data = (await client.get(repo, url, {"user": user})).data
    except Gone:
        return Permission.NONE
    role = _PERMISSIONS.get(str(data.get("role_name", "")))
    return role if role is not None else _PERMISSIONS.get(str(data["permission"]), Permission.NONE)


def _state(repo: RepoRef, data: Mapping[str, Any], etag: str) -> ChangeState:
    head, base = data["head"], data["base"]
    return ChangeState(
        ref=ChangeRef(repo=repo, number=data["number"]),
        title=data["title"],
        author=data["user"]["login"] if data["user"] else _GHOST,
        head_sha=head["sha"],
        base_sha=base["sha"],
        base_branch=base["ref"],
        head_repo=head["repo"]["full_name"] if head["repo"] else "",
        open=data["state"] == "open",
        draft=bool(data.get("draft")),
        labels=tuple(label["name"] for label in data["labels"]),
        url=data["html_url"],
        etag=etag,
    )
