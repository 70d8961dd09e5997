"""The fake GitHub is as strict as the real one: what these tests see refused, the bot must not be able to send."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web

from tests.fakes.github import GitHubServer, trees
from tests.fakes.github.examples import load_examples, missing_keys
from tests.fakes.github.model import App
from tests.fakes.github.openapi import default_path
from tests.fakes.github.webhooks import signature

REPO = "octocat/libfoo"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


class Hub:
    """The server with an App, a repository and a pull request, and a client that behaves."""

    def __init__(self, github: GitHubServer, session: aiohttp.ClientSession, clock: Clock) -> None:
        self.github, self.session, self.clock = github, session, clock
        self.app: App = github.create_app()
        self.received: list[tuple[dict[str, str], bytes]] = []

    async def prepare(self) -> None:
        await self.github.create_repository(REPO, {"foo.spec": "Name: foo\n", ".revdeps.yaml": "version: 1\n"})
        self.installation = await self.github.install("octocat")
        self.pull = await self.github.open_pull_request(REPO, "topic", "Update", files={"foo.spec": "Name: foo2\n"})
        self.token = (await self.grant())["token"]

    def jwt(self, key: str | None = None, **claims: Any) -> str:
        now = int(self.clock.now().timestamp())
        return jwt.encode(
            {"iat": now - 60, "exp": now + 540, "iss": str(self.app.id)} | claims,
            key or self.app.private_key or "",
            algorithm="RS256",
        )

    async def grant(self, token: str | None = None, **body: Any) -> dict[str, Any]:
        path = f"/app/installations/{self.installation.id}/access_tokens"
        status, answer = await self.call("POST", path, token=token or self.jwt(), json=body or None)
        return answer | {"http": status}

    async def call(self, method: str, path: str, *, token: str | None = None, **more: Any) -> tuple[int, Any]:
        async with self.request(method, path, token=token, **more) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None

    def request(
        self, method: str, path: str, *, token: str | None = None, headers: dict[str, str] | None = None, **more: Any
    ) -> Any:
        sent = {"Accept": "application/vnd.github+json", "Authorization": f"Bearer {token or self.token}"}
        return self.session.request(method, self.github.url + path, headers=sent | (headers or {}), **more)

    async def create_check(self, **body: Any) -> tuple[int, Any]:
        return await self.call(
            "POST", f"/repos/{REPO}/check-runs", json={"name": "rebuild", "head_sha": self.pull.head_sha} | body
        )


@asynccontextmanager
async def a_hub() -> AsyncIterator[Hub]:
    """A server that stands ready."""
    clock = Clock()
    async with GitHubServer(clock=clock, check_answers=True) as github, aiohttp.ClientSession() as session:
        made = Hub(github, session, clock)
        await made.prepare()
        yield made


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    async with a_hub() as made:
        yield made


@pytest.fixture
async def receiver(hub: Hub) -> AsyncIterator[Hub]:
    async with receiving(hub) as made:
        yield made


@asynccontextmanager
async def receiving(hub: Hub) -> AsyncIterator[Hub]:
    """The same, with a webhook that keeps what arrives."""

    async def receive(request: web.Request) -> web.Response:
        hub.received.append((dict(request.headers), await request.read()))
        return web.Response(status=202)

    application = web.Application(client_max_size=25 * 2**20)
    application.router.add_post("/", receive)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hub.app.webhook_url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield hub
        await hub.github.settled()
    finally:
        await runner.cleanup()


async def test_a_token_is_long_opaque_and_lives_an_hour(hub: Hub) -> None:
    answer = await hub.grant()
    assert answer["http"] == 201
    assert len(answer["token"]) == 520
    assert answer["expires_at"] == "2026-01-02T04:04:05Z"
    hub.clock.time += timedelta(minutes=59)
    assert (await hub.call("GET", f"/repos/{REPO}"))[0] == 200
    hub.clock.time += timedelta(minutes=1)
    assert await hub.call("GET", f"/repos/{REPO}") == (401, _any_error("Bad credentials"))
    assert hub.github.violations == []


def _any_error(message: str) -> Any:
    return {"message": message, "documentation_url": "https://docs.github.com/rest", "status": "401"}


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"exp": 0}, "'exp'"),
        ({"exp": 1 << 40}, "too far in the future"),
        ({"iat": 1 << 40}, "'iat'"),
        ({"iss": "99"}, "Integration not found"),
    ],
)
async def test_a_jwt_with_wrong_claims_is_refused(hub: Hub, claims: dict[str, Any], says: str) -> None:
    answer = await hub.grant(hub.jwt(**claims))
    assert answer["http"] in (401, 404)
    assert says in answer["message"]


async def test_a_jwt_by_another_key_or_algorithm_is_refused(hub: Hub) -> None:
    forged = jwt.encode({"iss": str(hub.app.id)}, "a secret that is long enough for HS256", algorithm="HS256")
    assert (await hub.grant(forged))["http"] == 401
    assert (await hub.grant("rubbish"))["http"] == 401
    assert (await hub.grant(hub.token))["http"] == 401


async def test_a_wrong_token_and_none_are_refused(hub: Hub) -> None:
    assert (await hub.call("GET", f"/repos/{REPO}", token="ghs_wrong"))[0] == 401
    async with hub.session.get(f"{hub.github.url}/repos/{REPO}", headers={"Accept": "application/json"}) as response:
        assert (await response.json())["message"] == "Requires authentication"


async def test_a_token_can_do_what_it_was_granted_and_no_more(hub: Hub) -> None:
    hub.token = (await hub.grant(permissions={"checks": "read", "metadata": "read"}))["token"]
    assert (await hub.create_check())[0] == 403
    assert (await hub.grant(permissions={"administration": "write"}))["http"] == 422


async def test_an_uninstalled_app_is_let_in_no_more(hub: Hub) -> None:
    await hub.github.uninstall(hub.installation)
    assert (await hub.call("GET", f"/repos/{REPO}"))[0] == 401
    assert (await hub.grant())["http"] == 404


async def test_a_private_repository_of_others_does_not_exist(hub: Hub) -> None:
    await hub.github.create_repository("hubot/secret", private=True)
    assert (await hub.call("GET", "/repos/hubot/secret"))[0] == 404


async def test_pull_requests_are_read_whole_and_by_page(hub: Hub) -> None:
    for number in (2, 3):
        await hub.github.open_pull_request(REPO, f"topic{number}", "More", files={f"{number}": "x\n"})
    status, pull = await hub.call("GET", f"/repos/{REPO}/pulls/1")
    assert (status, pull["head"]["sha"], pull["changed_files"]) == (200, hub.pull.head_sha, 1)
    async with hub.request("GET", f"/repos/{REPO}/pulls?per_page=2") as response:
        assert [p["number"] for p in await response.json()] == [3, 2]
        assert "page=2" in str(response.links["next"]["url"])
    assert [f["filename"] for f in (await hub.call("GET", f"/repos/{REPO}/pulls/1/files"))[1]] == ["foo.spec"]
    assert hub.github.violations == []


async def test_unchanged_answers_are_304_and_free(hub: Hub) -> None:
    async with hub.request("GET", f"/repos/{REPO}/pulls/1") as first:
        etag, left = first.headers["ETag"], first.headers["X-RateLimit-Remaining"]
    async with hub.request("GET", f"/repos/{REPO}/pulls/1", headers={"If-None-Match": etag}) as again:
        assert (again.status, await again.read(), again.headers["X-RateLimit-Remaining"]) == (304, b"", left)
    await hub.github.push(REPO, "topic", {"foo.spec": "Name: foo3\n"})
    async with hub.request("GET", f"/repos/{REPO}/pulls/1", headers={"If-None-Match": etag}) as changed:
        assert changed.status == 200


async def test_files_come_as_json_or_raw_at_any_commit(hub: Hub) -> None:
    path = f"/repos/{REPO}/contents/foo.spec?ref={hub.pull.head_sha}"
    assert (await hub.call("GET", path))[1]["encoding"] == "base64"
    async with hub.request("GET", path, headers={"Accept": "application/vnd.github.raw+json"}) as response:
        assert await response.read() == b"Name: foo2\n"
    assert (await hub.call("GET", f"/repos/{REPO}/contents/none"))[0] == 404
    assert {entry["name"] for entry in (await hub.call("GET", f"/repos/{REPO}/contents/"))[1]} == {
        ".revdeps.yaml",
        "foo.spec",
    }
    assert hub.github.violations == []


async def test_roles_are_told_by_their_own_name(hub: Hub) -> None:
    hub.github.set_permission(REPO, "hubot", "triage")
    path = f"/repos/{REPO}/collaborators"
    assert (await hub.call("GET", f"{path}/hubot/permission"))[1]["role_name"] == "triage"
    assert (await hub.call("GET", f"{path}/hubot/permission"))[1]["permission"] == "read"
    assert (await hub.call("GET", f"{path}/octocat/permission"))[1]["permission"] == "admin"
    assert (await hub.call("GET", f"{path}/nobody/permission"))[0] == 404
    assert hub.github.violations == []


ANNOTATION = {"path": "foo.spec", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "no"}
OUTPUT = {"title": "Who breaks", "summary": "nobody"}
BUTTON = {"label": "Retry", "description": "Build again", "identifier": "retry"}


async def test_a_check_is_made_updated_and_found_again(hub: Hub) -> None:
    status, run = await hub.create_check(external_id="run/1", status="in_progress", output=OUTPUT, actions=[BUTTON])
    assert (status, run["conclusion"]) == (201, None)
    path = f"/repos/{REPO}/check-runs/{run['id']}"
    for _ in range(2):
        body = {"conclusion": "failure", "output": OUTPUT | {"annotations": [ANNOTATION] * 50}}
        assert (await hub.call("PATCH", path, json=body))[1]["status"] == "completed"
    assert (await hub.call("GET", path))[1]["output"]["annotations_count"] == 100
    found = await hub.call(
        "GET", f"/repos/{REPO}/commits/{hub.pull.head_sha}/check-runs?check_name=rebuild&app_id=1234"
    )
    assert [(c["id"], c["external_id"]) for c in found[1]["check_runs"]] == [(run["id"], "run/1")]
    assert [c["status"] for c in hub.github.checks(REPO)[0].history] == ["in_progress", "completed", "completed"]
    assert hub.github.violations == []


@pytest.mark.parametrize(
    "body",
    [
        {"status": "completed"},
        {"status": "in_progress", "conclusion": "success"},
        {"conclusion": "stale"},
        {"head_sha": "f" * 40},
        {"output": {"title": "no summary"}},
        {"output": OUTPUT | {"annotations": [ANNOTATION] * 51}},
        {"output": OUTPUT | {"annotations": [ANNOTATION | {"end_line": 2, "start_column": 1}]}},
        {"output": OUTPUT | {"annotations": [ANNOTATION | {"annotation_level": "error"}]}},
        {"output": OUTPUT | {"summary": "x" * 65_536}},
        {"output": OUTPUT | {"text": "x" * 65_536}},
        {"actions": [BUTTON] * 4},
        {"actions": [BUTTON | {"label": "x" * 21}]},
        {"actions": [BUTTON | {"identifier": "x" * 21}]},
    ],
)
@pytest.mark.parametrize("described", [True, False], ids=["by the description", "by itself"])
async def test_a_check_that_breaks_a_rule_is_refused(hub: Hub, body: dict[str, Any], described: bool) -> None:
    if not described:
        hub.github.gate.description = None
    assert (await hub.create_check(**body))[0] == 422
    assert hub.github.checks(REPO) == []
    assert len(hub.github.violations) == 1


async def test_only_the_app_that_made_a_check_may_write_to_it(hub: Hub) -> None:
    _, run = await hub.create_check()
    hub.app = hub.github.create_app(99, slug="other")
    hub.installation = await hub.github.install("octocat", hub.app)
    hub.token = (await hub.grant())["token"]
    assert (await hub.call("PATCH", f"/repos/{REPO}/check-runs/{run['id']}", json={"name": "mine"}))[0] == 403


async def test_comments_are_written_rewritten_reacted_to_and_folded_away(hub: Hub) -> None:
    there = f"/repos/{REPO}/issues"
    _, comment = await hub.call("POST", f"{there}/1/comments", json={"body": "x" * 65_536})
    assert comment["user"]["login"] == "revdeps[bot]"
    mine = f"{there}/comments/{comment['id']}"
    assert (await hub.call("PATCH", mine, json={"body": "short"}))[1]["body"] == "short"
    for expected in (201, 200):
        assert (await hub.call("POST", f"{mine}/reactions", json={"content": "eyes"}))[0] == expected
    assert [c["body"] for c in (await hub.call("GET", f"{there}/1/comments"))[1]] == ["short"]
    mutation = """mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) {
        minimizedComment { isMinimized } } }"""
    body = {"query": mutation, "variables": {"id": comment["node_id"]}}
    folded = {"data": {"minimizeComment": {"minimizedComment": {"isMinimized": True}}}}
    assert (await hub.call("POST", "/graphql", json=body))[1] == folded
    assert hub.github.comments(REPO, 1)[0].minimised == "OUTDATED"
    assert hub.github.violations == []


@pytest.mark.parametrize("body", [{"body": "x" * 65_537}, {"body": ""}, {}, {"body": "x", "colour": "red"}])
async def test_a_comment_that_breaks_a_rule_is_refused(hub: Hub, body: dict[str, Any]) -> None:
    if "colour" in body and default_path() is None:
        pytest.fail("scripts/fetch-test-data has not been run")
    assert (await hub.call("POST", f"/repos/{REPO}/issues/1/comments", json=body))[0] == 422
    assert len(hub.github.violations) == 1


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/repos/octocat/libfoo/nothing", {}),
        ("DELETE", "/repos/octocat/libfoo", {}),
        ("GET", "/repos/octocat/libfoo/pulls?colour=red", {}),
        ("GET", "/repos/octocat/libfoo/pulls?state=ajar", {}),
        ("GET", "/repos/octocat/libfoo", {"User-Agent": ""}),
        ("GET", "/repos/octocat/libfoo", {"Accept": "*/*"}),
        ("GET", "/repos/octocat/libfoo", {"X-GitHub-Api-Version": "1999-01-01"}),
    ],
)
async def test_what_github_does_not_know_is_recorded(hub: Hub, method: str, path: str, headers: dict[str, str]) -> None:
    assert (await hub.call(method, path, headers=headers))[0] >= 400
    assert len(hub.github.violations) == 1


async def test_webhooks_are_signed_and_recorded(receiver: Hub) -> None:
    await receiver.github.comment(REPO, 1, "hubot", "/revdeps help")
    headers, body = receiver.received[-1]
    assert headers["X-Hub-Signature-256"] == signature(receiver.app.webhook_secret, body)
    assert (headers["X-GitHub-Event"], headers["Content-Type"]) == ("issue_comment", "application/json")
    payload = json.loads(body)
    assert payload["installation"]["id"] == receiver.installation.id
    assert payload["issue"]["pull_request"]["url"].endswith("/repos/octocat/libfoo/pulls/1")
    listed = (await receiver.call("GET", "/app/hook/deliveries", token=receiver.jwt()))[1]
    assert [(d["guid"], d["status_code"]) for d in listed] == [(headers["X-GitHub-Delivery"], 202)]
    assert receiver.github.violations == []


async def test_a_missed_delivery_is_found_and_comes_again_with_its_guid(receiver: Hub) -> None:
    receiver.github.webhooks.down = True
    await receiver.github.close_pull_request(REPO, 1)
    receiver.github.webhooks.down = False
    path = "/app/hook/deliveries"
    missed = (await receiver.call("GET", f"{path}?status=failure", token=receiver.jwt()))[1]
    answer = await receiver.call("POST", f"{path}/{missed[0]['id']}/attempts", token=receiver.jwt())
    assert answer == (202, {})
    await receiver.github.settled()
    assert [headers["X-GitHub-Delivery"] for headers, _ in receiver.received] == [missed[0]["guid"]]
    receiver.clock.time += timedelta(days=4)
    assert (await receiver.call("GET", path, token=receiver.jwt()))[1] == []


async def test_deliveries_are_walked_by_cursor(receiver: Hub) -> None:
    for _ in range(3):
        await receiver.github.comment(REPO, 1, "hubot", "again")
    async with receiver.request("GET", "/app/hook/deliveries?per_page=2", token=receiver.jwt()) as response:
        following = str(response.links["next"]["url"]).removeprefix(receiver.github.url)
        first = await response.json()
    second = (await receiver.call("GET", following, token=receiver.jwt()))[1]
    assert len({d["id"] for d in first + second}) == 3


async def test_a_push_moves_the_pull_request_and_is_told_in_order(receiver: Hub) -> None:
    sha = await receiver.github.push(REPO, "topic", {"foo.spec": "Name: foo3\n"}, "hubot")
    events = [(d.event, d.action) for d in receiver.github.deliveries]
    assert events == [("push", None), ("check_suite", "requested"), ("pull_request", "synchronize")]
    payload = receiver.github.deliveries[-1].payload
    assert (payload["after"], payload["pull_request"]["head"]["sha"]) == (sha, sha)
    assert receiver.github.deliveries[0].payload["commits"][0]["modified"] == ["foo.spec"]


async def test_people_do_to_a_pull_request_what_they_do(receiver: Hub) -> None:
    github = receiver.github
    await github.push(REPO, "release", {"x": "y\n"})
    await github.mark_draft(REPO, 1)
    await github.mark_ready(REPO, 1)
    await github.retarget(REPO, 1, "release")
    await github.close_pull_request(REPO, 1)
    await github.reopen(REPO, 1)
    await github.merge_pull_request(REPO, 1)
    actions = [d.action for d in github.deliveries if d.event == "pull_request"]
    assert actions == ["converted_to_draft", "ready_for_review", "edited", "closed", "reopened", "closed"]
    assert github.pull(REPO, 1).merge_commit_sha
    assert all(d.succeeded for d in github.deliveries)


async def test_buttons_and_reruns_go_to_the_app_that_made_the_check(receiver: Hub) -> None:
    _, run = await receiver.create_check(conclusion="failure", actions=[BUTTON], output=OUTPUT)
    await receiver.github.press_button(run["id"], "retry", "octocat")
    await receiver.github.rerequest_check(run["id"], "octocat")
    await receiver.github.rerequest_suite(REPO, receiver.pull.head_sha, "octocat")
    told = [(d.event, d.action) for d in receiver.github.deliveries]
    asked = [("check_run", "requested_action"), ("check_run", "rerequested"), ("check_suite", "rerequested")]
    assert told == [("check_run", "created"), *asked]
    with pytest.raises(AssertionError, match="no button"):
        await receiver.github.press_button(run["id"], "explode", "octocat")


async def test_a_check_of_a_fork_names_no_pull_request(hub: Hub) -> None:
    pull = await hub.github.open_pull_request(REPO, "mine", "From outside", "hubot", from_fork=True, files={"a": "b\n"})
    _, run = await hub.create_check(head_sha=pull.head_sha)
    assert run["pull_requests"] == []
    _, own = await hub.create_check()
    assert [p["number"] for p in own["pull_requests"]] == [1]
    assert hub.github.violations == []


@pytest.mark.parametrize("private", [True, False])
async def test_git_clones_with_the_token_and_fetches_what_a_fork_proposes(
    hub: Hub, tmp_path: Path, private: bool
) -> None:
    hub.github.repository(REPO).private = private
    pull = await hub.github.open_pull_request(REPO, "mine", "From outside", "hubot", from_fork=True, files={"a": "b\n"})
    address = hub.github.url.replace("://", f"://x-access-token:{hub.token}@") + f"/{REPO}.git"
    clone = tmp_path / "clone"
    assert await _git("clone", "--quiet", "--filter=blob:none", address, str(clone)) == 0
    assert await _git("-C", str(clone), "fetch", "--quiet", "origin", pull.head_sha, "refs/pull/2/head:refs/pr") == 0
    assert await _git("-C", str(clone), "push", "--quiet", "origin", "HEAD:refs/heads/new") != 0
    wrong = address.replace(hub.token, "ghs_wrong")
    # git names nobody until it is asked who it is.
    assert (await _git("clone", "--quiet", wrong, str(tmp_path / "other")) != 0) == private
    assert await _git("clone", "--quiet", f"{hub.github.url}/{REPO}.git", str(tmp_path / "any")) == (
        128 if private else 0
    )


async def _git(*arguments: str) -> int:
    environment = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull, "PATH": os.environ["PATH"]}
    process = await asyncio.create_subprocess_exec("git", *arguments, env=environment, stderr=asyncio.subprocess.PIPE)
    await process.communicate()
    return process.returncode or 0


async def test_failures_come_as_planned_and_end(hub: Hub) -> None:
    hub.github.fail(status=502)
    hub.github.fail(method="GET", path="/pulls/1$", status=403, secondary=True, retry_after=7)
    assert (await hub.call("GET", f"/repos/{REPO}"))[0] == 502
    async with hub.request("GET", f"/repos/{REPO}/pulls/1") as response:
        assert (response.status, response.headers["Retry-After"]) == (403, "7")
        assert "secondary rate limit" in (await response.json())["message"]
    assert (await hub.call("GET", f"/repos/{REPO}/pulls/1"))[0] == 200
    assert hub.github.calls["GET", "/repos/{owner}/{repo}/pulls/{pull_number}"] == 2
    assert hub.github.violations == []


async def test_an_answer_can_be_lost_after_the_deed(hub: Hub) -> None:
    hub.github.fail(method="POST", lose_answer=True)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await hub.create_check()
    hub.github.fail(method="POST", drop=True)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await hub.create_check()
    assert len(hub.github.checks(REPO)) == 1


async def test_the_hourly_limit_ends_and_begins_anew(hub: Hub) -> None:
    hub.github.gate.rate_limit = 1
    assert (await hub.call("GET", f"/repos/{REPO}"))[0] == 200
    async with hub.request("GET", f"/repos/{REPO}") as response:
        assert (response.status, response.headers["X-RateLimit-Remaining"]) == (403, "0")
        assert int(response.headers["X-RateLimit-Reset"]) == hub.clock.now().timestamp() + 3600
    hub.clock.time += timedelta(hours=1)
    hub.token = (await hub.grant())["token"]
    assert (await hub.call("GET", f"/repos/{REPO}"))[0] == 200


async def test_a_renamed_repository_is_found_at_its_old_address_until_it_is_deleted(hub: Hub) -> None:
    there = f"/repos/{REPO}/pulls/1"
    hub.github.rename_repository(REPO, "libfoo2")
    async with hub.request("GET", there, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (
            301,
            f"{hub.github.url}/repos/octocat/libfoo2/pulls/1",
        )
    async with hub.request("POST", f"/repos/{REPO}/check-runs", json={}, allow_redirects=False) as response:
        assert response.status in (307, 422)
    assert (await hub.call("GET", there))[1]["base"]["repo"]["full_name"] == "octocat/libfoo2"
    hub.github.delete_repository("octocat/libfoo2")
    assert (await hub.call("GET", there))[0] == 404


async def test_an_archived_repository_is_read_only(hub: Hub) -> None:
    hub.github.repository(REPO).archived = True
    status, answer = await hub.create_check()
    assert (status, answer["message"]) == (403, "Repository was archived so is read-only.")
    assert (await hub.call("GET", f"/repos/{REPO}/pulls/1"))[0] == 200


async def test_the_secondary_limits_hold(hub: Hub) -> None:
    for _ in range(80):
        assert (await hub.call("POST", f"/repos/{REPO}/issues/1/comments", json={"body": "talk"}))[0] == 201
    status, answer = await hub.call("POST", f"/repos/{REPO}/issues/1/comments", json={"body": "more"})
    assert status == 403
    assert "secondary rate limit" in answer["message"]
    hub.clock.time += timedelta(minutes=1)
    assert (await hub.call("POST", f"/repos/{REPO}/issues/1/comments", json={"body": "more"}))[0] == 201
    assert hub.github.violations == []


async def test_a_whole_tree_is_listed_until_it_is_too_large(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/repos/{REPO}/git/trees/{hub.pull.head_sha}?recursive=1"
    whole = (await hub.call("GET", path))[1]
    assert ([entry["path"] for entry in whole["tree"]], whole["truncated"]) == ([".revdeps.yaml", "foo.spec"], False)
    monkeypatch.setattr(trees, "ENTRIES", 1)
    assert (await hub.call("GET", path))[1]["truncated"]
    assert hub.github.violations == []


async def test_every_endpoint_answers_as_the_description_says(hub: Hub) -> None:
    _, run = await hub.create_check(conclusion="success", output=OUTPUT | {"annotations": [ANNOTATION]})
    for path in (
        f"/repos/{REPO}",
        "/installation/repositories",
        f"/repos/{REPO}/pulls",
        f"/repos/{REPO}/check-runs/{run['id']}/annotations",
        f"/repos/{REPO}/issues/1/comments",
    ):
        assert (await hub.call("GET", path))[0] == 200
    for path in ("/app", "/app/installations", f"/repos/{REPO}/installation", "/app/hook/deliveries"):
        assert (await hub.call("GET", path, token=hub.jwt()))[0] == 200
    assert hub.github.violations == []


async def test_webhooks_have_everything_that_githubs_examples_have_in_common(receiver: Hub) -> None:
    github, examples = receiver.github, load_examples()
    await github.push(REPO, "topic", {"foo.spec": "Name: foo3\n"})
    await github.push(REPO, "release", {"x": "y\n"})
    await github.retarget(REPO, 1, "release")
    await github.label(REPO, 1, "urgent")
    await github.edit_comment(await github.comment(REPO, 1, "hubot", "hello"), "goodbye")
    _, run = await receiver.create_check(conclusion="failure", actions=[BUTTON], output=OUTPUT)
    await github.press_button(run["id"], "retry", "octocat")
    await github.rerequest_check(run["id"], "octocat")
    await github.rerequest_suite(REPO, receiver.pull.head_sha, "octocat")
    await github.merge_pull_request(REPO, 1)
    await github.install("octocat", repositories=[REPO])
    missing = {}
    for sent in github.deliveries:
        alike = [e.payload for e in examples if (e.event, e.action) == (sent.event, sent.action)]
        missing[sent.event, sent.action] = missing_keys(sent.payload, alike)
    assert len(missing) >= 13
    assert {name: keys for name, keys in missing.items() if keys} == {}
