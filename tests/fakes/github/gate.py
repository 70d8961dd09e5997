"""The way of a request through the server: planned failures, credentials, limits, the published description, the
endpoint, ETag, headers, and the log.

Read in: GitHub REST docs, "Getting started" (`User-Agent` is required), "Rate limits" (the headers; 5,000 an hour; a
304 is free), "Best practices for using the REST API" (conditional requests).
"""

import hashlib
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from aiohttp import web

from tests.fakes.forge_gate import ForgeGate, cut_off
from tests.fakes.github import moves, smart_http
from tests.fakes.github.credentials import principal
from tests.fakes.github.failures import PRIMARY, Failure
from tests.fakes.github.limits import SecondaryLimits, Usage
from tests.fakes.github.model import Installation, Token, World
from tests.fakes.github.openapi import Description
from tests.fakes.github.webhooks import Sender
from tests.fakes.github.wire import Answer, ApiError, Call, Principal, Route

API_VERSIONS = ("2022-11-28", "2026-03-10")


@dataclass(frozen=True, slots=True)
class Logged:
    """A request that was answered; status 0 where the connection was dropped."""

    method: str
    path: str
    template: str
    status: int


def _known(route: Route | None) -> Route:
    if route is None:
        raise ApiError(404, "Not Found", violation=True)
    return route


@dataclass
class Gate(ForgeGate[Failure]):
    """Lets requests in, and writes down what came and what should not have come."""

    world: World
    sender: Sender
    description: Description | None
    rate_limit: int
    check_answers: bool = False
    around: Callable[[Call], Awaitable[Answer]] | None = None
    """Answers instead of the endpoint: for tests of how much the server's own contract notices."""
    secondary: SecondaryLimits = field(default_factory=SecondaryLimits)
    log: list[Logged] = field(default_factory=list)

    async def rest(self, request: web.Request, route: Route | None) -> web.StreamResponse:
        """Answer a request to the API; without a route it is one that GitHub, or the fake, does not know."""
        template = route.template if route else request.path
        self.calls[request.method, template] += 1
        known = self.world.tokens.get((request.headers.get("Authorization") or "").partition(" ")[2])
        usage = self.secondary.enter(known.installation.id if known else 0)
        try:
            return await self._rest(request, route, template, usage)
        finally:
            usage.at_once -= 1

    async def _rest(self, request: web.Request, route: Route | None, template: str, usage: Usage) -> web.StreamResponse:
        await request.read()
        failure = await self.plan(request.method, request.path)
        if failure is not None and failure.drop:
            return self._drop(request, template)
        who: Principal | None = None
        try:
            if failure is not None and (error := failure.error()):
                raise error
            self._check_headers(request)
            known = _known(route)
            who = principal(self.world, request.headers.get("Authorization"), known.credential)
            self._check_limit(who)
            self.secondary.check(usage, request.method, template, self.world.clock.now())
            answer = await self._answer(request, known, who)
        except ApiError as error:
            if error.violation:
                self.violations.append(f"{request.method} {request.path}: {error.message} {list(error.errors)}")
            answer = error.answer()
        if failure is not None and failure.lose_answer:
            return self._drop(request, template)
        return self._respond(request, template, answer, who)

    async def git(self, request: web.Request) -> web.StreamResponse:
        """Answer a request of git."""
        template = "/{owner}/{repo}.git/{rest}"
        self.calls[request.method, template] += 1
        failure = await self.plan(request.method, request.path)
        if failure is not None and failure.drop:
            return self._drop(request, template)
        if failure is not None and (error := failure.error()):
            response = web.Response(status=error.status, text=error.message, headers=error.headers)
        else:
            response = await smart_http.serve(self.world, request)
        self.log.append(Logged(request.method, request.path, template, response.status))
        return response

    def _drop(self, request: web.Request, template: str) -> web.StreamResponse:
        self.log.append(Logged(request.method, request.path, template, 0))
        return cut_off(request)

    def _check_headers(self, request: web.Request) -> None:
        if not request.headers.get("User-Agent"):
            raise ApiError(403, "Request forbidden by administrative rules. Please set a User-Agent.", violation=True)
        accept = request.headers.get("Accept", "")
        if "application/vnd.github" not in accept and "application/json" not in accept:
            raise ApiError(415, f"Accept is {accept!r}; ask for application/vnd.github+json", violation=True)
        version = request.headers.get("X-GitHub-Api-Version")
        if version is not None and version not in API_VERSIONS:
            raise ApiError(400, f"The version {version!r} is not supported", violation=True)

    def _check_limit(self, who: Principal) -> None:
        if not isinstance(who, Token):
            return
        installation, now = who.installation, self.world.now()
        if installation.window_ends is None or now >= installation.window_ends:
            installation.used, installation.window_ends = 0, now + timedelta(hours=1)
        if installation.used >= self.rate_limit:
            raise ApiError(403, PRIMARY)
        installation.used += 1

    async def _answer(self, request: web.Request, route: Route, who: Principal) -> Answer:
        body = await self._body(request, route)
        call = Call(self.world, request, who, route, body or {}, self.sender.emit)
        if self.description is not None and route.template != "/graphql":
            given, query = dict(request.match_info), dict(request.query)
            problems = self.description.request_problems(route.method, route.template, given, query, body)
            if problems:
                raise ApiError(422, "Invalid request.\n\n" + "\n".join(problems), violation=True)
        if (moved := moves.redirected(call)) is not None:
            return moved
        moves.forbid_writing(call)
        answer = await (route.endpoint(call) if self.around is None else self.around(call))
        if self.check_answers and self.description is not None and not isinstance(answer.body, bytes):
            shape = None if answer.body is None else json.loads(answer.content())
            for problem in self.description.answer_problems(route.method, route.template, answer.status, shape):
                self.violations.append(f"the fake's own answer to {route.method} {route.template}: {problem}")
        return answer

    async def _body(self, request: web.Request, route: Route) -> dict[str, Any] | None:
        raw = await request.read()
        if not raw:
            return None
        try:
            body = json.loads(raw)
        except ValueError:
            raise ApiError(400, "Problems parsing JSON", violation=True) from None
        if not isinstance(body, dict):
            raise ApiError(400, "Body should be a JSON object", violation=True)
        # gidgethub, and others, send an empty object where there is nothing to say.
        return body if body or route.method != "GET" else None

    def _respond(self, request: web.Request, template: str, answer: Answer, who: Principal | None) -> web.Response:
        content, status = answer.content(), answer.status
        etag = f'W/"{hashlib.sha256(content).hexdigest()}"' if request.method == "GET" and status == 200 else None
        if etag and etag in request.headers.get("If-None-Match", ""):
            status, content = 304, b""
            if isinstance(who, Token):
                who.installation.used -= 1
        headers = self._limit_headers(who) | {
            "Server": "github.com",
            "X-GitHub-Media-Type": "github.v3; format=json",
            "X-GitHub-Request-Id": uuid.uuid4().hex[:20].upper(),
            "Content-Type": answer.content_type,
        }
        headers |= answer.headers
        if etag:
            headers |= {"ETag": etag, "Cache-Control": "private, max-age=60, s-maxage=60"}
        self.log.append(Logged(request.method, request.path, template, status))
        return web.Response(status=status, body=content if status not in (204, 304) else None, headers=headers)

    def _limit_headers(self, who: Principal | None) -> dict[str, str]:
        installation: Installation | None = who.installation if isinstance(who, Token) else None
        used = installation.used if installation else 0
        ends = installation.window_ends if installation else None
        reset = ends.timestamp() if ends else self.world.now().timestamp() + 3600
        return {
            "X-RateLimit-Limit": str(self.rate_limit),
            "X-RateLimit-Remaining": str(max(0, self.rate_limit - used)),
            "X-RateLimit-Used": str(used),
            "X-RateLimit-Reset": str(int(reset)),
            "X-RateLimit-Resource": "core",
            "Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", self.world.now().utctimetuple()),
        }
