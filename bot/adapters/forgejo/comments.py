"""Comments and reactions. A comment of ours is known by its author and its marker: anybody can copy a marker.

Forgejo folds no comment away. One that is outdated is put into `<details>` in place, which shows a line instead.
"""

from dataclasses import dataclass

from bot.adapters.forgejo.client import ForgejoClient, in_repository
from bot.domain.publication import Reaction
from bot.domain.run import ChangeRef
from bot.ports.errors import Gone, Rejected

COMMENT_LIMIT = 65_536
"""Characters. Forgejo has no limit of its own; a comment is also an e-mail."""

_FOLDED = "<details><summary>Outdated</summary>\n\n"
_END = "\n\n</details>\n"


@dataclass(frozen=True, slots=True)
class CommentsOf:
    """The comments of a pull request."""

    client: ForgejoClient
    ref: ChangeRef

    async def find(self, marker: str) -> str | None:
        """Return the first one of ours with a marker."""
        comments = await self.client.get(in_repository(self.ref.repo, "issues", self.ref.number, "comments"))
        found = next((one for one in comments if self.client.wrote(one["user"]) and marker in one["body"]), None)
        return None if found is None else str(found["id"])

    async def edit(self, comment: str, body: str) -> str:
        """Rewrite one."""
        path = in_repository(self.ref.repo, "issues", "comments", comment)
        edited = await self.client.patch(path, {"body": _within_limit(body)})
        if edited is None:
            raise Gone(f"{self.ref.repo}: {comment} is no comment that can be edited")
        return str(edited["id"])

    async def write(self, body: str) -> str:
        """Write a new one."""
        path = in_repository(self.ref.repo, "issues", self.ref.number, "comments")
        made = await self.client.post(path, {"body": _within_limit(body)})
        return str(made["id"])


async def minimise(client: ForgejoClient, ref: ChangeRef, comment: str) -> None:
    """Fold a comment of ours away, once."""
    path = in_repository(ref.repo, "issues", "comments", comment)
    body = str((await client.get(path))["body"])
    if not body.startswith(_FOLDED):
        room = COMMENT_LIMIT - len(_FOLDED) - len(_END)
        await client.patch(path, {"body": f"{_FOLDED}{body[:room]}{_END}"})


async def react(client: ForgejoClient, ref: ChangeRef, comment: str, reaction: Reaction) -> None:
    """React to a comment; Forgejo itself sees to it that this happens once."""
    path = in_repository(ref.repo, "issues", "comments", comment, "reactions")
    await client.post(path, {"content": reaction.value})


def _within_limit(body: str) -> str:
    if len(body) > COMMENT_LIMIT:
        raise Rejected(f"the comment has {len(body)} characters, {COMMENT_LIMIT} are enough")
    return body
