"""What the fake GitHub tells by webhook, and what people and git do there: as strict as the real one."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes.github.examples import load_examples, missing_keys
from tests.fakes.github.hub import BUTTON, OUTPUT, REPO, Hub, a_hub, receiving
from tests.fakes.github.webhooks import signature


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    async with a_hub() as made:
        yield made


@pytest.fixture
async def receiver(hub: Hub) -> AsyncIterator[Hub]:
    async with receiving(hub) as made:
        yield made


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
