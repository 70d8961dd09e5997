"""Checks as commit statuses: a state, one line and a link, under a context's name.

Forgejo keeps every status that was ever written, and the newest of a context counts. A check's id is therefore its
commit and its name. Runs of one commit are told apart by the link to their page: an older run does not speak any more
once a newer one has spoken. A pull request of a fork has its head commit in the base repository too, at
`refs/pull/N/head`, so that is where its statuses stand.
"""

from collections.abc import Sequence
from typing import Any

from bot.adapters.forgejo.client import ForgejoClient, in_repository
from bot.domain.publication import Check
from bot.domain.run import Conclusion, RepoRef
from bot.ports.errors import Gone, Rejected, Transient

TEXT_LIMIT = 65_535
"""Characters in a check's texts. Forgejo shows none of them; so much is what the page of the run is made for."""

_LINE = 250
"""Characters of the description: Forgejo takes any number and shows them in one line."""
_PENDING = "pending"
_STATES = {
    Conclusion.SUCCESS: "success",
    Conclusion.SKIPPED: "success",  # a required status has to be a success, and nothing less will do
    Conclusion.FAILURE: "failure",
    Conclusion.ACTION_REQUIRED: "warning",
    Conclusion.CANCELLED: "error",
    Conclusion.TIMED_OUT: "error",
}


async def publish(client: ForgejoClient, repo: RepoRef, check: Check, known: str | None) -> str:
    """Write the status that a check comes to, unless it stands there already; return the check's id."""
    _examine(check)
    identifier = f"{check.head_sha}/{check.name}"
    wanted = _status(check)
    written = await _history(client, repo, check)
    if written and _same(written[0], wanted):
        return identifier
    if known is not None and _superseded([one for one in written if client.wrote(one["creator"])], wanted):
        return identifier
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


async def _history(client: ForgejoClient, repo: RepoRef, check: Check) -> list[Any]:
    """Return the statuses of the check's commit and name, the newest first.

    Their ids tell which is newer: of those of one second, Forgejo's own order by time does not.
    """
    found = await client.pages(in_repository(repo, "statuses", check.head_sha))
    ours = (one for one in found if one["context"] == check.name)
    return sorted(ours, key=lambda one: int(one["id"]), reverse=True)


def _same(status: Any, wanted: dict[str, str]) -> bool:
    return status["status"] == wanted["state"] and all(
        (status[name] or "") == wanted[name].strip() for name in ("description", "target_url")
    )


def _superseded(written: Sequence[Any], wanted: dict[str, str]) -> bool:
    """Whether another run of ours has spoken since this one did."""
    links = [status["target_url"] for status in written]
    return links[:1] != [wanted["target_url"]] and wanted["target_url"] in links


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
