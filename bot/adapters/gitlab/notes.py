"""Notes and award emoji. A note of ours is known by its author and its marker: anybody can copy a marker."""

import re
from dataclasses import dataclass

from bot.adapters.gitlab.client import GitLabClient
from bot.domain.publication import Reaction
from bot.domain.run import ChangeRef
from bot.ports.errors import Gone, Rejected

NOTE_LIMIT = 65_536
"""Characters. GitLab takes a million, and sends every note in full by mail to those who take part."""

_QUICK_ACTION = re.compile(r"^([ \t]*)/(?!revdeps\b)(?=[a-z_-]+(?:\s|$))", re.IGNORECASE | re.MULTILINE)
"""What GitLab takes for an order to itself ("Quick actions"), carried out with the rights of whoever wrote the note. It
looks for them by a pattern that knows no fences of four and more backticks (lib/gitlab/quick_actions/extractor.rb), so
that a log could merge its own change; hence no line of ours begins like that, not even in code.
"""
_ZERO_WIDTH = "\u200b"

_FOLDED = "<details>\n<summary>Outdated</summary>\n\n"
_TAKEN = "already been taken"


@dataclass(frozen=True, slots=True)
class NotesOf:
    """The notes of a merge request."""

    client: GitLabClient
    ref: ChangeRef

    async def find(self, marker: str) -> str | None:
        """Return the first one of ours with a marker."""
        me = await self.client.me()
        address = await _address(self.client, self.ref)
        notes = await self.client.pages(address, sort="asc", order_by="created_at", activity_filter="only_comments")
        for note in notes:
            if not note["system"] and note["author"]["id"] == me.id and marker in note["body"]:
                return str(note["id"])
        return None

    async def edit(self, comment: str, body: str) -> str:
        """Rewrite one."""
        address = f"{await _address(self.client, self.ref)}/{comment}"
        edited = await self.client.put(address, {"body": _harmless(body)})
        return str(edited["id"])

    async def write(self, body: str) -> str:
        """Write a new one."""
        made = await self.client.post(await _address(self.client, self.ref), {"body": _harmless(body)})
        return str(made["id"])


async def fold(client: GitLabClient, ref: ChangeRef, note: str) -> None:
    """Fold a note of ours away: GitLab hides nothing by itself, so its text goes behind a line that says why."""
    body = (await client.get(f"{await _address(client, ref)}/{note}")).data["body"]
    if not body.startswith(_FOLDED):
        await NotesOf(client, ref).edit(note, f"{_FOLDED}{body}\n\n</details>"[:NOTE_LIMIT])


async def react(client: GitLabClient, ref: ChangeRef, note: str, reaction: Reaction) -> None:
    """React to a note. GitLab answers 404 both where there is no such note and where we have reacted to it before."""
    try:
        await client.post(f"{await _address(client, ref)}/{note}/award_emoji", {"name": reaction.value})
    except Gone as error:
        if _TAKEN not in error.reason:
            raise


async def _address(client: GitLabClient, ref: ChangeRef) -> str:
    return f"{await client.address(ref.repo)}/merge_requests/{ref.number}/notes"


def _harmless(body: str) -> str:
    """Return a text with nothing in it that GitLab would carry out; refuse one that is too long."""
    if len(body) > NOTE_LIMIT:
        raise Rejected(f"the note has {len(body)} characters, at most {NOTE_LIMIT} are written")
    return _QUICK_ACTION.sub(rf"\1{_ZERO_WIDTH}/", body.replace("\r", ""))
