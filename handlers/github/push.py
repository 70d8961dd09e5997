"""Pushes to a branch: it may be the base of pull requests, whose baseline and configuration have moved with it."""

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
    # What a merge queue does on its branches is told by events of its own.
    of_a_base = ref.startswith(_BRANCH) and not ref.startswith(f"{_BRANCH}gh-readonly-queue/")
    if of_a_base and payload.find(event.data, "deleted") is not True:
        repo = payload.repository(heard.forge, event.data, "repository")
        heard.intents.append(RepositoryTouched(repo=repo, branch=ref.removeprefix(_BRANCH)))
