"""Check suites: "Re-run all checks" on a commit."""

from gidgethub.routing import Router
from gidgethub.sansio import Event

from bot.domain.intents import RerunRequested
from handlers import payload
from handlers.payload import Heard

router = Router()


@router.register("check_suite", action="rerequested")
async def suite_rerequested(event: Event, heard: Heard) -> None:
    """Try again what failed on this commit. Every App has a suite of its own; another's is none of our business."""
    if payload.identifier(event.data, "check_suite", "app", "id") != heard.own_id:
        return
    heard.intents.append(
        RerunRequested(
            repo=payload.repository(heard.forge, event.data, "repository"),
            head_sha=payload.text(event.data, "check_suite", "head_sha"),
            user=payload.text(event.data, "sender", "login"),
        )
    )
