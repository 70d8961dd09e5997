"""The App was installed, removed, paused or given other rights on an account."""

from gidgethub.routing import Router
from gidgethub.sansio import Event

from bot.domain.intents import RepositoryTouched
from handlers import payload
from handlers.payload import Heard

router = Router()


@router.register("installation", action="created")
@router.register("installation", action="unsuspend")
@router.register("installation", action="new_permissions_accepted")
async def installed(event: Event, heard: Heard) -> None:
    """Look at everything in these repositories. Where GitHub names none, the next resync finds them."""
    _touch(event, heard, removed=False)


@router.register("installation", action="deleted")
@router.register("installation", action="suspend")
async def removed(event: Event, heard: Heard) -> None:
    """Nothing can be read or written in these repositories any more."""
    _touch(event, heard, removed=True)


def _touch(event: Event, heard: Heard, *, removed: bool) -> None:
    for entry in payload.entries(event.data, "repositories"):
        repo = payload.repository(heard.forge, entry)
        heard.intents.append(RepositoryTouched(repo=repo, removed=removed))
