"""Pull requests, files and people's permissions: what is read."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.adapters.forgejo.client import ForgejoClient, in_repository
from bot.domain.permission import Permission
from bot.domain.run import ChangeRef, ChangeState, RepoRef
from bot.ports.errors import Gone

_PERMISSIONS = {
    "none": Permission.NONE,
    "read": Permission.READ,
    "write": Permission.WRITE,
    "admin": Permission.ADMIN,
    "owner": Permission.ADMIN,
}


async def change(client: ForgejoClient, ref: ChangeRef, known: ChangeState | None) -> ChangeState:
    """Read a pull request. Forgejo's API knows no conditional reading, so `known` is compared here."""
    state = _state(ref.repo, await client.get(in_repository(ref.repo, "pulls", ref.number)))
    return known if known is not None and known == state else state


async def open_changes(client: ForgejoClient, repo: RepoRef) -> Sequence[ChangeState]:
    """Return the open pull requests of a repository; one that is opened meanwhile moves another to the next page."""
    found = await client.pages(in_repository(repo, "pulls"), {"state": "open", "sort": "oldest"})
    states = (_state(repo, data) for data in found)
    return tuple({state.ref: state for state in states}.values())


async def repositories(client: ForgejoClient) -> Sequence[RepoRef]:
    """Return the repositories that we may write statuses in, and in which pull requests can still be made."""
    found = await client.pages("/user/repos")
    return tuple(
        RepoRef(forge=client.settings.forge, owner=data["owner"]["login"], name=data["name"])
        for data in found
        if data["permissions"]["push"] and data["has_pull_requests"] and not data["archived"]
    )


async def changed_files(client: ForgejoClient, ref: ChangeRef) -> Sequence[str]:
    """Return old and new paths."""
    found = await client.pages(in_repository(ref.repo, "pulls", ref.number, "files"))
    paths = [path for file in found for path in (file.get("previous_filename"), file["filename"]) if path]
    return tuple(dict.fromkeys(paths))


async def read_file(client: ForgejoClient, repo: RepoRef, path: str, ref: str) -> bytes | None:
    """Return a file's contents, None where there is none or where it is no file."""
    parts = path.split("/")
    if not ref or {"", ".", ".."}.intersection(parts):
        return None
    try:
        return await client.raw(in_repository(repo, "raw", *parts), {"ref": ref})
    except Gone:
        return None


async def permission(client: ForgejoClient, repo: RepoRef, user: str) -> Permission:
    """Ask what a user may do, which Forgejo tells administrators of the repository alone."""
    try:
        data = await client.get(in_repository(repo, "collaborators", user, "permission"))
    except Gone:
        return Permission.NONE
    return _PERMISSIONS.get(str(data["permission"]), Permission.NONE)


def _still_there(repo: RepoRef, data: Mapping[str, Any]) -> None:
    """Raise `Gone` where Forgejo led us to where a repository is now: to us that is another one, found by itself.

    Two names for one repository would be two changes for one pull request.
    """
    now = data["base"]["repo"]["full_name"]
    if now.lower() != str(repo).lower():
        raise Gone(f"{repo} is {now} now")


def _state(repo: RepoRef, data: Mapping[str, Any]) -> ChangeState:
    _still_there(repo, data)
    head, base = data["head"], data["base"]
    return ChangeState(
        ref=ChangeRef(repo=repo, number=data["number"]),
        title=data["title"],
        author=data["user"]["login"],
        head_sha=head["sha"],
        base_sha=base["sha"],
        base_branch=base["ref"],
        head_repo=head["repo"]["full_name"] if head["repo"] else "",
        open=data["state"] == "open",
        draft=bool(data["draft"]),
        labels=tuple(label["name"] for label in data["labels"] or ()),
        url=data["html_url"],
    )
