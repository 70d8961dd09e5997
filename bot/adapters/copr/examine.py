"""Looks at a Copr with the eyes of an operator: does it answer, and whom does it take us for."""

import asyncio
import re
from collections.abc import AsyncGenerator
from datetime import date, timedelta

from bot.adapters.copr.client import CoprClient
from bot.adapters.copr.settings import CoprSettings
from bot.ports.diagnosis import Diagnosis, doubtful, well

_EXPIRES = re.compile(r"^#\s*expiration date:\s*(\d{4}-\d{2}-\d{2})", re.MULTILINE)
"""A comment in the file that a Copr shows at /api/."""
_SOON = timedelta(days=14)


async def examine(settings: CoprSettings, today: date) -> AsyncGenerator[Diagnosis, None]:
    """Yield what is found. Raises what a Copr that is silent, or turns us away, means."""
    about = f"copr:{settings.name}"
    client = CoprClient(settings)
    try:
        who = await client.call(lambda copr: copr.base_proxy.auth_check())
    finally:
        await asyncio.to_thread(client.close)
    yield well(about, f"logged in as {who.name}, whose projects belong to {settings.owner}")
    text = settings.credentials.read_text() if settings.credentials else ""
    if found := _EXPIRES.search(text):
        until = date.fromisoformat(found[1])
        if until - today < _SOON:
            yield doubtful(about, f"the token is good until {until}", f"Get a new one at {settings.url}/api/.")
        else:
            yield well(about, f"the token is good until {until}")
