"""A rebuild order on its way out of a solver process: about a whole distribution it has hundreds of thousands of edges.

They travel as numbers, in one piece, and are made anew a few at a time, as other long answers are (see `parcels`).
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from bot.adapters.hawkey.parcels import gently
from bot.domain.plan import RebuildOrder

_SOME = 2_000
"""So many edges are made at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedOrder:
    """An order, and apart from it its edges: of each both ends, as places in the levels one after the other."""

    bare: RebuildOrder
    ends: "array[int]"


def pack_order(order: RebuildOrder) -> PackedOrder:
    """Pack an order; both ends of every edge are in its levels."""
    place = {name: number for number, name in enumerate(chain.from_iterable(order.levels))}
    ends = array("I", map(place.__getitem__, chain.from_iterable(order.edges)))
    return PackedOrder(bare=replace(order, edges=()), ends=ends)


async def order_from(packed: PackedOrder) -> RebuildOrder:
    """Make the order anew, while the event loop goes on."""
    import asyncio  # which solver processes do without

    edges = await gently(_edges(packed))
    found = replace(packed.bare, edges=tuple(edges))
    await asyncio.sleep(0)  # with a million edges it takes as long again to let go of the list
    return found


def _edges(packed: PackedOrder) -> Iterator[tuple[str, str] | None]:
    names = tuple(chain.from_iterable(packed.bare.levels))
    for start in range(0, len(packed.ends), 2 * _SOME):
        ends = map(names.__getitem__, packed.ends[start : start + 2 * _SOME])
        yield from zip(ends, ends, strict=True)
        yield None
