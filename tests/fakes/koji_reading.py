"""A Koji hub at the wire, as far as somebody reads from it who is not logged in. Strict: what it does not know, fails.

Field names, defaults and faults are those of kojihub (kojihub.py: listTaggedRPMS, getRPMDeps, getRPMHeaders, get_build;
repos.py: old_get_repo). Calls come as XML-RPC, named arguments as a last struct with `__starstar`, many at once as
`multiCall`, whose faults are values.
"""

# ruff: noqa: A002, N803 - the hub's own names
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from xmlrpc.client import Fault, dumps, loads

from aiohttp import web
from aiohttp.test_utils import TestServer

GENERIC_ERROR, PARAMETER_ERROR, SERVER_OFFLINE = 1000, 1019, 1014
REQUIRE, PROVIDE, CONFLICT = 0, 1, 3
SENSES = {"<": 2, ">": 4, "=": 8, "<=": 10, ">=": 12}


@dataclass(slots=True, kw_only=True)
class Source:
    """A source RPM of a build; dependencies as in a spec (`foo >= 1`)."""

    id: int
    name: str
    version: str = "1"
    release: str = "1"
    epoch: int | None = None
    arch: str = "src"
    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    exclusive: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    payloadhash: str = ""
    volume: str = "DEFAULT"
    since: int = 0
    """The event at which it was tagged."""
    missing: bool = False
    """Its file is gone from the hub's disk."""
    origin: str | None = None
    """What its build was made from, the commit resolved; None where it was imported."""


@dataclass(slots=True)
class ReadingHub:
    """What the hub holds: source packages by tag, and repositories (id, event) by tag, the latest last."""

    tags: dict[str, list[Source]] = field(default_factory=dict)
    repos: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    requests: int = 0
    offline: bool = False

    def handle(self, method: str, params: list[Any]) -> Any:
        """Answer one call."""
        self.calls.append(method)
        if self.offline:
            raise Fault(SERVER_OFFLINE, "database outage")
        known: dict[str, Callable[..., Any]] = {
            "getRepo": self._get_repo,
            "listTaggedRPMS": self._list_tagged_rpms,
            "getRPMDeps": self._get_rpm_deps,
            "getRPMHeaders": self._get_rpm_headers,
            "getBuild": self._get_build,
        }
        if method not in known:
            raise Fault(GENERIC_ERROR, f"Invalid method: {method}")
        named: dict[str, Any] = {}
        if params and isinstance(params[-1], dict) and params[-1].pop("__starstar", False):
            named = params.pop()
        try:
            return known[method](*params, **named)
        except TypeError as error:
            raise Fault(PARAMETER_ERROR, str(error)) from error

    def multi_call(self, calls: list[dict[str, Any]]) -> list[Any]:
        """Answer many calls; a fault is the answer to its call."""
        answers: list[Any] = []
        for call in calls:
            assert call.keys() == {"methodName", "params"}
            try:
                answers.append([self.handle(call["methodName"], list(call["params"]))])
            except Fault as fault:
                answers.append({"faultCode": fault.faultCode, "faultString": fault.faultString, "traceback": ""})
        return answers

    def _tag(self, tag: str) -> list[Source]:
        if tag not in self.tags:
            raise Fault(GENERIC_ERROR, f"No such entry in table tag: {tag}")
        return self.tags[tag]

    def _get_repo(
        self, tag: str, state: Any = None, event: Any = None, dist: bool = False, min_event: Any = None
    ) -> dict[str, Any] | None:
        self._tag(tag)
        made = self.repos.get(tag, [])
        if not made:
            return None
        number, at = made[-1]
        return {"id": number, "state": 1, "create_event": at, "tag_name": tag, "dist": False, "task_id": 1}

    def _list_tagged_rpms(
        self,
        tag: str,
        event: int | None = None,
        inherit: bool = False,
        latest: bool = False,
        package: str | None = None,
        arch: Any = None,
        rpmsigs: bool = False,
        owner: str | None = None,
        type: str | None = None,
        strict: bool = True,
        extra: bool = True,
        draft: bool | None = None,
    ) -> list[Any]:
        assert inherit, "what the tag inherits is tagged, too"
        assert latest, "only the latest build counts"
        wanted = [arch] if isinstance(arch, str) else arch
        tagged = [source for source in self._tag(tag) if event is None or source.since <= event]
        newest = {source.name: source for source in tagged}
        found = [source for source in newest.values() if source.arch in wanted]
        return [[_rpm(source) for source in found], [_build(source) for source in newest.values()]]

    def _source(self, number: int) -> Source:
        found = [source for sources in self.tags.values() for source in sources if source.id == number]
        if not found:
            raise Fault(GENERIC_ERROR, f"No such rpm: {number!r}")
        return found[0]

    def _get_build(self, buildInfo: Any, strict: bool = False) -> dict[str, Any] | None:
        found = [_build(source) for sources in self.tags.values() for source in sources]
        known = [each for each in found if buildInfo in (each["nvr"], each["build_id"])]
        if not known and strict:
            raise Fault(GENERIC_ERROR, f"No such build: {buildInfo!r}")
        return {key: value for key, value in known[0].items() if key != "tag_name"} if known else None

    def _get_rpm_deps(
        self, rpmID: int, depType: int | None = None, queryOpts: Any = None, strict: bool = False
    ) -> list[dict[str, Any]]:
        source = self._source(rpmID)
        if source.missing:
            if strict:
                raise Fault(GENERIC_ERROR, f"RPM file of {rpmID} doesn't exist")
            return []
        everything = (
            (REQUIRE, (*source.requires, "rpmlib(CompressedFileNames) <= 3.0.4-1")),
            (PROVIDE, (f"{source.name} = {source.version}",)),
            (CONFLICT, source.conflicts),
        )
        return [_dependency(kind, text) for kind, texts in everything if depType in {None, kind} for text in texts]

    def _get_rpm_headers(
        self,
        rpmID: int | None = None,
        taskID: int | None = None,
        filepath: str | None = None,
        headers: list[str] | None = None,
        strict: bool = False,
    ) -> dict[str, Any]:
        assert rpmID is not None
        source = self._source(rpmID)
        if source.missing:
            if strict:
                raise Fault(GENERIC_ERROR, f"Missing rpm file: {source.name}")
            return {}
        known = {"EXCLUSIVEARCH": list(source.exclusive), "EXCLUDEARCH": list(source.excluded)}
        return {header: known[header] for header in headers or ()}


def _rpm(source: Source) -> dict[str, Any]:
    return {
        "id": source.id,
        "name": source.name,
        "version": source.version,
        "release": source.release,
        "epoch": source.epoch,
        "arch": source.arch,
        "payloadhash": source.payloadhash or f"{source.id:032x}",
        "build_id": source.id,
        "buildroot_id": None,
        "buildtime": 1,
        "draft": False,
        "extra": None,
        "metadata_only": False,
        "size": 1,
    }


def _build(source: Source) -> dict[str, Any]:
    return {
        "build_id": source.id,
        "name": source.name,
        "version": source.version,
        "release": source.release,
        "epoch": source.epoch,
        "nvr": f"{source.name}-{source.version}-{source.release}",
        "volume_name": source.volume,
        "source": source.origin,
        "tag_name": "any",
    }


def _dependency(kind: int, text: str) -> dict[str, Any]:
    name, operator, version = text.split() if len(text.split()) == 3 and not text.startswith("(") else (text, "", "")
    return {"name": name, "version": version, "flags": SENSES.get(operator, 0) | 1 << 24, "type": kind}


@asynccontextmanager
async def served(hub: ReadingHub) -> AsyncIterator[str]:
    """Serve the hub over HTTP; yields its address."""

    async def post(request: web.Request) -> web.Response:
        hub.requests += 1
        params, method = loads(await request.read(), use_builtin_types=True)
        try:
            if method == "multiCall":
                answer: Any = hub.multi_call(*params)
            else:
                answer = hub.handle(str(method), list(params))
            body = dumps((answer,), methodresponse=True, allow_none=True)
        except Fault as fault:
            body = dumps(fault, methodresponse=True, allow_none=True)
        return web.Response(text=body, content_type="text/xml")

    app = web.Application(client_max_size=1 << 24)
    app.router.add_post("/kojihub", post)
    async with TestServer(app) as server:
        yield str(server.make_url("/kojihub"))
