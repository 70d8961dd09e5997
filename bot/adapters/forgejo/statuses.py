"""Checks as commit statuses: a state, one line and a link, under a context's name.

Forgejo keeps every status that was ever written, and the newest of a context counts. So a check's id is its commit and
its name, nothing has to be looked for, and one that is written twice is no other than one that is written once. A pull
request of a fork has its head commit in the base repository too, at `refs/pull/N/head`: there its statuses stand.
"""

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


async def publish(client: ForgejoClient, repo: RepoRef, check: Check) -> str:
    """Write the status that a check comes to; return the check's id."""
    _examine(check)
    await _write(client, repo, check)
    return f"{check.head_sha}/{check.name}"


def _examine(check: Check) -> None:
    for name, value in (("summary", check.summary), ("text", check.text)):
        if len(value) > TEXT_LIMIT:
            raise Rejected(f"the check's {name} has {len(value)} characters, {TEXT_LIMIT} are enough")


def _status(check: Check) -> dict[str, str]:
    line = check.title if len(check.title) <= _LINE else f"{check.title[: _LINE - 1]}…"
    state = _STATES[check.conclusion] if check.conclusion is not None else _PENDING
    return {"context": check.name, "state": state, "description": line, "target_url": check.details_url}


async def _write(client: ForgejoClient, repo: RepoRef, check: Check) -> None:
    try:
        await client.post(in_repository(repo, "statuses", check.head_sha), _status(check))
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
