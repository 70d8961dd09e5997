"""Apps: who we are, where we are installed, tokens, and the deliveries of our webhook.

Read in the published OpenAPI description under the operationIds named at each endpoint.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.fakes.forge_model import stamp
from tests.fakes.github import render
from tests.fakes.github.credentials import new_token
from tests.fakes.github.model import App, HookDelivery, Installation, World, node_id
from tests.fakes.github.wire import LEVELS, Answer, ApiError, Call, Routes, cursor_link, not_found, page

ROUTES = Routes()
KEPT = timedelta(days=3)
"""How far back deliveries can be seen (docs: "Viewing deliveries for a GitHub App webhook")."""


@ROUTES.add("GET", "/app", credential="jwt")
async def get_app(call: Call) -> Answer:
    """operationId apps/get-authenticated."""
    installed = sum(i.app is call.app for i in call.world.installations.values())
    return Answer({**render.app(call.world, call.app), "installations_count": installed})


@ROUTES.add("GET", "/app/hook/config", credential="jwt")
async def get_hook_config(call: Call) -> Answer:
    """operationId apps/get-webhook-config-for-app."""
    assert call.app is not None
    config = {"content_type": "json", "insecure_ssl": "0", "url": call.app.webhook_url or ""}
    return Answer(config | ({"secret": "********"} if call.app.webhook_secret else {}))


@ROUTES.add("GET", "/app/installations", credential="jwt")
async def list_installations(call: Call) -> Answer:
    """operationId apps/list-installations."""
    mine = [i for i in call.world.installations.values() if i.app is call.app]
    items, headers = page(call, mine)
    return Answer([render.installation(call.world, i) for i in items], headers=headers)


@ROUTES.add("GET", "/app/installations/{installation_id}", credential="jwt")
async def get_installation(call: Call) -> Answer:
    """operationId apps/get-installation."""
    return Answer(render.installation(call.world, _installation(call)))


@ROUTES.add("GET", "/repos/{owner}/{repo}/installation", credential="jwt")
async def repository_installation(call: Call) -> Answer:
    """operationId apps/get-repo-installation."""
    found = call.world.installation_for(call.repository(), call.app)
    if found is None:
        raise not_found()
    return Answer(render.installation(call.world, found))


@ROUTES.add("POST", "/app/installations/{installation_id}/access_tokens", credential="jwt")
async def create_token(call: Call) -> Answer:
    """operationId apps/create-installation-access-token: asking for more than was granted is a 422."""
    installation = _installation(call)
    if installation.suspended_at:
        raise ApiError(403, "This installation has been suspended")
    permissions = call.body.get("permissions") or installation.permissions
    for name, level in permissions.items():
        if LEVELS.index(level) > LEVELS.index(installation.permissions.get(name, "none")):
            raise ApiError(422, "The permissions requested are not granted to this installation.")
    wanted = _wanted_repositories(call, installation)
    token = new_token(call.world, installation, dict(permissions), wanted)
    shape: dict[str, Any] = {
        "token": token.value,
        "expires_at": stamp(token.expires_at),
        "permissions": token.permissions,
        "repository_selection": "selected" if wanted is not None or installation.selected is not None else "all",
    }
    return Answer(shape, status=201)


def _installation(call: Call) -> Installation:
    found = call.world.installations.get(call.number("installation_id"))
    if found is None or found.app is not call.app:
        raise not_found()
    return found


def _wanted_repositories(call: Call, installation: Installation) -> frozenset[str] | None:
    names, ids = call.body.get("repositories"), call.body.get("repository_ids")
    if names is None and ids is None:
        return None
    covered = [repo for repo in call.world.repositories.values() if installation.covers(repo)]
    chosen = frozenset(r.full_name for r in covered if r.name in (names or ()) or r.id in (ids or ()))
    if len(chosen) < len(set(names or ())) + len(set(ids or ())):
        raise ApiError(
            422,
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
        )
    return chosen


@ROUTES.add("GET", "/installation/repositories")
async def list_repositories(call: Call) -> Answer:
    """operationId apps/list-repos-accessible-to-installation."""
    reached = [repo for repo in call.world.repositories.values() if call.token.reaches(repo)]
    items, headers = page(call, reached)
    body = {
        "total_count": len(reached),
        "repositories": [render.repository(call.world, repo) for repo in items],
        "repository_selection": "all" if call.token.installation.selected is None else "selected",
    }
    return Answer(body, headers=headers)


@ROUTES.add("GET", "/app/hook/deliveries", credential="jwt")
async def list_deliveries(call: Call) -> Answer:
    """operationId apps/list-webhook-deliveries: newest first, walked by cursor, the last three days."""
    kept = [d for d in reversed(call.world.deliveries) if d.app is call.app and _is_kept(call.world, d)]
    if (wanted := call.query.get("status")) is not None:
        kept = [d for d in kept if d.succeeded == (wanted == "success")]
    if (cursor := call.query.get("cursor")) is not None:
        kept = [d for d in kept if d.id <= _cursor(cursor)]
    size = min(int(call.query.get("per_page", "30")), 100)
    headers = cursor_link(call, "next", f"v1_{kept[size].id}") if len(kept) > size else {}
    return Answer([delivery(call.world, d) for d in kept[:size]], headers=headers)


def _cursor(text: str) -> int:
    version, _, number = text.partition("_")
    if version != "v1" or not number.isdecimal():
        raise ApiError(400, "Invalid cursor", violation=True)
    return int(number)


def _is_kept(world: World, which: HookDelivery) -> bool:
    return which.delivered_at >= world.clock.now() - KEPT


def _delivery(call: Call) -> HookDelivery:
    number = call.number("delivery_id")
    for found in call.world.deliveries:
        if found.id == number and found.app is call.app and _is_kept(call.world, found):
            return found
    raise not_found()


@ROUTES.add("GET", "/app/hook/deliveries/{delivery_id}", credential="jwt")
async def get_delivery(call: Call) -> Answer:
    """operationId apps/get-webhook-delivery."""
    found = _delivery(call)
    shape = delivery(call.world, found) | {
        "url": found.app.webhook_url or "",
        "request": {"headers": found.request_headers, "payload": found.payload},
        "response": {"headers": {}, "payload": ""},
    }
    return Answer(shape)


def redeliver_route(resend: Any) -> Routes:
    """The endpoint that asks for another attempt; `resend` sends a prepared delivery later.

    operationId apps/redeliver-webhook-delivery: 202 with an empty object; the new attempt keeps the GUID.
    """
    routes = Routes()

    @routes.add("POST", "/app/hook/deliveries/{delivery_id}/attempts", credential="jwt")
    async def redeliver(call: Call) -> Answer:
        resend(again(call.world, _delivery(call)))
        return Answer({}, status=202)

    return routes


def again(world: World, which: HookDelivery) -> HookDelivery:
    """A new attempt at a delivery."""
    return replace(
        which, id=world.new_id(), delivered_at=world.clock.now(), redelivery=True, status="pending", status_code=0
    )


def delivery(world: World, which: HookDelivery) -> dict[str, Any]:
    """Schema hook-delivery-item."""
    payload = which.payload
    return {
        "id": which.id,
        "guid": which.guid,
        "delivered_at": stamp(which.delivered_at),
        "redelivery": which.redelivery,
        "duration": round(which.duration, 2),
        "status": which.status,
        "status_code": which.status_code,
        "event": which.event,
        "action": which.action,
        "installation_id": payload.get("installation", {}).get("id"),
        "repository_id": payload.get("repository", {}).get("id"),
        "throttled_at": None,
    }


def installation_event(world: World, which: Installation, sender: Any) -> dict[str, Any]:
    """Payload of `installation`, as in octokit/webhooks' example installation.created; `action` is the sender's."""
    briefs = [
        {
            "id": repo.id,
            "node_id": node_id("R", repo.id),
            "name": repo.name,
            "full_name": repo.full_name,
            "private": repo.private,
        }
        for repo in world.repositories.values()
        if which.covers(repo)
    ]
    return {
        "installation": render.installation(world, which),
        "repositories": briefs,
        "requester": None,
        "sender": render.user(world, sender),
    }


def app_by_default(world: World, app: App | None) -> App:
    """The App that is meant where a test has just one."""
    return app or next(reversed(world.apps.values()))
