"""Check runs and the suites that hold them.

Read in: OpenAPI operations checks/*, GitHub REST docs "Check runs" and "Using the REST API to interact with checks",
octokit/webhooks' check_run and check_suite examples. Only the App that made a run may write to it; a conclusion and
`completed` go together; 50 annotations a request, appended; three actions; 65,535 characters of summary and of text.
"""

from datetime import datetime
from typing import Any

from tests.fakes import git
from tests.fakes.forge_model import stamp
from tests.fakes.github import render
from tests.fakes.github.model import App, CheckRun, CheckSuite, PullRequest, Repository, User, World, node_id
from tests.fakes.github.wire import Answer, ApiError, Call, Routes, invalid, not_found, page

ROUTES = Routes()
_CONCLUSIONS = ("action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out")
_TEXT_LIMIT = 65_535


@ROUTES.add("POST", "/repos/{owner}/{repo}/check-runs", needs=["checks:write"])
async def create_check(call: Call) -> Answer:
    """operationId checks/create."""
    repo, body = call.repository(), call.body
    _check(body, new=True)
    sha = body["head_sha"]
    if len(sha) != 40 or await git.resolve(repo.git_dir, sha) != sha:
        raise invalid("CheckRun", "head_sha", "invalid", f"No commit found for SHA: {sha}")
    now = call.world.now()
    run = CheckRun(
        repo=repo, id=call.world.new_id(), suite=suite_of(call.world, repo, call.app, sha), app=call.app,
        name=body["name"], head_sha=sha, started_at=now,
    )  # fmt: skip
    _write(call.world, run, body)
    call.world.checks[run.id] = run
    _tell(call, run, "created")
    return Answer(render_check(call.world, run), status=201)


@ROUTES.add("PATCH", "/repos/{owner}/{repo}/check-runs/{check_run_id}", needs=["checks:write"])
async def update_check(call: Call) -> Answer:
    """operationId checks/update."""
    run = _run(call)
    if run.app is not call.app:
        raise ApiError(403, "Invalid app_id `{}` - check run can only be modified by the GitHub App that created it.")
    _check(call.body, new=False)
    was_completed = run.status == "completed"
    _write(call.world, run, call.body)
    run.suite.reset = False
    if run.status == "completed" and not was_completed:
        _tell(call, run, "completed")
    return Answer(render_check(call.world, run))


@ROUTES.add("GET", "/repos/{owner}/{repo}/check-runs/{check_run_id}", needs=["checks:read"])
async def get_check(call: Call) -> Answer:
    """operationId checks/get."""
    return Answer(render_check(call.world, _run(call)))


@ROUTES.add("GET", "/repos/{owner}/{repo}/check-runs/{check_run_id}/annotations", needs=["checks:read"])
async def list_annotations(call: Call) -> Answer:
    """operationId checks/list-annotations."""
    run = _run(call)
    here = f"{call.world.url}/{run.repo.full_name}/blob/{run.head_sha}"
    optional = {"start_column": None, "end_column": None, "title": None, "raw_details": None}
    items, headers = page(call, run.annotations)
    return Answer([optional | a | {"blob_href": f"{here}/{a['path']}"} for a in items], headers=headers)


@ROUTES.add("GET", "/repos/{owner}/{repo}/commits/{ref}/check-runs", needs=["checks:read"])
async def list_checks(call: Call) -> Answer:
    """operationId checks/list-for-ref: `filter=latest` (the default) shows the newest of each name and App."""
    repo = call.repository()
    sha = await git.resolve(repo.git_dir, call["ref"])
    if sha is None:
        raise ApiError(422, f"No commit found for SHA: {call['ref']}")
    found = [run for run in of_commit(call.world, repo, sha)[::-1] if _listed(call, run)]
    if call.query.get("filter", "latest") == "latest":
        newest: dict[tuple[int, str], CheckRun] = {}
        for run in found:
            newest.setdefault((run.app.id, run.name), run)
        found = list(newest.values())
    items, headers = page(call, found)
    runs = [render_check(call.world, run) for run in items]
    return Answer({"total_count": len(found), "check_runs": runs}, headers=headers)


def _listed(call: Call, run: CheckRun) -> bool:
    name, status, app = (call.query.get(key) for key in ("check_name", "status", "app_id"))
    return name in (None, run.name) and status in (None, run.status) and app in (None, str(run.app.id))


def of_commit(world: World, repo: Repository, sha: str) -> list[CheckRun]:
    """Every check run of a commit, oldest first."""
    return [run for run in world.checks.values() if run.repo is repo and run.head_sha == sha]


def _run(call: Call) -> CheckRun:
    repo = call.repository()
    found = call.world.checks.get(call.number("check_run_id"))
    if found is None or found.repo is not repo:
        raise not_found()
    return found


def suite_of(world: World, repo: Repository, app: App, sha: str) -> CheckSuite:
    """The one suite of an App and a commit, made where there is none yet."""
    for suite in world.suites.values():
        if (suite.repo, suite.app, suite.head_sha) == (repo, app, sha):
            return suite
    branch = next((p.head_ref for p in repo.pulls.values() if p.head_sha == sha and not p.from_fork), None)
    now = world.now()
    suite = CheckSuite(repo, world.new_id(), app, sha, branch, now, now)
    world.suites[suite.id] = suite
    return suite


def _check(body: dict[str, Any], *, new: bool) -> None:
    """Raise a 422 for what GitHub refuses."""
    if new and not body.get("name"):
        raise invalid("CheckRun", "name", "missing_field")
    status, conclusion = body.get("status"), body.get("conclusion")
    if conclusion is None and (status == "completed" or body.get("completed_at")):
        raise invalid("CheckRun", "conclusion", "missing_field", "`completed` needs a conclusion")
    if conclusion is not None and (conclusion not in _CONCLUSIONS or status not in (None, "completed")):
        raise invalid("CheckRun", "conclusion", "invalid", f"{conclusion!r} does not go with status {status!r}")
    output = body.get("output") or {}
    if output and (not output.get("summary") or (new and not output.get("title"))):
        raise invalid("CheckRun", "output", "missing_field", "output needs a title and a summary")
    for name in ("summary", "text"):
        if len(output.get(name) or "") > _TEXT_LIMIT:
            raise invalid("CheckRun", name, "invalid", f"Only {_TEXT_LIMIT} characters are allowed")
    annotations = output.get("annotations") or []
    if len(annotations) > 50:
        raise invalid("CheckRun", "annotations", "invalid", "No subschema: only 50 items are allowed")
    for annotation in annotations:
        _check_annotation(annotation)
    _check_actions(body.get("actions") or [])


def _check_annotation(annotation: dict[str, Any]) -> None:
    if annotation["annotation_level"] not in ("notice", "warning", "failure"):
        raise invalid("CheckRun", "annotation_level", "invalid")
    columns = "start_column" in annotation or "end_column" in annotation
    if columns and annotation["start_line"] != annotation["end_line"]:
        raise invalid("CheckRun", "start_column", "invalid", "Columns go with annotations of a single line alone")
    if not 1 <= annotation["start_line"] <= annotation["end_line"]:
        raise invalid("CheckRun", "end_line", "invalid", "Lines start at 1 and end after they start")
    if annotation["path"].startswith("/") or len(annotation.get("title") or "") > 255:
        raise invalid("CheckRun", "annotations", "invalid", "A path is relative, a title has 255 characters at most")
    if any(len((annotation.get(name) or "").encode()) > 65_536 for name in ("message", "raw_details")):
        raise invalid("CheckRun", "message", "invalid", "64 KB at most")


def _check_actions(actions: list[dict[str, str]]) -> None:
    if len(actions) > 3:
        raise invalid("CheckRun", "actions", "invalid", "Only 3 items are allowed")
    for action in actions:
        for name, limit in (("label", 20), ("description", 40), ("identifier", 20)):
            if not 0 < len(action.get(name, "")) <= limit:
                raise invalid("CheckRun", name, "invalid", f"1 to {limit} characters")


def _write(world: World, run: CheckRun, body: dict[str, Any]) -> None:
    for name in ("name", "details_url", "external_id"):
        if name in body:
            setattr(run, name, body[name])
    if "started_at" in body:
        run.started_at = datetime.fromisoformat(body["started_at"])
    if body.get("conclusion"):
        run.status, run.conclusion = "completed", body["conclusion"]
        run.completed_at = datetime.fromisoformat(body["completed_at"]) if "completed_at" in body else world.now()
    elif "status" in body:
        run.status, run.conclusion, run.completed_at = body["status"], None, None
    output = body.get("output") or {}
    for name in ("title", "summary", "text"):
        if name in output:
            setattr(run, name, output[name])
    run.annotations += output.get("annotations") or []
    if "actions" in body:
        run.actions = list(body["actions"])
    run.suite.updated_at = world.now()
    seen = ("status", "conclusion", "title", "summary", "text")
    run.history.append({name: getattr(run, name) for name in seen})


def _tell(call: Call, run: CheckRun, action: str) -> None:
    call.emit(run.repo, "check_run", run_event(call.world, run, action, run.app.bot))


def _pulls(world: World, repo: Repository, sha: str) -> list[dict[str, Any]]:
    """Open pull requests of the repository's own branches with that head: those from forks are never listed."""
    found = (p for p in repo.pulls.values() if p.head_sha == sha and p.state == "open" and not p.from_fork)
    return [_pull_minimal(world, pull) for pull in found]


def _pull_minimal(world: World, pull: PullRequest) -> dict[str, Any]:
    """Schema pull-request-minimal."""
    here = f"{world.url}/repos/{pull.repo.full_name}"
    repo = {"id": pull.repo.id, "url": here, "name": pull.repo.name}
    return {
        "url": f"{here}/pulls/{pull.number}",
        "id": pull.id,
        "number": pull.number,
        "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": repo},
        "base": {"ref": pull.base_ref, "sha": pull.base_sha, "repo": repo},
    }


def render_check(world: World, run: CheckRun) -> dict[str, Any]:
    """Schema check-run. The actions are not shown."""
    mine = f"{world.url}/repos/{run.repo.full_name}/check-runs/{run.id}"
    page_url = f"{world.url}/{run.repo.full_name}/runs/{run.id}"
    return {
        "id": run.id,
        "node_id": node_id("CR", run.id),
        "head_sha": run.head_sha,
        "external_id": run.external_id,
        "url": mine,
        "html_url": page_url,
        "details_url": run.details_url or world.url,
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": stamp(run.started_at),
        "completed_at": stamp(run.completed_at),
        "output": {
            "title": run.title,
            "summary": run.summary,
            "text": run.text,
            "annotations_count": len(run.annotations),
            "annotations_url": f"{mine}/annotations",
        },
        "name": run.name,
        "check_suite": {"id": run.suite.id},
        "app": render.app(world, run.app),
        "pull_requests": _pulls(world, run.repo, run.head_sha),
    }


def render_suite(world: World, suite: CheckSuite) -> dict[str, Any]:
    """Schema simple-check-suite: queued while a run is, completed when all are, failed when one is."""
    runs = [run for run in world.checks.values() if run.suite is suite]
    open_ones = suite.reset or not runs or any(run.status != "completed" for run in runs)
    verdicts = {run.conclusion for run in runs}
    worst = next((c for c in ("failure", "action_required", "cancelled", "timed_out") if c in verdicts), "success")
    here = f"{world.url}/repos/{suite.repo.full_name}"
    return {
        "id": suite.id,
        "node_id": node_id("CS", suite.id),
        "head_branch": suite.head_branch,
        "head_sha": suite.head_sha,
        "status": "queued" if open_ones else "completed",
        "conclusion": None if open_ones else worst,
        "url": f"{here}/check-suites/{suite.id}",
        "before": git.ZERO,
        "after": suite.head_sha,
        "pull_requests": _pulls(world, suite.repo, suite.head_sha),
        "app": render.app(world, suite.app),
        "created_at": stamp(suite.created_at),
        "updated_at": stamp(suite.updated_at),
    }


def run_event(world: World, run: CheckRun, action: str, sender: User) -> dict[str, Any]:
    """Payload of `check_run`, as in octokit/webhooks' examples check_run.created and .requested_action."""
    return {
        "action": action,
        "check_run": render_check(world, run) | {"check_suite": render_suite(world, run.suite)},
        "repository": render.repository(world, run.repo),
        "sender": render.user(world, sender),
    }


async def suite_event(world: World, suite: CheckSuite, action: str, sender: User) -> dict[str, Any]:
    """Payload of `check_suite`, as in octokit/webhooks' example check_suite.rerequested."""
    head = (await git.commits(suite.repo.git_dir, suite.head_sha, 1))[0]
    person = {"name": head.author, "email": f"{head.author}@users.noreply.example"}
    here = f"{world.url}/repos/{suite.repo.full_name}/check-suites/{suite.id}"
    count = sum(run.suite is suite for run in world.checks.values())
    more = {
        "latest_check_runs_count": count,
        "check_runs_url": f"{here}/check-runs",
        "head_commit": {
            "id": head.sha, "tree_id": head.tree, "message": head.message, "timestamp": head.when,
            "author": person, "committer": person,
        },
    }  # fmt: skip
    return {
        "action": action,
        "check_suite": render_suite(world, suite) | more,
        "repository": render.repository(world, suite.repo),
        "sender": render.user(world, sender),
    }
