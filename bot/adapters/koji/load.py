"""How busy a hub's builders are."""

from collections.abc import Collection
from typing import Any


def load(session: Any, channel: int | str, arches: Collection[str]) -> float:
    """Return how much of a channel's capacity is taken, from 0 to 1, on that architecture where it is most.

    1 where an architecture has no builder. A host counts with no more load than its capacity, however overloaded.
    """
    with session.multicall() as many:
        asked = [
            many.listHosts(arches=[arch], channelID=channel, enabled=True, ready=True) for arch in sorted(arches)
        ] or [many.listHosts(channelID=channel, enabled=True, ready=True)]
    return max(_taken(answer.result) for answer in asked)


def _taken(hosts: list[dict[str, Any]]) -> float:
    capacity = sum(host["capacity"] for host in hosts)
    return sum(min(host["task_load"], host["capacity"]) for host in hosts) / capacity if capacity else 1.0
