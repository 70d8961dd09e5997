"""Webhooks as the API shows them: who hears of what, what was sent, and once more.

Read in: GitLab docs, "Project webhooks API" (maintainers only; resending five times a minute); lib/api/hooks/events.rb
(at most 20 a page) and lib/api/entities/web_hook_log.rb.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from tests.fakes.gitlab import render
from tests.fakes.gitlab.model import MAINTAINER, Hook, HookEvent
from tests.fakes.gitlab.wire import PAGED, Answer, ApiError, Call, Routes, not_found, paged

PER_MINUTE = 5
_HOOK = "projects/:id/hooks/:hook_id"


def routes(resend: Callable[[HookEvent], Awaitable[HookEvent]]) -> Routes:
    """The endpoints; `resend` delivers an event once more and returns the attempt."""
    found, resent = Routes(), list[datetime]()

    @found.add("GET", "projects/:id/hooks", PAGED)
    async def hooks(call: Call) -> Answer:
        where = call.project(at_least=MAINTAINER)
        return paged(call, [_hook(hook) for hook in where.hooks], f"projects/{where.id}/hooks")

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
