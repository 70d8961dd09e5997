"""Builds that a backend gives no answer about wait by themselves; logs are read several at a time, but not all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.domain.build import BuildRequest, Succeeded
from bot.domain.ids import BuildKey, BuildRef
from bot.domain.run import Conclusion
from bot.domain.verdict import Verdict
from bot.engine.poller import Poller
from bot.ports.builder import LOGS_AT_ONCE
from bot.ports.errors import Transient
from tests.fakes.builder import FakeBuilder
from tests.fakes.resolver import affected
from tests.scenario.harness import Stage, stage

NAMES = [f"app-{number:02}" for number in range(60)]
PASSING = dict.fromkeys(NAMES, Verdict.STILL_PASSING)


class Silent(FakeBuilder):
    """Gives no answer about some packages, for as long as it is told to."""

    def __init__(self, *packages: str) -> None:
        super().__init__(slots=100, outcome_for=lambda request: Succeeded())
        self.silent_about = set(packages)
        self.asked: list[str] = []

    async def submit(self, key: BuildKey, request: BuildRequest) -> BuildRef:
        self.asked.append(request.package)
        if request.package in self.silent_about:
            raise Transient("its source package cannot be fetched")
        return await super().submit(key, request)


class Counted(FakeBuilder):
    """Takes its time over logs, and counts how many are being read."""

    reading = most = 0

    async def log(self, ref: BuildRef, offset: int, length: int) -> bytes:
        self.reading += 1
        self.most = max(self.most, self.reading)
        await asyncio.sleep(0)
        self.reading -= 1
        return await super().log(ref, offset, length)


@asynccontextmanager
async def over(directory: Path, builder: FakeBuilder) -> AsyncIterator[Stage]:
    async with stage(directory, builders={"fake": builder}) as revdeps:
        builder.clock = revdeps.clock
        revdeps.resolver.script_impact(["libfoo"], *map(affected, NAMES))
        yield revdeps


async def work(revdeps: Stage, poller: Poller) -> None:
    """Reconcile and poll with one poller, which remembers what got no answer, until all is done that can be."""
    reconciler = revdeps.reconciler()
    for _ in range(10):
        while await reconciler.reconcile_one():
            pass
        await poller.poll_once()


def poller_of(revdeps: Stage) -> Poller:
    return Poller(world=revdeps.world, backend="fake", owner=revdeps.owner, woke=lambda: None, strict=True)


async def test_a_build_that_gets_no_answer_keeps_no_other_waiting(tmp_path: Path) -> None:
    builder = Silent("app-00")
    async with over(tmp_path, builder) as revdeps:
        ref, poller = await revdeps.open(), poller_of(revdeps)
        await work(revdeps, poller)

        found = await revdeps.verdicts(ref)
        assert found == {name: Verdict.STILL_PASSING for name in NAMES if name != "app-00"}
        assert builder.asked.count("app-00") == 1

        builder.silent_about.clear()
        await work(revdeps, poller)
        assert builder.asked.count("app-00") == 1, "it was asked for again before its time"

        revdeps.clock.pass_time(seconds=5)
        await work(revdeps, poller)
        assert await revdeps.verdicts(ref) == PASSING
        assert revdeps.check(ref).conclusion is Conclusion.SUCCESS


async def test_the_longer_there_is_no_answer_the_longer_a_build_waits(tmp_path: Path) -> None:
    builder = Silent("app-00")
    async with over(tmp_path, builder) as revdeps:
        await revdeps.open()
        poller = poller_of(revdeps)
        tries = []
        for _ in range(25):
            await work(revdeps, poller)
            tries.append(builder.asked.count("app-00"))
            revdeps.clock.pass_time(seconds=5)
        # After 5, 15 and 60 seconds.
        assert [tries.index(count) for count in range(1, 5)] == [0, 1, 4, 16]


async def test_a_backend_that_gives_no_answer_at_all_is_not_asked_for_everything(tmp_path: Path) -> None:
    builder = Silent(*NAMES)
    async with over(tmp_path, builder) as revdeps:
        ref, poller = await revdeps.open(), poller_of(revdeps)
        await work(revdeps, poller)
        await work(revdeps, poller)
        asked = len(builder.asked) - 1  # without the change itself
        assert asked < len(NAMES)

        builder.silent_about.clear()
        for _ in range(3):
            revdeps.clock.pass_time(seconds=5)
            await work(revdeps, poller)
        assert await revdeps.verdicts(ref) == PASSING


@pytest.mark.parametrize("package", ["libfoo", "app-00"])
async def test_what_somebody_cancels_while_it_waits_is_not_submitted(tmp_path: Path, package: str) -> None:
    builder = Silent(package)
    async with over(tmp_path, builder) as revdeps:
        ref = await revdeps.open()
        await revdeps.settle()
        await revdeps.say(ref, "/revdeps cancel")
        builder.silent_about.clear()
        revdeps.clock.pass_time(minutes=2)
        await revdeps.settle()
        assert builder.asked.count(package) == 1
        assert revdeps.check(ref).conclusion is Conclusion.CANCELLED


async def test_logs_are_read_several_at_a_time_and_not_all_at_once(tmp_path: Path) -> None:
    builder = Counted(slots=100, outcome_for=lambda request: Succeeded())
    async with over(tmp_path, builder) as revdeps:
        ref = await revdeps.open()
        await revdeps.settle()
        assert await revdeps.verdicts(ref) == PASSING
        assert 1 < builder.most <= LOGS_AT_ONCE
