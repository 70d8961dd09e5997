"""Commands that no webhook told of: GitLab switches a hook off that fails, and what happens then it never delivers.

Read in GitLab's "Events API": a project's events hold every new note, and are asked for by day.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.adapters.gitlab.client import GitLabClient
from bot.domain.intents import Commented
from bot.domain.run import ChangeRef, RepoRef

_CALL = "/revdeps"
_DAY = timedelta(days=1)


async def comments(client: GitLabClient, repo: RepoRef, since: datetime) -> Sequence[Commented]:
    """Return people's notes since that time that call us and to which we have not reacted, oldest first."""
    address = await client.address(repo)
    # `after` names a day that does not count itself, in the time zone of the server.
    after = (since - 2 * _DAY).date().isoformat()
    events = await client.pages(
        f"{address}/events", lambda event: _when(event) < since, action="commented", after=after
    )
    called = [event["note"] for event in events if _calls(event.get("note"))]
    return tuple([_heard(repo, note) for note in reversed(called) if await _waits(client, address, note)])


def _calls(note: Mapping[str, Any] | None) -> bool:
    return (
        note is not None
        and note["noteable_type"] == "MergeRequest"
        and not note["system"]
        and not (note.get("internal") or note.get("confidential"))
        and _CALL in note["body"]
    )


async def _waits(client: GitLabClient, address: str, note: Mapping[str, Any]) -> bool:
    """Whether a person wrote it and it has no reaction of ours, which every command gets."""
    me, author = await client.me(), note["author"]["id"]
    if author == me.id or (await client.get(f"users/{author}")).data.get("bot"):
        return False
    awards = await client.pages(f"{address}/merge_requests/{note['noteable_iid']}/notes/{note['id']}/award_emoji")
    return not any(award["user"]["id"] == me.id for award in awards)


def _heard(repo: RepoRef, note: Mapping[str, Any]) -> Commented:
    return Commented(
        change=ChangeRef(repo=repo, number=note["noteable_iid"]),
        comment=str(note["id"]),
        author=note["author"]["username"],
        body=note["body"],
        written_at=datetime.fromisoformat(note["created_at"]).astimezone(UTC),
    )


def _when(event: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(event["created_at"])
