"""What every endpoint shares: routes, the call as an endpoint sees it, answers, errors and pages.

Read in: GitHub REST docs, "Getting started with the REST API" (headers), "Using pagination in the REST API" (`Link`,
`per_page` at most 100), "Troubleshooting the REST API" (error bodies).
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from tests.fakes.github.model import App, PullRequest, Repository, Token, World

DOCS = "https://docs.github.com/rest"
LEVELS = ("none", "read", "write", "admin")

Json = dict[str, Any] | list[Any]


class ApiError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str, errors: Sequence[Any] = (), *, violation: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.violation = violation
        """A client that knows GitHub would never have asked: recorded, and tests fail for it."""
        self.headers: dict[str, str] = {}

    def answer(self) -> "Answer":
        body: dict[str, Any] = {"message": self.message, "documentation_url": DOCS, "status": str(self.status)}
        if self.errors:
            body["errors"] = list(self.errors)
        return Answer(body, status=self.status, headers=self.headers)


def not_found() -> ApiError:
    """GitHub does not tell what is missing from what may not be seen."""
    return ApiError(404, "Not Found")


def invalid(resource: str, field_name: str, code: str, message: str = "") -> ApiError:
    """A 422 with its reason, as Rails' validations give it. Always the client's fault."""
    error = {"resource": resource, "field": field_name, "code": code}
    if message:
        error["message"] = message
    return ApiError(422, "Validation Failed", [error], violation=True)


@dataclass(slots=True)
class Answer:
    """JSON, or bytes where the media type asks for them."""

    body: Json | bytes | None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"

    def content(self) -> bytes:
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body, separators=(",", ":")).encode()


Principal = App | Token


@dataclass(slots=True)
class Call:
    """A request that has been let in: who asks, for what, with which body."""

    world: World
    request: web.Request
    principal: Principal
    route: "Route"
    body: dict[str, Any]
    emit: Callable[[Repository | None, str, dict[str, Any]], None]
    """Queue a webhook that this call brings about."""

    def __getitem__(self, name: str) -> str:
        """A parameter of the path."""
        return self.request.match_info[name]

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query

    @property
    def app(self) -> App:
        """The App that asks, by whichever credential."""
        return self.principal if isinstance(self.principal, App) else self.principal.installation.app

    @property
    def token(self) -> Token:
        if not isinstance(self.principal, Token):
            raise ApiError(403, "Resource not accessible by integration")
        return self.principal

    def number(self, name: str) -> int:
        """A numeric parameter of the path."""
        text = self[name]
        if not text.isdecimal():
            raise not_found()
        return int(text)

    def repository(self) -> Repository:
        """The repository of the path, if the caller may see it."""
        repo = self.world.repositories.get(f"{self['owner']}/{self['repo']}")
        if repo is None or (isinstance(self.principal, App) and self.world.installation_for(repo, self.app) is None):
            raise not_found()
        if isinstance(self.principal, Token):
            self._check_permission(self.principal, repo)
        return repo

    def pull(self, name: str = "pull_number") -> PullRequest:
        """The pull request of the path."""
        found = self.repository().pulls.get(self.number(name))
        if found is None:
            raise not_found()
        return found

    def _check_permission(self, token: Token, repo: Repository) -> None:
        reached = token.reaches(repo)
        if repo.private and not reached:
            raise not_found()
        if not self.route.needs or (not reached and self.route.method == "GET"):
            return
        if not reached or not any(granted(token, name, level) for name, level in self.route.needs):
            error = ApiError(403, "Resource not accessible by integration")
            error.headers["X-Accepted-GitHub-Permissions"] = "; ".join(f"{n}={lv}" for n, lv in self.route.needs)
            raise error


def granted(token: Token, name: str, level: str) -> bool:
    """Whether a token carries a permission at that level or above."""
    return LEVELS.index(token.permissions.get(name, "none")) >= LEVELS.index(level)


Endpoint = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An endpoint: its template is the OpenAPI description's own, so that the two can be compared."""

    method: str
    template: str
    endpoint: Endpoint
    credential: str
    """`jwt` or `token`."""
    needs: tuple[tuple[str, str], ...]
    """Permissions, any of which will do."""

    @property
    def pattern(self) -> str:
        """As aiohttp wants it. A path in a repository and a ref may hold slashes."""
        return self.template.replace("{path}", "{path:.*}").replace("{ref}", "{ref:.+}")


@dataclass(slots=True)
class Routes:
    """Collects the endpoints of a resource."""

    found: list[Route] = field(default_factory=list)

    def add(
        self, method: str, template: str, *, credential: str = "token", needs: Sequence[str] = ()
    ) -> Callable[[Endpoint], Endpoint]:
        """Declare an endpoint; `needs` are `permission:level`."""
        permissions = tuple((name, level) for name, _, level in (need.partition(":") for need in needs))

        def declare(endpoint: Endpoint) -> Endpoint:
            self.found.append(
                Route(method=method, template=template, endpoint=endpoint, credential=credential, needs=permissions)
            )
            return endpoint

        return declare


def page(call: Call, items: Sequence[Any]) -> tuple[list[Any], dict[str, str]]:
    """One page of a list and its `Link` header."""
    size = min(int(call.query.get("per_page", "30")), 100)
    number = max(int(call.query.get("page", "1")), 1)
    last = max(1, -(-len(items) // size))
    targets = {}
    if number > 1:
        targets |= {"prev": number - 1, "first": 1}
    if number < last:
        targets |= {"next": number + 1, "last": last}
    links = [f'<{_here(call, page=str(target))}>; rel="{rel}"' for rel, target in targets.items()]
    return list(items[(number - 1) * size : number * size]), {"Link": ", ".join(links)} if links else {}


def _here(call: Call, **changed: str) -> str:
    return f"{call.world.url}{call.request.path}?{urlencode({**call.query, **changed})}"


def cursor_link(call: Call, rel: str, cursor: str) -> dict[str, str]:
    """The `Link` header of a list that is walked by cursor."""
    return {"Link": f'<{_here(call, cursor=cursor)}>; rel="{rel}"'}
