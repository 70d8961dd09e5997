"""Every webhook that GitHub has an example of is delivered once: none may crash the bot, none may be misread."""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.domain.intents import ReceivedDelivery
from bot.web.dialects import GitHubDialect
from bot.web.health import Health
from bot.web.metrics import Metrics
from bot.web.server import add_routes
from bot.web.webhook import Webhook, WebhookParts
from handlers.github.translate import GitHubTranslator
from tests.fakes.github.examples import Example, load_examples
from tests.fakes.github.webhooks import signature

SECRET = "It's a Secret to Everybody"
OURS = 29_310
"""The id of the App that most examples of check_run and check_suite are about."""


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


class Bot:
    """The endpoint as it serves, with a list for a database."""

    def __init__(self) -> None:
        self.stored: dict[str, ReceivedDelivery] = {}
        self.client: TestClient[web.Request, web.Application]

    async def submit(self, delivery: ReceivedDelivery) -> None:
        self.stored[delivery.guid] = delivery

    def app(self) -> web.Application:
        metrics, translate = Metrics(), GitHubTranslator("github", OURS)
        parts = WebhookParts(
            forge="github", dialect=GitHubDialect(SECRET.encode()), translate=translate, submit=self.submit,
            clock=FixedClock(), metrics=metrics,
        )  # fmt: skip
        app = web.Application()
        add_routes(app, webhooks=[Webhook(parts)], health=Health({}, metrics), schema="{}")
        return app

    async def deliver(self, example: Example) -> int:
        body = json.dumps(example.payload).encode()
        headers: Mapping[str, str] = {
            "Content-Type": "application/json",
            "X-GitHub-Event": example.event,
            "X-GitHub-Delivery": example.name,
            "X-Hub-Signature-256": signature(SECRET, body),
        }
        async with self.client.post("/webhook/github", data=body, headers=headers) as response:
            return response.status


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    made = Bot()
    async with TestClient(TestServer(made.app())) as made.client:
        yield made


async def test_every_example_is_accepted(bot: Bot) -> None:
    examples = load_examples()
    answers = {example.name: await bot.deliver(example) for example in examples}
    assert {name: status for name, status in answers.items() if status not in (200, 202)} == {}
    assert len(answers) == len(examples) > 300
    # The checks of other Apps and the comments on issues among them ask for nothing.
    asked = {delivery.event for delivery in bot.stored.values() if delivery.intents}
    assert {"installation", "installation_repositories", "pull_request", "push"} <= asked


@pytest.mark.parametrize(
    ("event", "action", "asks"),
    [
        ("pull_request", "opened", True),
        ("pull_request", "synchronize", True),
        ("pull_request", "closed", True),
        ("issue_comment", "deleted", False),
        ("star", "created", False),
        ("workflow_run", "completed", False),
    ],
)
async def test_an_example_asks_for_what_it_should(bot: Bot, event: str, action: str, asks: bool) -> None:
    chosen = [e for e in load_examples() if (e.event, e.action) == (event, action)]
    assert chosen
    for example in chosen:
        await bot.deliver(example)
        assert bool(bot.stored[example.name].intents) == asks
