"""Whatever the logs of a build in a Koji hub look like, there is an outcome and something to read."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.build import BuildRequest, BuildState, Failed, FailureReason, SrpmSource
from bot.domain.ids import BuildKey, RunId, SnapshotId
from bot.ports.builder import WorkspaceSpec
from tests.fakes.koji.threaded import TAG, Place, place
from tests.fakes.koji.worker import Job, Scripted, Work, failed

FAULT = b"Executing(%build): x\na.c:1:1: error: no good\n"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path, Scripted(), ["app"]) as made:
        made.hub.add_build(made.hub.world.tags_by_name[TAG], "app")
        yield made


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (None, FailureReason.INFRASTRUCTURE),
        (b"", FailureReason.INFRASTRUCTURE),
        (bytes(range(256)) * 400, FailureReason.INFRASTRUCTURE),
        (FAULT[:-3], FailureReason.COMPILE),
        (b"Executing(%check): x\n\xff\xfe\xc3( \xe9\nFAILED t.py::a\n", FailureReason.CHECK),
        (b"noise\n" * 500_000 + FAULT, FailureReason.COMPILE),
    ],
    ids=["missing", "empty", "binary", "truncated", "not-utf8", "huge"],
)
async def test_whatever_a_log_looks_like_there_is_an_outcome(
    here: Place, log: bytes | None, reason: FailureReason
) -> None:
    def work(job: Job) -> Work:
        made = failed(job, 1, log or b"")
        return made if log is not None else replace(made, logs={})

    here.hub.worker.table["app"] = work
    builder = here.builder()
    where = await builder.prepare(WorkspaceSpec(run=RunId("r"), target=here.target, snapshot=SnapshotId("0" * 40)))
    source = SrpmSource(location=f"{here.hub.topurl}/packages/app/1/1/src/app-1-1.src.rpm", checksum="sha256:0")
    request = BuildRequest(package="app", workspace=where, source=source, timeout=timedelta(hours=1))
    ref = await builder.submit(BuildKey("k"), request)
    while (status := (await builder.poll([ref]))[ref]).state is not BuildState.DONE:
        pass

    assert isinstance(status.outcome, Failed)
    assert status.outcome.reason is reason
    assert len(await builder.log(ref, -100, 1000)) <= 100
    assert await builder.log(ref, 1 << 30, 10) == b""
