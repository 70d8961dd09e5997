"""Registers the GitHub App with a person at a browser: a page of ours on loopback, GitHub's, and ours again.

The first page shows what will be asked for and posts it to GitHub. GitHub sends the browser back with a code, and what
that is changed for is written into files that were made before, so that nothing which GitHub says only once is lost.
"""

import asyncio
import hmac
import json
import os
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import aiohttp
from aiohttp import web

from bot.adapters.github.manifest import Registered, convert, manifest, registration_address
from bot.ports.errors import Misconfigured, RevdepsError, Transient

SETTINGS_FILE = "github.environment"
"""Variables for the service's environment, one to a line."""

_FILES = ("github.pem", "github-webhook.secret", SETTINGS_FILE)
_HOUR = 3600.0

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>RevDeps: {title}</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<style>body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 40em; margin: 2em auto; padding: 0 1em }}
button {{ font: inherit; padding: .5em 1em }}</style></head>
<body><h1>{title}</h1>{body}</body></html>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the operator wants registered, and where the result belongs."""

    public_url: str
    directory: Path
    organization: str = ""
    name: str = ""
    web_url: str = "https://github.com"
    api_url: str = "https://api.github.com"
    port: int = 0
    """Of the page on loopback; 0: any that is free."""


def reserve(directory: Path) -> Sequence[Path]:
    """Make the files that the result is written into, empty and for their owner alone.

    Raises Misconfigured where one exists or cannot be made; nothing is left behind then.
    """
    made: list[Path] = []
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in _FILES:
            os.close(os.open(directory / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            made.append(directory / name)
    except OSError as error:
        release(made)
        raise Misconfigured(
            str(directory), f"{error.strerror}: {error.filename}", "Name another --directory, or move the old files."
        ) from None
    return made


def release(files: Sequence[Path]) -> None:
    """Remove reserved files again."""
    for file in files:
        file.unlink(missing_ok=True)


def store(wish: Wish, registered: Registered, files: Sequence[Path]) -> None:
    """Write key, secret and settings into the files that `reserve` made."""
    key, hook_secret, environment = files
    key.write_text(registered.private_key)
    hook_secret.write_text(registered.webhook_secret)
    settings = {
        "REVDEPS_PUBLIC_URL": wish.public_url.rstrip("/"),
        "REVDEPS_GITHUB_APP_ID": str(registered.app_id),
        "REVDEPS_GITHUB_PRIVATE_KEY_FILE": str(key.absolute()),
        "REVDEPS_GITHUB_WEBHOOK_SECRET_FILE": str(hook_secret.absolute()),
        "REVDEPS_GITHUB_API_URL": wish.api_url,
        "REVDEPS_GITHUB_WEB_URL": wish.web_url,
    }
    environment.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


@dataclass(slots=True)
class Registration:
    """One registration. `tell` is given the address that the person has to open."""

    wish: Wish
    tell: Callable[[str], None]
    seconds: float = _HOUR
    _state: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    _address: str = ""
    _done: "asyncio.Future[Registered]" = field(init=False)

    async def run(self) -> Registered:
        """Serve the page until GitHub has sent the browser back; raise Transient where nobody came within an hour.

        Files are written without a pause in which this could be cancelled: what is there afterwards is whole, or gone.
        """
        self._done = asyncio.get_running_loop().create_future()
        unfinished = reserve(self.wish.directory)
        try:
            async with self._served():
                registered = await self._answer()
                store(self.wish, registered, unfinished)
                unfinished = ()
        finally:
            release(unfinished)
        return registered

    async def _answer(self) -> Registered:
        try:
            async with asyncio.timeout(self.seconds):
                return await asyncio.shield(self._done)
        except TimeoutError:
            raise Transient("nobody finished the registration; run the command again") from None

    @asynccontextmanager
    async def _served(self) -> AsyncIterator[None]:
        application = web.Application()
        application.router.add_get("/", self._begin)
        application.router.add_get("/registered", self._registered)
        runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1)
        await runner.setup()
        try:
            await self._listen(runner)
            yield
        finally:
            await runner.cleanup()

    async def _listen(self, runner: web.AppRunner) -> None:
        try:
            await web.TCPSite(runner, "127.0.0.1", self.wish.port).start()
        except OSError as error:
            raise Misconfigured("--port", f"{error.strerror}", "Name a port that is free.") from None
        self._address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self.tell(self._address)

    async def _begin(self, _request: web.Request) -> web.Response:
        wish = self.wish
        asked = manifest(wish.public_url, f"{self._address}/registered", wish.name)
        target = registration_address(wish.web_url, wish.organization, self._state)
        body = (
            f"<p>GitHub will register the App <b>{escape(asked['name'])}</b> for {escape(wish.organization or 'you')}, "
            f"with webhooks to <code>{escape(asked['hook_attributes']['url'])}</code>, and these permissions:</p>"
            f"<ul>{_items(asked['default_permissions'])}</ul>"
            f'<form action="{escape(target)}" method="post">'
            f'<input type="hidden" name="manifest" value="{escape(json.dumps(asked))}">'
            "<button>Go on to GitHub</button></form>"
        )
        return _page("register the GitHub App", body)

    async def _registered(self, request: web.Request) -> web.Response:
        state, code = request.query.get("state", ""), request.query.get("code", "")
        if not hmac.compare_digest(state.encode(), self._state.encode()) or not code:
            return _page("not this one", "<p>This answer belongs to no registration that is under way.</p>", 400)
        if self._done.done():
            return _page("registered already", "<p>You can close this page.</p>", 400)
        try:
            async with aiohttp.ClientSession() as session:
                registered = await convert(session, self.wish.api_url, code)
        except RevdepsError as trouble:
            return _page("not registered", f"<p>{escape(str(trouble))}. <a href='/'>Try again</a></p>", 502)
        if not self._done.done():
            self._done.set_result(registered)
        body = (
            f"<p>{escape(registered.name)} is registered. Key and secret are where you ran the command.</p>"
            f'<p><a href="{escape(registered.page)}/installations/new">Install it in your repositories</a></p>'
        )
        return _page("registered", body)


def _items(permissions: Mapping[str, str]) -> str:
    return "".join(f"<li>{escape(name)}: {escape(level)}</li>" for name, level in permissions.items())


def _page(title: str, body: str, status: int = 200) -> web.Response:
    text = _PAGE.format(title=escape(title), body=body)
    return web.Response(text=text, content_type="text/html", status=status, headers={"Referrer-Policy": "no-referrer"})
