"""Checks as commit statuses: a state, one line and a link, under a context's name.

Forgejo keeps every status that was ever written, and the newest of a context counts. A check's id is therefore its
commit and its name, which never get lost. A pull request of a fork has its head commit in the base repository too, at
`refs/pull/N/head`, so that is where its statuses stand.
"""

from typing import Any

from bot.adapters.forgejo.client import ForgejoClient, in_repository
from bot.domain.publication import Check
from bot.domain.run import Conclusion, RepoRef
from bot.ports.errors import Gone, Rejected, Transient

TEXT_LIMIT = 65_535
"""Characters in a check's texts. Forgejo shows none of them; so much is what the page of the run is made for."""

_LINE = 250
"""Characters of the description: Forgejo takes any number and shows them in one line."""
_CONTEXTS = 50
_PENDING = "pending"
_STATES = {
    Conclusion.SUCCESS: "success",
    Conclusion.SKIPPED: "success",  # a required status has to be a success, and nothing less will do
    Conclusion.FAILURE: "failure",
    Conclusion.ACTION_REQUIRED: "warning",
    Conclusion.CANCELLED: "error",
    Conclusion.TIMED_OUT: "error",
}


async def publish(client: ForgejoClient, repo: RepoRef, check: Check) -> str:
    """Write the status that a check comes to, unless it stands there already; return the check's id."""
    _examine(check)
    identifier = f"{check.head_sha}/{check.name}"
    wanted = _status(check)
    there = await _counting(client, repo, check)
    if there is None or not _same(there, wanted):
        await _write(client, repo, check, wanted)
    return identifier


def _examine(check: Check) -> None:
    for name, value in (("summary", check.summary), ("text", check.text)):
        if len(value) > TEXT_LIMIT:
            raise Rejected(f"the check's {name} has {len(value)} characters, {TEXT_LIMIT} are enough")


def _status(check: Check) -> dict[str, str]:
    line = check.title if len(check.title) <= _LINE else f"{check.title[: _LINE - 1]}…"
    state = _STATES[check.conclusion] if check.conclusion is not None else _PENDING
    return {"context": check.name, "state": state, "description": line, "target_url": check.details_url}


async def _counting(client: ForgejoClient, repo: RepoRef, check: Check) -> Any:
    """Return the status that counts for the check's commit and name, None where there is none.

    Forgejo tells the newest of each context, those that were written last on the first page. Where a whole page of
    others were written since, ours is written again, which does no harm.
    """
    path = in_repository(repo, "commits", check.head_sha, "status")
    newest = (await client.get(path, {"limit": _CONTEXTS}))["statuses"] or ()
    return next((one for one in newest if one["context"] == check.name), None)


def _same(status: Any, wanted: dict[str, str]) -> bool:
    return status["status"] == wanted["state"] and all(
        (status[name] or "") == wanted[name].strip() for name in ("description", "target_url")
    )


async def _write(client: ForgejoClient, repo: RepoRef, check: Check, wanted: dict[str, str]) -> None:
    try:
        await client.post(in_repository(repo, "statuses", check.head_sha), wanted)
    except Transient:
        # Forgejo answers 500 where there is no such commit (any more), as if it were its own fault.
        await _be_there(client, repo, check.head_sha)
        raise


async def _be_there(client: ForgejoClient, repo: RepoRef, sha: str) -> None:
    try:
        await client.get(in_repository(repo, "git", "commits", sha), {"stat": "false", "files": "false"})
    except Transient:
        return
    except Gone as error:
        raise Gone(f"{repo}: there is no commit {sha} any more") from error
