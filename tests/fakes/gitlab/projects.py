"""Users, projects, members, files and commits.

Read in: GitLab docs, "Users API" (list by username), "Projects API" (list, single), "Members API" (all/:user_id, with
inherited and invited ones), "Repository files API" (raw), "Commits API" (single, merge requests of a commit).
"""

from tests.fakes import git
from tests.fakes.gitlab import render
from tests.fakes.gitlab.model import MergeRequest
from tests.fakes.gitlab.wire import PAGED, Answer, Call, Routes, not_found, paged, wrong

ROUTES = Routes()


@ROUTES.add("GET", "user")
async def me(call: Call) -> Answer:
    return Answer(render.user(call.world, call.user) | {"bot": call.user.bot})


@ROUTES.add("GET", "users", {"username": str}, ["username"])
async def users(call: Call) -> Answer:
    found = call.world.users.get(call.given["username"].lower())
    return Answer([render.user(call.world, found)] if found else [])


@ROUTES.add("GET", "users/:user_id")
async def user(call: Call) -> Answer:
    who = call.number("user_id")
    found = next((one for one in call.world.users.values() if one.id == who), None)
    if found is None:
        raise not_found("User")
    return Answer(render.user(call.world, found) | {"bot": found.bot})


@ROUTES.add(
    "GET", "projects",
    {**PAGED, "membership": str, "archived": str, "pagination": str, "order_by": str, "sort": str,
     "min_access_level": int},
    membership=("true", "false"), archived=("true", "false"), pagination=("keyset", "legacy"),
    order_by=("id", "created_at", "name", "path", "updated_at"), sort=("asc", "desc"),
)  # fmt: skip
async def projects(call: Call) -> Answer:
    if call.given.get("pagination") == "keyset" and call.given.get("order_by") != "id":
        raise wrong("keyset pagination needs order_by=id")
    least = int(call.given.get("min_access_level", 1 if call.given.get("membership") == "true" else 0))
    found = [one for one in call.world.projects.values() if one.readable(call.user) and one.level(call.user) >= least]
    if "archived" in call.given:
        found = [one for one in found if one.archived == (call.given["archived"] == "true")]
    found.sort(key=lambda one: one.id, reverse=call.given.get("sort") != "asc")
    return paged(call, [render.project(call.world, one, call.user) for one in found], "projects")


@ROUTES.add("GET", "projects/:id")
async def project(call: Call) -> Answer:
    return Answer(render.project(call.world, call.project(), call.user))


@ROUTES.add("GET", "projects/:id/members/all/:user_id")
async def member(call: Call) -> Answer:
    where, who = call.project(), call.number("user_id")
    user = next((one for one in call.world.users.values() if one.id == who), None)
    if user is None or not where.level(user):
        raise not_found()
    return Answer(render.user(call.world, user) | {"access_level": where.level(user), "expires_at": None})


@ROUTES.add("GET", "projects/:id/repository/files/:path/raw", {"ref": str, "lfs": str})
async def file(call: Call) -> Answer:
    where = call.project()
    sha = await git.resolve(where.git_dir, call.given.get("ref", where.default_branch))
    if sha is None:
        raise not_found("Commit")
    found = await git.entries(where.git_dir, sha, call.path["path"])
    if len(found) != 1 or found[0].kind != "blob" or found[0].path != call.path["path"]:
        raise not_found("File")
    return Answer(await git.git(where.git_dir, "cat-file", "blob", found[0].sha))


@ROUTES.add("GET", "projects/:id/repository/compare", {"from": str, "to": str, "straight": str}, ["from", "to"])
async def compare(call: Call) -> Answer:
    """What a commit brings since it parted from another ("Repositories API")."""
    where = call.project()
    old, new = [await git.resolve(where.git_dir, call.given[name]) for name in ("from", "to")]
    if old is None or new is None:
        raise not_found("Ref")
    changes = await git.changes(where.git_dir, await git.merge_base(where.git_dir, old, new), new)
    diffs = [{"old_path": one.previous or one.path, "new_path": one.path} for one in changes]
    return Answer({"diffs": diffs, "compare_timeout": False, "compare_same_ref": old == new})


@ROUTES.add("GET", "projects/:id/repository/commits/:sha")
async def commit(call: Call) -> Answer:
    where = call.project()
    sha = await git.resolve(where.git_dir, call.path["sha"])
    if sha is None:
        raise not_found("Commit")
    [facts] = await git.commits(where.git_dir, sha, 1)
    return Answer(
        {"id": facts.sha, "parent_ids": list(facts.parents), "title": facts.message, "message": facts.message}
    )


@ROUTES.add("GET", "projects/:id/repository/commits/:sha/merge_requests", {**PAGED, "state": str})
async def requests_of_commit(call: Call) -> Answer:
    where = call.project()
    sha = await git.resolve(where.git_dir, call.path["sha"])
    if sha is None:
        raise not_found("Commit")
    # Of a head nobody asks who else has it; git would have to be asked of every merge request there is.
    found = [one for one in where.requests.values() if one.sha == sha]
    found = found or [one for one in where.requests.values() if await _brings(one, sha)]
    shapes = [render.request(call.world, one) for one in found]
    return paged(call, shapes, f"projects/{where.id}/repository/commits/{sha}/merge_requests")


async def _brings(request: MergeRequest, sha: str) -> bool:
    listed = await git.git(request.project.git_dir, "rev-list", f"{request.base_sha}..{request.sha}")
    return sha in listed.decode().split()
