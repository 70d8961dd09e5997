"""Looks at a GitLab with the eyes of an operator: whose token is it, what may it, where may it work, do webhooks come.

Read in GitLab's "Personal access tokens API" (`self`, which answers for project and group tokens too) and "Project
webhooks API" (maintainers alone).
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from bot.adapters.gitlab.client import GitLabClient, Project
from bot.adapters.gitlab.settings import GitLabSettings
from bot.domain.run import RepoRef
from bot.ports.clock import Clock
from bot.ports.diagnosis import Diagnosis, HookWish, doubtful, well, wrong
from bot.ports.errors import Gone

EVENTS = ("merge_requests_events", "note_events", "pipeline_events", "push_events")
"""What a webhook of ours has to be sent."""

_DEVELOPER, _MAINTAINER = 30, 40
_SOON = timedelta(days=14)


async def examine(
    settings: GitLabSettings, session: aiohttp.ClientSession, clock: Clock, wish: HookWish
) -> AsyncGenerator[Diagnosis, None]:
    """Yield what is found, and set up webhooks where that is wished for.

    Raises `Transient` where GitLab does not answer, `Misconfigured` where it does not take the token.
    """
    client, about = GitLabClient(settings, session, clock), settings.forge
    me = await client.me()
    yield _token(about, me.username, (await client.get("personal_access_tokens/self")).data, clock.now())
    names = wish.repositories
    if not names:
        found = await client.pages("projects", membership="true", archived="false", min_access_level=_DEVELOPER)
        names = tuple(client.remember(data).path for data in found)
    if not names:
        yield doubtful(about, f"{me.username} may work in no project", "Make it a member where packages are.")
    for name in names:
        owner, _, project = name.rpartition("/")
        yield await _project(client, RepoRef(forge=about, owner=owner, name=project), wish)


def _token(about: str, username: str, data: Mapping[str, Any], now: datetime) -> Diagnosis:
    if "api" not in data["scopes"]:
        return wrong(about, f"the token of {username} has not the scope api", "Make one with that scope.")
    if data.get("expires_at"):
        end = datetime.fromisoformat(data["expires_at"]).replace(tzinfo=UTC)
        what = f"the token of {username} ends on {end:%Y-%m-%d}"
        return doubtful(about, what, "Rotate it before.") if end - now < _SOON else well(about, what)
    return well(about, f"the token is of {username}")


async def _project(client: GitLabClient, repo: RepoRef, wish: HookWish) -> Diagnosis:
    about = f"{client.settings.forge} {repo}"
    try:
        project = await client.project(repo)
    except Gone:
        return wrong(about, "there is no such project, or the bot is no member", "Make it a Maintainer there.")
    if project.access < _DEVELOPER:
        return wrong(about, "the bot may not write commit statuses", "Make it a Developer at least.")
    if not wish.url:
        return doubtful(about, "where webhooks belong is not known", "Set REVDEPS_PUBLIC_URL.")
    if project.access < _MAINTAINER:
        return doubtful(
            about,
            "the bot is no Maintainer, so it cannot see webhooks, nor ask for deliveries again",
            f"Make it one, or set a webhook to {wish.url} up by hand.",
        )
    return await _hooks(client, project, wish, about)


async def _hooks(client: GitLabClient, project: Project, wish: HookWish, about: str) -> Diagnosis:
    where = f"projects/{project.id}/hooks"
    hooks = [hook for hook in await client.pages(where) if hook["url"] == wish.url]
    lacking = _lacking(hooks)
    if not lacking:
        return well(about, f"webhooks go to {wish.url}")
    if wish.secret is None:
        return doubtful(about, lacking, "`revdeps setup gitlab` sets it up; or it is a group's, which cannot be seen.")
    wanted = {"url": wish.url, "token": wish.secret, "enable_ssl_verification": True, **dict.fromkeys(EVENTS, True)}
    if hooks:
        await client.put(f"{where}/{hooks[0]['id']}", wanted)
    else:
        await client.post(where, wanted)
    return well(about, f"{lacking}: mended, webhooks go to {wish.url}")


def _lacking(hooks: Sequence[Mapping[str, Any]]) -> str:
    if not hooks:
        return "no webhook of the project comes here"
    missing = [name for name in EVENTS if not hooks[0].get(name)]
    if missing:
        return f"the webhook does not tell of {', '.join(missing)}"
    if hooks[0].get("alert_status", "executable") != "executable":
        return "GitLab has switched the webhook off, since deliveries failed"
    return ""
