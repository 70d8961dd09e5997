"""Repositories, pull requests, files, commits and people's permissions: what is read before anything is built.

Read in: `routers/api/v1/repo/{pull,file,commits,collaborators}.go`, `routers/api/v1/user/repo.go`.
"""

from typing import Any
from urllib.parse import quote

from tests.fakes import git
from tests.fakes.forgejo import render
from tests.fakes.forgejo.model import PullRequest, World
from tests.fakes.forgejo.wire import Answer, ApiError, Call, Routes, not_found, page

ROUTES = Routes()
_STATUSES = {"removed": "deleted", "modified": "changed"}
_ADMINS_ONLY = (
    "Only admins can query all permissions, repo admins can query all repo permissions, collaborators can query only "
    "their own"
)


@ROUTES.add("GET", "/user", "user_get_current", scopes=["user"])
async def current_user(call: Call) -> Answer:
    """`routers/api/v1/user/user.go`, GetAuthenticatedUser."""
    return Answer(render.user(call.world, call.user) | {"active": True})


@ROUTES.add("GET", "/user/repos", "user_current_list_repos", scopes=["user", "repository"])
async def my_repositories(call: Call) -> Answer:
    """ListMyRepos: what the user owns or was given access to; that others are public makes them nobody's."""
    mine = [
        repo
        for repo in call.world.repositories.values()
        if repo.owner is call.user or repo.roles.get(call.user.login, "none") != "none"
    ]
    items, headers = page(call, mine)
    return Answer([render.repository(call.world, repo, call.user) for repo in items], headers=headers)


@ROUTES.add("GET", "/repos/{owner}/{repo}", "repo_get")
async def get_repository(call: Call) -> Answer:
    """Get."""
    return Answer(render.repository(call.world, call.repository(), call.user))


@ROUTES.add("GET", "/repos/{owner}/{repo}/pulls", "repo_list_pull_requests")
async def list_pulls(call: Call) -> Answer:
    """ListPullRequests: the newest first unless `sort` says otherwise, open and closed unless `state` does."""
    state, sort = call.query.get("state", ""), call.query.get("sort", "")
    found = [
        pull for pull in call.repository().pulls.values() if state not in ("open", "closed") or pull.state == state
    ]
    found.sort(key=lambda pull: pull.number, reverse=sort != "oldest")
    items, headers = page(call, found)
    return Answer([await render.pull(call.world, pull, call.user) for pull in items], headers=headers)


@ROUTES.add("GET", "/repos/{owner}/{repo}/pulls/{index}", "repo_get_pull_request")
async def get_pull(call: Call) -> Answer:
    """GetPullRequest."""
    pull = call.pull()
    if pull is None:
        raise not_found()
    return Answer(await render.pull(call.world, pull, call.user))


@ROUTES.add("GET", "/repos/{owner}/{repo}/pulls/{index}/files", "repo_get_pull_request_files")
async def list_files(call: Call) -> Answer:
    """GetPullRequestFiles: against the merge base."""
    pull = call.pull()
    if pull is None:
        raise not_found()
    items, headers = page(call, await git.changes(pull.repo.git_dir, pull.merge_base, pull.head_sha))
    return Answer([_file(call.world, pull, change) for change in items], headers=headers)


def _file(world: World, pull: PullRequest, change: git.FileChange) -> dict[str, Any]:
    repo = pull.head_repo or pull.repo
    here, path = f"{world.url}/{repo.full_name}", quote(change.path)
    shape: dict[str, Any] = {
        "filename": change.path,
        "status": _STATUSES.get(change.status, change.status),
        "additions": change.additions,
        "deletions": change.deletions,
        "changes": change.additions + change.deletions,
        "html_url": f"{here}/src/commit/{pull.head_sha}/{path}",
        "contents_url": f"{world.url}/api/v1/repos/{repo.full_name}/contents/{path}?ref={pull.head_sha}",
        "raw_url": f"{here}/raw/commit/{pull.head_sha}/{path}",
    }
    return shape | ({"previous_filename": change.previous} if change.status == "renamed" else {})


@ROUTES.add("GET", "/repos/{owner}/{repo}/raw/{filepath}", "repo_get_raw_file")
async def get_raw_file(call: Call) -> Answer:
    """GetRawFile: the bytes of a file, a 404 for what is none; LFS pointers are not followed."""
    repo, path = call.repository(), call["filepath"]
    sha = await git.resolve(repo.git_dir, call.query.get("ref") or repo.default_branch)
    found = await git.entries(repo.git_dir, sha, path) if sha and path else []
    if len(found) != 1 or found[0].kind != "blob" or found[0].path != path:
        raise not_found()
    content = await git.git(repo.git_dir, "cat-file", "blob", found[0].sha)
    kind = "text/plain; charset=utf-8" if b"\0" not in content else "application/octet-stream"
    return Answer(
        content, headers={"Content-Type": kind, "X-Forgejo-Object-Type": "blob", "X-Gitea-Object-Type": "blob"}
    )


@ROUTES.add("GET", "/repos/{owner}/{repo}/git/commits/{sha}", "repo_get_single_commit")
async def get_commit(call: Call) -> Answer:
    """GetSingleCommit, as far as anybody needs it."""
    repo = call.repository()
    sha = await git.resolve(repo.git_dir, call["sha"])
    if sha is None:
        raise not_found()
    here = f"{call.world.url}/api/v1/repos/{repo.full_name}/git/commits/{sha}"
    return Answer({"sha": sha, "url": here, "html_url": f"{call.world.url}/{repo.full_name}/commit/{sha}"})


@ROUTES.add("GET", "/repos/{owner}/{repo}/collaborators/{collaborator}/permission", "repo_get_repo_permissions")
async def get_permission(call: Call) -> Answer:
    """GetRepoPermissions: for administrators of the repository alone, and for oneself."""
    repo, login = call.repository(), call["collaborator"]
    known = next((user for name, user in call.world.users.items() if name.casefold() == login.casefold()), None)
    if known is None:
        raise ApiError(404, f"user does not exist [uid: 0, name: {login}]")
    if known is not call.user and not repo.may(call.user.login, "admin"):
        raise ApiError(403, _ADMINS_ONLY)
    role = repo.role(known.login)
    return Answer({"permission": role, "role_name": role, "user": render.user(call.world, known)})
