"""The way of a request through the server: planned failures, the token and its scopes, renamed repositories, the
published description, the endpoint, and the log.

Read in: `services/auth/oauth2.go` and `routers/api/shared/middleware.go` (401 for a token that nobody has, whatever is
asked for), `routers/api/v1/api.go` (tokenRequiresScopes), `services/context/repo.go` (RedirectToRepo, 307 with the path
alone). There are no entity tags, and no limits of rates; what stands in front of a Forgejo may have some.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.forge_gate import ForgeFailure, ForgeGate, cut_off
from tests.fakes.forgejo.description import Description
from tests.fakes.forgejo.model import Token, World
from tests.fakes.forgejo.webhooks import Sender
from tests.fakes.forgejo.wire import Answer, ApiError, Call, Route


@dataclass(slots=True, kw_only=True)
class Failure(ForgeFailure):
    """What is to go wrong, besides what goes wrong with every forge.

    page            what a proxy says instead of Forgejo, as HTML
    headers         of the answer
    """

    message: str = ""
    page: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def answer(self) -> Answer | None:
        if not self.status or self.lose_answer:
            return None
        if self.page:
            return Answer(self.page.encode(), self.status, {"Content-Type": "text/html", **self.headers})
        return Answer({"message": self.message, "url": ""}, self.status, self.headers)


@dataclass
class Gate(ForgeGate[Failure]):
    """Lets requests in, and writes down what came and what should not have come."""

    world: World
    sender: Sender
    description: Description | None
    check_answers: bool = False

    async def rest(self, request: web.Request, route: Route | None) -> web.StreamResponse:
        """Answer a request to the API; without a route it is one that Forgejo, or the fake, does not know."""
        self.calls[request.method, route.template if route else request.path] += 1
        await request.read()
        failure = await self.plan(request.method, request.path)
        answer = failure.answer() if failure else None
        if answer is None:
            answer = await self._answer(request, route)
        if failure is not None and failure.lose_answer:
            return cut_off(request)
        content = answer.content()
        headers = {"Cache-Control": "max-age=0, private, must-revalidate, no-transform", **answer.headers}
        if content and "Content-Type" not in headers:
            headers["Content-Type"] = "application/json;charset=utf-8"
        return web.Response(status=answer.status, body=content, headers=headers)

    async def _answer(self, request: web.Request, route: Route | None) -> Answer:
        try:
            known = _known(route)
            token = self._token(request, known)
            new = self.world.renamed.get(f"{request.match_info.get('owner')}/{request.match_info.get('repo')}")
            if new is not None:
                return _redirect(request, new)
            return await self._endpoint(request, known, token)
        except ApiError as error:
            if error.violation:
                self.violations.append(f"{request.method} {request.path}: {error.violation}")
            return error.answer(self.world.url)

    def _token(self, request: web.Request, route: Route) -> Token:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme not in ("token", "Bearer"):
            raise ApiError(401, "token is required", violation="a request without a token")
        token = self.world.tokens.get(value)
        if token is None:
            raise ApiError(401, "user does not exist [uid: 0, name: ]")
        if not token.user.active:
            text = "This account is prohibited from signing in, please contact your site administrator."
            raise ApiError(403, text)
        for category in route.scopes:
            write = request.method != "GET"
            if not token.allows(category, write=write):
                level = "write" if write else "read"
                text = f"token does not have at least one of required scope(s): [{level}:{category}]"
                raise ApiError(403, text)
        return token

    async def _endpoint(self, request: web.Request, route: Route, token: Token) -> Answer:
        raw = await request.read()
        body = json.loads(raw) if raw else None
        if self.description is not None:
            problems = self.description.request_problems(
                route.operation, (route.method, route.template), request.query, body
            )
            if problems:
                raise ApiError(422, "; ".join(problems), violation="; ".join(problems))
        call = Call(self.world, request, token, route, body or {}, self.sender.emit)
        answer = await route.endpoint(call)
        if self.check_answers and self.description is not None and not isinstance(answer.body, bytes):
            for problem in self.description.answer_problems(route.operation, answer.status, _plain(answer)):
                self.violations.append(f"the fake's own answer to {route.operation}: {problem}")
        return answer


def _known(route: Route | None) -> Route:
    if route is None:
        raise ApiError(404, "Not found.", violation="no such endpoint")
    return route


def _redirect(request: web.Request, new: str) -> Answer:
    old = f"{request.match_info['owner']}/{request.match_info['repo']}"
    query = f"?{request.query_string}" if request.query_string else ""
    return Answer(None, 307, {"Location": request.rel_url.raw_path.replace(old, new, 1) + query})


def _plain(answer: Answer) -> Any:
    content = answer.content()
    return json.loads(content) if content else None
