"""Notes and award emoji. A note of ours is known by its author and its marker: anybody can copy a marker."""

import re
from typing import Any

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


async def upsert(client: GitLabClient, ref: ChangeRef, body: str, marker: str, known: str | None) -> str:
    """Edit our note in place, or write it; somebody may have deleted it since."""
    if known is not None:
        try:
            return await _edit(client, ref, known, body)
        except Gone:
            pass
    found = await _find(client, ref, marker)
    return await (_edit(client, ref, str(found["id"]), body) if found is not None else _write(client, ref, body))


async def write_once(client: GitLabClient, ref: ChangeRef, body: str, marker: str) -> str:
    """Write a note unless one of ours with the marker exists; return its id either way."""
    found = await _find(client, ref, marker)
    return str(found["id"]) if found is not None else await _write(client, ref, body)


async def fold(client: GitLabClient, ref: ChangeRef, note: str) -> None:
    """Fold a note of ours away: GitLab hides nothing by itself, so its text goes behind a line that says why."""
    body = (await client.get(f"{await _address(client, ref)}/{note}")).data["body"]
    if not body.startswith(_FOLDED):
        await _edit(client, ref, note, f"{_FOLDED}{body}\n\n</details>"[:NOTE_LIMIT])


async def react(client: GitLabClient, ref: ChangeRef, note: str, reaction: Reaction) -> None:
    """React to a note. GitLab answers 404 both where there is no such note and where we have reacted to it before."""
    try:
        await client.post(f"{await _address(client, ref)}/{note}/award_emoji", {"name": reaction.value})
    except Gone as error:
        if _TAKEN not in error.reason:
            raise


async def _find(client: GitLabClient, ref: ChangeRef, marker: str) -> Any:
    me = await client.me()
    address = await _address(client, ref)
    notes = await client.pages(address, sort="asc", order_by="created_at", activity_filter="only_comments")
    ours = (note for note in notes if not note["system"] and note["author"]["id"] == me.id and marker in note["body"])
    return next(ours, None)


async def _edit(client: GitLabClient, ref: ChangeRef, note: str, body: str) -> str:
    edited = await client.put(f"{await _address(client, ref)}/{note}", {"body": _harmless(body)})
    return str(edited["id"])


async def _write(client: GitLabClient, ref: ChangeRef, body: str) -> str:
    made = await client.post(await _address(client, ref), {"body": _harmless(body)})
    return str(made["id"])


async def _address(client: GitLabClient, ref: ChangeRef) -> str:
    return f"{await client.address(ref.repo)}/merge_requests/{ref.number}/notes"


def _harmless(body: str) -> str:
    """Return a text with nothing in it that GitLab would carry out; refuse one that is too long."""
    if len(body) > NOTE_LIMIT:
        raise Rejected(f"the note has {len(body)} characters, at most {NOTE_LIMIT} are written")
    return _QUICK_ACTION.sub(rf"\1{_ZERO_WIDTH}/", body.replace("\r", ""))
