"""What forecasts take for the queue is what it was a moment ago, and no longer."""

from bot.domain.build import Build
from bot.domain.ids import BuildKey, RunId
from tests.fakes.resolver import affected
from tests.scenario.harness import Stage


async def seen(revdeps: Stage) -> tuple[set[BuildKey], set[RunId]]:
    async with revdeps.world.store.transaction() as tx:
        builds, runs = await revdeps.world.queues.of(tx, "fake", revdeps.clock.now())
    return {build.key for build in builds}, set(runs)


async def unfinished(revdeps: Stage) -> list[Build]:
    async with revdeps.world.store.transaction() as tx:
        return list(await tx.builds.unfinished("fake"))


async def test_a_queue_is_believed_for_a_moment(revdeps: Stage) -> None:
    revdeps.resolver.script_impact(["libfoo"], affected("bar"))
    await revdeps.open()
    await revdeps.settle()
    (build,) = await unfinished(revdeps)
    assert await seen(revdeps) == ({build.key}, {build.run})

    revdeps.builder.finish(build.key)
    for _ in range(2):
        await revdeps.settle()
    (later,) = await unfinished(revdeps)
    revdeps.clock.pass_time(seconds=4)
    assert await seen(revdeps) == ({build.key}, {build.run})
    revdeps.clock.pass_time(seconds=1)
    assert await seen(revdeps) == ({later.key}, {build.run})
