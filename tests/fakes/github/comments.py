"""Comments on pull requests, reactions to them, and folding them away.

Read in the published OpenAPI description under the operationIds named at each endpoint, in octokit/webhooks'
issue_comment examples and in the GraphQL reference (mutation minimizeComment). GitHub refuses a body of more than
65,536 characters.
"""

import json
import re
from datetime import datetime
from typing import Any

from tests.fakes.forge_model import stamp
from tests.fakes.github import render
from tests.fakes.github.model import App, Comment, PullRequest, Reaction, User, World, node_id
from tests.fakes.github.wire import Answer, ApiError, Call, Routes, granted, invalid, not_found, page

ROUTES = Routes()
BODY_LIMIT = 65_536
_READ = ["issues:read", "pull_requests:read"]
_WRITE = ["issues:write", "pull_requests:write"]
_CONTENTS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")
_MINIMISE = re.compile(
    r"minimizeComment\s*\(\s*input\s*:\s*(?P<input>\{[^}]*\}|\$\w+)\s*\)\s*\{(?P<selected>.*)\}", re.DOTALL
)
_CLASSIFIERS = ("SPAM", "ABUSE", "OFF_TOPIC", "OUTDATED", "DUPLICATE", "RESOLVED", "LOW_QUALITY")


def write_comment(world: World, pull: PullRequest, user: User, body: str, app: App | None = None) -> Comment:
    """Add a comment, by a person or by an App."""
    now = world.now()
    comment = Comment(
        repo=pull.repo, number=pull.number, id=world.new_id(), user=user, created_at=now, updated_at=now,
        history=[body], app=app,
    )  # fmt: skip
    world.comments[comment.id] = comment
    return comment


def _body(call: Call) -> str:
    body = call.body.get("body")
    if not isinstance(body, str) or not body.strip():
        raise invalid("IssueComment", "body", "missing_field")
    if len(body) > BODY_LIMIT:
        raise invalid("IssueComment", "data", "unprocessable", f"Body is too long (maximum is {BODY_LIMIT} characters)")
    return body


def _comment(call: Call) -> Comment:
    repo = call.repository()
    found = call.world.comments.get(call.number("comment_id"))
    if found is None or found.repo is not repo:
        raise not_found()
    return found


@ROUTES.add("GET", "/repos/{owner}/{repo}/issues/{issue_number}/comments", needs=_READ)
async def list_comments(call: Call) -> Answer:
    """operationId issues/list-comments: oldest first."""
    pull = call.pull("issue_number")
    found = call.world.comments_of(pull)
    if (since := call.query.get("since")) is not None:
        found = [comment for comment in found if comment.updated_at >= datetime.fromisoformat(since)]
    items, headers = page(call, found)
    return Answer([render_comment(call.world, comment) for comment in items], headers=headers)


@ROUTES.add("POST", "/repos/{owner}/{repo}/issues/{issue_number}/comments", needs=_WRITE)
async def create_comment(call: Call) -> Answer:
    """operationId issues/create-comment; the App itself hears of it too (issue_comment.created)."""
    pull = call.pull("issue_number")
    if pull.locked:
        raise ApiError(403, "Unable to create comment because issue is locked.")
    comment = write_comment(call.world, pull, call.app.bot, _body(call), call.app)
    call.emit(pull.repo, "issue_comment", event(call.world, pull, comment, "created", call.app.bot))
    shape = render_comment(call.world, comment)
    return Answer(shape, status=201, headers={"Location": shape["url"]})


@ROUTES.add("GET", "/repos/{owner}/{repo}/issues/comments/{comment_id}", needs=_READ)
async def get_comment(call: Call) -> Answer:
    """operationId issues/get-comment."""
    return Answer(render_comment(call.world, _comment(call)))


@ROUTES.add("PATCH", "/repos/{owner}/{repo}/issues/comments/{comment_id}", needs=_WRITE)
async def update_comment(call: Call) -> Answer:
    """operationId issues/update-comment."""
    comment = _comment(call)
    body, before = _body(call), comment.body
    comment.history.append(body)
    comment.updated_at = call.world.now()
    pull = comment.repo.pulls[comment.number]
    payload = event(call.world, pull, comment, "edited", call.app.bot) | {"changes": {"body": {"from": before}}}
    call.emit(comment.repo, "issue_comment", payload)
    return Answer(render_comment(call.world, comment))


@ROUTES.add("DELETE", "/repos/{owner}/{repo}/issues/comments/{comment_id}", needs=_WRITE)
async def delete_comment(call: Call) -> Answer:
    """operationId issues/delete-comment."""
    comment = call.world.comments.pop(_comment(call).id)
    pull = comment.repo.pulls[comment.number]
    call.emit(comment.repo, "issue_comment", event(call.world, pull, comment, "deleted", call.app.bot))
    return Answer(None, status=204)


@ROUTES.add("GET", "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions", needs=_READ)
async def list_reactions(call: Call) -> Answer:
    """operationId reactions/list-for-issue-comment."""
    wanted = call.query.get("content")
    found = [r for r in _comment(call).reactions if wanted in (None, r.content)]
    items, headers = page(call, found)
    return Answer([_reaction(call.world, reaction) for reaction in items], headers=headers)


@ROUTES.add("POST", "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions", needs=_WRITE)
async def create_reaction(call: Call) -> Answer:
    """operationId reactions/create-for-issue-comment: 200 where it stands already, 201 where it is new."""
    comment, content = _comment(call), call.body.get("content")
    if content not in _CONTENTS:
        raise invalid("Reaction", "content", "invalid")
    for known in comment.reactions:
        if known.content == content and known.user is call.app.bot:
            return Answer(_reaction(call.world, known))
    new = Reaction(call.world.new_id(), call.app.bot, content, call.world.now())
    comment.reactions.append(new)
    return Answer(_reaction(call.world, new), status=201)


def _reaction(world: World, reaction: Reaction) -> dict[str, Any]:
    """Schema reaction."""
    return {
        "id": reaction.id,
        "node_id": node_id("REA", reaction.id),
        "user": render.user(world, reaction.user),
        "content": reaction.content,
        "created_at": stamp(reaction.created_at),
    }


def render_comment(world: World, comment: Comment) -> dict[str, Any]:
    """Schema issue-comment."""
    here = f"{world.url}/repos/{comment.repo.full_name}/issues"
    mine = f"{here}/comments/{comment.id}"
    return {
        "url": mine,
        "html_url": f"{world.url}/{comment.repo.full_name}/pull/{comment.number}#issuecomment-{comment.id}",
        "issue_url": f"{here}/{comment.number}",
        "id": comment.id,
        "node_id": comment.node_id,
        "user": render.user(world, comment.user),
        "created_at": stamp(comment.created_at),
        "updated_at": stamp(comment.updated_at),
        "author_association": render.association(comment.repo, comment.user),
        "body": comment.body,
        "reactions": _counts(mine, comment.reactions),
        "performed_via_github_app": render.app(world, comment.app) if comment.app else None,
    }


def _counts(url: str, reactions: list[Reaction]) -> dict[str, Any]:
    """Schema reaction-rollup."""
    counts = {name: sum(r.content == name for r in reactions) for name in _CONTENTS}
    return {"url": f"{url}/reactions", "total_count": len(reactions), **counts}


def event(world: World, pull: PullRequest, comment: Comment, action: str, sender: User) -> dict[str, Any]:
    """Payload of `issue_comment`, as in octokit/webhooks' example issue_comment.created: the issue with its
    `pull_request` key, which tells a pull request from an issue, and no head commit.
    """
    brief = render.pull_brief(world, pull)
    here, page_url = f"{world.url}/repos/{pull.repo.full_name}", brief["html_url"]
    same = ("id", "node_id", "number", "title", "user", "labels", "state", "locked", "assignee", "assignees", "body",
            "milestone", "created_at", "updated_at", "closed_at", "author_association", "active_lock_reason", "draft",
            "html_url")  # fmt: skip
    issue = {name: brief[name] for name in same} | {
        "url": f"{here}/issues/{pull.number}",
        "repository_url": here,
        "labels_url": f"{here}/issues/{pull.number}/labels{{/name}}",
        "comments_url": f"{here}/issues/{pull.number}/comments",
        "events_url": f"{here}/issues/{pull.number}/events",
        "comments": len(world.comments_of(pull)),
        "reactions": _counts(f"{here}/issues/{pull.number}", []),
        "pull_request": {
            "url": brief["url"], "html_url": page_url, "diff_url": f"{page_url}.diff",
            "patch_url": f"{page_url}.patch", "merged_at": stamp(pull.merged_at),
        },
    }  # fmt: skip
    return {
        "action": action,
        "issue": issue,
        "comment": render_comment(world, comment),
        "repository": render.repository(world, pull.repo),
        "sender": render.user(world, sender),
    }


@ROUTES.add("POST", "/graphql")
async def graphql(call: Call) -> Answer:
    """GraphQL reference, mutation minimizeComment: errors come with status 200, and `data` holds what was selected."""
    query, variables = call.body.get("query") or "", call.body.get("variables") or {}
    if call.world.graphql_exhausted:
        error = {"type": "RATE_LIMITED", "message": "API rate limit exceeded for installation"}
        return Answer({"errors": [error]})
    found = _MINIMISE.search(query)
    if not query.lstrip().startswith("mutation") or not found:
        raise ApiError(400, "The fake knows one mutation, minimizeComment", violation=True)
    given = _input(found["input"], variables)
    if given.get("classifier") not in _CLASSIFIERS:
        return Answer(
            {"errors": [{"message": "Argument 'classifier' on InputObject 'MinimizeCommentInput' is invalid"}]}
        )
    comment = next((c for c in call.world.comments.values() if c.node_id == given.get("subjectId")), None)
    if comment is None or not call.token.reaches(comment.repo):
        text = f"Could not resolve to a node with the global id of '{given.get('subjectId')}'"
        error = {"type": "NOT_FOUND", "path": ["minimizeComment"], "message": text}
        return Answer({"data": {"minimizeComment": None}, "errors": [error]})
    if not any(granted(call.token, name, "write") for name in ("issues", "pull_requests")):
        error = {"type": "FORBIDDEN", "path": ["minimizeComment"], "message": "Resource not accessible by integration"}
        return Answer({"data": {"minimizeComment": None}, "errors": [error]})
    comment.minimised = given["classifier"]
    shown = {"isMinimized": True, "minimizedReason": comment.minimised.lower().replace("_", "-")}
    selected = {name: value for name, value in shown.items() if name in found["selected"]}
    return Answer({"data": {"minimizeComment": {"minimizedComment": selected}}})


def _input(text: str, variables: dict[str, Any]) -> dict[str, Any]:
    if text.startswith("$"):
        return dict(variables.get(text[1:]) or {})
    given = {}
    for name, value in re.findall(r'(\w+)\s*:\s*("[^"]*"|\$?\w+)', text):
        given[name] = (
            variables.get(value[1:]) if value.startswith("$") else json.loads(value) if '"' in value else value
        )
    return given
