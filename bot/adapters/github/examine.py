"""Looks at the GitHub App with the eyes of an operator: is it the one, may it do what it has to, where do hooks go."""

from collections.abc import AsyncGenerator, Collection, Mapping
from typing import Any

import aiohttp

from bot.adapters.github.client import GitHubClient
from bot.adapters.github.settings import NEEDED_PERMISSIONS, GitHubSettings
from bot.ports.clock import Clock
from bot.ports.diagnosis import Diagnosis, doubtful, well, wrong
from bot.ports.errors import Gone

_LEVELS = ("none", "read", "write", "admin")
_MEND = "See docs/github.md, and app.yml for what an App needs."


async def examine(
    settings: GitHubSettings, session: aiohttp.ClientSession, clock: Clock, events: Collection[str], hook: str
) -> AsyncGenerator[Diagnosis, None]:
    """Yield what is found. `events` are those that the service handles, `hook` is where webhooks belong, or empty.

    Raises `Transient` where GitHub does not answer, `Misconfigured` where it does not know the App by its key.
    """
    client = GitHubClient(settings, session, clock)
    try:
        app = await client.app_get("/app")
    except Gone:
        yield wrong(
            "github", f"no App has the number {settings.app_id} there", "Set REVDEPS_GITHUB_APP_ID to its App ID."
        )
        return
    yield well("github", f"the App {app['slug']} of {app['owner']['login']}")
    lacking = _lacking(app["permissions"])
    if lacking:
        yield wrong("github", f"the App has not asked for {lacking}", _MEND)
    unheard = sorted(set(events) - set(app["events"]))
    if unheard:
        yield wrong("github", f"the App is not subscribed to {', '.join(unheard)}", _MEND)
    yield _hook(await client.app_get("/app/hook/config"), hook)
    installations = await client.app_pages("/app/installations?per_page=100")
    if not installations:
        yield doubtful("github", "the App is installed nowhere", "Install it where packages are.")
    for installation in installations:
        yield _installation(installation)


def _hook(config: Mapping[str, Any], hook: str) -> Diagnosis:
    url = config.get("url") or ""
    if not url:
        return wrong("github", "the App has no webhook URL", f"Set it to {hook or 'PUBLIC_URL/webhook/github'}.")
    if hook and url != hook:
        return wrong("github", f"the App's webhooks go to {url}", f"Set its webhook URL to {hook}.")
    if not config.get("secret"):
        return wrong("github", "the App's webhooks are not signed", "Set the webhook secret that the service has.")
    return well("github", f"webhooks go to {url}")


def _installation(installation: Mapping[str, Any]) -> Diagnosis:
    about = f"github {installation['account']['login']}"
    if installation.get("suspended_at"):
        return wrong(about, "the installation is suspended", "Its owner can take it up again.")
    lacking = _lacking(installation["permissions"])
    if lacking:
        return wrong(about, f"the installation has not granted {lacking}", "Its owner has to accept the permissions.")
    return well(about, f"installed, {installation['repository_selection']} repositories")


def _lacking(granted: Mapping[str, str]) -> str:
    return ", ".join(
        f"{name}: {level}"
        for name, level in NEEDED_PERMISSIONS.items()
        if _LEVELS.index(granted.get(name, "none")) < _LEVELS.index(level)
    )
