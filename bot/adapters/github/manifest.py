"""Registers a GitHub App from a manifest: what `app.yml` says, made into what GitHub asks for.

The person's browser posts the manifest to GitHub, GitHub sends the browser back with a code, and the code is changed
for the App's number, key and secret, once and within an hour (docs.github.com, "Registering a GitHub App from a
manifest").
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import aiohttp
import yaml
from gidgethub import BadRequest, GitHubException
from gidgethub.aiohttp import GitHubAPI

from bot.ports.errors import Rejected, Transient

_AGENT = "revdeps"
_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """An App that GitHub has registered. `page` is its public page, from which it is installed."""

    app_id: int
    name: str
    owner: str
    page: str
    private_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)


def manifest(public_url: str, redirect_url: str, name: str = "") -> Mapping[str, Any]:
    """Return the manifest for a service at `public_url`; GitHub sends the browser back to `redirect_url`."""
    base = public_url.rstrip("/")
    wanted: dict[str, Any] = yaml.safe_load(files("bot").joinpath("_app.yml").read_bytes())
    hook = {**wanted["hook_attributes"], "url": f"{base}/webhook/github"}
    return {
        **wanted,
        "name": name or wanted["name"],
        "url": base,
        "hook_attributes": hook,
        "redirect_url": redirect_url,
    }


def registration_address(web_url: str, organization: str, state: str) -> str:
    """Return where the manifest is posted to: the person's own settings, or those of an organization."""
    settings = f"/organizations/{organization}/settings" if organization else "/settings"
    return f"{web_url.rstrip('/')}{settings}/apps/new?state={state}"


async def convert(session: aiohttp.ClientSession, api_url: str, code: str) -> Registered:
    """Change the code for what the App is; raise Rejected where it is used or too old, Transient without an answer."""
    github = GitHubAPI(session, _AGENT, base_url=api_url)
    try:
        async with asyncio.timeout(_SECONDS):
            made = await github.post("/app-manifests/{code}/conversions", {"code": code}, data=b"")
    except BadRequest as refused:
        raise Rejected(f"GitHub does not take the code ({refused}): it works once, and for an hour") from refused
    except (GitHubException, aiohttp.ClientError, TimeoutError, ValueError) as trouble:
        raise Transient(f"GitHub did not hand the App over: {trouble or type(trouble).__name__}") from trouble
    return Registered(
        app_id=made["id"],
        name=made["name"],
        owner=made["owner"]["login"],
        page=made["html_url"],
        private_key=made["pem"],
        webhook_secret=made["webhook_secret"],
    )
