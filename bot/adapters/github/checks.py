"""Check runs: create, find again, bring up to date.

GitHub appends annotations on update, 50 to a request; so an update sends only those that do not stand there yet, which
also completes what a crash between two requests left out.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.adapters.github.client import GitHubClient
from bot.domain.publication import Annotation, Check, CheckStatus
from bot.domain.run import RepoRef
from bot.ports.errors import Gone, Rejected

TEXT_LIMIT = 65_535
"""Characters in `summary`, and in `text`."""

_ANNOTATIONS = 50
_MESSAGE = 16_000
"""Characters: GitHub takes 64 KB, and a character has four bytes at most."""
_TITLE = 255
_BUTTONS = 3
_COLLECTION = "/repos/{owner}/{name}/check-runs"
_ONE = f"{_COLLECTION}/{{id}}"


async def publish(client: GitHubClient, repo: RepoRef, check: Check, known: str | None) -> str:
    """Bring a check to what it is to be, creating it where it does not exist; return its id."""
    examine(check)
    identifier = known or (None if check.new else await _find(client, repo, check))
    if identifier is not None:
        try:
            await _update(client, repo, check, identifier)
        except Gone:
            # GitHub drops the oldest of a thousand checks of one name. Another stands for the run, or none.
            identifier = await _find(client, repo, check) if known else None
            if identifier is not None:
                await _update(client, repo, check, identifier)
    if identifier is None:
        identifier = await _create(client, repo, check)
    return identifier


def examine(check: Check) -> None:
    """Refuse what GitHub would refuse, or worse, would cut."""
    for name, value in (("summary", check.summary), ("text", check.text)):
        if len(value) > TEXT_LIMIT:
            raise Rejected(f"the check's {name} has {len(value)} characters, GitHub takes {TEXT_LIMIT}")
    if len(check.buttons) > _BUTTONS:
        raise Rejected(f"a check on GitHub has at most {_BUTTONS} buttons, not {len(check.buttons)}")


async def _create(client: GitHubClient, repo: RepoRef, check: Check) -> str:
    first, rest = check.annotations[:_ANNOTATIONS], check.annotations[_ANNOTATIONS:]
    body = _body(check, first) | {"head_sha": check.head_sha}
    made = await client.post(repo, _COLLECTION, {}, body)
    identifier = str(made["id"])
    await _append(client, repo, check, identifier, rest)
    return identifier


async def _update(client: GitHubClient, repo: RepoRef, check: Check, identifier: str) -> None:
    missing: Sequence[Annotation] = ()
    if check.annotations:
        url = f"{_ONE}/annotations?per_page=100"
        there = {_identity(item) for item in await client.pages(repo, url, {"id": identifier})}
        missing = [one for one in check.annotations if _identity(_annotation(one)) not in there]
    patient = check.status is CheckStatus.IN_PROGRESS
    await client.patch(repo, _ONE, {"id": identifier}, _body(check, missing[:_ANNOTATIONS]), patient=patient)
    await _append(client, repo, check, identifier, missing[_ANNOTATIONS:])


async def _append(
    client: GitHubClient, repo: RepoRef, check: Check, identifier: str, annotations: Sequence[Annotation]
) -> None:
    for start in range(0, len(annotations), _ANNOTATIONS):
        output = _output(check, annotations[start : start + _ANNOTATIONS])
        await client.patch(repo, _ONE, {"id": identifier}, {"output": output})


async def _find(client: GitHubClient, repo: RepoRef, check: Check) -> str | None:
    """Return the id of our check of this run and name on the commit, the newest where there are several."""
    url = "/repos/{owner}/{name}/commits/{ref}/check-runs{?check_name,app_id,filter,per_page}"
    variables: dict[str, str | int] = {
        "ref": check.head_sha,
        "check_name": check.name,
        "app_id": client.settings.app_id,
        "filter": "all",
        "per_page": 100,
    }
    found = await client.pages(repo, url, variables, key="check_runs")
    ours = [item["id"] for item in found if item.get("external_id") == check.external_id]
    return str(max(ours)) if ours else None


def _body(check: Check, annotations: Sequence[Annotation]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": check.name,
        "external_id": check.external_id,
        "status": check.status.value,
        "output": _output(check, annotations),
        "actions": [
            {"label": button.label, "description": button.description, "identifier": button.identifier}
            for button in check.buttons
        ],
    }
    optional = {
        "conclusion": check.conclusion.value if check.conclusion else None,
        "details_url": check.details_url,
        "started_at": _stamp(check.started_at),
        "completed_at": _stamp(check.completed_at),
    }
    return body | {key: value for key, value in optional.items() if value}


def _output(check: Check, annotations: Sequence[Annotation]) -> dict[str, Any]:
    output: dict[str, Any] = {"title": check.title, "summary": check.summary, "text": check.text}
    if annotations:
        output["annotations"] = [_annotation(one) for one in annotations]
    return output


def _annotation(one: Annotation) -> dict[str, Any]:
    sent: dict[str, Any] = {
        "path": one.path,
        "start_line": one.line,
        "end_line": one.line,
        "annotation_level": "failure",
        "message": one.message[:_MESSAGE],
    }
    if one.title:
        sent["title"] = one.title[:_TITLE]
    if one.column is not None:
        sent |= {"start_column": one.column, "end_column": one.column}
    return sent


def _identity(sent: Mapping[str, Any]) -> tuple[object, ...]:
    return sent["path"], sent["start_line"], sent.get("start_column"), sent["annotation_level"], sent["message"]


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
