"""What forecasts take for the queue is what it was a moment ago, and no longer."""

import asyncio
from datetime import timedelta

from bot.domain.backlog import Backlog
from bot.domain.build import Build, Succeeded
from bot.domain.costs import UNKNOWN, Cost
from bot.domain.ids import BuildKey, RunId
from tests.fakes.resolver import affected
from tests.scenario.harness import Stage


async def read(revdeps: Stage) -> Backlog:
    world = revdeps.world
    return await world.queues.of(world.store, "fake", revdeps.builder.capacity, ())


async def seen(revdeps: Stage) -> tuple[set[BuildKey], set[RunId]]:
    backlog = await read(revdeps)
    return {build.key for build in backlog.builds}, set(backlog.runs)


async def unfinished(revdeps: Stage) -> list[Build]:
    async with revdeps.world.store.transaction() as tx:
        return list(await tx.builds.unfinished("fake"))


async def test_a_queue_is_believed_for_a_moment(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    await revdeps.open()
    await revdeps.settle()
    revdeps.clock.pass_time(seconds=15)
    (build,) = await unfinished(revdeps)
    assert await seen(revdeps) == ({build.key}, {build.run})

    revdeps.builder.finish(build.key)
    for _ in range(2):
        await revdeps.settle()
    (later,) = await unfinished(revdeps)
    revdeps.clock.pass_time(seconds=14)
    assert await seen(revdeps) == ({build.key}, {build.run})
    revdeps.clock.pass_time(seconds=1)
    assert await seen(revdeps) == ({later.key}, {build.run})


async def test_a_queue_is_played_through_once_for_all_who_ask_at_once(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), affected("baz"))
    revdeps.builder.outcome_for = lambda request: Succeeded() if request.package == "libfoo" else None
    await revdeps.open()
    await revdeps.settle()
    revdeps.clock.pass_time(seconds=15)
    first, *others = await asyncio.gather(*(read(revdeps) for _ in range(3)))
    assert first.ends.keys() == {build.key for build in await unfinished(revdeps)}
    assert len(first.ends) == 2
    assert all(each is first for each in others)


async def test_what_a_package_costs_is_believed_for_longer_than_what_is_usual(revdeps: Stage) -> None:
    async def costs() -> tuple[Cost, Cost]:
        found = await revdeps.world.queues.costs(revdeps.world.store, [("rawhide", "libfoo"), ("rawhide", "bar")])
        return found.usual["rawhide"], found.own["rawhide", "bar"]

    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    revdeps.builder.outcome_for = lambda request: Succeeded() if request.package == "libfoo" else None
    assert await costs() == (UNKNOWN, UNKNOWN)
    await revdeps.open()
    await revdeps.settle()
    (build,) = await unfinished(revdeps)
    revdeps.clock.pass_time(minutes=9)
    revdeps.builder.finish(build.key)
    await revdeps.settle()
    revdeps.clock.pass_time(seconds=15)
    half = timedelta(minutes=9).total_seconds() / 2
    assert await costs() == (Cost(wall=half), UNKNOWN)
    revdeps.clock.pass_time(minutes=1)
    assert await costs() == (Cost(wall=half), Cost(wall=2 * half))
