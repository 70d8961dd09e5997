"""GitHub's pages for registering an App from a manifest, and the exchange of the code.

Read in: GitHub docs, "Registering a GitHub App from a manifest" (parameters, `state`, the redirect, the hour); OpenAPI
operationId apps/create-from-manifest. Nobody is asked to sign in, and the form is confirmed at once.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from tests.fakes.github import render
from tests.fakes.github.model import App, World

LIFE = timedelta(hours=1)
_KNOWN = {
    "name", "url", "hook_attributes", "redirect_url", "callback_urls", "setup_url", "description", "public",
    "default_events", "default_permissions", "request_oauth_on_install", "setup_on_update",
}  # fmt: skip


@dataclass(slots=True)
class Manifests:
    """Registers Apps with `create`, which takes `GitHubServer.create_app`'s arguments."""

    world: World
    create: Callable[..., App]
    asked: list[Mapping[str, Any]] = field(default_factory=list)
    """The manifests that were posted."""
    _codes: dict[str, tuple[App, Any]] = field(default_factory=dict)

    def add_to(self, application: web.Application) -> None:
        """Serve the pages and the exchange."""
        application.router.add_post("/settings/apps/new", self._register)
        application.router.add_post("/organizations/{organization}/settings/apps/new", self._register)
        application.router.add_post("/app-manifests/{code}/conversions", self._convert)

    async def _register(self, request: web.Request) -> web.Response:
        form = await request.post()
        manifest = json.loads(str(form["manifest"]))
        unknown = set(manifest) - _KNOWN
        if unknown or not manifest.get("url") or not manifest.get("hook_attributes", {}).get("url"):
            return web.Response(status=422, text=f"Invalid GitHub App configuration {sorted(unknown)}")
        self.asked.append(manifest)
        app = self.create(
            self.world.new_id(),
            slug=manifest["name"].lower().replace(" ", "-"),
            webhook_url=manifest["hook_attributes"]["url"],
            webhook_secret=secrets.token_hex(20),
            permissions=manifest["default_permissions"],
            events=manifest["default_events"],
        )
        if organization := request.match_info.get("organization"):
            app.owner = self.world.user(organization, "Organization")
        code = secrets.token_hex(20)
        self._codes[code] = app, self.world.now() + LIFE
        back = {"code": code} | ({"state": request.query["state"]} if "state" in request.query else {})
        return web.Response(status=302, headers={"Location": f"{manifest['redirect_url']}?{urlencode(back)}"})

    async def _convert(self, request: web.Request) -> web.Response:
        app, until = self._codes.pop(request.match_info["code"], (None, None))
        if app is None or until is None or self.world.now() > until:
            return web.json_response({"message": "Not Found", "documentation_url": "", "status": "404"}, status=404)
        shape = render.app(self.world, app) | {
            "client_id": app.client_id,
            "client_secret": secrets.token_hex(20),
            "webhook_secret": app.webhook_secret,
            "pem": app.private_key,
        }
        return web.json_response(shape, status=201)
