"""Payloads of webhooks, as in the examples of GitLab's "Webhook events"."""

from typing import Any

from tests.fakes.gitlab import render
from tests.fakes.gitlab.model import MergeRequest, Note, Pipeline, Project, User, World

_LEVELS = {"private": 0, "internal": 10, "public": 20}


def push(world: World, where: Project, who: User, ref: str, before: str, after: str) -> dict[str, Any]:
    return {
        "object_kind": "push", "event_name": "push", "before": before, "after": after, "ref": ref,
        "ref_protected": False, "checkout_sha": after, "message": None, "user_id": who.id,
        "user_name": who.username.title(), "user_username": who.username, "user_email": "", "project_id": where.id,
        "project": project(world, where), "commits": [], "total_commits_count": 1, "push_options": {},
    }  # fmt: skip


def merge_request(
    world: World, what: MergeRequest, action: str, who: User, changes: dict[str, Any] | None = None, oldrev: str = ""
) -> dict[str, Any]:
    about = _request(world, what) | {"action": action}
    if oldrev:
        about["oldrev"] = oldrev
    return {
        "object_kind": "merge_request", "event_type": "merge_request", "user": _user(who),
        "project": project(world, what.project), "object_attributes": about,
        "labels": [{"title": label} for label in what.labels], "changes": changes or {},
    }  # fmt: skip


def note(world: World, what: Note, action: str) -> dict[str, Any]:
    return {
        "object_kind": "note", "event_type": "confidential_note" if what.internal else "note",
        "user": _user(what.author), "project_id": what.request.project.id,
        "project": project(world, what.request.project),
        "object_attributes": {
            "id": what.id, "note": what.body, "noteable_type": "MergeRequest", "author_id": what.author.id,
            "created_at": render.hook_stamp(what.created_at), "updated_at": render.hook_stamp(what.updated_at),
            "project_id": what.request.project.id, "attachment": None, "line_code": None, "commit_id": "",
            "noteable_id": what.request.id, "system": what.system, "internal": what.internal, "st_diff": None,
            "action": action,
            "url": f"{world.url}/{what.request.project.path}/-/merge_requests/{what.request.iid}#note_{what.id}",
        },
        "merge_request": _request(world, what.request),
    }  # fmt: skip


def pipeline(world: World, what: Pipeline, who: User) -> dict[str, Any]:
    return {
        "object_kind": "pipeline",
        "object_attributes": {
            "id": what.id, "ref": what.ref, "tag": False, "sha": what.sha, "before_sha": "0" * 40,
            "source": what.source, "status": "pending",
            "created_at": render.hook_stamp(what.created_at), "finished_at": None,
        },
        "merge_request": None if what.request is None else _request(world, what.request),
        "user": _user(who), "project": project(world, what.project), "builds": [],
    }  # fmt: skip


def project(world: World, what: Project) -> dict[str, Any]:
    return {
        "id": what.id, "name": what.path.rpartition("/")[2], "description": "",
        "web_url": f"{world.url}/{what.path}", "avatar_url": None, "git_http_url": f"{world.url}/{what.path}.git",
        "namespace": what.path.rpartition("/")[0], "visibility_level": _LEVELS[what.visibility],
        "path_with_namespace": what.path, "default_branch": what.default_branch,
    }  # fmt: skip


def _user(who: User) -> dict[str, Any]:
    return {
        "id": who.id, "name": who.username.title(), "username": who.username, "avatar_url": None, "email": "[REDACTED]"
    }  # fmt: skip


def _request(world: World, what: MergeRequest) -> dict[str, Any]:
    return {
        "id": what.id, "iid": what.iid, "target_branch": what.target_branch, "source_branch": what.source_branch,
        "source_project_id": what.source.id if what.source else None, "target_project_id": what.project.id,
        "author_id": what.author.id, "title": what.title, "state": what.state, "draft": what.draft,
        "work_in_progress": what.draft, "last_commit": {"id": what.sha, "message": "", "title": ""},
        "created_at": render.hook_stamp(what.created_at), "updated_at": render.hook_stamp(what.updated_at),
        "labels": [{"title": label} for label in what.labels],
        "url": f"{world.url}/{what.project.path}/-/merge_requests/{what.iid}",
    }  # fmt: skip
