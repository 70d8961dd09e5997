"""Commands that no webhook told of: Forgejo tries a delivery once, and shows those that failed to people alone.

Read in `routers/api/v1/repo/issue_comment.go`: a repository's comments can be asked for by when they were last touched,
and come in pages that are counted, though not linked.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.adapters.forgejo import pulls
from bot.adapters.forgejo.client import ForgejoClient, in_repository
from bot.domain.intents import Commented
from bot.domain.run import ChangeRef, RepoRef

_CALL = "/revdeps"


async def comments(client: ForgejoClient, repo: RepoRef, since: datetime) -> Sequence[Commented]:
    """Return people's comments on open pull requests since that time that call us and to which we have not reacted,
    oldest first. One that was edited since is left out: somebody else may have put the words into it.
    """
    stamp = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = await client.pages(in_repository(repo, "issues", "comments"), {"since": stamp})
    called = [_heard(repo, data) for data in found if _calls(client, data)]
    if not called:
        return ()
    present = {state.ref for state in await pulls.open_changes(client, repo)}
    return tuple([one for one in called if one.change in present and await _waits(client, one)])


def _calls(client: ForgejoClient, data: Mapping[str, Any]) -> bool:
    return (
        data["pull_request_url"] != ""
        and data["created_at"] == data["updated_at"]
        and _CALL in data["body"].casefold()
        and data["user"]["id"] > 0
        and not client.wrote(data["user"])
    )


async def _waits(client: ForgejoClient, one: Commented) -> bool:
    """Whether it has no reaction of ours, which every command gets."""
    reactions = await client.get(in_repository(one.change.repo, "issues", "comments", one.comment, "reactions"))
    return not any(client.wrote(reaction["user"]) for reaction in reactions or ())


def _heard(repo: RepoRef, data: Mapping[str, Any]) -> Commented:
    return Commented(
        change=ChangeRef(repo=repo, number=int(data["pull_request_url"].rpartition("/")[2])),
        comment=str(data["id"]),
        author=data["user"]["login"],
        body=data["body"],
        written_at=datetime.fromisoformat(data["created_at"]).astimezone(UTC),
    )
