"""Repositories, pull requests, files and people's permissions: what is read before anything is built.

Read in the published OpenAPI description under the operationIds named at each endpoint.
"""

import base64
from typing import Any
from urllib.parse import quote

from tests.fakes import git
from tests.fakes.github import render
from tests.fakes.github.model import PullRequest, Repository, World
from tests.fakes.github.wire import Answer, ApiError, Call, Routes, not_found, page

ROUTES = Routes()
_LEGACY = {"none": "none", "read": "read", "triage": "read", "write": "write", "maintain": "write", "admin": "admin"}
_INLINE_LIMIT = 1024 * 1024
"""Larger files come without content unless the raw media type is asked for (repos/get-content, notes)."""


@ROUTES.add("GET", "/repos/{owner}/{repo}", needs=["metadata:read"])
async def get_repository(call: Call) -> Answer:
    """operationId repos/get."""
    repo = call.repository()
    shape = render.repository(call.world, repo) | {"network_count": 0, "subscribers_count": 0}
    if repo.parent:
        shape["parent"] = shape["source"] = render.repository(call.world, repo.parent)
    return Answer(shape)


@ROUTES.add("GET", "/repos/{owner}/{repo}/pulls", needs=["pull_requests:read"])
async def list_pulls(call: Call) -> Answer:
    """operationId pulls/list: open ones unless `state` says otherwise, newest first unless `direction` does."""
    repo = call.repository()
    found = [p for p in repo.pulls.values() if _listed(call, p)]
    key = "updated_at" if call.query.get("sort") == "updated" else "created_at"
    order = call.query.get("direction") or ("desc" if call.query.get("sort", "created") == "created" else "asc")
    found.sort(key=lambda pull: (getattr(pull, key), pull.number), reverse=order == "desc")
    items, headers = page(call, found)
    return Answer([render.pull_brief(call.world, pull) for pull in items], headers=headers)


def _listed(call: Call, pull: PullRequest) -> bool:
    state, head, base = (call.query.get(name) for name in ("state", "head", "base"))
    if state != "all" and pull.state != (state or "open"):
        return False
    owner = pull.head_repo.owner.login if pull.head_repo else pull.user.login
    return head in (None, f"{owner}:{pull.head_ref}") and base in (None, pull.base_ref)


@ROUTES.add("GET", "/repos/{owner}/{repo}/pulls/{pull_number}", needs=["pull_requests:read"])
async def get_pull(call: Call) -> Answer:
    """operationId pulls/get."""
    return Answer(await render.pull(call.world, call.pull()))


@ROUTES.add("GET", "/repos/{owner}/{repo}/pulls/{pull_number}/files", needs=["pull_requests:read"])
async def list_files(call: Call) -> Answer:
    """operationId pulls/list-files: against the merge base, at most 3,000 files."""
    pull = call.pull()
    where = pull.repo.git_dir
    base = await git.merge_base(where, pull.base_sha, pull.head_sha)
    items, headers = page(call, (await git.changes(where, base, pull.head_sha))[:3000])
    return Answer([_file(call.world, pull, change) for change in items], headers=headers)


def _file(world: World, pull: PullRequest, change: git.FileChange) -> dict[str, Any]:
    page_url, path = f"{world.url}/{pull.repo.full_name}", quote(change.path)
    shape: dict[str, Any] = {
        "sha": change.blob,
        "filename": change.path,
        "status": change.status,
        "additions": change.additions,
        "deletions": change.deletions,
        "changes": change.additions + change.deletions,
        "blob_url": f"{page_url}/blob/{pull.head_sha}/{path}",
        "raw_url": f"{page_url}/raw/{pull.head_sha}/{path}",
        "contents_url": f"{world.url}/repos/{pull.repo.full_name}/contents/{path}?ref={pull.head_sha}",
    }
    if change.previous:
        shape["previous_filename"] = change.previous
    return shape


@ROUTES.add("GET", "/repos/{owner}/{repo}/contents/{path}", needs=["contents:read"])
async def get_content(call: Call) -> Answer:
    """operationId repos/get-content: JSON with base64, or the bytes where the raw media type is asked for."""
    repo, path = call.repository(), call["path"].strip("/")
    sha = await git.resolve(repo.git_dir, call.query.get("ref") or repo.default_branch)
    if sha is None:
        raise ApiError(404, f"No commit found for the ref {call.query.get('ref')}")
    found = await git.entries(repo.git_dir, sha, path)
    if path and not found:
        raise not_found()
    if not path or (len(found) == 1 and found[0].kind == "tree"):
        children = await git.entries(repo.git_dir, sha, f"{path}/") if path else found
        return Answer([_content(call, repo, entry, sha) for entry in children])
    entry = found[0]
    content = await git.git(repo.git_dir, "cat-file", "blob", entry.sha) if entry.kind == "blob" else b""
    if "raw" in call.request.headers.get("Accept", ""):
        return Answer(content, content_type="application/vnd.github.raw+json; charset=utf-8")
    small = len(content) <= _INLINE_LIMIT
    encoded = base64.encodebytes(content).decode() if small else ""
    body = {"content": encoded, "encoding": "base64" if small else "none"}
    return Answer(_content(call, repo, entry, sha) | (body if entry.kind == "blob" else {}))


def _content(call: Call, repo: Repository, entry: git.Entry, sha: str) -> dict[str, Any]:
    kinds = {"tree": "dir", "commit": "submodule", "blob": "symlink" if entry.mode == "120000" else "file"}
    here, path = f"{call.world.url}/repos/{repo.full_name}", quote(entry.path)
    ref = call.query.get("ref") or repo.default_branch
    url = f"{here}/contents/{path}?ref={quote(ref)}"
    git_url = f"{here}/git/{entry.kind}s/{entry.sha}"
    html = f"{call.world.url}/{repo.full_name}/blob/{sha}/{path}"
    return {
        "name": entry.path.rpartition("/")[2],
        "path": entry.path,
        "sha": entry.sha,
        "size": entry.size,
        "url": url,
        "html_url": html,
        "git_url": git_url,
        "download_url": f"{call.world.url}/{repo.full_name}/raw/{sha}/{path}" if entry.kind == "blob" else None,
        "type": kinds[entry.kind],
        "_links": {"self": url, "git": git_url, "html": html},
    }


@ROUTES.add("GET", "/repos/{owner}/{repo}/collaborators/{username}/permission", needs=["metadata:read"])
async def get_permission(call: Call) -> Answer:
    """operationId repos/get-collaborator-permission-level: `permission` knows no triage and no maintain, `role_name`
    does. Somebody who never signed up is a 404.
    """
    repo, login = call.repository(), call["username"]
    who = call.world.users.get(login)
    if who is None:
        raise ApiError(404, f"{login} is not a user")
    role = repo.role(login)
    level = ("none", "read", "triage", "write", "maintain", "admin").index(role)
    granted = {name: level >= need for need, name in enumerate(("pull", "triage", "push", "maintain", "admin"), 1)}
    shape = render.user(call.world, who) | {"permissions": granted, "role_name": role}
    return Answer({"permission": _LEGACY[role], "role_name": role, "user": shape})
