"""What GitHub remembers of its deliveries (three days back), so that those we missed can be asked for again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.adapters.github.client import GitHubClient
from bot.ports.forge import Delivery

_UNDER_WAY = "pending"
_REFUSED_FOR_GOOD = frozenset({400, 413, 415})
"""What the webhook's endpoint answers to content that would be as wrong the next time."""


async def missed(client: GitHubClient, since: datetime) -> Sequence[Delivery]:
    """Return the deliveries that no attempt brought here, oldest first; each by its newest attempt."""
    arrived: set[str] = set()
    failed: dict[str, Delivery] = {}
    for item in await client.app_pages("/app/hook/deliveries?per_page=100", lambda item: _when(item) < since):
        delivery = Delivery(
            guid=item["guid"],
            delivered_at=_when(item),
            succeeded=200 <= item["status_code"] < 300,
            ref=str(item["id"]),
        )
        if item["status"] == _UNDER_WAY or item["status_code"] in _REFUSED_FOR_GOOD:
            arrived.add(delivery.guid)  # It may still arrive, and the next look will tell; or it never will.
        elif delivery.succeeded:
            arrived.add(delivery.guid)
        else:
            failed.setdefault(delivery.guid, delivery)
    missing = [delivery for guid, delivery in failed.items() if guid not in arrived]
    return tuple(sorted(missing, key=lambda delivery: delivery.delivered_at))


def _when(item: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(item["delivered_at"])


async def redeliver(client: GitHubClient, delivery: Delivery) -> None:
    """Ask GitHub to try again; it keeps the GUID."""
    await client.app_post("/app/hook/deliveries/{id}/attempts", {"id": delivery.ref})
