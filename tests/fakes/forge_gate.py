"""What the ways of a request through the fake forges have in common: planned failures, and what is written down."""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from aiohttp import web

from tests.fakes.planned import Counted, take


@dataclass(slots=True, kw_only=True)
class ForgeFailure(Counted):
    """What is to go wrong with the requests that fit.

    method, path    which requests: the path is a pattern that is searched for
    status          the answer; 0 for none of its own
    lose_answer     do what is asked, then close the connection: the client cannot know
    delay           seconds before anything else happens
    """

    method: str | None = None
    path: str = ""
    status: int = 500
    lose_answer: bool = False
    delay: float = 0.0

    def fits(self, method: str, path: str) -> bool:
        return self.method in (None, method) and re.search(self.path, path) is not None


F = TypeVar("F", bound=ForgeFailure)


@dataclass(kw_only=True)
class ForgeGate(Generic[F]):
    """`latency`: seconds before each answer; `calls`: how often each (method, template of the path) was called."""

    latency: float = 0.0
    failures: list[F] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)

    async def plan(self, method: str, path: str) -> F | None:
        """Use up the oldest failure that fits a request, and wait as long as it and the latency say."""
        found = take(self.failures, lambda failure: failure.fits(method, path))
        pause = self.latency + (found.delay if found else 0.0)
        if pause:
            await asyncio.sleep(pause)
        return found


def cut_off(request: web.Request) -> web.Response:
    """Close the connection without an answer; what is returned goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
