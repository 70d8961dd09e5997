"""Pull requests: whatever happened to one, it is looked at again.

The webhook may be late and out of order; what the forge answers when it is asked is not.
"""

from gidgethub.routing import Router
from gidgethub.sansio import Event

from bot.domain.intents import Refresh
from handlers import payload
from handlers.payload import Heard

router = Router()


@router.register("pull_request", action="opened")
@router.register("pull_request", action="reopened")
@router.register("pull_request", action="ready_for_review")
@router.register("pull_request", action="converted_to_draft")
@router.register("pull_request", action="closed")
@router.register("pull_request", action="labeled")
@router.register("pull_request", action="unlabeled")
async def moved(event: Event, heard: Heard) -> None:
    """Its head, state, draft flag or labels are others now."""
    heard.intents.append(Refresh(change=payload.change(heard.forge, event.data, "pull_request", "number")))


@router.register("pull_request", action="synchronize")
async def synchronized(event: Event, heard: Heard) -> None:
    """Somebody pushed: whoever pushed last has to be trusted, not only the author."""
    change = payload.change(heard.forge, event.data, "pull_request", "number")
    sha = payload.words(event.data, "pull_request", "head", "sha")
    heard.intents.append(Refresh(change=change, pushed_sha=sha, pushed_by=payload.words(event.data, "sender", "login")))


@router.register("pull_request", action="edited")
async def edited(event: Event, heard: Heard) -> None:
    """Only a new base matters; a new title or description changes nothing that is tested."""
    if payload.find(event.data, "changes", "base") is not None:
        await moved(event, heard)
