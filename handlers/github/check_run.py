"""Check runs: somebody asks for one of ours again, or presses a button on it.

A fork's check events carry no pull requests, so the run is found by the `external_id` that we gave the check
(`run id/check name`), and the commit that it stood on goes with it.
"""

from gidgethub.routing import Router
from gidgethub.sansio import Event

from bot.domain.ids import RunId
from bot.domain.intents import ButtonPressed, RerunRequested
from handlers import payload
from handlers.payload import Heard

router = Router()


@router.register("check_run", action="rerequested")
async def check_rerequested(event: Event, heard: Heard) -> None:
    """Start the check's run anew."""
    if payload.identifier(event.data, "check_run", "app", "id") != heard.own_id:
        return
    heard.intents.append(
        RerunRequested(
            repo=payload.repository(heard.forge, event.data, "repository"),
            head_sha=payload.text(event.data, "check_run", "head_sha"),
            user=payload.text(event.data, "sender", "login"),
            run=_run(event),
        )
    )


@router.register("check_run", action="requested_action")
async def button_pressed(event: Event, heard: Heard) -> None:
    """A button was pressed; a check of ours without a run has none that could be."""
    run = _run(event)
    if run is None or payload.identifier(event.data, "check_run", "app", "id") != heard.own_id:
        return
    heard.intents.append(
        ButtonPressed(
            repo=payload.repository(heard.forge, event.data, "repository"),
            run=run,
            head_sha=payload.text(event.data, "check_run", "head_sha"),
            identifier=payload.text(event.data, "requested_action", "identifier"),
            user=payload.text(event.data, "sender", "login"),
        )
    )


def _run(event: Event) -> RunId | None:
    run, _, _ = payload.words(event.data, "check_run", "external_id").partition("/")
    return RunId(run) if run else None
