"""From an event's name and payload to intents, by gidgethub's routers: for forges that name events as GitHub does.

Each kind of event has a module with a router of its own; there is at most one handler for an event and its action,
because gidgethub calls handlers in no fixed order and one that fails would skip the rest.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import lru_cache

from gidgethub.routing import Router
from gidgethub.sansio import Event

from bot.domain.intents import Intent
from bot.engine.intake import MalformedEvent
from handlers.payload import Heard, find

_ACTIONS = 256
"""Of all forges and events together there are fewer that anybody has documented."""


class RoutedTranslator:
    """Turns a forge's events into intents. `listen` makes what handlers are given beside an event."""

    def __init__(self, routers: Mapping[str, Router], listen: Callable[[], Heard]) -> None:
        self._listen = listen
        self.events = frozenset(routers)
        """The names of the events that have a handler."""
        self.router = Router(*routers.values())
        self._handlers = lru_cache(_ACTIONS)(self._routed)

    async def __call__(self, event: str, payload: object) -> tuple[Intent, ...]:
        """Return what an event asks for, nothing for one of no interest. Raises `MalformedEvent`."""
        action = find(payload, "action")
        if payload is None or not (action is None or isinstance(action, str)):
            raise MalformedEvent("the payload is no object" if payload is None else "action is no text")
        handlers = self._handlers(event, action)
        if not handlers:
            return ()
        heard = self._listen()
        for handle in handlers:
            await handle(Event(payload, event=event, delivery_id=""), heard)
        return tuple(heard.intents)

    def _routed(self, event: str, action: str | None) -> Collection[Callable[..., Awaitable[None]]]:
        """Return the handlers of an event and its action; there are few pairs, and looking one up is not free."""
        return self.router.fetch(Event({} if action is None else {"action": action}, event=event, delivery_id=""))
