"""What the fake GitLab refuses and remembers, by bare requests: it is as strict as documentation and source tell."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web

from tests.fakes.clock import ShiftedClock
from tests.fakes.forge_server import SECRET
from tests.fakes.gitlab import GitLabServer
from tests.fakes.gitlab.model import DEVELOPER, MergeRequest, Project

PATH = "octocat/rpms/libfoo"
BOT = "revdeps-bot"


@dataclass
class Client:
    """The bot's user with an HTTP client."""

    server: GitLabServer
    session: aiohttp.ClientSession
    clock: ShiftedClock
    project: Project
    request: MergeRequest
    token: str

    async def ask(self, method: str, path: str, data: Any = None, token: str | None = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        url = f"{self.server.url}/api/v4/{path}"
        sent = {} if data is None else {"json": data}
        async with self.session.request(method, url, headers=headers, allow_redirects=False, **sent) as answer:
            self.headers = answer.headers
            return answer.status, await answer.json()

    async def tell(self, state: str, **more: Any) -> tuple[int, Any]:
        return await self.ask(
            "POST", f"projects/{self.project.id}/statuses/{self.request.sha}", {"state": state, **more}
        )

    @property
    def notes(self) -> str:
        return f"projects/{self.project.id}/merge_requests/{self.request.iid}/notes"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    clock = ShiftedClock()
    async with GitLabServer(root=tmp_path, clock=clock) as server, aiohttp.ClientSession() as session:
        token = server.create_token(BOT).value
        project = await server.create_project(PATH, {"a": "b"}, visibility="private")
        server.add_member(PATH, BOT, DEVELOPER)
        request = await server.open_merge_request(PATH, "topic", "Update", files={"a": "c"})
        yield Client(server, session, clock, project, request, token)


async def test_a_project_goes_by_its_number_and_by_its_encoded_path(client: Client) -> None:
    by_number = await client.ask("GET", f"projects/{client.project.id}")
    assert by_number == await client.ask("GET", f"projects/{quote(PATH, safe='')}")
    assert (await client.ask("GET", f"projects/{PATH}"))[0] == 404


async def test_what_is_not_known_is_a_violation(client: Client) -> None:
    assert (await client.ask("GET", f"projects/{client.project.id}/merge_requests?status=open"))[0] == 400
    assert (await client.ask("GET", f"projects/{client.project.id}/merge_requests?state=open"))[0] == 400
    assert (await client.ask("POST", client.notes, {"text": "hello"}))[0] == 400
    assert (await client.ask("POST", client.notes, {}))[0] == 400
    assert (await client.ask("PATCH", client.notes, {"body": "hello"}))[0] == 404
    assert (await client.tell("failure"))[0] == 400
    assert (await client.tell("failed", description="x" * 256))[0] == 400
    assert len(client.server.violations) == 7


async def test_tokens_are_looked_at(client: Client) -> None:
    assert await client.ask("GET", "user", token="wrong") == (401, {"message": "401 Unauthorized"})
    token = client.server.world.tokens[client.token]
    token.expires_at = client.clock.now() + timedelta(days=1)
    assert (await client.ask("GET", "user"))[0] == 200
    client.clock.shift += timedelta(days=1)
    assert (await client.ask("GET", "user"))[1]["error"] == "invalid_token"
    token.expires_at, token.scopes = None, ("read_api",)
    assert (await client.ask("POST", client.notes, {"body": "hello"}))[1]["error"] == "insufficient_scope"


async def test_others_private_projects_are_not_there(client: Client) -> None:
    other = client.server.create_token("passer-by", value="glpat-other").value
    assert await client.ask("GET", client.notes, token=other) == (404, {"message": "404 Project Not Found"})


async def test_a_moved_project_leads_on_and_takes_nothing_under_its_old_name(client: Client) -> None:
    client.server.rename_project(PATH, "octocat/foo")
    old = f"projects/{quote(PATH, safe='')}/merge_requests/1"
    assert (await client.ask("GET", old))[0] == 301
    assert client.headers["Location"].endswith(f"/api/v4/projects/{client.project.id}/merge_requests/1")
    assert (await client.ask("POST", f"{old}/notes", {"body": "hello"}))[0] == 405


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ("pending", "pending", ":enqueue from :pending"),
        ("running", "running", ":run from :running"),
        ("running", "pending", ":enqueue from :running"),
    ],
)
async def test_a_refused_transition_stores_nothing(client: Client, first: str, second: str, why: str) -> None:
    assert (await client.tell(first, name="x", description="one"))[0] == 201
    status, answer = await client.tell(second, name="x", description="two")
    assert status == 400
    assert f"Cannot transition status via {why}" in answer["message"]
    assert [one.description for _, one in client.server.statuses(client.request.sha)] == ["one"]


async def test_what_ended_begins_again_as_another_job(client: Client) -> None:
    _, first = await client.tell("failed", name="x")
    _, second = await client.tell("pending", name="x")
    assert first["id"] != second["id"]
    assert first["pipeline_id"] == second["pipeline_id"]
    assert [one.status for _, one in client.server.statuses(client.request.sha)] == ["pending"]


async def test_a_status_needs_a_developer_and_a_branch(client: Client) -> None:
    client.server.add_member(PATH, BOT, 20)
    assert (await client.tell("pending"))[0] == 403
    client.server.add_member(PATH, BOT, DEVELOPER)
    forked = await client.server.open_merge_request(PATH, "more", "More", "hubot", from_fork=True, files={"a": "d"})
    answer = await client.ask("POST", f"projects/{client.project.id}/statuses/{forked.sha}", {"state": "pending"})
    assert answer == (404, {"message": "404 References for commit Not Found"})


async def test_the_newest_pipeline_of_the_commit_is_taken_unless_one_is_named(client: Client) -> None:
    old = await client.server.run_pipeline(PATH, client.request.iid)
    new = await client.server.run_pipeline(PATH, client.request.iid)
    assert (await client.tell("pending", name="x"))[1]["pipeline_id"] == new.id
    assert (await client.tell("pending", name="x", pipeline_id=old.id))[1]["pipeline_id"] == old.id
    assert (await client.tell("pending", name="x", ref="nowhere"))[1]["pipeline_id"] not in {old.id, new.id}
    assert (await client.tell("pending", name="x", pipeline_id=4711))[0] == 404


async def test_a_second_emoji_of_a_name_is_not_found(client: Client) -> None:
    note = await client.server.comment(PATH, client.request.iid, "octocat", "hello")
    assert (await client.ask("POST", f"{client.notes}/{note.id}/award_emoji", {"name": "eyes"}))[0] == 201
    status, answer = await client.ask("POST", f"{client.notes}/{note.id}/award_emoji", {"name": "eyes"})
    assert (status, answer["message"]) == (404, "404 Award Emoji Name has already been taken Not Found")


async def test_somebody_elses_note_is_not_edited(client: Client) -> None:
    note = await client.server.comment(PATH, client.request.iid, "octocat", "hello")
    assert (await client.ask("PUT", f"{client.notes}/{note.id}", {"body": "mine"}))[0] == 403


@pytest.mark.parametrize(
    ("body", "done"),
    [
        ("/close", ["/close"]),
        ("hello\n/label ~x\nthere", ["/label ~x"]),
        (" /close", []),
        ("```\n/close\n```", []),
        (">>>\n/close\n>>>", []),
        ("/revdeps retry\n/usr/bin/close", []),
        ("/clo\rse", ["/close"]),
    ],
)
async def test_orders_in_a_note_are_carried_out(client: Client, body: str, done: list[str]) -> None:
    await client.ask("POST", client.notes, {"body": body})
    assert client.server.world.quick_actions == done


async def test_hooks_are_for_maintainers_and_pages_of_events_are_short(client: Client) -> None:
    hook = client.server.add_hook(PATH, "http://127.0.0.1:9/")
    hooks = f"projects/{client.project.id}/hooks"
    assert (await client.ask("GET", hooks))[0] == 403
    client.server.add_member(PATH, BOT)
    assert [one["url"] for one in (await client.ask("GET", hooks))[1]] == ["http://127.0.0.1:9/"]
    assert (await client.ask("GET", f"{hooks}/{hook.id}/events?per_page=21"))[0] == 400


async def test_a_hook_that_fails_is_switched_off_and_keeps_nothing_meanwhile(client: Client) -> None:
    hook = client.server.add_hook(PATH, "http://127.0.0.1:9/")
    for number in range(6):
        await client.server.comment(PATH, client.request.iid, "octocat", f"hello {number}")
    assert len(client.server.world.events) == 4
    assert hook.disabled_until is not None
    client.clock.shift += timedelta(minutes=1)
    await client.server.comment(PATH, client.request.iid, "octocat", "hello again")
    assert len(client.server.world.events) == 5


async def test_deliveries_are_signed_and_keep_their_key(client: Client) -> None:
    seen: list[dict[str, str]] = []

    async def receive(request: web.Request) -> web.Response:
        seen.append(dict(request.headers))
        return web.Response(status=202)

    application = web.Application()
    application.router.add_post("/", receive)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        client.server.add_hook(PATH, f"http://127.0.0.1:{runner.addresses[0][1]}/", signing_key=b"key")
        await client.server.push(PATH, "topic", {"a": "e"})
        await client.server.webhooks.resend(client.server.world.events[0])
    finally:
        await runner.cleanup()
    push, moved, again = seen
    assert [one["X-Gitlab-Event"] for one in seen] == ["Push Hook", "Merge Request Hook", "Push Hook"]
    assert push["Idempotency-Key"] == push["webhook-id"] == again["Idempotency-Key"] != moved["Idempotency-Key"]
    assert push["X-Gitlab-Webhook-UUID"] != again["X-Gitlab-Webhook-UUID"]
    assert push["X-Gitlab-Token"] == SECRET
    assert push["webhook-signature"].startswith("v1,")


async def test_more_requests_a_minute_than_allowed_are_turned_away(client: Client) -> None:
    client.server.gate.rate_limit = client.server.gate.used + 1
    assert (await client.ask("GET", "user"))[0] == 200
    assert (await client.ask("GET", "user"))[0] == 429
    assert int(client.headers["RateLimit-Reset"]) > client.clock.now().timestamp()
