"""Webhooks as the API shows them: who hears of what, what was sent, and once more.

Read in: GitLab docs, "Project webhooks API" (maintainers only; resending five times a minute); lib/api/hooks/events.rb
(at most 20 a page) and lib/api/entities/web_hook_log.rb.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.fakes.gitlab import render
from tests.fakes.gitlab.model import MAINTAINER, Hook, HookEvent
from tests.fakes.gitlab.wire import PAGED, Answer, ApiError, Call, Routes, not_found, paged

PER_MINUTE = 5
_NAMES = {
    "push_events": "Push Hook", "merge_requests_events": "Merge Request Hook", "note_events": "Note Hook",
    "pipeline_events": "Pipeline Hook",
}  # fmt: skip
_TAKEN = {"url": str, "token": str, "enable_ssl_verification": bool, **dict.fromkeys(_NAMES, bool)}
_HOOK = "projects/:id/hooks/:hook_id"


def routes(resend: Callable[[HookEvent], Awaitable[HookEvent]]) -> Routes:
    """The endpoints; `resend` delivers an event once more and returns the attempt."""
    found, resent = Routes(), list[datetime]()

    @found.add("GET", "projects/:id/hooks", PAGED)
    async def hooks(call: Call) -> Answer:
        where = call.project(at_least=MAINTAINER)
        return paged(call, [_hook(hook) for hook in where.hooks], f"projects/{where.id}/hooks")

    @found.add("POST", "projects/:id/hooks", _TAKEN, ["url"])
    async def create(call: Call) -> Answer:
        where = call.project(at_least=MAINTAINER)
        hook = Hook(next(call.world.small_ids), where, "", ())
        _take(hook, {"push_events": True, **call.given})
        where.hooks.append(hook)
        return Answer(_hook(hook), status=201)

    @found.add("PUT", _HOOK, _TAKEN, ["url"])
    async def edit(call: Call) -> Answer:
        hook = _of(call)
        _take(hook, call.given)
        return Answer(_hook(hook))

    @found.add("GET", "personal_access_tokens/self")
    async def token(call: Call) -> Answer:
        mine = next(one for one in call.world.tokens.values() if one.user is call.user and not one.revoked)
        end = mine.expires_at.date().isoformat() if mine.expires_at else None
        return Answer({"id": 1, "name": "revdeps", "scopes": list(mine.scopes), "active": True, "expires_at": end})

    @found.add("GET", f"{_HOOK}/events", {**PAGED, "status": str})
    async def events(call: Call) -> Answer:
        hook = _of(call)
        sent = [_event(one) for one in reversed(call.world.events) if one.hook is hook]
        return paged(call, sent, f"projects/{hook.project.id}/hooks/{hook.id}/events", most=20)

    @found.add("POST", f"{_HOOK}/events/:event_id/resend")
    async def again(call: Call) -> Answer:
        hook, number = _of(call), call.number("event_id")
        event = next((one for one in call.world.events if one.id == number and one.hook is hook), None)
        if event is None:
            raise not_found()
        now = call.world.now()
        resent[:] = [one for one in resent if now - one < timedelta(minutes=1)]
        if len(resent) >= PER_MINUTE:
            raise ApiError(429, {"error": "This endpoint has been requested too many times. Try again later."})
        resent.append(now)
        return Answer({"response_status": (await resend(event)).status}, status=201)

    return found


def _of(call: Call) -> Hook:
    where = call.project(at_least=MAINTAINER)
    hook = next((one for one in where.hooks if one.id == call.number("hook_id")), None)
    if hook is None:
        raise not_found()
    return hook


def _take(hook: Hook, given: Mapping[str, Any]) -> None:
    """A hook keeps the events that are not mentioned; changing it switches it on again."""
    wanted = {name: name in hook.events for name in _NAMES.values()}
    wanted |= {_NAMES[key]: bool(value) for key, value in given.items() if key in _NAMES}
    hook.events = tuple(name for name, on in wanted.items() if on)
    hook.url, hook.token = given["url"], given.get("token", hook.token)
    hook.failures, hook.disabled_until = 0, None


def _hook(hook: Hook) -> dict[str, Any]:
    return {
        "id": hook.id, "url": hook.url, "project_id": hook.project.id,
        "push_events": "Push Hook" in hook.events, "merge_requests_events": "Merge Request Hook" in hook.events,
        "note_events": "Note Hook" in hook.events, "pipeline_events": "Pipeline Hook" in hook.events,
        "enable_ssl_verification": True,
        "alert_status": "temporarily_disabled" if hook.disabled_until else "executable",
        "disabled_until": render.stamp(hook.disabled_until) if hook.disabled_until else None,
    }  # fmt: skip


def _event(event: HookEvent) -> dict[str, Any]:
    return {
        "id": event.id, "url": event.hook.url, "trigger": "push_hooks", "request_data": event.payload,
        "request_headers": event.headers, "response_headers": {}, "response_body": "", "execution_duration": 0.1,
        "response_status": event.status, "created_at": render.stamp(event.created_at),
    }  # fmt: skip
