"""Pushes to a branch: it may be the base of merge requests, whose baseline and configuration have moved with it."""

from gidgetlab.routing import Router
from gidgetlab.sansio import Event

from bot.domain.intents import RepositoryTouched
from handlers import payload
from handlers.gitlab import place
from handlers.payload import Heard

EVENT = "Push Hook"
router = Router()

_BRANCH = "refs/heads/"


@router.register(EVENT)
async def pushed(event: Event, heard: Heard) -> None:
    """A deleted branch, whose new commit is all zeros, is of no interest: GitLab closes what was to go there."""
    ref = payload.text(event.data, "ref")
    if ref.startswith(_BRANCH) and payload.words(event.data, "after").strip("0"):
        repo = place.project(heard.forge, event.data)
        heard.intents.append(RepositoryTouched(repo=repo, branch=ref.removeprefix(_BRANCH)))
