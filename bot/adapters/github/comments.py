"""Comments and reactions. A comment of ours is known by its App and its marker: anybody can copy a marker."""

from typing import Any

from bot.adapters.github.client import GitHubClient
from bot.adapters.github.failures import LEAST_WAIT
from bot.domain.publication import Reaction
from bot.domain.run import ChangeRef, RepoRef
from bot.ports.errors import Gone, Rejected, Transient

COMMENT_LIMIT = 65_536
"""Characters."""

_OF_CHANGE = "/repos/{owner}/{name}/issues/{number}/comments"
_ONE = "/repos/{owner}/{name}/issues/comments/{id}"
_MINIMISE = "mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { clientMutationId } }"


async def upsert(client: GitHubClient, ref: ChangeRef, body: str, marker: str, known: str | None) -> str:
    """Edit our comment in place, or write it; somebody may have deleted it since."""
    if known is not None:
        try:
            return await _edit(client, ref.repo, known, body)
        except Gone:
            pass
    found = await _find(client, ref, marker)
    return await (_edit(client, ref.repo, found, body) if found is not None else _write(client, ref, body))


async def write_once(client: GitHubClient, ref: ChangeRef, body: str, marker: str) -> str:
    """Write a comment unless one of ours with the marker exists; return its id either way."""
    found = await _find(client, ref, marker)
    return found if found is not None else await _write(client, ref, body)


async def minimise(client: GitHubClient, ref: ChangeRef, comment: str) -> None:
    """Fold a comment away as outdated; only GraphQL can."""
    node = (await client.get(ref.repo, _ONE, {"id": comment})).data["node_id"]
    question = {"query": _MINIMISE, "variables": {"id": node}}
    answer = await client.post(ref.repo, client.settings.graphql_url, {}, question)
    for error in answer.get("errors") or ():
        text = f"{ref}: comment {comment} cannot be minimised: {error.get('message', 'no explanation')}"
        raise _error(error.get("type"), text)


def _error(kind: object, text: str) -> Gone | Rejected | Transient:
    """GraphQL answers 200 and names the kind of error, a limit that is exceeded too."""
    if kind == "RATE_LIMITED":
        return Transient(text, LEAST_WAIT)
    return Gone(text) if kind == "NOT_FOUND" else Rejected(text)


async def react(client: GitHubClient, ref: ChangeRef, comment: str, reaction: Reaction) -> None:
    """React to a comment; GitHub itself sees to it that this happens once."""
    await client.post(ref.repo, f"{_ONE}/reactions", {"id": comment}, {"content": reaction.value})


async def _find(client: GitHubClient, ref: ChangeRef, marker: str) -> str | None:
    comments = await client.pages(ref.repo, f"{_OF_CHANGE}?per_page=100", {"number": ref.number})
    ours = (one for one in comments if _by_app(one, client.settings.app_id) and marker in (one.get("body") or ""))
    found = next(ours, None)
    return None if found is None else str(found["id"])


def _by_app(comment: dict[str, Any], app_id: int) -> bool:
    app = comment.get("performed_via_github_app")
    return app is not None and app["id"] == app_id


async def _edit(client: GitHubClient, repo: RepoRef, comment: str, body: str) -> str:
    edited = await client.patch(repo, _ONE, {"id": comment}, {"body": _within_limit(body)}, patient=True)
    return str(edited["id"])


async def _write(client: GitHubClient, ref: ChangeRef, body: str) -> str:
    made = await client.post(ref.repo, _OF_CHANGE, {"number": ref.number}, {"body": _within_limit(body)})
    return str(made["id"])


def _within_limit(body: str) -> str:
    if len(body) > COMMENT_LIMIT:
        raise Rejected(f"the comment has {len(body)} characters, GitHub takes {COMMENT_LIMIT}")
    return body
