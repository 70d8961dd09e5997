"""An HTTP server over a directory, which remembers what it was asked and answers otherwise where it is told to."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

Answer = Callable[[web.Request], web.StreamResponse]


class Site:
    """`asked` lists the paths of all requests; `statuses` what was answered; `answers` overrides a path's file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.asked: list[str] = []
        self.statuses: list[int] = []
        self.answers: dict[str, Answer] = {}
        self.ranges = True
        """Whether a part of a file can be had."""
        self.before: Callable[[str], None] = lambda _path: None
        """Called with the path before a request is answered."""
        self.host = ""
        """`address:port`, as the list of allowed hosts takes it."""

    def url(self, path: str) -> str:
        """The address of a path on this server."""
        return f"http://{self.host}/{path}"

    def redirect(self, path: str, to: str) -> None:
        """Send whoever asks for the path on to another address."""
        self.answers[f"/{path}"] = lambda _request: web.Response(status=302, headers={"Location": to})

    def send(self, path: str, contents: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Answer these contents for the path."""
        self.answers[f"/{path}"] = lambda _request: web.Response(body=contents, headers=headers)

    def fail(self, path: str, status: int) -> None:
        """Answer this status for the path."""
        self.answers[f"/{path}"] = lambda _request: web.Response(status=status)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        self.before(request.path)
        path = self.root / request.path.lstrip("/")
        if request.path in self.answers:
            response = self.answers[request.path](request)
        elif not path.is_file():
            response = web.Response(status=404)
        elif request.headers.get("If-None-Match") == _etag(path):
            response = web.Response(status=304)
        elif self.ranges and "Range" in request.headers:
            response = _part(request, path)
        else:
            response = web.Response(body=path.read_bytes(), headers={"ETag": _etag(path)})
        self.statuses.append(response.status)
        return response


def _part(request: web.Request, path: Path) -> web.Response:
    contents = path.read_bytes()
    start, stop, _ = request.http_range.indices(len(contents))
    headers = {"Content-Range": f"bytes {start}-{stop - 1}/{len(contents)}"}
    return web.Response(status=206, body=contents[start:stop], headers=headers)


def _etag(path: Path) -> str:
    return f'"{hash(path.read_bytes())}"'


@asynccontextmanager
async def serve(root: Path) -> AsyncIterator[Site]:
    """Serve a directory, which is made, while the context lasts."""
    root.mkdir(parents=True, exist_ok=True)
    site = Site(root)
    app = web.Application()
    app.router.add_get("/{path:.*}", site._handle)
    async with TestServer(app) as server:
        site.host = f"{server.host}:{server.port}"
        yield site
