"""The shapes on the wire, as in the examples of GitLab's API documentation."""

from datetime import datetime
from typing import Any

from tests.fakes.gitlab.model import MergeRequest, Note, Pipeline, Project, Status, User, World


def stamp(moment: datetime) -> str:
    """A time as the API writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def hook_stamp(moment: datetime) -> str:
    """A time as webhooks write it."""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def user(world: World, who: User) -> dict[str, Any]:
    return {
        "id": who.id, "username": who.username, "name": who.username.title(), "state": who.state, "locked": False,
        "avatar_url": None, "web_url": f"{world.url}/{who.username}",
    }  # fmt: skip


def project(world: World, what: Project, reader: User) -> dict[str, Any]:
    """A project ("Projects API"); the reader's own rights stand in `permissions`."""
    level = what.members.get(reader.id)
    return {
        "id": what.id, "name": what.path.rpartition("/")[2], "path": what.path.rpartition("/")[2],
        "path_with_namespace": what.path, "visibility": what.visibility, "archived": what.archived,
        "default_branch": what.default_branch, "web_url": f"{world.url}/{what.path}",
        "http_url_to_repo": f"{world.url}/{what.path}.git",
        "permissions": {
            "project_access": None if level is None else {"access_level": level, "notification_level": 3},
            "group_access": None,
        },
    }  # fmt: skip


def request(world: World, what: MergeRequest) -> dict[str, Any]:
    """A merge request as a list has it ("Merge requests API")."""
    return {
        "id": what.id, "iid": what.iid, "project_id": what.project.id, "title": what.title, "description": "",
        "state": what.state, "created_at": stamp(what.created_at), "updated_at": stamp(what.updated_at),
        "target_branch": what.target_branch, "source_branch": what.source_branch,
        "author": user(world, what.author), "source_project_id": what.source.id if what.source else None,
        "target_project_id": what.project.id, "labels": sorted(what.labels), "draft": what.draft,
        "work_in_progress": what.draft, "sha": what.sha if what.prepared else None,
        "discussion_locked": what.discussion_locked or None, "prepared_at": stamp(what.created_at),
        "web_url": f"{world.url}/{what.project.path}/-/merge_requests/{what.iid}",
        "references": {"short": f"!{what.iid}", "relative": f"!{what.iid}", "full": f"{what.project.path}!{what.iid}"},
    }  # fmt: skip


def whole_request(world: World, what: MergeRequest) -> dict[str, Any]:
    """A merge request by itself."""
    refs = {"base_sha": what.base_sha, "head_sha": what.sha, "start_sha": what.start_sha}
    head = world.head_pipeline(what)
    return request(world, what) | {
        "diff_refs": refs if what.prepared else None,
        "head_pipeline": None if head is None else pipeline(world, head),
        "changes_count": None,
    }


def pipeline(world: World, what: Pipeline) -> dict[str, Any]:
    return {
        "id": what.id, "project_id": what.project.id, "sha": what.sha, "ref": what.ref, "source": what.source,
        "status": pipeline_status(what), "web_url": f"{world.url}/{what.project.path}/-/pipelines/{what.id}",
    }  # fmt: skip


def pipeline_status(what: Pipeline) -> str:
    states = {status.status for status in what.latest}
    for one in ("running", "pending", "failed", "canceled", "skipped", "success"):
        if one in states:
            return one
    return "created"


def status(world: World, pipeline: Pipeline, what: Status) -> dict[str, Any]:
    """A commit status ("Commits API")."""
    return {
        "id": what.id, "sha": pipeline.sha, "ref": pipeline.ref, "status": what.status, "name": what.name,
        "target_url": what.target_url, "description": what.description, "created_at": stamp(what.created_at),
        "started_at": None, "finished_at": None, "allow_failure": False, "coverage": None,
        "pipeline_id": pipeline.id, "author": user(world, what.user),
    }  # fmt: skip


def note(world: World, what: Note) -> dict[str, Any]:
    """A note ("Notes API")."""
    return {
        "id": what.id, "type": None, "body": what.body, "author": user(world, what.author),
        "created_at": stamp(what.created_at), "updated_at": stamp(what.updated_at), "system": what.system,
        "noteable_id": what.request.id, "noteable_type": "MergeRequest", "project_id": what.request.project.id,
        "resolvable": False, "confidential": what.internal, "internal": what.internal,
        "noteable_iid": what.request.iid,
    }  # fmt: skip
