"""Sends webhooks and keeps a record of every attempt.

Read in: app/services/web_hook_service.rb (headers; the idempotency key stays when an event is sent again, the webhook's
UUID does not), GitLab docs, "Webhooks" (ten seconds to answer; four failures in a row switch a hook off for a minute,
doubling), merge request 230944 (the signature, over `id.timestamp.body`).
"""

import asyncio
import base64
import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp

from tests.fakes.forge_sender import BackgroundSender
from tests.fakes.gitlab.model import Hook, HookEvent, Project, World

PATIENCE = 4
"""Failures in a row."""


@dataclass
class Sender(BackgroundSender):
    """Delivers in the background, in order. `down` plays a receiver that cannot be reached."""

    answer_within = 10.0
    world: World
    down: bool = False
    twice: bool = False
    """Whether merge request events come twice, as they sometimes do, under keys of their own."""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def emit(self, project: Project, event: str, payload: dict[str, Any]) -> None:
        """Queue an event for every hook of a project that wants it."""
        for hook in project.hooks:
            if event in hook.events:
                for _ in range(2 if self.twice and event == "Merge Request Hook" else 1):
                    key = str(uuid.uuid4())
                    new = HookEvent(self.world.new_id(), hook, key, event, payload, self.world.now())
                    self._start(self._deliver(new))

    async def resend(self, event: HookEvent) -> HookEvent:
        """Send an event once more, under the same key, and wait for the answer."""
        again = HookEvent(
            self.world.new_id(), event.hook, event.key, event.event, event.payload, self.world.now(), resent=True
        )
        await self._deliver(again)
        return again

    async def _deliver(self, event: HookEvent) -> None:
        hook = event.hook
        async with self._turn:
            if not event.resent and hook.disabled_until is not None and self.world.now() < hook.disabled_until:
                return
            body = json.dumps(event.payload).encode()
            event.headers = headers(self.world, event)
            self.world.events.append(event)
            if not self.down:
                event.status = await self._send(event, body)
            self._remember(hook, well=event.status.startswith("2"))

    async def _send(self, event: HookEvent, body: bytes) -> str:
        secrets = secret_headers(event.hook, event.headers, body)
        try:
            async with self._post(event.hook.url, body, event.headers | secrets) as response:
                return str(response.status)
        except (TimeoutError, aiohttp.ClientError):
            return "internal error"

    def _remember(self, hook: Hook, *, well: bool) -> None:
        hook.failures = 0 if well else hook.failures + 1
        hook.disabled_until = None
        if hook.failures >= PATIENCE:
            hook.disabled_until = self.world.now() + timedelta(minutes=min(2 ** (hook.failures - PATIENCE), 24 * 60))


def headers(world: World, event: HookEvent) -> dict[str, str]:
    """The headers of a delivery that may be shown."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "GitLab/19.0.0",
        "Idempotency-Key": event.key,
        "webhook-id": event.key,
        "webhook-timestamp": str(int(event.created_at.timestamp())),
        "X-Gitlab-Event": event.event,
        "X-Gitlab-Webhook-UUID": str(uuid.uuid4()),
        "X-Gitlab-Event-UUID": str(uuid.uuid4()),
        "X-Gitlab-Instance": world.url,
    }


def secret_headers(hook: Hook, shown: dict[str, str], body: bytes) -> dict[str, str]:
    """The headers by which the receiver believes a delivery."""
    found = {"X-Gitlab-Token": hook.token} if hook.token else {}
    if hook.signing_key:
        content = f"{shown['webhook-id']}.{shown['webhook-timestamp']}.".encode() + body
        digest = hmac.new(hook.signing_key, content, hashlib.sha256).digest()
        found["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return found
