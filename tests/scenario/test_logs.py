"""Logs that are missing, break off, are huge, binary or no UTF-8: the verdict stands, and what there is is kept."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.build import BuildRequest, Outcome
from bot.domain.ids import BuildKey, BuildRef
from bot.domain.run import Conclusion
from bot.domain.verdict import Verdict
from bot.engine.build_logs import log_chunks
from bot.ports.errors import Transient
from tests.fakes.builder import FakeBuilder
from tests.fakes.resolver import affected
from tests.scenario.harness import Stage, stage
from tests.scenario.outcomes import breaks

MIB = 2**20
BINARY = (
    bytes(range(256)) * 300 + "\udcff\u202egnp.exe ".encode(errors="surrogatepass") + b"\x1b]0;title\x07\xff\xfe end\n"
)


@pytest.fixture
async def revdeps(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as found:
        found.resolver.script_impact(["libfoo"], affected("bar"))
        found.builder.outcome_for = breaks("bar")
        yield found


class Worded(FakeBuilder):
    """Says the same of every build, and how much was asked for at once. `after` so many bytes it breaks off."""

    def __init__(self, said: bytes, after: int | None = None) -> None:
        super().__init__()
        self.said = said
        self.after = after
        self.asked: list[tuple[int, int]] = []

    async def log(self, ref: BuildRef, offset: int, length: int) -> bytes:
        """Return a part of what is said."""
        del ref
        self.asked.append((offset, length))
        if self.after is not None and offset >= self.after:
            raise Transient("the backend went away")
        return self.said[offset : offset + length]


async def kept(revdeps: Stage, key: str) -> bytes:
    return b"".join([chunk async for chunk in revdeps.world.logs.read(BuildKey(key))])


@pytest.mark.parametrize(
    "log", [b"", BINARY, b"\xff" * 100_000, b"no newline " * 30_000], ids=["empty", "binary", "no-utf8", "one-line"]
)
async def test_whatever_a_log_holds_the_run_is_judged_and_reported(revdeps: Stage, log: bytes) -> None:
    def ending(request: BuildRequest) -> Outcome:
        key = next(build.key for build in revdeps.builder.builds.values() if build.request is request)
        revdeps.builder.write_log(key, log)
        return breaks("bar")(request)

    revdeps.builder.outcome_for = ending
    ref = await revdeps.open()
    await revdeps.settle()

    assert await revdeps.verdicts(ref) == {"bar": Verdict.REGRESSED}
    assert revdeps.check(ref).conclusion is Conclusion.FAILURE
    assert not set("\x00\x1b\x07\u202e\udcff") & set(revdeps.comment(ref))
    (first, *_) = [key for key in revdeps.builder.started if revdeps.builder.request(key).package == "bar"]
    assert (await kept(revdeps, first)).startswith(log)


async def test_a_log_that_cannot_be_had_keeps_no_verdict_waiting(revdeps: Stage) -> None:
    for _ in range(20):
        revdeps.builder.fail_next("log", Transient("the log's host is down"))
    ref = await revdeps.open()
    await revdeps.settle()

    assert await revdeps.verdicts(ref) == {"bar": Verdict.REGRESSED}


async def test_a_log_is_fetched_by_parts_and_never_as_a_whole() -> None:
    builder = Worded(b"x" * (3 * MIB + 5))

    sizes = [len(chunk) async for chunk in log_chunks(builder, BuildRef("1"))]

    assert sum(sizes) == 3 * MIB + 5
    assert max(length for _, length in builder.asked) < MIB
    assert [offset for offset, _ in builder.asked] == [sum(sizes[:count]) for count in range(len(sizes))]


async def test_of_a_log_that_breaks_off_nothing_is_kept_that_looks_whole(revdeps: Stage) -> None:
    builder = Worded(b"x" * MIB, after=MIB // 2)

    with pytest.raises(Transient):
        await revdeps.world.logs.save(BuildKey("c/1"), log_chunks(builder, BuildRef("1")))

    assert await kept(revdeps, "c/1") == b""
    assert await revdeps.world.logs.tail(BuildKey("c/1"), 10) is None
