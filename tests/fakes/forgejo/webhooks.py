"""Sends signed webhooks and keeps a record of every attempt.

Read in: `services/webhook/shared/payloader.go` (headers and signatures), `modules/webhook/type.go` (the event that a
type goes by), `modules/setting/webhook.go` (five seconds to answer; nothing is sent again by itself).
"""

import asyncio
import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

import aiohttp

from tests.fakes.forge_sender import BackgroundSender
from tests.fakes.forgejo.model import HookDelivery, Repository, World

_EVENTS = {
    "pull_request_label": "pull_request",
    "pull_request_sync": "pull_request",
    "pull_request_comment": "issue_comment",
}
"""Types that go by another name."""


@dataclass
class Sender(BackgroundSender):
    """Delivers in the background, in order."""

    answer_within = 5.0
    world: World
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def emit(self, repo: Repository, event_type: str, payload: dict[str, Any]) -> None:
        """Queue an event for every webhook that hears of the repository."""
        for hook in self.world.hooks:
            if hook.covers(repo) and hook.hears(event_type):
                event = _EVENTS.get(event_type, event_type)
                self.send(HookDelivery(str(uuid.uuid4()), hook, event, event_type, payload))

    def replay(self, delivery: HookDelivery) -> None:
        """Press *Replay*: the same content under a name of its own (`ReplayHookTask`)."""
        self.send(replace(delivery, uuid=str(uuid.uuid4()), status_code=0))

    def send(self, delivery: HookDelivery) -> None:
        """Record an attempt and make it, soon."""
        self.world.deliveries.append(delivery)
        self._start(self._deliver(delivery))

    async def _deliver(self, delivery: HookDelivery) -> None:
        text = json.dumps(delivery.payload, indent=2)
        form = delivery.hook.content_type != "application/json"
        body = (urlencode({"payload": text}) if form else text).encode()
        # The signature is over the payload, also where it is wrapped into a form.
        delivery.request_headers = headers(delivery, text.encode())
        async with self._turn:
            try:
                async with self._post(delivery.hook.url, body, delivery.request_headers) as response:
                    delivery.status_code = response.status
            except (TimeoutError, aiohttp.ClientError):
                delivery.status_code = 0


def headers(delivery: HookDelivery, payload: bytes) -> dict[str, str]:
    """The headers of a delivery; without a secret the signatures are there, and empty."""
    secret = delivery.hook.secret.encode()
    sha1 = hmac.new(secret, payload, hashlib.sha1).hexdigest() if secret else ""
    sha256 = hmac.new(secret, payload, hashlib.sha256).hexdigest() if secret else ""
    named = {"Delivery": delivery.uuid, "Event": delivery.event, "Event-Type": delivery.event_type}
    ours = {"Forgejo": sha256, "Gitea": sha256, "Gogs": sha256}
    return {
        "Content-Type": delivery.hook.content_type,
        **{f"X-{who}-{name}": value for who in (*ours, "GitHub") for name, value in named.items()},
        **{f"X-{who}-Signature": signature for who, signature in ours.items()},
        "X-Hub-Signature": f"sha1={sha1}",
        "X-Hub-Signature-256": f"sha256={sha256}",
    }
