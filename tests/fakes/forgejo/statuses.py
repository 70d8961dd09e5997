"""Commit statuses.

Read in: `routers/api/v1/repo/status.go`, `services/repository/commitstatus`, `models/git/commit_status.go` (a new row
for each, numbered within its commit, of which the highest counts for its context).
"""

from tests.fakes import git
from tests.fakes.forgejo import render
from tests.fakes.forgejo.model import Repository, Status
from tests.fakes.forgejo.wire import Answer, ApiError, Call, Routes

ROUTES = Routes()
STATES = ("error", "failure", "warning", "pending", "success")
"""`modules/structs/commit_status.go`."""


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
    made = Status(id=len(of_commit(repo, sha)) + 1, sha=sha, creator=call.user, created_at=call.world.now(), **facts)
    repo.statuses.append(made)
    return Answer(render.status(call.world, repo, made), status=201)


def of_commit(repo: Repository, sha: str) -> list[Status]:
    """Every status of a commit, oldest first."""
    return [status for status in repo.statuses if status.sha == sha]
