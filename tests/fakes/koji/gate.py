"""The wire: XML-RPC with Koji's extensions, calls in one another's company, uploads, and what goes wrong on purpose.

Read in kojihub/kojixmlrpc.py, ModXMLRPCRequestHandler and application (Koji 1.35.3).
"""

import asyncio
import contextlib
import traceback
import weakref
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

import koji
import koji.util
from koji.xmlrpcplus import Fault, dumps, loads
from tests.fakes.koji.auth import Caller, Sessions
from tests.fakes.koji.failures import Failure, Failures
from tests.fakes.koji.tickets import Tickets

MULTI = ("multiCall", "system.multicall")
MAX_REQUEST = 4_194_304
"""Bytes of a call (hub.conf, MaxRequestLength); an upload has no bound of its own."""


class Gate:
    """Takes requests to methods. `calls` counts requests by method, `asked` the calls within them too."""

    def __init__(self, sessions: Sessions, version: str) -> None:
        self.methods: dict[str, Callable[..., Any]] = {}
        self.failures = Failures()
        self.calls: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.violations: list[str] = []
        self.before: Callable[[], object] = lambda: None
        self.upload: Callable[[Mapping[str, str], bytes], Any] | None = None
        self.offline = ""
        self.tickets: Tickets | None = None
        self.one_fault_spoils_all = False
        self._closing = asyncio.Event()
        self._connections: weakref.WeakSet[asyncio.Transport] = weakref.WeakSet()
        self._sessions = sessions
        self._version = version

    def register(self, exports: object, prefix: str = "") -> None:
        """Offer the public methods of an object."""
        for name in dir(exports):
            if not name.startswith("_"):
                self.methods[prefix + name] = getattr(exports, name)

    def close(self) -> None:
        """Let go of requests that hang, and of connections whose clients would not say good-bye."""
        self._closing.set()
        for connection in list(self._connections):
            with contextlib.suppress(AttributeError):  # TLS lets go of what it wraps before it says that it is closed
                connection.abort()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        if request.transport is not None:
            self._connections.add(request.transport)
        if request.method != "POST":
            return web.Response(status=405, text="This is an XML-RPC server. Only POST requests are accepted.\n")
        body, headers, principal = await request.read(), {"Koji-Version": self._version}, None
        if self.tickets is not None and request.path.endswith("/ssllogin"):
            principal, headers["WWW-Authenticate"] = self.tickets.read(request.headers.get("Authorization", ""))
            if principal is None:
                return web.Response(status=401, headers={"WWW-Authenticate": headers["WWW-Authenticate"]})
        caller = _caller(request, principal)
        if request.headers.get("Content-Type") == "application/octet-stream":
            method, params = "rawUpload", ()
        else:
            try:
                assert len(body) <= MAX_REQUEST, "Request too long"
                params, method = loads(body)
            except Exception as error:
                return web.Response(status=400, text=f"Invalid request: {error}\n")
        failure = self.failures.take(_names(method, params), faults=False)
        if failure is not None and (broken := await self._break(failure, request, caller)):
            return broken
        answer = self._answer(caller, method, params, body)
        if failure is not None and failure.lose_answer:
            return _dropped(request)
        return web.Response(text=answer, content_type="text/xml", headers=headers)

    async def _break(self, failure: Failure, request: web.Request, caller: Caller) -> web.StreamResponse | None:
        if failure.drop:
            return _dropped(request)
        if failure.hang:
            while failure.times != 0 and not self._closing.is_set():
                await asyncio.wait([asyncio.ensure_future(self._closing.wait())], timeout=0.02)
            return _dropped(request)
        if failure.expire:
            self._sessions.expire(caller)
        return web.Response(status=failure.status, text="Bad Gateway\n") if failure.status else None

    def _answer(self, caller: Caller, method: str, params: tuple[Any, ...], body: bytes) -> str:
        self.calls[method] += 1
        self.before()
        try:
            result = self._dispatch(caller, method, params, body)
            return str(dumps((result,), methodresponse=1))
        except Fault as fault:
            return str(dumps(fault))
        except Exception as error:
            return str(dumps(Fault(*self._told(error))))

    def _told(self, error: Exception) -> tuple[int, str]:
        """The number and text of a fault. Read in kojihub/kojixmlrpc.py, _log_exception (Koji 1.35.3)."""
        if isinstance(error, koji.GenericError):
            return error.faultCode, str(error)
        if isinstance(error, AssertionError | AttributeError | KeyError):
            self.violations.append("".join(traceback.format_exception(error)))
        return 1, f"{type(error)}: {error}"

    def _dispatch(self, caller: Caller, method: str, params: tuple[Any, ...], body: bytes = b"") -> Any:
        self.asked[method] += 1
        if method == "rawUpload" and self.upload is not None:
            self._enter(caller, method)
            return self.upload(caller.query, body)
        if method in MULTI:
            self._enter(caller, method)
            return self._multicall(caller, *params)
        function = self.methods.get(method)
        if function is None:
            self.violations.append(f"no such method: {method}")
            raise koji.GenericError(f"Invalid method: {method}")
        if self._sessions.caller is not caller:
            self._enter(caller, method)
        planned = self.failures.take({method}, faults=True)
        if planned is not None and planned.fault is not None:
            raise planned.fault
        args, named = koji.decode_args(*params)
        try:
            return koji.util.call_with_argcheck(function, args, named)
        except koji.ParameterError as error:
            self.violations.append(f"{method}: {error}")
            raise

    def _enter(self, caller: Caller, method: str) -> None:
        self._sessions.enter(caller, method)
        if self.offline and method not in ("login", "sslLogin", "logout") and not self._sessions.has("admin"):
            raise koji.ServerOffline(self.offline)

    def _multicall(self, caller: Caller, calls: list[dict[str, Any]]) -> list[Any]:
        """Do one call after the other; a fault is a value. Read in kojihub/kojixmlrpc.py, multiCall (Koji 1.35.3)."""
        results: list[Any] = []
        for call in calls:
            try:
                results.append([self._dispatch(caller, call["methodName"], tuple(call["params"]))])
            except Exception as error:
                if self.one_fault_spoils_all:
                    raise
                code, told = (error.faultCode, error.faultString) if isinstance(error, Fault) else self._told(error)
                results.append({"faultCode": code, "faultString": told, "traceback": []})
        return results


def _caller(request: web.Request, principal: str | None) -> Caller:
    peer = request.transport.get_extra_info("peercert") if request.transport else None
    subject = dict(pair for part in (peer or {}).get("subject", ()) for pair in part)
    return Caller(dict(request.headers), dict(request.query), subject.get("commonName"), principal)


def _names(method: str, params: tuple[Any, ...]) -> set[str]:
    inner = params[0] if method in MULTI and params and isinstance(params[0], list) else []
    return {method, *(call.get("methodName", "") for call in inner)}


def _dropped(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
