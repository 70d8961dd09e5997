"""Pull requests: whatever happened to one that matters, it is looked at again.

A draft is a title that begins with `WIP:`, so that a new title may be news.
"""

from gidgethub.routing import Router
from gidgethub.sansio import Event

from bot.domain.intents import Refresh
from handlers import payload
from handlers.payload import Heard

router = Router()


@router.register("pull_request", action="opened")
@router.register("pull_request", action="reopened")
@router.register("pull_request", action="closed")
@router.register("pull_request", action="label_updated")
@router.register("pull_request", action="label_cleared")
async def moved(event: Event, heard: Heard) -> None:
    """Its head, state or labels are others now."""
    heard.intents.append(Refresh(change=payload.change(heard.forge, event.data, "number")))


@router.register("pull_request", action="synchronized")
async def synchronized(event: Event, heard: Heard) -> None:
    """Somebody pushed: whoever pushed last has to be trusted, not only the author."""
    change = payload.change(heard.forge, event.data, "number")
    sha = payload.words(event.data, "pull_request", "head", "sha")
    heard.intents.append(Refresh(change=change, pushed_sha=sha, pushed_by=payload.words(event.data, "sender", "login")))


@router.register("pull_request", action="edited")
async def edited(event: Event, heard: Heard) -> None:
    """A new base or title matters; a new description changes nothing that is tested."""
    if any(payload.find(event.data, "changes", key) is not None for key in ("ref", "title")):
        await moved(event, heard)
