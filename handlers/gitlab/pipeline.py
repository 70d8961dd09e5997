"""Pipelines of merge requests: in a new one our status has to stand as well, or what it said would be forgotten.

A merge train's pipeline is about a commit of its own, which waits for a check, or is over.
"""

from dataclasses import replace

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
    """Look at the merge request when its pipeline begins. A pipeline that was made for our own status is no news."""
    about = "object_attributes"
    if payload.find(event.data, "merge_request") is None or payload.find(event.data, about, "source") == "external":
        return
    change = place.merge_request(heard.forge, event.data, "merge_request")
    if payload.text(event.data, about, "ref") == f"refs/merge-requests/{change.number}/train":
        change = replace(change, queue=f"refs/merge-requests/{change.number}/train")
    if change.queue or payload.words(event.data, about, "status") in _BEGINS:
        heard.intents.append(Refresh(change=change))
