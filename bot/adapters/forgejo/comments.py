"""Comments and reactions. A comment of ours is known by its author and its marker: anybody can copy a marker.

Forgejo folds no comment away. One that is outdated is put into `<details>` in place, which shows a line instead.
"""

from bot.adapters.forgejo.client import ForgejoClient, in_repository
from bot.domain.publication import Reaction
from bot.domain.run import ChangeRef, RepoRef
from bot.ports.errors import Gone, Rejected

COMMENT_LIMIT = 65_536
"""Characters. Forgejo has no limit of its own; a comment is also an e-mail."""

_FOLDED = "<details><summary>Outdated</summary>\n\n"
_END = "\n\n</details>\n"


async def upsert(client: ForgejoClient, ref: ChangeRef, body: str, marker: str, known: str | None) -> str:
    """Edit our comment in place, or write it; somebody may have deleted it since."""
    if known is not None:
        try:
            return await _edit(client, ref.repo, known, body)
        except Gone:
            pass
    found = await _find(client, ref, marker)
    return await (_edit(client, ref.repo, found, body) if found is not None else _write(client, ref, body))


async def write_once(client: ForgejoClient, ref: ChangeRef, body: str, marker: str) -> str:
    """Write a comment unless one of ours with the marker exists; return its id either way."""
    found = await _find(client, ref, marker)
    return found if found is not None else await _write(client, ref, body)


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


async def _find(client: ForgejoClient, ref: ChangeRef, marker: str) -> str | None:
    comments = await client.get(in_repository(ref.repo, "issues", ref.number, "comments"))
    found = next((one for one in comments if client.wrote(one["user"]) and marker in one["body"]), None)
    return None if found is None else str(found["id"])


async def _edit(client: ForgejoClient, repo: RepoRef, comment: str, body: str) -> str:
    path = in_repository(repo, "issues", "comments", comment)
    edited = await client.patch(path, {"body": _within_limit(body)})
    if edited is None:
        raise Gone(f"{repo}: {comment} is no comment that can be edited")
    return str(edited["id"])


async def _write(client: ForgejoClient, ref: ChangeRef, body: str) -> str:
    path = in_repository(ref.repo, "issues", ref.number, "comments")
    made = await client.post(path, {"body": _within_limit(body)})
    return str(made["id"])


def _within_limit(body: str) -> str:
    if len(body) > COMMENT_LIMIT:
        raise Rejected(f"the comment has {len(body)} characters, {COMMENT_LIMIT} are enough")
    return body
