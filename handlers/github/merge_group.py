"""Merge queues: a group is to be tested, or is over."""

import re

from gidgethub.routing import Router
from gidgethub.sansio import Event

from bot.domain.intents import Refresh
from bot.domain.run import ChangeRef
from bot.engine.intake import MalformedEvent
from handlers import payload
from handlers.payload import Heard

router = Router()

_REF = re.compile(r"refs/heads/(?P<branch>gh-readonly-queue/.+/pr-(?P<number>[0-9]{1,9})-[0-9a-f]+)")


@router.register("merge_group", action="checks_requested")
@router.register("merge_group", action="destroyed")
async def asked(event: Event, heard: Heard) -> None:
    """Look at the group: it is there, and its commit waits for a check, or it is gone."""
    ref = payload.text(event.data, "merge_group", "head_ref")
    found = _REF.fullmatch(ref)
    if found is None:
        raise MalformedEvent(f"merge_group.head_ref is {ref[:80]!r}, not a merge queue's branch")
    repo = payload.repository(heard.forge, event.data, "repository")
    heard.intents.append(Refresh(change=ChangeRef(repo=repo, number=int(found["number"]), queue=found["branch"])))
