"""The edge: verify, translate, store, answer 202. Nothing else happens before the answer, and no network is used.

A delivery is not looked at before its signature is verified (`bot.web.dialects`). A forge that gets anything but 2xx
marks the delivery as failed, and resync has it delivered again.
"""

import logging
import re
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from bot.domain.intents import Intent, ReceivedDelivery, name_of_delivery
from bot.engine.intake import MalformedEvent
from bot.ports.clock import Clock
from bot.ports.errors import Transient
from bot.web.dialects import Dialect
from bot.web.json_body import read_json
from bot.web.metrics import Metrics

_NAME_LIMIT = 200
_named = re.compile(rf"[A-Za-z0-9_. -]{{1,{_NAME_LIMIT}}}").fullmatch
_RETRY_SECONDS = 10


class Translator(Protocol):
    """From an event's name and payload to intents; raises `MalformedEvent`."""

    @property
    def events(self) -> Collection[str]:
        """The names that may stand in metrics; all others count as `other`."""
        ...

    async def __call__(self, event: str, payload: object) -> tuple[Intent, ...]:
        """Return what an event asks for, nothing for one of no interest."""
        ...


Submit = Callable[[ReceivedDelivery], Awaitable[None]]
"""Stores a delivery."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookParts:
    """What the endpoint is made of."""

    forge: str
    """Its name in the settings."""
    dialect: Dialect
    translate: Translator
    submit: Submit
    clock: Clock
    metrics: Metrics


class _Refused(Exception):
    """A delivery that is answered with an error: `result` for the metrics, `text` for whoever set the hook up."""

    def __init__(self, status: int, result: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.result = result
        self.text = text


class Webhook:
    """`POST /webhook/FORGE`."""

    def __init__(self, parts: WebhookParts) -> None:
        self._parts = parts

    @property
    def forge(self) -> str:
        """The name under which the settings know the forge."""
        return self._parts.forge

    async def receive(self, request: web.Request) -> web.Response:
        """Answer 202 once the delivery is durable, 200 to a ping, else say what is wrong with it."""
        event = "other"
        try:
            payload = await self._authentic_payload(request)
            name = _header(request, self._parts.dialect.event_header)
            event = name if name in self._parts.translate.events else "other"
            if name == "ping":
                self._parts.metrics.deliveries(event, "ping")
                return web.Response(text="pong\n")
            await self._take(name, _header(request, *self._parts.dialect.delivery_headers), payload)
        except _Refused as refused:
            self._parts.metrics.deliveries(event, refused.result)
            headers = {"Retry-After": str(_RETRY_SECONDS)} if refused.status == 503 else None
            return web.Response(status=refused.status, text=refused.text + "\n", headers=headers)
        self._parts.metrics.deliveries(event, "accepted")
        return web.Response(status=202, text="accepted\n")

    async def _authentic_payload(self, request: web.Request) -> object:
        dialect = self._parts.dialect
        if unsigned := dialect.unsigned(request.headers):
            raise _Refused(401, "unsigned", unsigned)
        if request.content_type != "application/json":
            text = f"the content type is {request.content_type!r}: set the webhook's content type to application/json"
            raise _Refused(415, "content-type", text)
        body = await _read(request, dialect.content_limit)
        if not dialect.believed(request.headers, body):
            raise _Refused(401, "wrong-signature", "the signature does not match: compare the secret on both sides")
        try:
            payload = read_json(body)
        except (ValueError, RecursionError) as error:
            raise _Refused(400, "malformed", f"the body is no JSON: {error}") from None
        return payload

    async def _take(self, event: str, guid: str, payload: object) -> None:
        begun = time.perf_counter()
        try:
            intents = await self._parts.translate(event, payload)
        except MalformedEvent as error:
            _log.warning("malformed %s event %s: %s", event, guid, error)
            raise _Refused(400, "malformed", f"malformed {event} event: {error}") from None
        delivery = ReceivedDelivery(
            forge=self._parts.forge,
            guid=name_of_delivery(guid, intents),
            event=event,
            received_at=self._parts.clock.now(),
            intents=intents,
        )
        try:
            await self._parts.submit(delivery)
        except Transient as error:
            _log.warning("delivery %s was not stored: %s", guid, error)
            raise _Refused(503, "not-stored", "the delivery could not be stored; deliver it again later") from None
        self._parts.metrics.intake_seconds(time.perf_counter() - begun)


async def _read(request: web.Request, limit: int) -> bytes:
    """Return the whole body, or refuse as soon as it proves to be too large, whatever its announced length."""
    pieces, size = [], request.content_length or 0
    if size <= limit:
        size = 0
        while size <= limit and not request.content.at_eof():
            pieces.append(await request.content.readany())
            size += len(pieces[-1])
    if size > limit:
        raise _Refused(413, "too-large", f"a payload is at most {limit} bytes")
    return b"".join(pieces)


def _header(request: web.Request, *names: str) -> str:
    """Return the first of some headers that name something: it is stored, logged and shown, so nothing odd may stand
    in it.
    """
    for name in names:
        if value := request.headers.get(name):
            if not _named(value):
                allowed = f"letters, digits, '-', '_', '.' and spaces, at most {_NAME_LIMIT}"
                raise _Refused(400, "malformed", f"{name} may hold {allowed}")
            return value
    raise _Refused(400, "malformed", f"{' or '.join(names)} is missing")
