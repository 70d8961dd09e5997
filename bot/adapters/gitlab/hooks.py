"""What GitLab remembers of its deliveries (seven days), so that those we missed can be asked for again.

Read in GitLab's "Project webhooks API" and lib/api/hooks/events.rb: only maintainers may look, and a hook's events are
resent at most five times a minute. Where the bot has less rights, or GitLab is too old to tell when an event was, what
was missed is found by comparing open merge requests alone.
"""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.adapters.gitlab.client import GitLabClient
from bot.adapters.gitlab.failures import Forbidden
from bot.ports.clock import Clock
from bot.ports.errors import Gone, Transient
from bot.ports.forge import Delivery

_MAINTAINER = 40
_PER_PAGE = 20
"""More GitLab refuses."""
_REFUSED_FOR_GOOD = frozenset({"400", "413", "415"})
"""What the webhook's endpoint answers to content that would be as wrong the next time."""
_KEY = "Idempotency-Key"
_PER_MINUTE = 5
_MINUTE = timedelta(minutes=1, seconds=1)


class Resending:
    """Keeps to the limit by itself: GitLab's refusal would be taken for one of all requests."""

    def __init__(self, client: GitLabClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._sent: defaultdict[str, deque[datetime]] = defaultdict(lambda: deque(maxlen=_PER_MINUTE))

    async def redeliver(self, delivery: Delivery) -> None:
        """Ask GitLab to try again; it keeps the idempotency key. Raises `Transient` where that was done too often."""
        now, sent = self._clock.now(), self._sent[delivery.ref.partition("/events/")[0]]
        if len(sent) == _PER_MINUTE and now - sent[0] < _MINUTE:
            raise Transient("a hook's events are sent again five times a minute", _MINUTE - (now - sent[0]))
        sent.append(now)
        await self._client.post(delivery.ref, {})


async def missed(client: GitLabClient, since: datetime) -> Sequence[Delivery]:
    """Return the deliveries that no attempt brought here, oldest first; each by its newest attempt."""
    if not client.settings.hook_url:
        return ()
    found: list[Delivery] = []
    for project in await client.pages("projects", membership="true", archived="false", min_access_level=_MAINTAINER):
        found += await _of_project(client, client.remember(project).id, since)
    return tuple(sorted(found, key=lambda delivery: delivery.delivered_at))


async def _of_project(client: GitLabClient, project: int, since: datetime) -> Sequence[Delivery]:
    try:
        hooks = await client.pages(f"projects/{project}/hooks")
        ours = [hook["id"] for hook in hooks if hook["url"] == client.settings.hook_url]
        return [
            one for hook in ours for one in await _of_hook(client, f"projects/{project}/hooks/{hook}/events", since)
        ]
    except (Forbidden, Gone):
        return ()


async def _of_hook(client: GitLabClient, address: str, since: datetime) -> Sequence[Delivery]:
    arrived: set[str] = set()
    failed: dict[str, Delivery] = {}
    for item in await client.pages(address, lambda item: _when(item, since) < since, per_page=_PER_PAGE):
        guid = str(item["request_headers"].get(_KEY, ""))
        status = str(item["response_status"])
        if status.startswith("2") or status in _REFUSED_FOR_GOOD:
            arrived.add(guid)
        elif guid:
            failed.setdefault(guid, _delivery(item, guid, address))
    return [delivery for guid, delivery in failed.items() if guid not in arrived]


def _delivery(item: Mapping[str, Any], guid: str, address: str) -> Delivery:
    return Delivery(
        guid=guid,
        delivered_at=datetime.fromisoformat(item["created_at"]),
        succeeded=False,
        ref=f"{address}/{item['id']}/resend",
    )


def _when(item: Mapping[str, Any], since: datetime) -> datetime:
    """Return when an event was sent; one without a time is too old a GitLab's, and ends the search."""
    sent = item.get("created_at")
    return datetime.fromisoformat(sent) if sent else datetime.min.replace(tzinfo=since.tzinfo)
