"""Git over HTTP for the fake forges: `git http-backend` as a CGI program behind a server, and who is asking.

Read in: git-http-backend(1). Who may do what is the forge's own affair.
"""

import asyncio
import base64
import binascii
from pathlib import Path

from aiohttp import web

from tests.fakes import git


def credentials(request: web.Request) -> tuple[str, str] | None:
    """Return the name and the password of basic authentication, None where there are none; empty where unreadable."""
    header = request.headers.get("Authorization")
    if header is None:
        return None
    try:
        name, _, password = base64.b64decode(header.partition(" ")[2]).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, password


def writes(request: web.Request) -> bool:
    """Whether something is to be pushed."""
    return "git-receive-pack" in request.path_qs


def who_are_you(realm: str, text: str = "Invalid username or token.\n") -> web.Response:
    """The answer that makes git ask for a password."""
    return web.Response(status=401, text=text, headers={"WWW-Authenticate": f'Basic realm="{realm}"'})


async def backend(git_dir: Path, request: web.Request, rest: str) -> web.Response:
    """Let git answer; `rest` is what the path says after the repository."""
    body = await request.read()
    environment = git.environment() | {
        "GIT_PROJECT_ROOT": str(git_dir),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "PATH_INFO": f"/{rest}",
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
