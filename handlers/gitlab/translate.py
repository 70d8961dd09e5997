"""From an event's name and payload to intents: the one door into this package.

GitLab switches a hook off that was answered with errors four times in a row, for a minute first, for ever at last. One
kind of event that is not as documented must not silence all others; so it is logged, and nothing comes of it.
"""

import logging
from collections.abc import Mapping

from gidgetlab.routing import Router
from gidgetlab.sansio import Event

from bot.domain.intents import Intent
from bot.engine.intake import MalformedEvent
from handlers.gitlab import merge_request, note, pipeline, push
from handlers.payload import Heard, words

log = logging.getLogger(__name__)

_MODULES = (merge_request, note, pipeline, push)


class GitLabTranslator:
    """Turns GitLab's events into intents. `forge` is the forge's name in the settings."""

    def __init__(self, forge: str) -> None:
        self._forge = forge
        self.events = frozenset(module.EVENT for module in _MODULES)
        """The names of the events that have a handler."""
        self._router = Router(*(module.router for module in _MODULES))

    async def __call__(self, event: str, payload: object) -> tuple[Intent, ...]:
        """Return what an event asks for, nothing for one of no interest or that cannot be read."""
        if event not in self.events:
            return ()
        heard = Heard(forge=self._forge)
        try:
            await self._router.dispatch(_event(event, payload), heard)
        except MalformedEvent as error:
            log.warning("malformed %r of %s: %s", event, self._forge, error)
            return ()
        return tuple(heard.intents)


def _event(name: str, payload: object) -> Event:
    """Return an event that gidgetlab can route, whatever came."""
    if not isinstance(payload, Mapping):
        raise MalformedEvent("the payload is no object")
    words(payload, "object_attributes", "action")
    if payload.get("object_attributes", {}) is None:
        payload = {**payload, "object_attributes": {}}
    return Event(payload, event=name)
