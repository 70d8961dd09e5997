"""Lets the engine work by turns until nothing goes on any more, and takes the time of each turn."""

import time
from collections.abc import Callable

from bot.engine.poller import Poller
from tests.scenario.harness import Stage


async def to_the_end(
    revdeps: Stage, idle_turns: float, longest: float, goes_on: Callable[[], bool] = lambda: False
) -> list[float]:
    """Reconcile and poll in turns until so many in a row had no work and nothing goes on; return the seconds of each.

    The clock goes on by the poll interval at each. Fails after `longest` seconds.
    """
    reconciler = revdeps.reconciler()
    poller = Poller(world=revdeps.world, backend="fake", owner="engine", woke=lambda: None, strict=True)
    turns: list[float] = []
    idle = 0
    end = time.monotonic() + longest
    while idle < idle_turns:
        begun = time.perf_counter()
        worked = False
        while await reconciler.reconcile_one():
            worked = True
        await poller.poll_once()
        turns.append(time.perf_counter() - begun)
        revdeps.clock.time += revdeps.world.settings.poll_interval
        idle = 0 if worked or goes_on() else idle + 1
        assert time.monotonic() < end, f"gave up after {longest} seconds and {len(turns)} turns"
    return turns
