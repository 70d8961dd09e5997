"""Long answers are put together while the event loop goes on, and the cycle collector leaves them alone."""

import asyncio
import gc
import time
import weakref
from array import array

from bot.adapters.hawkey.packed_order import order_from, pack_order
from bot.adapters.hawkey.parcels import affected_from, counted, gently, pack
from bot.adapters.hawkey.uncollected import uncollected
from bot.domain.plan import Cycle, RebuildOrder

SOURCES = 4_000
SHARES = 4
LONGEST = 0.02
"""Seconds of its own CPU time for which an answer may hold up the event loop: what others do to it is no matter."""


def rows(places: range) -> list[tuple[object, ...]]:
    """Return findings in whose buildroots are twenty others, and the package itself."""
    return [
        (
            1,
            place,
            (f"s{place:05}", 0, "1", "1", "src", f"file:///s{place:05}.rpm", "sha256:00", False, False),
            "rebuild",
            ((f"s{place:05}", "libz", "zlib"),),
            "",
            "00",
            "11",
            array("I", sorted({place, *range(20)})).tobytes(),
        )
        for place in places
    ]


class Clock:
    """Notes the longest time for which the loop was busy with something else, in CPU seconds."""

    longest = 0.0

    async def run(self) -> None:
        while True:
            begun = time.thread_time()
            await asyncio.sleep(0)
            self.longest = max(self.longest, time.thread_time() - begun)


async def test_an_answer_is_put_together_while_the_loop_goes_on() -> None:
    parts = [rows(range(number, SOURCES, SHARES)) for number in range(SHARES)]
    packed, counts = [pack(part) for part in parts], [counted(part) for part in parts]
    clock = Clock()
    ticking = asyncio.create_task(clock.run())
    found = await gently(affected_from(packed, counts))
    ticking.cancel()
    assert [item.source.name for item in found] == [f"s{place:05}" for place in range(SOURCES)]
    assert {item.dependents for item in found[:20]} == {SOURCES - 1}
    assert {item.dependents for item in found[20:]} == {0}
    assert found[0].contains == tuple(f"s{place:05}" for place in range(1, 20))
    assert found[-1].contains == tuple(f"s{place:05}" for place in range(20))
    assert 0 < clock.longest < LONGEST


async def test_the_edges_of_an_order_travel_as_numbers_and_are_made_while_the_loop_goes_on() -> None:
    needed = tuple(f"a{number:03}" for number in range(100))
    needy = tuple(f"b{number:05}" for number in range(5_000))
    order = RebuildOrder(
        levels=(needed, needy),
        edges=tuple((one, other) for one in needy for other in needed),
        cycles=(Cycle(members=needed[:2], cuts=()),),
    )
    packed = pack_order(order)
    assert packed.bare == RebuildOrder(levels=order.levels, cycles=order.cycles)
    clock = Clock()
    ticking = asyncio.create_task(clock.run())
    found = await order_from(packed)
    ticking.cancel()
    assert found == order
    assert 0 < clock.longest < LONGEST


def test_nothing_is_collected_inside_and_everything_as_before_outside() -> None:
    assert gc.isenabled()
    with uncollected():
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_where_nobody_collects_nobody_begins_to() -> None:
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_garbage_of_before_is_not_kept_with_what_is_made() -> None:
    class Cycle:
        def __init__(self) -> None:
            self.itself = self

    gone = weakref.ref(Cycle())
    with uncollected():
        assert gone() is None
        made = [[number] for number in range(100_000)]
    assert len(made) == 100_000


def test_much_that_was_made_is_left_out_for_good() -> None:
    before = gc.get_freeze_count()
    with uncollected():
        made = [[number] for number in range(100_000)]
    assert gc.get_freeze_count() - before >= len(made)
