"""The fake Forgejo is as strict as the real one, and answers in the form that Forgejo's description gives."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.fakes.forgejo import ForgejoServer
from tests.fakes.forgejo.description import Description, default_path
from tests.fakes.forgejo.model import Token

NAME = "octocat/libfoo"
HERE = f"/repos/{NAME}"


@pytest.fixture
async def forgejo() -> AsyncIterator[ForgejoServer]:
    async with ForgejoServer(check_answers=True) as server:
        await server.create_repository(NAME, {"foo.spec": "Name: foo\n"}, private=True)
        await server.open_pull_request(NAME, "topic", "Update", "hubot", files={"foo.spec": "1", "a/b": "2"})
        server.set_permission(NAME, "revdeps", "admin")
        yield server


@pytest.fixture
def token(forgejo: ForgejoServer) -> Token:
    return forgejo.create_token("revdeps")


async def ask(
    forgejo: ForgejoServer, token: Token | None, method: str, path: str, body: object = None
) -> tuple[int, object]:
    headers = {"Authorization": f"token {token.value}"} if token else {}
    async with aiohttp.ClientSession(headers=headers) as session:
        url = f"{forgejo.url}/api/v1{path}"
        async with session.request(method, url, json=body, allow_redirects=False) as answer:
            text = await answer.read()
            plain = answer.content_type == "application/json" and text
            return answer.status, (await answer.json() if plain else text)


def test_the_description_is_there() -> None:
    if default_path() is None:
        pytest.fail("scripts/fetch-test-data has not been run")


async def test_every_answer_is_of_the_form_that_is_described(forgejo: ForgejoServer, token: Token) -> None:
    sha = forgejo.pull(NAME, 1).head_sha
    await forgejo.label(NAME, 1, "bug")
    comment = await forgejo.comment(NAME, 1, "hubot", "Hello")
    for method, path, body in (
        ("GET", "/user", None),
        ("GET", "/user/repos", None),
        ("GET", HERE, None),
        ("GET", f"{HERE}/pulls?state=open&sort=oldest&page=1&limit=50", None),
        ("GET", f"{HERE}/pulls/1", None),
        ("GET", f"{HERE}/pulls/1/files", None),
        ("GET", f"{HERE}/raw/a/b?ref={sha}", None),
        ("GET", f"{HERE}/git/commits/{sha}?stat=false", None),
        ("GET", f"{HERE}/collaborators/hubot/permission", None),
        ("POST", f"{HERE}/statuses/{sha}", {"state": "pending", "context": "revdeps"}),
        ("POST", f"{HERE}/issues/1/comments", {"body": "Hello"}),
        ("GET", f"{HERE}/issues/1/comments", None),
        ("GET", f"{HERE}/issues/comments?since=2026-01-01T00:00:00Z&page=1&limit=50", None),
        ("GET", f"{HERE}/issues/comments/{comment.id}", None),
        ("GET", f"{HERE}/issues/comments/{comment.id}/reactions", None),
        ("PATCH", f"{HERE}/issues/comments/{comment.id}", {"body": "Goodbye"}),
        ("POST", f"{HERE}/issues/comments/{comment.id}/reactions", {"content": "eyes"}),
        ("GET", f"{HERE}/issues/comments/{comment.id}/reactions", None),
    ):
        status, _ = await ask(forgejo, token, method, path, body)
        assert status in (200, 201), (method, path)
    assert forgejo.violations == []


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("GET", f"{HERE}/pulls?per_page=100", None, "'per_page' is unknown"),
        ("GET", f"{HERE}/pulls?page=first", None, "no whole number"),
        ("GET", f"{HERE}/issues/1/comments?page=2", None, "'page' is unknown"),
        ("GET", f"{HERE}/check-runs", None, "no such endpoint"),
        ("POST", f"{HERE}/statuses/main", {"state": "pending", "text": "long"}, "'text' is no field"),
        ("POST", f"{HERE}/statuses/main", {"state": 3}, "valid string"),
        ("POST", f"{HERE}/statuses/main", {"state": "in_progress"}, "the state 'in_progress'"),
        ("POST", f"{HERE}/issues/1/comments", {"body": ""}, "without a body"),
        ("POST", f"{HERE}/issues/1/comments", {}, "issue_create|CreateIssueCommentOption|without a body"),
    ],
)
async def test_what_no_client_would_ask_for_is_a_violation(
    forgejo: ForgejoServer, token: Token, method: str, path: str, body: object, told: str
) -> None:
    status, _ = await ask(forgejo, token, method, path, body)
    assert status >= 400
    [violation] = forgejo.violations
    assert any(word in violation for word in told.split("|"))


async def test_nothing_is_told_without_a_token(forgejo: ForgejoServer) -> None:
    assert (await ask(forgejo, None, "GET", HERE))[0] == 401


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        ("read:repository", "POST", f"{HERE}/statuses/main"),
        ("write:repository", "GET", f"{HERE}/issues/1/comments"),
        ("read:issue", "POST", f"{HERE}/issues/1/comments"),
        ("write:repository", "GET", "/user/repos"),
        ("read:user", "GET", "/user/repos"),
    ],
)
async def test_scopes_are_looked_at(forgejo: ForgejoServer, scope: str, method: str, path: str) -> None:
    narrow = forgejo.create_token("revdeps", [scope])
    status, told = await ask(forgejo, narrow, method, path, {} if method == "POST" else None)
    assert status == 403
    assert "required scope" in str(told)


async def test_a_page_has_fifty_items_at_most(forgejo: ForgejoServer, token: Token) -> None:
    await forgejo.push(NAME, "topic", {f"{number}": "x" for number in range(60)})
    _, files = await ask(forgejo, token, "GET", f"{HERE}/pulls/1/files?limit=100")
    assert isinstance(files, list)
    assert len(files) == 50


async def test_every_status_is_kept_and_the_newest_counts(forgejo: ForgejoServer, token: Token) -> None:
    sha = forgejo.pull(NAME, 1).head_sha
    for state in ("pending", "failure"):
        await ask(forgejo, token, "POST", f"{HERE}/statuses/{sha}", {"state": state, "context": "revdeps"})
    assert [status.state for status in forgejo.statuses(NAME, sha)] == ["pending", "failure"]
    counts = forgejo.status(NAME, sha)
    assert counts is not None
    assert counts.state == "failure"


async def test_a_renamed_repository_redirects(forgejo: ForgejoServer, token: Token) -> None:
    forgejo.rename(NAME, "octocat/libbar")
    assert (await ask(forgejo, token, "GET", HERE))[0] == 307


def test_an_operation_that_is_not_described_is_an_error() -> None:
    path = default_path()
    assert path is not None
    with pytest.raises(LookupError):
        Description(path).request_problems("repo_dance", ("GET", "/"), {}, None)
    assert Description(path).request_problems("repo_get", ("GET", "/elsewhere"), {}, None)
    assert Description(path).answer_problems("repo_get", 200, {"id": "three", "dance": True})
    assert Description(path).answer_problems("repo_get", 201, {})
