"""What many builds in a Koji hub cost: requests are for all of them together, and the trouble of one is its own."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import koji
import pytest

from bot.adapters.koji import KojiBuilder
from bot.adapters.koji.logs import TAIL
from bot.domain.build import BuildRequest, BuildState, Failed, SrpmSource
from bot.domain.ids import BuildKey, BuildRef, RunId, SnapshotId, WorkspaceRef
from bot.ports.builder import LOGS_AT_ONCE, BuildStatus, WorkspaceSpec
from bot.ports.errors import Gone, Rejected
from tests.fakes.koji.threaded import TAG, Place, place
from tests.fakes.koji.worker import Scripted, failed, going

MANY = 30


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path, Scripted(), ["app"]) as made:
        made.hub.add_build(made.hub.world.tags_by_name[TAG], "app")
        yield made


async def workspace(builder: KojiBuilder, here: Place, run: str = "run") -> WorkspaceRef:
    return await builder.prepare(WorkspaceSpec(run=RunId(run), target=here.target, snapshot=SnapshotId("0" * 40)))


def rebuild(here: Place, where: WorkspaceRef) -> BuildRequest:
    source = SrpmSource(location=f"{here.hub.topurl}/packages/app/1/1/src/app-1-1.src.rpm", checksum="sha256:0")
    return BuildRequest(package="app", workspace=where, source=source, timeout=timedelta(hours=1))


async def submitted(builder: KojiBuilder, request: BuildRequest, count: int = MANY) -> list[BuildRef]:
    return await asyncio.gather(*(builder.submit(BuildKey(f"k{number}"), request) for number in range(count)))


async def done(builder: KojiBuilder, refs: Sequence[BuildRef]) -> Mapping[BuildRef, BuildStatus]:
    for _ in range(50):
        found = await builder.poll(refs)
        if all(status.state is BuildState.DONE for status in found.values()):
            return found
    raise AssertionError("they do not end")


def requests(here: Place) -> int:
    return sum(here.hub.calls.values())


async def test_builds_that_are_asked_for_together_are_two_requests(here: Place) -> None:
    builder = here.builder()
    request = rebuild(here, await workspace(builder, here))
    await builder.find([])
    before = requests(here)

    refs = await submitted(builder, request)

    assert requests(here) - before == 2
    assert len(set(refs)) == MANY
    assert await here.builder().find([BuildKey("k7")]) == {BuildKey("k7"): refs[7]}


async def test_what_is_refused_is_refused_for_itself(here: Place) -> None:
    builder = here.builder()
    request = rebuild(here, await workspace(builder, here))
    here.hub.fail(method="build", fault=koji.ActionNotAllowed("not you"))

    found = await asyncio.gather(*(builder.submit(BuildKey(key), request) for key in "abc"), return_exceptions=True)

    assert [str(each) for each in found if isinstance(each, Rejected)] == ["Koji (test) does not allow it: not you"]
    assert len([each for each in found if isinstance(each, str)]) == 2


async def test_a_side_tag_that_was_removed_takes_nothing_else_with_it(here: Place) -> None:
    builder = here.builder()
    gone, there = await workspace(builder, here, "gone"), await workspace(builder, here)
    here.hub.remove_tag(gone)

    found = await asyncio.gather(
        builder.submit(BuildKey("a"), rebuild(here, gone)),
        builder.submit(BuildKey("b"), rebuild(here, there)),
        return_exceptions=True,
    )

    assert isinstance(found[0], Gone)
    assert found[1] in await builder.poll([BuildRef(str(found[1]))])


async def test_a_hub_that_is_away_is_told_to_everybody_who_asked(here: Place) -> None:
    builder = here.builder()
    request = rebuild(here, await workspace(builder, here))
    here.hub.fail(method="build", fault=koji.ServerOffline("upgrading"), times=2)

    found = await asyncio.gather(*(builder.submit(BuildKey(key), request) for key in "ab"), return_exceptions=True)

    assert [type(each).__name__ for each in found] == ["Transient", "Transient"]


@pytest.mark.parametrize("count", [2, 12])
async def test_however_many_builds_fail_at_once_the_requests_are_few(here: Place, count: int) -> None:
    long = b"a.c:1:1: error: no good\n" + b"make: still at it\n" * 18_000
    here.hub.worker.table["app"] = lambda job: failed(job, log=long)
    builder = here.builder()
    refs = await submitted(builder, rebuild(here, await workspace(builder, here)), count)
    await done(here.builder(), refs)
    before = requests(here)

    found = await builder.poll(refs)

    assert all(isinstance(status.outcome, Failed) for status in found.values())
    # States; what became of them; their roots; what was in these; sizes of logs; their ends, no more than 5 of the
    # longest in an answer (root.log is short).
    assert requests(here) - before == 5 + -(-count * TAIL // (5 * TAIL))


async def test_logs_that_are_read_together_are_one_request(here: Place) -> None:
    builder = here.builder()
    refs = await submitted(builder, rebuild(here, await workspace(builder, here)), LOGS_AT_ONCE)
    await done(builder, refs)
    before = requests(here)

    logs = await asyncio.gather(*(builder.log(ref, 0, 1 << 18) for ref in refs))

    assert logs == [b"+ make\nWrote: it\n"] * LOGS_AT_ONCE
    assert requests(here) - before == 1


async def begun(builder: KojiBuilder, here: Place) -> list[BuildRef]:
    """Builds that the builder knows to be begun, and that go on."""
    here.hub.worker.table["app"] = lambda _: going()
    refs = await submitted(builder, rebuild(here, await workspace(builder, here)), 3)
    while not all(status.state is BuildState.RUNNING for status in (await builder.poll(refs)).values()):
        pass
    return refs


async def test_of_builds_that_go_on_it_is_asked_in_one_request_whether_they_have_ended(here: Place) -> None:
    builder = here.builder()
    refs = await begun(builder, here)
    info = here.hub.fail(method="getTaskInfo", fault=koji.GenericError("nobody need ask"))
    before = requests(here)

    found = await builder.poll(refs)

    assert requests(here) - before == 1
    assert [status.state for status in found.values()] == [BuildState.RUNNING] * 3
    assert not info.hits


async def test_where_the_hub_does_not_say_whether_a_build_has_ended_it_is_looked_at(here: Place) -> None:
    builder = here.builder()
    refs = await begun(builder, here)
    here.hub.fail(method="taskFinished", fault=koji.GenericError("database error"))

    assert [status.state for status in (await builder.poll(refs)).values()] == [BuildState.RUNNING] * 3


async def test_a_build_that_was_begun_and_is_not_there_any_more_is_left_out(here: Place) -> None:
    builder = here.builder()
    refs = await begun(builder, here)
    here.hub.cancel(int(refs[1]))
    await done(here.builder(), [refs[1]])
    del here.hub.world.tasks[int(refs[1])]

    assert set(await builder.poll(refs)) == {refs[0], refs[2]}
