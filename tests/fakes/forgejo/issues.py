"""Comments on pull requests, and reactions to them.

Read in: `routers/api/v1/repo/{issue_comment,issue_reaction}.go`, `services/webhook/notifier.go`.
"""

from datetime import datetime
from typing import Any

from tests.fakes.forge_model import stamp
from tests.fakes.forgejo import render
from tests.fakes.forgejo.model import Comment, PullRequest, Reaction, User, World
from tests.fakes.forgejo.wire import NULL, Answer, ApiError, Call, Routes, page

ROUTES = Routes()
_ALLOWED = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
"""`modules/setting/ui.go`, Reactions."""


def write_comment(world: World, pull: PullRequest, user: User, body: str) -> Comment:
    """Add a comment."""
    now = world.now()
    comment = Comment(
        repo=pull.repo, number=pull.number, id=world.new_id(), user=user, created_at=now, updated_at=now, history=[body]
    )  # fmt: skip
    world.comments[comment.id] = comment
    return comment


def event(world: World, pull: PullRequest, comment: Comment, action: str, sender: User) -> dict[str, Any]:
    """`structs.IssueCommentPayload`; it also goes by `issue_comment` where it is on a pull request."""
    return {
        "action": action,
        "issue": render.issue(world, pull),
        "comment": render.comment(world, comment),
        "repository": render.repository(world, pull.repo, sender),
        "sender": render.user(world, sender),
        "is_pull": True,
    }


@ROUTES.add("GET", "/repos/{owner}/{repo}/issues/{index}/comments", "issue_get_comments", scopes=["issue"])
async def list_comments(call: Call) -> Answer:
    """ListIssueComments: all of them, for they have no pages."""
    comments = call.world.comments_of(_pull(call))
    return Answer([render.comment(call.world, one) for one in comments], headers={"X-Total-Count": str(len(comments))})


def _pull(call: Call) -> PullRequest:
    pull = call.pull()
    if pull is None:
        # GetIssueByIndex's error is taken for the server's own, and told to nobody.
        raise ApiError(500, "")
    return pull


@ROUTES.add(
    "POST", "/repos/{owner}/{repo}/issues/{index}/comments", "issue_create_comment", scopes=["issue"], not_archived=True
)
async def create_comment(call: Call) -> Answer:
    """CreateIssueComment."""
    pull = _pull(call)
    if pull.locked and not pull.repo.may(call.user.login, "write"):
        raise ApiError(403, "You cannot comment on a locked issue.")
    comment = write_comment(call.world, pull, call.user, _body(call))
    call.emit(pull.repo, "pull_request_comment", event(call.world, pull, comment, "created", call.user))
    return Answer(render.comment(call.world, comment), status=201)


def _body(call: Call) -> str:
    body = call.body.get("body")
    if not isinstance(body, str) or not body:
        raise ApiError(422, "[Body]: Required", violation="a comment without a body")
    return body


@ROUTES.add("GET", "/repos/{owner}/{repo}/issues/comments/{id}", "issue_get_comment", scopes=["issue"])
async def get_comment(call: Call) -> Answer:
    """GetIssueComment."""
    return Answer(render.comment(call.world, call.comment()))


@ROUTES.add(
    "PATCH", "/repos/{owner}/{repo}/issues/comments/{id}", "issue_edit_comment", scopes=["issue"], not_archived=True
)
async def edit_comment(call: Call) -> Answer:
    """EditIssueComment: one's own, or anybody's who may write; a refusal says nothing."""
    comment = call.comment()
    if comment.user is not call.user and not comment.repo.may(call.user.login, "write"):
        raise ApiError(403)
    before, pull = comment.body, comment.repo.pulls[comment.number]
    comment.history.append(_body(call))
    comment.updated_at = call.world.now()
    payload = event(call.world, pull, comment, "edited", call.user) | {"changes": {"body": {"from": before}}}
    call.emit(comment.repo, "pull_request_comment", payload)
    return Answer(render.comment(call.world, comment))


@ROUTES.add(
    "GET", "/repos/{owner}/{repo}/issues/comments/{id}/reactions", "issue_get_comment_reactions", scopes=["issue"]
)
async def list_reactions(call: Call) -> Answer:
    """GetIssueCommentReactions: null where there are none."""
    return Answer([_reaction(call.world, one) for one in call.comment().reactions] or NULL)


@ROUTES.add("GET", "/repos/{owner}/{repo}/issues/comments", "issue_get_repo_comments", scopes=["issue"])
async def list_all_comments(call: Call) -> Answer:
    """ListRepoIssueComments: oldest first, by when they were touched last; pages are counted and not linked."""
    repo, since = call.repository(), call.query.get("since")
    after = datetime.fromisoformat(since) if since else repo.created_at
    found = [one for one in call.world.comments.values() if one.repo is repo and one.updated_at >= after]
    items, headers = page(call, found)
    counted = {"X-Total-Count": headers["X-Total-Count"]}
    return Answer([render.comment(call.world, one) for one in items], headers=counted)


@ROUTES.add(
    "POST", "/repos/{owner}/{repo}/issues/comments/{id}/reactions", "issue_post_comment_reaction", scopes=["issue"]
)
async def react(call: Call) -> Answer:
    """PostIssueCommentReaction: 200 where it stands already."""
    comment, content = call.comment(), call.body.get("content")
    if comment.repo.pulls[comment.number].locked and not comment.repo.may(call.user.login, "write"):
        raise ApiError(403, "no permission to change reaction")
    if not isinstance(content, str) or content not in _ALLOWED:
        raise ApiError(403, f"'{content}' is not an allowed reaction", violation=f"the reaction {content!r}")
    there = next((one for one in comment.reactions if one.user is call.user and one.content == content), None)
    if there is not None:
        return Answer(_reaction(call.world, there))
    comment.reactions.append(Reaction(call.user, content, call.world.now()))
    return Answer(_reaction(call.world, comment.reactions[-1]), status=201)


def _reaction(world: World, which: Reaction) -> dict[str, Any]:
    return {"user": render.user(world, which.user), "content": which.content, "created_at": stamp(which.created_at)}
