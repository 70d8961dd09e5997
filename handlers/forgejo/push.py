"""Pushes to a branch: it may be the base of pull requests, whose baseline and configuration have moved with it.

*Test delivery* on a webhook's page sends one as well.
"""

from gidgethub.routing import Router
from gidgethub.sansio import Event

from bot.domain.intents import RepositoryTouched
from handlers import payload
from handlers.payload import Heard

router = Router()

_BRANCH = "refs/heads/"


@router.register("push")
async def pushed(event: Event, heard: Heard) -> None:
    """Tags and deleted branches are of no interest: what was based on such a branch is closed by the forge."""
    ref = payload.text(event.data, "ref")
    if ref.startswith(_BRANCH) and payload.words(event.data, "after").strip("0"):
        repo = payload.repository(heard.forge, event.data, "repository")
        heard.intents.append(RepositoryTouched(repo=repo, branch=ref.removeprefix(_BRANCH)))
