"""Comments and reactions. A comment of ours is known by its App and its marker: anybody can copy a marker."""

from dataclasses import dataclass
from typing import Any

from bot.adapters.github.client import GitHubClient
from bot.adapters.http_refusal import LEAST_WAIT
from bot.domain.publication import Reaction
from bot.domain.run import ChangeRef
from bot.ports.errors import Gone, Rejected, Transient

COMMENT_LIMIT = 65_536
"""Characters."""

_OF_CHANGE = "/repos/{owner}/{name}/issues/{number}/comments"
_ONE = "/repos/{owner}/{name}/issues/comments/{id}"
_MINIMISE = "mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { clientMutationId } }"


@dataclass(frozen=True, slots=True)
class CommentsOf:
    """The comments of a pull request."""

    client: GitHubClient
    ref: ChangeRef

    async def find(self, marker: str) -> str | None:
        """Return the first one of ours with a marker."""
        client, ref = self.client, self.ref
        comments = await client.pages(ref.repo, f"{_OF_CHANGE}?per_page=100", {"number": ref.number})
        ours = (one for one in comments if _by_app(one, client.settings.app_id) and marker in (one.get("body") or ""))
        found = next(ours, None)
        return None if found is None else str(found["id"])

    async def edit(self, comment: str, body: str) -> str:
        """Rewrite one."""
        data = {"body": _within_limit(body)}
        edited = await self.client.patch(self.ref.repo, _ONE, {"id": comment}, data, patient=True)
        return str(edited["id"])

    async def write(self, body: str) -> str:
        """Write a new one."""
        number, data = {"number": self.ref.number}, {"body": _within_limit(body)}
        made = await self.client.post(self.ref.repo, _OF_CHANGE, number, data)
        return str(made["id"])


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


def _by_app(comment: dict[str, Any], app_id: int) -> bool:
    app = comment.get("performed_via_github_app")
    return app is not None and app["id"] == app_id


def _within_limit(body: str) -> str:
    if len(body) > COMMENT_LIMIT:
        raise Rejected(f"the comment has {len(body)} characters, GitHub takes {COMMENT_LIMIT}")
    return body
