"""Sends signed webhooks to Apps and keeps a record of every attempt.

Read in: GitHub docs, "Webhook events and payloads" (delivery headers), "Validating webhook deliveries" (HMAC-SHA256 of
the body), "Handling failed webhook deliveries" (never sent again by itself), "Best practices" (ten seconds to answer).
"""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.fakes.forge_sender import BackgroundSender
from tests.fakes.github.model import App, HookDelivery, Installation, Repository, World, node_id

_UNASKED = {
    ("installation", None),
    ("installation_repositories", None),
    ("check_run", "rerequested"),
    ("check_run", "requested_action"),
    ("check_suite", "requested"),
    ("check_suite", "rerequested"),
}
"""What every App gets, subscribed or not; those about checks with write access to them."""


@dataclass
class Sender(BackgroundSender):
    """Delivers in the background, in order per App.

    `down` plays a receiver that cannot be reached: everything is recorded as failed, and nothing is sent.
    """

    answer_within = 10.0
    world: World
    down: bool = False
    _locks: dict[int, asyncio.Lock] = field(default_factory=dict)

    def emit(self, repo: Repository | None, event: str, payload: dict[str, Any]) -> list[HookDelivery]:
        """Queue an event of a repository for every App that is installed there and wants it."""
        installations = [i for i in self.world.installations.values() if repo is not None and i.covers(repo)]
        return [d for i in installations if (d := self.emit_to(i, event, payload)) is not None]

    def emit_to(self, installation: Installation, event: str, payload: dict[str, Any]) -> HookDelivery | None:
        """Queue an event for one installation's App; None where it has no webhook or does not want it."""
        app, action = installation.app, payload.get("action")
        wanted = event in app.events or (event, None) in _UNASKED or (event, action) in _UNASKED
        refused = event.startswith("check_") and installation.permissions.get("checks") != "write"
        if app.webhook_url is None or not wanted or refused or installation.suspended_at:
            return None
        full = dict(payload)
        if event not in ("installation", "installation_repositories"):
            full["installation"] = {"id": installation.id, "node_id": node_id("MDIzOkludGVncmF0aW9u", installation.id)}
        delivery = HookDelivery(self.world.new_id(), str(uuid.uuid4()), app, event, full, self.world.clock.now())
        self.resend(delivery)
        return delivery

    def resend(self, delivery: HookDelivery) -> None:
        """Record an attempt and make it, soon."""
        self.world.deliveries.append(delivery)
        self._start(self._deliver(delivery))

    async def _deliver(self, delivery: HookDelivery) -> None:
        body = json.dumps(delivery.payload, separators=(",", ":")).encode()
        delivery.request_headers = headers(delivery, body)
        if self.down or delivery.app.webhook_url is None:
            delivery.status = "failed to connect to host"
            return
        async with self._locks.setdefault(delivery.app.id, asyncio.Lock()):
            began = time.monotonic()
            try:
                url = delivery.app.webhook_url
                async with self._post(url, body, delivery.request_headers) as response:
                    delivery.status_code, delivery.status = response.status, response.reason or "OK"
            except TimeoutError:
                delivery.status = "timed out"
            except aiohttp.ClientError:
                delivery.status = "failed to connect to host"
            delivery.duration = time.monotonic() - began


def headers(delivery: HookDelivery, body: bytes) -> dict[str, str]:
    """The headers of a delivery."""
    return {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/0d1e2f3",
        "X-GitHub-Delivery": delivery.guid,
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Hook-ID": str(delivery.app.id + 4_000_000),
        "X-GitHub-Hook-Installation-Target-ID": str(delivery.app.id),
        "X-GitHub-Hook-Installation-Target-Type": "integration",
        "X-Hub-Signature": "sha1=" + hmac.new(_secret(delivery.app), body, hashlib.sha1).hexdigest(),
        "X-Hub-Signature-256": signature(delivery.app.webhook_secret, body),
    }


def signature(secret: str, body: bytes) -> str:
    """The value of `X-Hub-Signature-256`."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _secret(app: App) -> bytes:
    return app.webhook_secret.encode()
