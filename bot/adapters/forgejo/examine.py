"""Looks at a Forgejo with the eyes of an operator: whose token is it, where may it work, do webhooks come here."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import aiohttp

from bot.adapters.forgejo.client import ForgejoClient, in_repository
from bot.adapters.forgejo.settings import ForgejoSettings
from bot.domain.run import RepoRef
from bot.ports.clock import Clock
from bot.ports.diagnosis import Diagnosis, HookWish, doubtful, well, wrong

EVENTS = (
    "push", "pull_request", "pull_request_label", "pull_request_sync", "pull_request_comment", "issue_comment",
    "repository",
)  # fmt: skip
"""What a webhook of ours has to be sent (`modules/webhook/type.go`)."""


async def examine(
    settings: ForgejoSettings, session: aiohttp.ClientSession, clock: Clock, wish: HookWish
) -> AsyncGenerator[Diagnosis, None]:
    """Yield what is found, and set up webhooks where that is wished for.

    Raises `Transient` where Forgejo does not answer, `Misconfigured` where it does not take the token.
    """
    client, about = ForgejoClient(settings, session, clock), settings.forge
    login = (await client.get("/user"))["login"]
    if login.casefold() != settings.user.casefold():
        yield wrong(about, f"the token is of {login}, not of {settings.user}", f"Set `user: {login}`.")
        return
    yield well(about, f"the token is of {login}")
    found = {data["full_name"].casefold(): data for data in await client.pages("/user/repos")}
    ours = [data["full_name"] for data in found.values() if data["permissions"]["push"] and not data["archived"]]
    if not ours:
        yield doubtful(about, f"{login} may work in no repository", "Make it a collaborator where packages are.")
    for name in wish.repositories or ours:
        yield await _repository(client, found.get(name.casefold()), name, wish)


async def _repository(client: ForgejoClient, data: Mapping[str, Any] | None, name: str, wish: HookWish) -> Diagnosis:
    about = f"{client.settings.forge} {name}"
    if data is None or not data["permissions"]["push"]:
        what = f"{client.settings.user} may not write there"
        return wrong(about, what, "Make it a collaborator with the permission Administrator.")
    if not data["permissions"]["admin"]:
        what = f"{client.settings.user} is no administrator there, so nobody tells it who may what"
        return wrong(about, what, "Make it a collaborator with the permission Administrator.")
    if not wish.url:
        return doubtful(about, "where webhooks belong is not known", "Set REVDEPS_PUBLIC_URL.")
    repo = RepoRef(forge=client.settings.forge, owner=data["owner"]["login"], name=data["name"])
    hooks = [hook for hook in await client.pages(in_repository(repo, "hooks")) if hook["config"].get("url") == wish.url]
    lacking = _lacking(hooks)
    if not lacking:
        return well(about, f"webhooks go to {wish.url}")
    if wish.secret is None:
        mend = "`revdeps setup forgejo` sets it up; or it is the owner's or the server's, which cannot be seen."
        return doubtful(about, lacking, mend)
    await _set_up(client, repo, hooks, wish)
    return well(about, f"{lacking}: mended, webhooks go to {wish.url}")


def _lacking(hooks: Sequence[Mapping[str, Any]]) -> str:
    if not hooks:
        return "no webhook of the repository comes here"
    hook = hooks[0]
    missing = sorted(set(EVENTS) - set(hook["events"]))
    if missing:
        return f"the webhook does not tell of {', '.join(missing)}"
    if not hook["active"]:
        return "the webhook is switched off"
    return "" if hook["config"].get("content_type") == "json" else "the webhook does not send JSON"


async def _set_up(client: ForgejoClient, repo: RepoRef, hooks: Sequence[Mapping[str, Any]], wish: HookWish) -> None:
    config = {"url": wish.url, "content_type": "json", "secret": wish.secret}
    wanted = {"config": config, "events": list(EVENTS), "active": True}
    if hooks:
        await client.patch(in_repository(repo, "hooks", hooks[0]["id"]), wanted)
    else:
        await client.post(in_repository(repo, "hooks"), {"type": "forgejo", **wanted})
