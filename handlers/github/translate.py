"""From an event's name and payload to intents: the one door into this package.

Each kind of event has a module with a router of its own; there is at most one handler for an event and its action,
because gidgethub calls handlers in no fixed order and one that fails would skip the rest.
"""

from gidgethub.routing import Router
from gidgethub.sansio import Event

from bot.domain.intents import Intent
from bot.engine.intake import MalformedEvent
from handlers.github import (
    check_run,
    check_suite,
    installation,
    installation_repositories,
    issue_comment,
    pull_request,
    push,
)
from handlers.payload import Heard, find

_ROUTERS = {
    "check_run": check_run.router,
    "check_suite": check_suite.router,
    "installation": installation.router,
    "installation_repositories": installation_repositories.router,
    "issue_comment": issue_comment.router,
    "pull_request": pull_request.router,
    "push": push.router,
}


class GitHubTranslator:
    """Turns GitHub's events into intents. `forge` is the forge's name in the settings, `app_id` our App's."""

    def __init__(self, forge: str, app_id: int) -> None:
        self._forge = forge
        self._app_id = app_id
        self.events = frozenset(_ROUTERS)
        """The names of the events that have a handler."""
        self.router = Router(*_ROUTERS.values())

    async def __call__(self, event: str, payload: object) -> tuple[Intent, ...]:
        """Return what an event asks for, nothing for one of no interest. Raises `MalformedEvent`."""
        action = find(payload, "action")
        if payload is None or not (action is None or isinstance(action, str)):
            raise MalformedEvent("the payload is no object" if payload is None else "action is no text")
        heard = Heard(forge=self._forge, own_id=self._app_id)
        await self.router.dispatch(Event(payload, event=event, delivery_id=""), heard)
        return tuple(heard.intents)
