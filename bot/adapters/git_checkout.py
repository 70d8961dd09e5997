"""Checks a commit out with git over HTTP, without trusting what is in it, or asks where a branch is.

The token goes through git's environment (`GIT_CONFIG_COUNT`), never through an argument, which every user of the
machine can read, nor into `.git/config`. No hook, submodule, filter or other protocol is run. Symbolic links that lead
out of the checkout become files that hold their target, as git does where links are not supported: whoever reads the
checkout would otherwise read the machine's files by a name that the change chose.
"""

import asyncio
import base64
import contextlib
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.ports.errors import Gone, Rejected, Transient

_PASSED_ON = ("PATH", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE")

_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "protocol.allow": "never",
    "protocol.http.allow": "always",
    "protocol.https.allow": "always",
    "http.followRedirects": "initial",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "advice.detachedHead": "false",
    "init.defaultBranch": "main",
}

_GONE = (
    "couldn't find remote ref",
    "reference is not a tree",
    "not our ref",
    "repository not found",
    "unadvertised object",
    "error: 404",
    "' not found",
)
_REFUSED = ("authentication failed", "could not read username", "error: 401", "error: 403")


class TokenRefused(Transient):
    """git was turned away: the token has to be made anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneRequest:
    """What to check out: `sha`, which is or was the head of `ref` in the repository at `url`."""

    url: str
    ref: str
    sha: str
    token: str = field(repr=False)
    seconds: float
    user: str = "x-access-token"
    """What the forge wants for a user's name beside a token."""


async def clone(request: CloneRequest, directory: Path) -> None:
    """Make `directory` a checkout of the commit with its history; one of that commit is left as it is.

    The directory appears when it is complete, so that a crash leaves nothing that looks like a checkout. Raises Gone
    where there is no such commit, TokenRefused, and Transient for all that may pass.
    """
    if await asyncio.to_thread(_is_checkout, directory, request.sha):
        return
    unfinished = directory.with_name(f"{directory.name}.unfinished")
    await asyncio.to_thread(shutil.rmtree, unfinished, ignore_errors=True)
    await asyncio.to_thread(unfinished.mkdir, parents=True)
    try:
        async with asyncio.timeout(request.seconds):
            await _fill(request, unfinished)
        await asyncio.to_thread(unfinished.rename, directory)
    except TimeoutError:
        raise Transient(f"{request.url}: the checkout was not done within {request.seconds:.0f} s") from None
    except OSError as error:
        raise Transient(f"{directory}: the checkout cannot be stored: {error.strerror or error}") from error
    finally:
        await asyncio.to_thread(shutil.rmtree, unfinished, ignore_errors=True)


async def head_of(url: str, branch: str, seconds: float) -> str | None:
    """Return the commit at which a branch of a repository is, None where there is no such branch for everybody.

    Raises Transient where the server does not answer.
    """
    asked = ["ls-remote", "--end-of-options", url, f"refs/heads/{branch}"]
    try:
        async with asyncio.timeout(seconds):
            told = await _git(asked, Path("/"), _plain_environment(_SETTINGS))
    except TimeoutError:
        raise Transient(f"{url}: no answer within {seconds:.0f} s") from None
    except (Gone, TokenRefused):
        return None
    for line in told.decode(errors="replace").splitlines():
        commit, _, ref = line.partition("\t")
        if ref == f"refs/heads/{branch}":  # others may end so: that is all that git looks at
            return commit
    return None


def _is_checkout(directory: Path, sha: str) -> bool:
    try:
        return (directory / ".git" / "HEAD").read_text().strip() == sha
    except OSError:
        return False


async def _fill(request: CloneRequest, where: Path) -> None:
    environment = _environment(request)
    await _git(["init", "--quiet", "."], where, environment)
    fetch = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--end-of-options", request.url]
    try:
        await _git([*fetch, request.sha], where, environment)
    except Gone:
        # Not every server hands out a commit by its name; its pull request's ref it does.
        await _git([*fetch, f"+{request.ref}:refs/revdeps/head"], where, environment)
    await _git(["checkout", "--quiet", "--detach", request.sha], where, environment)
    await asyncio.to_thread(_tie_down_links, where)


def _environment(request: CloneRequest) -> dict[str, str]:
    credential = base64.b64encode(f"{request.user}:{request.token}".encode()).decode()
    # Only towards this repository: a redirection elsewhere must not take the token along.
    settings = {**_SETTINGS, f"http.{request.url}.extraHeader": f"Authorization: Basic {credential}"}
    return _plain_environment(settings)


def _plain_environment(settings: Mapping[str, str]) -> dict[str, str]:
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= {
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for index, (key, value) in enumerate(settings.items()):
        environment |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}
    return environment


async def _git(arguments: Sequence[str], where: Path, environment: Mapping[str, str]) -> bytes:
    process = await asyncio.create_subprocess_exec(
        "git",
        *arguments,
        cwd=where,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        printed, said = await process.communicate()
    finally:
        # git leaves its helpers behind when it alone is killed.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    if process.returncode:
        raise _error(arguments[0], said.decode(errors="replace"))
    return printed


def _error(command: str, said: str) -> Exception:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    text = f"git {command}: {lines[-1] if lines else 'failed without a word'}"[:1000]
    folded = said.lower()
    if any(word in folded for word in _REFUSED):
        return TokenRefused(text)
    if any(word in folded for word in _GONE):
        return Gone(text)
    if command == "checkout":
        return Rejected(text)
    return Transient(text)


def _tie_down_links(where: Path) -> None:
    root = where.resolve()
    for folder, folders, files in os.walk(where):
        if Path(folder) == where:
            folders.remove(".git")
        for name in (*folders, *files):
            path = Path(folder, name)
            if path.is_symlink() and not _resolved(path).is_relative_to(root):
                target = os.fsencode(path.readlink())
                path.unlink()
                path.write_bytes(target)


def _resolved(link: Path) -> Path:
    try:
        return link.resolve()
    except (OSError, RuntimeError):  # a circle
        return Path("/")
