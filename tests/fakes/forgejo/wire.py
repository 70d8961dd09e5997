"""What every endpoint shares: routes, the call as an endpoint sees it, answers, errors and pages.

Read in: `services/context/api.go` (errors, `Link`), `routers/api/v1/api.go` (who may, and in which order that is looked
at), `modules/setting/api.go` (pages of 30, at most 50).
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from tests.fakes.forgejo.model import Comment, PullRequest, Repository, Token, User, World

NOT_FOUND = "The target couldn't be found."
NULL = b"null"
"""What Go makes of a list that was never begun."""
DEFAULT_ITEMS = 30
MOST_ITEMS = 50


class ApiError(Exception):
    """An answer that is an error; `message` None is an answer without a body."""

    def __init__(self, status: int, message: str | None = None, *, violation: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.violation = violation
        """What a client that knows Forgejo would never have done: recorded, and tests fail for it."""

    def answer(self, url: str) -> "Answer":
        if self.message is None:
            return Answer(None, status=self.status)
        body: dict[str, Any] = {"message": self.message, "url": f"{url}/api/swagger"}
        return Answer(body | ({"errors": []} if self.status == 404 else {}), status=self.status)


def not_found() -> ApiError:
    """Forgejo does not tell what is missing from what may not be seen."""
    return ApiError(404, NOT_FOUND)


@dataclass(slots=True)
class Answer:
    """JSON, or bytes where a file is asked for."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body, separators=(",", ":")).encode()


@dataclass(slots=True)
class Call:
    """A request that has been let in: who asks, for what, with which body."""

    world: World
    request: web.Request
    token: Token
    route: "Route"
    body: dict[str, Any]
    emit: Callable[[Repository, str, dict[str, Any]], None]
    """Queue a webhook that this call brings about."""

    def __getitem__(self, name: str) -> str:
        """A parameter of the path."""
        return self.request.match_info[name]

    @property
    def user(self) -> User:
        return self.token.user

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query

    def number(self, name: str) -> int:
        text = self[name]
        return int(text) if text.isdecimal() else 0

    def repository(self) -> Repository:
        """The repository of the path, if the caller may see it and do there what the route needs."""
        found = self.world.repositories.get(f"{self['owner']}/{self['repo']}")
        if found is None or not found.may(self.user.login, "read"):
            raise not_found()
        if self.route.access == "write" and not found.may(self.user.login, "write"):
            raise ApiError(403, "user should have a permission to write to a repo")
        if self.route.not_archived and found.archived:
            raise ApiError(423, f"{found.full_name} is archived")
        return found

    def pull(self) -> PullRequest | None:
        """The pull request of the path."""
        return self.repository().pulls.get(self.number("index"))

    def comment(self) -> Comment:
        """The comment of the path (`commentAssignment`)."""
        repo, found = self.repository(), self.world.comments.get(self.number("id"))
        if found is None or found.repo is not repo:
            raise not_found()
        return found


Endpoint = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An endpoint: template and operation are the API description's own, so that the two can be compared."""

    method: str
    template: str
    operation: str
    endpoint: Endpoint
    scopes: tuple[str, ...]
    """Categories of the token's scopes, all of which are needed."""
    access: str
    not_archived: bool

    @property
    def pattern(self) -> str:
        """As aiohttp wants it."""
        return "/api/v1" + self.template.replace("{filepath}", "{filepath:.*}")


@dataclass(slots=True)
class Routes:
    """Collects the endpoints of a resource."""

    found: list[Route] = field(default_factory=list)

    def add(
        self, method: str, template: str, operation: str, *, scopes: Sequence[str] = ("repository",),
        access: str = "read", not_archived: bool = False,
    ) -> Callable[[Endpoint], Endpoint]:  # fmt: skip
        """Declare an endpoint."""

        def declare(endpoint: Endpoint) -> Endpoint:
            self.found.append(
                Route(
                    method=method, template=template, operation=operation, endpoint=endpoint, scopes=tuple(scopes),
                    access=access, not_archived=not_archived,
                )
            )  # fmt: skip
            return endpoint

        return declare


def page(call: Call, items: Sequence[Any]) -> tuple[list[Any], dict[str, str]]:
    """One page of a list, its `Link` and its count. A page too large is made smaller without a word."""
    size = min(int(call.query.get("limit", DEFAULT_ITEMS)) or DEFAULT_ITEMS, MOST_ITEMS)
    number = max(int(call.query.get("page", "1")), 1)
    last = max(1, -(-len(items) // size))
    targets = {"next": number + 1, "last": last} if number < last else {}
    targets |= {"first": 1, "prev": number - 1} if number > 1 else {}
    links = [f'<{_here(call, str(target))}>; rel="{rel}"' for rel, target in targets.items()]
    headers = {"X-Total-Count": str(len(items))} | ({"Link": ",".join(links)} if links else {})
    return list(items[(number - 1) * size : number * size]), headers


def _here(call: Call, number: str) -> str:
    # Links carry the address that the server believes to have, which behind a proxy may be another.
    return f"https://forgejo.example{call.request.path}?{urlencode({**call.query, 'page': number})}"
