"""Comments on pull requests. Only new ones count: an edit after the fact must not be a command."""

from gidgethub.routing import Router
from gidgethub.sansio import Event

from bot.domain.intents import Commented
from handlers import payload
from handlers.payload import Heard

router = Router()


@router.register("issue_comment", action="created")
async def commented(event: Event, heard: Heard) -> None:
    """A person wrote on an open pull request. Bots, ourselves among them, are not listened to: two would never end."""
    if (
        payload.find(event.data, "issue", "pull_request") is None
        or payload.text(event.data, "issue", "state") != "open"
    ):
        return
    # An author who deleted his account since is null.
    if payload.find(event.data, "comment", "user") is None or _by_bot(event):
        return
    heard.intents.append(
        Commented(
            change=payload.change(heard.forge, event.data, "issue", "number"),
            comment=str(payload.identifier(event.data, "comment", "id")),
            author=payload.text(event.data, "comment", "user", "login"),
            body=payload.words(event.data, "comment", "body"),
            written_at=payload.moment(event.data, "comment", "created_at"),
        )
    )


def _by_bot(event: Event) -> bool:
    return "Bot" in {
        payload.words(event.data, "sender", "type"),
        payload.words(event.data, "comment", "user", "type"),
    }
