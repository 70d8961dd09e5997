"""Commit statuses.

Read in: `routers/api/v1/repo/status.go`, `services/repository/commitstatus`, `models/git/commit_status.go` (a new row
for each; the default order is by time, in which those of one second come as the database likes).
"""

from tests.fakes import git
from tests.fakes.forgejo import render
from tests.fakes.forgejo.model import Repository, Status
from tests.fakes.forgejo.wire import Answer, ApiError, Call, Routes, page

ROUTES = Routes()
STATES = ("pending", "success", "error", "failure", "warning")


@ROUTES.add("POST", "/repos/{owner}/{repo}/statuses/{sha}", "repo_create_status", access="write")
async def create_status(call: Call) -> Answer:
    """NewCommitStatus: an unknown commit, or a state that the column does not hold, is a fault of the server's."""
    repo = call.repository()
    sha = await git.resolve(repo.git_dir, call["sha"])
    if sha is None:
        raise ApiError(500, "")
    facts = {name: str(call.body.get(name, "")).strip() for name in ("state", "context", "description", "target_url")}
    if facts["state"] not in STATES:
        raise ApiError(500, "", violation=f"the state {facts['state']!r}")
    made = Status(id=call.world.new_id(), sha=sha, creator=call.user, created_at=call.world.now(), **facts)
    repo.statuses.append(made)
    return Answer(render.status(call.world, repo, made), status=201)


@ROUTES.add("GET", "/repos/{owner}/{repo}/statuses/{sha}", "repo_list_statuses")
async def list_statuses(call: Call) -> Answer:
    """GetCommitStatuses: newest first by the second, and here the oldest of a second comes first."""
    repo = call.repository()
    sha = await git.resolve(repo.git_dir, call["sha"]) or call["sha"]
    found = sorted(of_commit(repo, sha), key=lambda one: one.created_at, reverse=True)
    items, headers = page(call, found)
    return Answer([render.status(call.world, repo, one) for one in items], headers=headers)


def of_commit(repo: Repository, sha: str) -> list[Status]:
    """Every status of a commit, oldest first."""
    return [status for status in repo.statuses if status.sha == sha]
