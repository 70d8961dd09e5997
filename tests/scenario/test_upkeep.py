"""What grows with time is cut back and never what a run needs; and metadata that are not the newest are told of."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.run import Conclusion
from bot.engine.upkeep import Upkeep
from tests.fakes.pages import MemoryLogs
from tests.fakes.resolver import affected
from tests.scenario.harness import Stage
from tests.scenario.outcomes import breaks


def upkeep(revdeps: Stage, logs: MemoryLogs) -> Upkeep:
    return Upkeep(replace(revdeps.world, logs=logs))


async def test_what_a_run_has_pinned_is_kept_until_it_cannot_be_taken_up_again(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks()
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), sources=10)
    ref = await revdeps.open()
    await revdeps.settle(until=lambda: revdeps.resolver.calls["impact"] > 0)
    logs = MemoryLogs()
    await upkeep(revdeps, logs).once()
    pinned = {target.snapshot for run in (await revdeps.view(ref)).runs for target in run.targets}
    assert revdeps.resolver.kept == pinned != {None}
    await revdeps.settle()
    revdeps.clock.pass_time(days=3)
    await upkeep(revdeps, logs).once()
    assert revdeps.resolver.kept == pinned
    revdeps.clock.pass_time(seconds=1)
    await upkeep(revdeps, logs).once()
    assert revdeps.resolver.kept == frozenset()


async def test_logs_are_removed_when_they_are_as_old_as_the_operator_says(revdeps: Stage) -> None:
    logs = MemoryLogs()
    settings = replace(revdeps.world.settings, log_retention=timedelta(days=2))
    await Upkeep(replace(revdeps.world, logs=logs, settings=settings)).once()
    assert logs.pruned == [revdeps.clock.now() - timedelta(days=2)]


async def test_packages_of_roots_that_no_build_had_any_more_are_removed(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks()
    await revdeps.open()
    await revdeps.settle()
    (key, *_) = revdeps.builder.started
    async with revdeps.world.store.transaction() as tx:
        await tx.roots.put({key: ["glibc-1-1.x86_64"]})
        await tx.roots.put({key: ["musl-1-1.x86_64"]})
    await upkeep(revdeps, MemoryLogs()).once()
    async with revdeps.world.store.transaction() as tx:
        assert await tx.roots.prune() == 0
        assert await tx.roots.get([key]) == {key: ("musl-1-1.x86_64",)}


async def test_trouble_does_not_end_the_upkeep(revdeps: Stage) -> None:
    class Stubborn(MemoryLogs):
        """It stops the upkeep, once it has got that far."""

        async def prune(self, before: datetime) -> int:
            stop.set()
            raise OSError("read-only file system")

    stop = asyncio.Event()
    await asyncio.wait_for(upkeep(revdeps, Stubborn()).run(stop), 10)
    assert revdeps.resolver.calls["prune"] == 1


async def test_older_metadata_are_told_of_in_the_report_and_the_check(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks()
    revdeps.resolver.move("rawhide", stale=True)
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), sources=10)
    ref = await revdeps.open()
    await revdeps.settle()
    check = revdeps.check(ref)
    assert check.conclusion is Conclusion.SUCCESS
    assert "older metadata was used" in check.summary + check.text
