"""Git over HTTP: `git http-backend` as a CGI program behind the server.

Read in: git-http-backend(1); GitHub docs, "Authenticating as a GitHub App installation" (HTTP-based Git access with
`x-access-token` and the token). A public repository can be read by anybody, but never with a wrong token.
"""

import asyncio
import base64
import binascii

from aiohttp import web

from tests.fakes import git
from tests.fakes.github.credentials import token_of
from tests.fakes.github.model import Repository, World
from tests.fakes.github.wire import ApiError, granted


async def serve(world: World, request: web.Request) -> web.Response:
    """Answer a request to `/{owner}/{repo}.git/…`."""
    repo = world.repositories.get(f"{request.match_info['owner']}/{request.match_info['repo']}")
    writes = "git-receive-pack" in request.path_qs
    refused = _refusal(world, request, repo, writes=writes)
    if refused is not None or repo is None:
        return refused or web.Response(status=404, text="Repository not found.\n")
    return await _backend(repo, request)


def _refusal(world: World, request: web.Request, repo: Repository | None, *, writes: bool) -> web.Response | None:
    header = request.headers.get("Authorization")
    if header is None:
        return None if repo and not repo.private and not writes else _who_are_you()
    try:
        name, _, password = base64.b64decode(header.partition(" ")[2]).decode().partition(":")
        token = token_of(world, password)
    except (binascii.Error, UnicodeDecodeError, ApiError):
        return _who_are_you()
    if name != "x-access-token":
        return _who_are_you()
    if repo is None or (repo.private and not token.reaches(repo)):
        return web.Response(status=404, text="Repository not found.\n")
    level = "write" if writes else "read"
    if (repo.private or writes) and not (token.reaches(repo) and granted(token, "contents", level)):
        return web.Response(status=403, text="Write access to repository not granted.\n")
    return None


def _who_are_you() -> web.Response:
    return web.Response(
        status=401,
        text="Invalid username or token.\n",
        headers={"WWW-Authenticate": 'Basic realm="GitHub"'},
    )


async def _backend(repo: Repository, request: web.Request) -> web.Response:
    body = await request.read()
    environment = git.environment() | {
        "GIT_PROJECT_ROOT": str(repo.git_dir),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "PATH_INFO": f"/{request.match_info['rest']}",
        "QUERY_STRING": request.query_string,
        "REQUEST_METHOD": request.method,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_USER": "x-access-token",
        "REMOTE_ADDR": "127.0.0.1",
    }
    process = await asyncio.create_subprocess_exec(
        "git", "http-backend",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment,
    )  # fmt: skip
    out, _ = await process.communicate(body)
    head, _, content = out.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
    status = int(fields.pop("Status", "200 OK").split()[0])
    return web.Response(status=status, body=content, headers=fields)
