"""Comments on pull requests. Only new ones count: an edit after the fact must not be a command.

Forgejo's users and bots look alike, so that of bots only ourselves are known, by name, and Forgejo's own, whose ids
are negative: a deleted account's and that of its Actions.
"""

from gidgethub.routing import Router
from gidgethub.sansio import Event

from bot.domain.intents import Commented
from handlers import payload
from handlers.payload import Heard

router = Router()


@router.register("issue_comment", action="created")
async def commented(event: Event, heard: Heard) -> None:
    """A person wrote on an open pull request."""
    if payload.find(event.data, "is_pull") is not True or payload.text(event.data, "issue", "state") != "open":
        return
    author = payload.find(event.data, "comment", "user", "id")
    login = payload.words(event.data, "comment", "user", "login")
    if not (isinstance(author, int) and author > 0) or login.casefold() == heard.own_name.casefold():
        return
    heard.intents.append(
        Commented(
            change=payload.change(heard.forge, event.data, "issue", "number"),
            comment=str(payload.identifier(event.data, "comment", "id")),
            author=login,
            body=payload.words(event.data, "comment", "body"),
            written_at=payload.moment(event.data, "comment", "created_at"),
        )
    )
