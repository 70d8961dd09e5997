"""What people do on Forgejo, and what the edge makes of the webhooks that it sends of that."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.domain.intents import Commented, Intent, ReceivedDelivery, Refresh, RepositoryTouched
from bot.domain.run import ChangeRef, RepoRef
from bot.engine.intake import MalformedEvent
from bot.web.dialects import ForgejoDialect
from bot.web.metrics import Metrics
from bot.web.webhook import Webhook, WebhookParts
from handlers.forgejo.translate import ForgejoTranslator
from tests.fakes.forgejo import ForgejoServer
from tests.fakes.forgejo.server import SECRET

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAME = "octocat/libfoo"
REPO = RepoRef(forge="codeberg", owner="octocat", name="libfoo")
PULL = ChangeRef(repo=REPO, number=1)


class FixedClock:
    def now(self) -> datetime:
        return NOW


@dataclass
class Place:
    """A Forgejo with one pull request, whose webhooks go to the edge; what it made of them stands in `stored`."""

    forgejo: ForgejoServer = field(default_factory=ForgejoServer)
    stored: list[ReceivedDelivery] = field(default_factory=list)

    async def submit(self, delivery: ReceivedDelivery) -> None:
        self.stored.append(delivery)

    def app(self) -> web.Application:
        parts = WebhookParts(
            forge="codeberg",
            dialect=ForgejoDialect(SECRET.encode()),
            translate=ForgejoTranslator("codeberg", "revdeps"),
            submit=self.submit,
            clock=FixedClock(),
            metrics=Metrics(),
        )
        app = web.Application()
        app.router.add_post("/webhook/codeberg", Webhook(parts).receive)
        return app

    @property
    def heard(self) -> Sequence[Intent]:
        """What was asked of the bot since this was looked at last."""
        found = [intent for delivery in self.stored for intent in delivery.intents]
        self.stored.clear()
        return found

    @property
    def answers(self) -> set[int]:
        return {delivery.status_code for delivery in self.forgejo.deliveries}


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    made = Place()
    async with made.forgejo, TestServer(made.app()) as edge:
        await made.forgejo.create_repository(NAME, {"foo.spec": "Name: foo\n"})
        await made.forgejo.open_pull_request(NAME, "topic", "Update foo", "hubot-friend", files={"foo.spec": "1"})
        made.forgejo.add_hook(str(edge.make_url("/webhook/codeberg")), NAME)
        yield made
    assert made.answers <= {202}


async def test_what_happens_to_a_pull_request_makes_us_look_at_it(place: Place) -> None:
    forgejo = place.forgejo
    await forgejo.label(NAME, 1, "bug")
    await forgejo.close_pull_request(NAME, 1)
    await forgejo.reopen(NAME, 1)
    await forgejo.retitle(NAME, 1, "WIP: Update foo")
    await forgejo.push(NAME, "next", {"a": "b"})
    await forgejo.retarget(NAME, 1, "next")
    touched = RepositoryTouched(repo=REPO, branch="next")
    seen = Refresh(change=PULL)
    assert place.heard == [seen, seen, seen, seen, touched, seen]


async def test_who_pushed_is_told_and_the_push_as_well(place: Place) -> None:
    sha = await place.forgejo.push(NAME, "topic", {"foo.spec": "2"}, "hubot")
    assert place.heard == [
        RepositoryTouched(repo=REPO, branch="topic"),
        Refresh(change=PULL, pushed_sha=sha, pushed_by="hubot"),
    ]


async def test_a_push_to_a_fork_is_heard_of_where_the_pull_request_is(place: Place) -> None:
    forgejo = place.forgejo
    await forgejo.open_pull_request(NAME, "patch", "Patch", "stranger", from_fork=True, files={"p": "q"})
    sha = await forgejo.push("stranger/libfoo", "patch", {"p": "r"}, "stranger")
    second = ChangeRef(repo=REPO, number=2)
    assert place.heard == [Refresh(change=second), Refresh(change=second, pushed_sha=sha, pushed_by="stranger")]


async def test_a_comment_is_heard_once(place: Place) -> None:
    forgejo = place.forgejo
    comment = await forgejo.comment(NAME, 1, "hubot-friend", "/revdeps help")
    await forgejo.edit_comment(comment, "/revdeps run", "hubot-friend")
    await forgejo.delete_comment(comment, "octocat")
    assert place.heard == [
        Commented(
            change=PULL,
            comment=str(comment.id),
            author="hubot-friend",
            body="/revdeps help",
            written_at=comment.created_at,
        )
    ]


async def test_nobody_listens_to_ourselves_or_to_a_closed_pull_request(place: Place) -> None:
    await place.forgejo.comment(NAME, 1, "RevDeps", "/revdeps run")
    await place.forgejo.close_pull_request(NAME, 1)
    await place.forgejo.comment(NAME, 1, "hubot-friend", "/revdeps run")
    assert place.heard == [Refresh(change=PULL)]


async def test_a_deleted_branch_is_of_no_interest(place: Place) -> None:
    await place.forgejo.push(NAME, "old", {"a": "b"})
    assert place.heard == [RepositoryTouched(repo=REPO, branch="old")]
    await place.forgejo.delete_branch(NAME, "old")
    assert place.heard == []


async def test_a_hook_of_the_owner_hears_of_new_repositories(place: Place) -> None:
    place.forgejo.add_hook(place.forgejo.world.hooks[0].url, "octocat")
    await place.forgejo.create_repository("octocat/libbar")
    assert place.heard == [RepositoryTouched(repo=RepoRef(forge="codeberg", owner="octocat", name="libbar"))]


async def test_a_replay_is_a_delivery_of_its_own(place: Place) -> None:
    await place.forgejo.label(NAME, 1, "bug")
    place.forgejo.webhooks.replay(place.forgejo.deliveries[-1])
    await place.forgejo.settled()
    first, again = place.stored
    assert first.intents == again.intents
    assert first.guid != again.guid


@pytest.mark.parametrize(("fact", "status"), [("secret", 401), ("content_type", 415)])
async def test_a_hook_that_is_set_up_wrong_is_refused(fact: str, status: int) -> None:
    place = Place()
    async with place.forgejo as forgejo, TestServer(place.app()) as edge:
        await forgejo.create_repository(NAME)
        for wrong in {"secret": ("", "another"), "content_type": ("application/x-www-form-urlencoded",)}[fact]:
            hook = forgejo.add_hook(str(edge.make_url("/webhook/codeberg")), NAME)
            setattr(hook, fact, wrong)
        await forgejo.push(NAME, "main", {"a": "b"})
        assert place.answers == {status}
        assert place.heard == []


# What no Forgejo sends.


async def intents(event: str, payload: object) -> tuple[Any, ...]:
    return await ForgejoTranslator("codeberg", "revdeps")(event, payload)


REPOSITORY = {"full_name": NAME}
COMMENT = {
    "action": "created",
    "is_pull": True,
    "repository": REPOSITORY,
    "issue": {"number": 1, "state": "open"},
    "comment": {
        "id": 7,
        "body": "/revdeps help",
        "created_at": "2026-01-02T03:04:05+02:00",
        "user": {"id": 3, "login": "hubot"},
    },
}


async def test_times_of_any_zone_are_understood() -> None:
    [heard] = await intents("issue_comment", COMMENT)
    assert heard.written_at == datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "changed",
    [
        {"is_pull": False},
        {"comment": COMMENT["comment"] | {"user": {"id": -1, "login": "Ghost"}}},  # type: ignore[operator]
        {"comment": COMMENT["comment"] | {"user": {"id": -2, "login": "forgejo-actions"}}},  # type: ignore[operator]
        {"comment": COMMENT["comment"] | {"user": None}},  # type: ignore[operator]
    ],
)
async def test_issues_and_accounts_of_forgejos_own_are_not_listened_to(changed: dict[str, object]) -> None:
    assert await intents("issue_comment", COMMENT | changed) == ()


async def test_a_deleted_repository_is_gone() -> None:
    payload = {"action": "deleted", "repository": REPOSITORY}
    assert await intents("repository", payload) == (RepositoryTouched(repo=REPO, removed=True),)


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("pull_request", {"action": "assigned", "repository": REPOSITORY, "number": 1}),
        (
            "pull_request",
            {"action": "edited", "changes": {"body": {"from": "x"}}, "repository": REPOSITORY, "number": 1},
        ),
        ("pull_request_approved", {"action": "reviewed", "repository": REPOSITORY}),
        ("push", {"ref": "refs/tags/v1", "after": "1" * 40, "repository": REPOSITORY}),
        ("release", {}),
    ],
)
async def test_the_rest_is_of_no_interest(event: str, payload: object) -> None:
    assert await intents(event, payload) == ()


@pytest.mark.parametrize(
    ("event", "payload", "told"),
    [
        ("pull_request", {"action": "opened", "repository": REPOSITORY}, "number is missing"),
        ("pull_request", {"action": "opened", "number": 1}, "repository.full_name is missing"),
        ("push", {"repository": REPOSITORY}, "ref is missing"),
        ("issue_comment", COMMENT | {"issue": {}}, "issue.state is missing"),
        ("issue_comment", None, "no object"),
    ],
)
async def test_what_is_not_of_forgejos_form_is_named(event: str, payload: object, told: str) -> None:
    with pytest.raises(MalformedEvent, match=told):
        await intents(event, payload)
