"""Pipelines of merge requests: in a new one our status has to stand as well, or what it said would be forgotten."""

from gidgetlab.routing import Router
from gidgetlab.sansio import Event

from bot.domain.intents import Refresh
from handlers import payload
from handlers.gitlab import place
from handlers.payload import Heard

EVENT = "Pipeline Hook"
router = Router()

_BEGINS = frozenset({"created", "waiting_for_resource", "preparing", "pending", "running"})


@router.register(EVENT)
async def began(event: Event, heard: Heard) -> None:
    """Look at the merge request when its pipeline begins. Pipelines that outside jobs alone have made are our own."""
    about = "object_attributes"
    if payload.find(event.data, "merge_request") is None or payload.find(event.data, about, "source") == "external":
        return
    if payload.words(event.data, about, "status") in _BEGINS:
        heard.intents.append(Refresh(change=place.merge_request(heard.forge, event.data, "merge_request")))
