"""Pull requests and files: what is read."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.adapters.github.client import GitHubClient
from bot.adapters.github.transport import NotModified
from bot.domain.permission import Permission
from bot.domain.run import ChangeRef, ChangeState, RepoRef
from bot.ports.errors import Gone, Rejected

_PULL = "/repos/{owner}/{name}/pulls/{number}"
_GHOST = "ghost"
"""GitHub's own name for the author of what a deleted account left behind."""

_NAMED_FILES = 3_000
"""How many files of a pull request GitHub names, at most."""

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
    _still_there(ref.repo, read.data)
    return _state(ref.repo, read.data, read.etag)


async def open_changes(client: GitHubClient, repo: RepoRef) -> Sequence[ChangeState]:
    """Return the open pull requests of a repository, which nobody waits for: it is looked at every few minutes."""
    found = await client.pages(repo, "/repos/{owner}/{name}/pulls?state=open&per_page=100", {}, patient=True)
    for data in found:
        _still_there(repo, data)
    return tuple(_state(repo, data, "") for data in found)


async def changed_files(client: GitHubClient, ref: ChangeRef) -> Sequence[str]:
    """Return old and new paths. Where GitHub names no more of them, whole trees are compared."""
    found = await client.pages(ref.repo, f"{_PULL}/files?per_page=100", {"number": ref.number})
    if len(found) >= _NAMED_FILES:
        return await _compared_trees(client, ref)
    paths = [path for file in found for path in (file.get("previous_filename"), file["filename"]) if path]
    return tuple(dict.fromkeys(paths))


async def _compared_trees(client: GitHubClient, ref: ChangeRef) -> Sequence[str]:
    """Return the paths at which the head differs from where it left the base."""
    pull = (await client.get(ref.repo, _PULL, {"number": ref.number})).data
    # By commits: a branch of a fork has a name of its own there, and every commit is known here.
    between = {"range": f"{pull['base']['sha']}...{pull['head']['sha']}"}
    compared = await client.get(ref.repo, "/repos/{owner}/{name}/compare/{range}?per_page=1", between)
    return await differing_files(client, ref, compared.data["merge_base_commit"]["sha"], pull["head"]["sha"])


async def differing_files(client: GitHubClient, ref: ChangeRef, old: str, new: str) -> Sequence[str]:
    """Return the paths at which two commits differ, however many they are."""
    before, after = await _tree(client, ref, old), await _tree(client, ref, new)
    return tuple(sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path)))


async def _tree(client: GitHubClient, ref: ChangeRef, sha: str) -> Mapping[str, tuple[str, str]]:
    """Return mode and contents' id of every file at a commit."""
    url = "/repos/{owner}/{name}/git/trees/{sha}?recursive=1"
    data = (await client.get(ref.repo, url, {"sha": sha})).data
    if data["truncated"]:
        raise Rejected(f"{ref} touches more files than GitHub names; split it")
    return {entry["path"]: (entry["mode"], entry["sha"]) for entry in data["tree"] if entry["type"] != "tree"}


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


def _still_there(repo: RepoRef, data: Mapping[str, Any]) -> None:
    """Raise `Gone` where GitHub led us to where a repository is now: it is another one to us, which is found by itself.

    Two names for one repository would be two changes for one pull request.
    """
    now = data["base"]["repo"]["full_name"]
    if now.lower() != f"{repo.owner}/{repo.name}".lower():
        raise Gone(f"{repo} is {now} now")


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
