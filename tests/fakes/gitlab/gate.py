"""The way of a request through the server: planned failures, the token, limits, the endpoint and its parameters, ETags,
and the log.

Read in: GitLab docs, "REST API authentication" (bearer or PRIVATE-TOKEN; errors of OAuth's form for tokens that are not
good any more), "Rate limits" (429), lib/api/helpers.rb (moved projects); Rails answers 304 to `If-None-Match` itself.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from tests.fakes import git_http
from tests.fakes.forge_gate import ForgeFailure, ForgeGate, cut_off
from tests.fakes.gitlab.model import Token, World
from tests.fakes.gitlab.webhooks import Sender
from tests.fakes.gitlab.wire import Answer, ApiError, Call, Route

_API = "/api/v4/"


@dataclass(slots=True, kw_only=True)
class Failure(ForgeFailure):
    """What is to go wrong, besides what goes wrong with every forge; the path is looked at as it was sent.

    message, headers    of the answer
    drop                close the connection without an answer, before anything is done
    """

    message: str = "500 Internal Server Error"
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False


@dataclass
class Gate(ForgeGate[Failure]):
    """Lets requests in, and writes down what came and what should not have come."""

    world: World
    sender: Sender
    routes: Sequence[Route]
    rate_limit: int
    used: int = 0
    window_ends: datetime | None = None

    async def rest(self, request: web.Request) -> web.StreamResponse:
        """Answer a request to the API."""
        raw_path = request.raw_path.partition("?")[0].removeprefix(_API)
        route, path = self._route(request.method, raw_path)
        self.calls[request.method, route.template if route else raw_path] += 1
        body = await request.read()
        failure = await self.plan(request.method, request.raw_path)
        if failure is not None and failure.drop:
            return cut_off(request)
        try:
            answer = await self._answer(request, route, path, body, failure)
        except ApiError as error:
            if error.violation:
                self.violations.append(f"{request.method} {request.raw_path}: {error} {body[:200]!r}")
            answer = Answer(error.body, status=error.status, headers=error.headers)
        if failure is not None and failure.lose_answer:
            return cut_off(request)
        return self._respond(request, answer)

    async def git(self, request: web.Request) -> web.StreamResponse:
        """Answer a request of git: any name, and a token for a password ("Clone using a token")."""
        self.calls[request.method, "git"] += 1
        path, _, rest = request.path.lstrip("/").partition(".git/")
        project, given = self.world.project(path), git_http.credentials(request)
        token = None if given is None else self.world.tokens.get(given[1])
        if given is not None and (not given[0] or token is None or self._worthless(token)):
            return git_http.who_are_you("GitLab", "HTTP Basic: Access denied.\n")
        may_read = project is not None and (
            project.visibility == "public" if token is None else project.readable(token.user)
        )
        if project is None or not may_read:
            text = "The project you were looking for could not be found.\n"
            return git_http.who_are_you("GitLab") if token is None else web.Response(status=404, text=text)
        return await git_http.backend(project.git_dir, request, rest)

    async def _answer(
        self, request: web.Request, route: Route | None, path: Mapping[str, str], body: bytes, failure: Failure | None
    ) -> Answer:
        if failure is not None and not failure.lose_answer and failure.status:
            error = ApiError(failure.status, failure.message)
            error.headers = dict(failure.headers)
            raise error
        token = self._token(request)
        self._check_limit()
        if route is None:
            raise ApiError(404, "404 Not Found", violation=True, body={"error": "404 Not Found"})
        if (moved := self.world.moved.get(path.get("id", "").lower())) is not None:
            if request.method != "GET":
                raise ApiError(405, "405 Non GET methods are not allowed for moved projects")
            rest = request.raw_path.removeprefix(_API).split("/", 2)[2:]
            where = "/".join([f"{self.world.url}{_API}projects/{moved}", *rest])
            return Answer({"message": "This resource has been moved"}, status=301, headers={"Location": where})
        given = _given(request, body)
        route.examine(given)
        if "read_api" in token.scopes and "api" not in token.scopes and request.method != "GET":
            raise _oauth(
                403, "insufficient_scope", "The request requires higher privileges than provided by the token."
            )
        return await route.endpoint(Call(self.world, token.user, path, given, self.sender.emit))

    def _route(self, method: str, raw_path: str) -> tuple[Route | None, Mapping[str, str]]:
        for route in self.routes:
            path = route.match(raw_path) if route.method == method else None
            if path is not None:
                return route, path
        return None, {}

    def _token(self, request: web.Request) -> Token:
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        value = request.headers.get("PRIVATE-TOKEN", value if kind == "Bearer" else "")
        token = self.world.tokens.get(value)
        if token is None:
            raise ApiError(401, "401 Unauthorized")
        if token.revoked:
            raise _oauth(401, "invalid_token", "Token was revoked. You have to re-authorize from the user.")
        if self._worthless(token):
            raise _oauth(401, "invalid_token", "Token is expired. You can either do re-authorization or token refresh.")
        return token

    def _worthless(self, token: Token) -> bool:
        return token.revoked or (token.expires_at is not None and self.world.now() >= token.expires_at)

    def _check_limit(self) -> None:
        now = self.world.now()
        if self.window_ends is None or now >= self.window_ends:
            self.used, self.window_ends = 0, now + timedelta(minutes=1)
        self.used += 1
        if self.used > self.rate_limit:
            error = ApiError(429, "429 Too Many Requests")
            error.headers = {"RateLimit-Reset": str(int(self.window_ends.timestamp())), "RateLimit-Remaining": "0"}
            raise error

    def _respond(self, request: web.Request, answer: Answer) -> web.Response:
        content, status = answer.content(), answer.status
        headers = dict(answer.headers)
        if isinstance(answer.body, bytes):
            headers["Content-Type"] = "application/octet-stream"
        else:
            headers["Content-Type"] = "application/json"
        if request.method == "GET" and status == 200:
            headers["ETag"] = f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'
            if headers["ETag"] == request.headers.get("If-None-Match"):
                status, content = 304, b""
        return web.Response(status=status, body=content if status != 304 else None, headers=headers)


def _oauth(status: int, error: str, description: str) -> ApiError:
    return ApiError(status, description, body={"error": error, "error_description": description})


def _given(request: web.Request, body: bytes) -> dict[str, Any]:
    if not body:
        return dict(request.query)
    if request.content_type != "application/json":
        raise ApiError(415, "The provided content-type is not supported.", violation=True)
    try:
        sent = json.loads(body)
    except ValueError:
        raise ApiError(400, "400 Bad request - Problems parsing JSON", violation=True) from None
    return dict(request.query) | sent
