"""The App was given, or lost, some repositories of an account that has it installed."""

from gidgethub.routing import Router
from gidgethub.sansio import Event

from bot.domain.intents import RepositoryTouched
from handlers import payload
from handlers.payload import Heard

router = Router()


@router.register("installation_repositories", action="added")
@router.register("installation_repositories", action="removed")
async def selection_changed(event: Event, heard: Heard) -> None:
    """One event names those that were added and those that were removed."""
    for key, removed in (("repositories_added", False), ("repositories_removed", True)):
        for entry in payload.entries(event.data, key):
            repo = payload.repository(heard.forge, entry)
            heard.intents.append(RepositoryTouched(repo=repo, removed=removed))
