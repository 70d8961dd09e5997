"""Webhooks of a repository, as the API shows and changes them; administrators only.

Read in: `routers/api/v1/repo/hook.go`, `routers/api/v1/utils/hook.go` (what is checked, and what comes by default),
`services/webhook/general.go` (ToHook: secrets are not shown).
"""

from typing import Any

from tests.fakes.forgejo.model import Hook, Repository
from tests.fakes.forgejo.wire import Answer, ApiError, Call, Routes, not_found, page

ROUTES = Routes()
_TYPES = {"forgejo": "json", "gitea": "json", "gogs": "json"}


def _repository(call: Call) -> Repository:
    repo = call.repository()
    if not repo.may(call.user.login, "admin"):
        raise ApiError(403, "user should be an owner or a collaborator with admin write of a repository")
    return repo


def _shape(hook: Hook) -> dict[str, Any]:
    kind = "json" if hook.content_type == "application/json" else "form"
    return {
        "id": hook.id, "type": "forgejo", "active": hook.active, "events": list(hook.events or ()), "url": hook.url,
        "config": {"url": hook.url, "content_type": kind},
    }  # fmt: skip


@ROUTES.add("GET", "/repos/{owner}/{repo}/hooks", "repo_list_hooks")
async def list_hooks(call: Call) -> Answer:
    """ListHooks: the repository's own, not its owner's."""
    repo = _repository(call)
    items, headers = page(call, [hook for hook in call.world.hooks if hook.of == repo.full_name])
    return Answer([_shape(hook) for hook in items], headers=headers)


@ROUTES.add("POST", "/repos/{owner}/{repo}/hooks", "repo_create_hook")
async def create_hook(call: Call) -> Answer:
    """CreateHook."""
    repo, body = _repository(call), call.body
    if body.get("type") not in _TYPES:
        raise ApiError(422, f"Invalid hook type: {body.get('type')}")
    hook = Hook(repo.full_name, "", "", id=call.world.new_id())
    _take(hook, body)
    call.world.hooks.append(hook)
    return Answer(_shape(hook), status=201)


@ROUTES.add("PATCH", "/repos/{owner}/{repo}/hooks/{id}", "repo_edit_hook")
async def edit_hook(call: Call) -> Answer:
    """EditHook: events that are not named are switched off."""
    repo = _repository(call)
    found = [hook for hook in call.world.hooks if hook.id == call.number("id") and hook.of == repo.full_name]
    if not found:
        raise not_found()
    _take(found[0], call.body)
    return Answer(_shape(found[0]))


def _take(hook: Hook, body: dict[str, Any]) -> None:
    config = body.get("config") or {}
    for name in ("url", "content_type"):
        if not config.get(name):
            raise ApiError(422, f"Missing config option: {name}")
    hook.url, hook.secret = config["url"], config.get("secret", hook.secret)
    hook.content_type = "application/json" if config["content_type"] == "json" else "application/x-www-form-urlencoded"
    hook.events = tuple(body.get("events") or ("push",))
    hook.active = bool(body.get("active", False))
