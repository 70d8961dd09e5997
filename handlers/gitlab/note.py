"""Notes on merge requests. Only new ones count: an edit after the fact must not be a command."""

import re

from gidgetlab.routing import Router
from gidgetlab.sansio import Event

from bot.domain.intents import Commented
from handlers import payload
from handlers.gitlab import place
from handlers.payload import Heard

EVENT = "Note Hook"
router = Router()

_ABOUT = "object_attributes"
_BOT = re.compile(r"(?:project|group)_\d+_bot(?:_\w+)?|service_account_\w+")
"""How GitLab names the users of access tokens, and service accounts; an event does not tell them from people."""
_OURS = "<!-- revdeps:"
"""What all that we write begins with: our user may be an ordinary one."""


@router.register(EVENT)
async def commented(event: Event, heard: Heard) -> None:
    """A person wrote on an open merge request, for everybody to read. What bots write would never end."""
    if (
        payload.words(event.data, _ABOUT, "action") not in {"create", ""}  # "" until GitLab 16.11, which told no edits.
        or payload.find(event.data, _ABOUT, "noteable_type") != "MergeRequest"
        or payload.find(event.data, _ABOUT, "system") is True
        or payload.find(event.data, _ABOUT, "internal") is True
        or payload.text(event.data, "merge_request", "state") != "opened"
    ):
        return
    author, body = payload.text(event.data, "user", "username"), payload.words(event.data, _ABOUT, "note")
    if _BOT.fullmatch(author) or body.startswith(_OURS):
        return
    heard.intents.append(
        Commented(
            change=place.merge_request(heard.forge, event.data, "merge_request"),
            comment=str(payload.identifier(event.data, _ABOUT, "id")),
            author=author,
            body=body,
            written_at=payload.moment(event.data, _ABOUT, "created_at"),
        )
    )
