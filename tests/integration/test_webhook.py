"""The edge over real HTTP: what is let in, what is refused, and with which words."""

import hashlib
import hmac
import io
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.adapters.config_file.check import schema, schema_text
from bot.domain.intents import ReceivedDelivery, Refresh
from bot.domain.run import ChangeRef, RepoRef
from bot.ports.errors import Misconfigured, Transient
from bot.web.dialects import GitHubDialect
from bot.web.health import Health, heartbeat_probe, store_probe
from bot.web.metrics import Metrics
from bot.web.server import add_routes
from bot.web.webhook import Webhook, WebhookParts
from handlers.github.translate import GitHubTranslator

SECRET = b"It's a Secret to Everybody"
LIMIT = GitHubDialect(SECRET).content_limit
NOW = datetime(2026, 1, 1, tzinfo=UTC)
OPENED = {"action": "opened", "repository": {"full_name": "octocat/libfoo"}, "pull_request": {"number": 7}}
CHANGE = ChangeRef(repo=RepoRef(forge="github", owner="octocat", name="libfoo"), number=7)


class FixedClock:
    def now(self) -> datetime:
        return NOW


@dataclass
class Bot:
    """The endpoints with everything behind them replaced by lists."""

    client: TestClient[web.Request, web.Application] = field(init=False)
    metrics: Metrics = field(default_factory=Metrics)
    stored: list[ReceivedDelivery] = field(default_factory=list)
    error: Exception | None = None
    beat: datetime | None = NOW

    async def submit(self, delivery: ReceivedDelivery) -> None:
        if self.error:
            raise self.error
        self.stored.append(delivery)

    async def check(self) -> None:
        if self.error:
            raise self.error

    def app(self) -> web.Application:
        clock = FixedClock()
        parts = WebhookParts(
            forge="github",
            dialect=GitHubDialect(SECRET),
            translate=GitHubTranslator("github", 1),
            submit=self.submit,
            clock=clock,
            metrics=self.metrics,
        )
        probes = {
            "database": store_probe(self),  # type: ignore[arg-type]
            "reconciler": heartbeat_probe(lambda: self.beat, clock),
        }
        app = web.Application()
        add_routes(app, webhooks=[Webhook(parts)], health=Health(probes, self.metrics), schema=schema_text())
        return app

    async def deliver(self, body: bytes, **headers: str) -> tuple[int, str]:
        standard = {
            "Content-Type": "application/json",
            "X-GitHub-Event": "pull_request",
            "X-GitHub-Delivery": "00000000-0000-0000-0000-000000000001",
            "X-Hub-Signature-256": signature(body),
        }
        wanted = standard | {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in wanted.items() if value}
        async with self.client.post("/webhook/github", data=io.BytesIO(body), headers=sent) as response:
            return response.status, await response.text()


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    made = Bot()
    async with TestClient(TestServer(made.app())) as made.client:
        yield made


def signature(body: bytes, secret: bytes = SECRET, algorithm: str = "sha256") -> str:
    return f"{algorithm}={hmac.new(secret, body, getattr(hashlib, algorithm)).hexdigest()}"


BODY = json.dumps(OPENED).encode()


async def test_a_signed_event_is_stored_with_its_intents_and_accepted(bot: Bot) -> None:
    assert await bot.deliver(BODY) == (202, "accepted\n")
    [delivery] = bot.stored
    assert delivery == ReceivedDelivery(
        forge="github",
        guid="00000000-0000-0000-0000-000000000001",
        event="pull_request",
        received_at=NOW,
        intents=(Refresh(change=CHANGE),),
    )


async def test_the_signature_of_githubs_documentation_is_the_one_that_counts() -> None:
    # docs.github.com, "Validating webhook deliveries", "Testing the webhook payload validation".
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert signature(b"Hello, World!") == expected


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ("", "missing"),
        (signature(BODY, b"another secret"), "secret"),
        (signature(BODY + b" "), "secret"),
        (signature(BODY, algorithm="sha1"), "secret"),
        (signature(BODY).removeprefix("sha256="), "secret"),
        ("sha256=", "secret"),
        ("sha256=ü", "secret"),
    ],
)
async def test_nothing_unsigned_or_wrongly_signed_is_let_in(bot: Bot, given: str, word: str) -> None:
    status, text = await bot.deliver(BODY, X_Hub_Signature_256=given, X_Hub_Signature=signature(BODY, algorithm="sha1"))
    assert status == 401
    assert word in text
    assert not bot.stored


async def test_a_body_that_announces_too_much_is_refused(bot: Bot) -> None:
    status, text = await bot.deliver(b" " * (LIMIT + 1))
    assert status == 413
    assert str(LIMIT) in text


async def test_a_body_that_grows_too_large_is_refused(bot: Bot) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(LIMIT // 2**20 + 1):
            yield b" " * 2**20

    headers = {"Content-Type": "application/json", "X-Hub-Signature-256": "sha256=0"}
    async with bot.client.post("/webhook/github", data=endless(), headers=headers) as response:
        assert response.status == 413


async def test_a_large_payload_within_the_bound_is_taken(bot: Bot) -> None:
    body = BODY + b" " * (3 * 2**20)
    assert (await bot.deliver(body))[0] == 202


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": "\xff"}', b"[]", b"null", b'"opened"', b"7"],
)
async def test_a_body_that_is_no_json_object_is_malformed(bot: Bot, body: bytes) -> None:
    status, text = await bot.deliver(body)
    assert status == 400
    assert "JSON" in text or "object" in text


async def test_what_a_strict_reader_of_json_refuses_and_a_forge_sends_is_taken(bot: Bot) -> None:
    title = {"title": "half of a pair: \ud83d"}
    assert await bot.deliver(json.dumps(OPENED | title).encode()) == (202, "accepted\n")
    [delivery] = bot.stored
    assert delivery.intents == (Refresh(change=CHANGE),)


@pytest.mark.parametrize(("number", "status"), [(b"7", 202), (b"9" * 5000, 400)])
async def test_a_number_that_python_does_not_read_matters_where_it_is_read(
    bot: Bot, number: bytes, status: int
) -> None:
    body = BODY[:-1] + b', "size": ' + b"9" * 5000 + b', "pull_request": {"number": ' + number + b"}}"
    assert (await bot.deliver(body))[0] == status


async def test_a_malformed_event_is_refused_with_what_is_wrong(bot: Bot) -> None:
    status, text = await bot.deliver(json.dumps(OPENED | {"pull_request": {"number": "7"}}).encode())
    assert (status, text) == (
        400,
        "malformed pull_request event: pull_request.number is text, not a positive whole number\n",
    )


@pytest.mark.parametrize("header", ["X_GitHub_Event", "X_GitHub_Delivery"])
@pytest.mark.parametrize("value", ["", "a/b", "x" * 201, "<b>", "ü"])
async def test_an_event_needs_a_plain_name_and_a_plain_delivery_id(bot: Bot, header: str, value: str) -> None:
    status, text = await bot.deliver(BODY, **{header: value})
    assert status == 400
    assert header.replace("_", "-") in text


async def test_a_form_is_refused_with_the_setting_to_change(bot: Bot) -> None:
    status, text = await bot.deliver(BODY, Content_Type="application/x-www-form-urlencoded")
    assert status == 415
    assert "content type to application/json" in text


async def test_an_unknown_event_is_recorded_and_asks_for_nothing(bot: Bot) -> None:
    assert (await bot.deliver(b'{"action": "dreamt"}', X_GitHub_Event="sheep"))[0] == 202
    assert [(delivery.event, delivery.intents) for delivery in bot.stored] == [("sheep", ())]


async def test_a_ping_is_answered_and_not_stored(bot: Bot) -> None:
    assert await bot.deliver(b'{"zen": "Keep it logically awesome."}', X_GitHub_Event="ping") == (200, "pong\n")
    assert not bot.stored


async def test_a_ping_with_a_wrong_signature_tells_that_the_secret_is_wrong(bot: Bot) -> None:
    assert (await bot.deliver(b"{}", X_GitHub_Event="ping", X_Hub_Signature_256="sha256=0"))[0] == 401


async def test_what_cannot_be_stored_is_asked_for_again(bot: Bot) -> None:
    bot.error = Transient("the disk is full")
    status, text = await bot.deliver(BODY)
    assert status == 503
    assert "again" in text
    assert "disk" not in text


async def test_other_methods_are_refused(bot: Bot) -> None:
    async with bot.client.get("/webhook/github") as response:
        assert response.status == 405


def test_a_webhook_without_a_secret_is_not_made() -> None:
    with pytest.raises(ValueError, match="secret"):
        GitHubDialect(b"")


async def test_a_process_that_answers_is_alive_whatever_its_database_does(bot: Bot) -> None:
    bot.error = Transient("locked")
    async with bot.client.get("/healthz") as response:
        assert (response.status, await response.json()) == (200, {"status": "ok"})


async def test_it_is_ready_where_database_and_reconciler_are(bot: Bot) -> None:
    async with bot.client.get("/readyz") as response:
        assert (response.status, await response.json()) == (200, {"status": "ready"})


@pytest.mark.parametrize(
    ("error", "beat", "reasons"),
    [
        (Transient("locked"), NOW, {"database": "locked"}),
        (
            Misconfigured("the database", "the schema is old", "Run `revdeps db upgrade`."),
            NOW,
            {"database": "the database: the schema is old. Run `revdeps db upgrade`."},
        ),
        (None, None, {"reconciler": "the reconciler has not started yet"}),
        (None, NOW - timedelta(seconds=90), {"reconciler": "the reconciler has been silent for 90 s"}),
    ],
)
async def test_what_is_not_ready_is_named(
    bot: Bot, error: Exception | None, beat: datetime | None, reasons: dict[str, str]
) -> None:
    bot.error, bot.beat = error, beat
    async with bot.client.get("/readyz") as response:
        assert response.status == 503
        assert (await response.json())["reasons"] == reasons


async def test_deliveries_are_counted_by_event_and_result(bot: Bot) -> None:
    await bot.deliver(BODY)
    await bot.deliver(b"{}", X_GitHub_Event="sheep")
    await bot.deliver(BODY, X_Hub_Signature_256="sha256=0")
    async with bot.client.get("/metrics") as response:
        text = await response.text()
        assert response.content_type == "text/plain"
    assert 'revdeps_webhook_deliveries_total{event="pull_request",result="accepted"} 1.0' in text
    assert 'revdeps_webhook_deliveries_total{event="other",result="accepted"} 1.0' in text
    assert 'revdeps_webhook_deliveries_total{event="other",result="wrong-signature"} 1.0' in text
    assert "revdeps_webhook_intake_seconds_count 2.0" in text


async def test_times_are_told_by_their_bounds(bot: Bot) -> None:
    for seconds in (0.0004, 0.001, 0.0011, 0.2, 60):
        bot.metrics.intake_seconds(seconds)
    text = bot.metrics.render().decode()
    counts = dict(re.findall(r'revdeps_webhook_intake_seconds_bucket\{le="(.+)"\} (\d+)', text))
    assert {le: counts[le] for le in ("0.001", "0.0025", "0.1", "0.25", "10.0", "+Inf")} == {
        "0.001": "2",
        "0.0025": "3",
        "0.1": "3",
        "0.25": "4",
        "10.0": "4",
        "+Inf": "5",
    }
    assert "revdeps_webhook_intake_seconds_sum 60.2025" in text


async def test_others_may_count(bot: Bot) -> None:
    count = bot.metrics.counter("revdeps_actions", "Actions performed.", ("kind",))
    for kind in ("start-run", "make-plan", "start-run"):
        count(kind)
    text = bot.metrics.render()
    assert b'revdeps_actions_total{kind="start-run"} 2.0' in text
    assert b'revdeps_actions_total{kind="make-plan"} 1.0' in text


async def test_editors_find_the_schema(bot: Bot) -> None:
    async with bot.client.get("/schema/revdeps.schema.json") as response:
        assert response.status == 200
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        served = json.loads(await response.text())
    assert served == schema()
