"""The fake GitHub is as strict as the real one: what these tests see refused, the bot must not be able to send."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import jwt
import pytest

from tests.fakes.github import trees
from tests.fakes.github.hub import BUTTON, OUTPUT, REPO, Hub, a_hub
from tests.fakes.github.openapi import default_path


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    async with a_hub() as made:
        yield made


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
