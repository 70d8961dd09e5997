"""Merge requests: whatever happened to one that matters, it is looked at again.

The same event may come twice within seconds; a hint is a hint.
"""

from gidgetlab.routing import Router
from gidgetlab.sansio import Event

from bot.domain.intents import Refresh
from handlers import payload
from handlers.gitlab import place
from handlers.payload import Heard

EVENT = "Merge Request Hook"
router = Router()

_ABOUT = "object_attributes"
_NEWS = ("draft", "labels", "state_id", "target_branch", "title")
"""Changes that may be news. Drafts were titles once."""


@router.register(EVENT, action="open")
@router.register(EVENT, action="reopen")
@router.register(EVENT, action="close")
@router.register(EVENT, action="merge")
async def moved(event: Event, heard: Heard) -> None:
    """Its state is another now."""
    heard.intents.append(Refresh(change=place.merge_request(heard.forge, event.data, _ABOUT)))


@router.register(EVENT, action="update")
async def updated(event: Event, heard: Heard) -> None:
    """Somebody pushed, who has to be trusted as well as the author; or it was edited."""
    if payload.words(event.data, _ABOUT, "oldrev"):
        heard.intents.append(
            Refresh(
                change=place.merge_request(heard.forge, event.data, _ABOUT),
                pushed_sha=payload.words(event.data, _ABOUT, "last_commit", "id"),
                pushed_by=payload.words(event.data, "user", "username"),
            )
        )
    elif any(payload.find(event.data, "changes", key) is not None for key in _NEWS):
        await moved(event, heard)
