"""Repositories that come and go: webhooks of an organisation or of the whole server hear of them."""

from gidgethub.routing import Router
from gidgethub.sansio import Event

from bot.domain.intents import RepositoryTouched
from handlers import payload
from handlers.payload import Heard

router = Router()


@router.register("repository", action="created")
@router.register("repository", action="deleted")
async def came_or_went(event: Event, heard: Heard) -> None:
    """Look at everything in it, or at nothing any more."""
    repo = payload.repository(heard.forge, event.data, "repository")
    removed = payload.text(event.data, "action") == "deleted"
    heard.intents.append(RepositoryTouched(repo=repo, removed=removed))
