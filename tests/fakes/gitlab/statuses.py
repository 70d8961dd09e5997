"""Commit statuses: jobs that somebody outside reports about.

Read in: lib/api/commit_statuses.rb, app/services/ci/create_commit_status_service.rb, add_job_service.rb (which pipeline
is taken or made, which job is gone on with, and that a refused transition stores nothing), the state machine of
app/models/concerns/ci/has_status.rb and app/models/commit_status.rb, app/policies/project_policy.rb (an archived
project takes none).
"""

from tests.fakes import git
from tests.fakes.gitlab import render
from tests.fakes.gitlab.model import DEVELOPER, Pipeline, Project, Status
from tests.fakes.gitlab.wire import PAGED, Answer, ApiError, Call, Routes, forbidden, not_found, paged, wrong

ROUTES = Routes()
STATES = ("pending", "running", "success", "failed", "canceled", "skipped")
_LONGEST = 255
_UNFINISHED = ("pending", "running")
_EVENTS = {"pending": "enqueue", "running": "run"}


@ROUTES.add(
    "POST", "projects/:id/statuses/:sha",
    {"state": str, "ref": str, "name": str, "context": str, "target_url": str, "description": str, "coverage": float,
     "pipeline_id": int},
    ["state"], state=STATES,
)  # fmt: skip
async def post(call: Call) -> Answer:
    where = call.project(at_least=DEVELOPER)
    if where.archived:
        raise forbidden()
    sha = await git.resolve(where.git_dir, call.path["sha"])
    if sha is None:
        raise not_found("Commit")
    for name in ("description", "target_url", "name", "ref"):
        if len(call.given.get(name, "")) > _LONGEST:
            raise ApiError(400, {name: [f"is too long (maximum is {_LONGEST} characters)"]}, violation=True)
    pipeline = _pipeline(call, where, sha)
    ref = call.given.get("ref") or (pipeline.ref if pipeline else await _branch_with(where, sha))
    if "pipeline_id" in call.given and pipeline is None:
        raise not_found("Pipeline for pipeline_id, sha and ref")
    if ref is None:
        raise not_found("References for commit")
    if pipeline is None:
        pipeline = Pipeline(where, call.world.new_id(), sha, ref, "external", call.world.now())
        call.world.pipelines.append(pipeline)
    return Answer(render.status(call.world, pipeline, _tell(call, pipeline)), status=201)


@ROUTES.add(
    "GET", "projects/:id/repository/commits/:sha/statuses",
    {**PAGED, "ref": str, "stage": str, "name": str, "pipeline_id": int, "all": str},
)  # fmt: skip
async def statuses(call: Call) -> Answer:
    where = call.project()
    sha = await git.resolve(where.git_dir, call.path["sha"])
    if sha is None:
        raise not_found("Commit")
    found = [
        render.status(call.world, pipeline, status)
        for pipeline in _of_commit(call, where, sha)
        for status in (pipeline.statuses if call.given.get("all") == "true" else pipeline.latest)
        if call.given.get("name", status.name) == status.name
        and int(call.given.get("pipeline_id", pipeline.id)) == pipeline.id
        and call.given.get("ref", pipeline.ref) == pipeline.ref
    ]
    found.sort(key=lambda shape: shape["id"])
    return paged(call, found, f"projects/{where.id}/repository/commits/{sha}/statuses")


def _of_commit(call: Call, where: Project, sha: str) -> list[Pipeline]:
    return [one for one in call.world.pipelines if one.project is where and one.sha == sha]


def _pipeline(call: Call, where: Project, sha: str) -> Pipeline | None:
    found = _of_commit(call, where, sha)
    if "ref" in call.given:
        found = [one for one in found if one.ref == call.given["ref"]]
    if "pipeline_id" in call.given:
        found = [one for one in found if one.id == int(call.given["pipeline_id"])]
    return max(found, key=lambda one: one.id, default=None)


async def _branch_with(where: Project, sha: str) -> str | None:
    listed = await git.git(where.git_dir, "for-each-ref", "--contains", sha, "--format=%(refname)", "refs/heads/")
    branches = listed.decode().split()
    return branches[0].removeprefix("refs/heads/") if branches else None


def _tell(call: Call, pipeline: Pipeline) -> Status:
    name, state = call.given.get("name") or call.given.get("context") or "default", call.given["state"]
    mine = [one for one in pipeline.latest if one.name == name and one.user is call.user and one.status in _UNFINISHED]
    if not mine:
        return _new(call, pipeline, name, state)
    status = mine[-1]
    if state in _EVENTS and (state == status.status or status.status == "running"):
        event = _EVENTS[state]
        raise ApiError(
            400,
            f"Cannot transition status via :{event} from :{status.status} "
            f'(Reason(s): Status cannot transition via "{event}")',
        )
    status.status = state
    status.description = call.given.get("description", status.description)
    status.target_url = call.given.get("target_url", status.target_url)
    return status


def _new(call: Call, pipeline: Pipeline, name: str, state: str) -> Status:
    if not name:
        raise wrong("name is empty")
    for old in pipeline.latest:
        if old.name == name:
            old.retried = True
    new = Status(
        call.world.new_id(), name, call.user, state, call.given.get("description"), call.given.get("target_url"),
        call.world.now(),
    )  # fmt: skip
    pipeline.statuses.append(new)
    return new
