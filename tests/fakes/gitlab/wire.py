"""What every endpoint shares: routes with the parameters that they know, the call as an endpoint sees it, answers,
errors and pages.

Read in: GitLab docs, "REST API" (pagination, encoding), "Troubleshooting the REST API" (status codes and messages), and
lib/api/helpers.rb (moved projects: 301 for GET, 405 else).
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode

from tests.fakes.gitlab.model import MergeRequest, Note, Project, User, World

Json = dict[str, Any] | list[Any]
PAGED = {"page": int, "per_page": int}


class ApiError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: object, *, violation: bool = False, body: Json | None = None) -> None:
        super().__init__(str(message))
        self.status = status
        self.body = body if body is not None else {"message": message}
        self.violation = violation
        """A client that knows GitLab would never have asked: recorded, and tests fail for it."""
        self.headers: dict[str, str] = {}


def not_found(what: str = "") -> ApiError:
    """GitLab does not tell what is missing from what may not be seen."""
    return ApiError(404, f"404 {what} Not Found" if what else "404 Not Found")


def forbidden() -> ApiError:
    return ApiError(403, "403 Forbidden")


def wrong(what: str) -> ApiError:
    """A 400 as Grape's validations give it. Always the client's fault."""
    return ApiError(400, what, violation=True, body={"error": what})


@dataclass(slots=True)
class Answer:
    """JSON, or bytes of a file."""

    body: Json | bytes | None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(slots=True)
class Call:
    """A request that has been let in: who asks, for what."""

    world: World
    user: User
    path: Mapping[str, str]
    given: Mapping[str, Any]
    """Parameters of the query and the body."""
    emit: Callable[[Project, str, dict[str, Any]], None]
    """Queue a webhook that this call brings about."""

    def number(self, name: str) -> int:
        """A numeric parameter of the path."""
        if not self.path[name].isdecimal():
            raise wrong(f"{name} is invalid")
        return int(self.path[name])

    def project(self, *, at_least: int = 0) -> Project:
        """The project of the path, if the caller may see it and has the access level."""
        found = _project(self.world, self.path["id"])
        if found is None or not found.readable(self.user):
            raise not_found("Project")
        if found.level(self.user) < at_least:
            raise forbidden()
        return found

    def request(self) -> MergeRequest:
        """The merge request of the path."""
        found = self.project().requests.get(self.number("iid"))
        if found is None:
            raise not_found()
        return found

    def note(self) -> Note:
        """The note of the path, if the caller may see it."""
        request, found = self.request(), self.world.notes.get(self.number("note_id"))
        if found is None or found.request is not request:
            raise not_found("Note")
        return found


Endpoint = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint: `template` as in GitLab's docs, `takes` its parameters, `needs` those that must be there."""

    method: str
    template: str
    endpoint: Endpoint
    takes: Mapping[str, type]
    needs: Sequence[str] = ()
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def match(self, raw_path: str) -> Mapping[str, str] | None:
        """The parameters of a path whose encoding is kept: an encoded slash separates nothing."""
        wanted, given = self.template.split("/"), raw_path.split("/")
        if len(wanted) != len(given):
            return None
        if any(not word.startswith(":") and word != part for word, part in zip(wanted, given, strict=True)):
            return None
        pairs = zip(wanted, given, strict=True)
        return {word[1:]: unquote(part) for word, part in pairs if word.startswith(":")}

    def examine(self, given: Mapping[str, Any]) -> None:
        """Refuse what the endpoint does not know, lacks, or cannot read."""
        for name, value in given.items():
            if name not in self.takes:
                raise wrong(f"{self.method} {self.template} knows no parameter {name}")
            if self.takes[name] is int and not str(value).isdecimal():
                raise wrong(f"{name} is invalid")
            if self.takes[name] is str and not isinstance(value, str):
                raise wrong(f"{name} is invalid")
            if name in self.values and value not in self.values[name]:
                raise wrong(f"{name} does not have a valid value")
        for name in self.needs:
            if name not in given:
                raise wrong(f"{name} is missing")


class Routes:
    """Collects endpoints."""

    def __init__(self) -> None:
        self.found: list[Route] = []

    def add(
        self, method: str, template: str, takes: Mapping[str, type] | None = None, needs: Sequence[str] = (),
        **values: Sequence[str],
    ) -> Callable[[Endpoint], Endpoint]:  # fmt: skip
        """Register an endpoint."""

        def register(endpoint: Endpoint) -> Endpoint:
            self.found.append(Route(method, template, endpoint, takes or {}, needs, values))
            return endpoint

        return register


def paged(call: Call, items: Sequence[Any], route: str, *, most: int = 100) -> Answer:
    """One page of a list with its `Link` header; `route` is the address without its query."""
    size = int(call.given.get("per_page", 20))
    if not 1 <= size <= most:
        if most < 100:
            raise wrong("per_page does not have a valid value")
        size = min(max(size, 1), most)
    page = int(call.given.get("page", 1))
    headers = {"X-Page": str(page), "X-Per-Page": str(size), "X-Next-Page": ""}
    if page * size < len(items):
        query = urlencode({**call.given, "page": page + 1, "per_page": size})
        headers["Link"] = f'<{call.world.url}/api/v4/{route}?{query}>; rel="next"'
        headers["X-Next-Page"] = str(page + 1)
    return Answer(list(items[(page - 1) * size : page * size]), headers=headers)


def _project(world: World, name: str) -> Project | None:
    return world.projects.get(int(name)) if name.isdecimal() else world.project(name)
