"""How builds in a Copr end, and what their logs tell, whatever these look like."""

import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.build import Cancelled, Failed, FailureReason, Phase, Succeeded
from tests.fakes.copr.place import Place, ended, place, prepare, submit
from tests.fakes.copr.stage import CHROOT, get
from tests.fakes.copr.worker import Scripted, Source, Work, built, failed


@pytest.fixture
def script() -> Scripted:
    return Scripted()


@pytest.fixture
def here(tmp_path: Path, script: Scripted) -> Iterator[Place]:
    with place(tmp_path, script) as found:
        yield found


@pytest.fixture
def in_pulp(tmp_path: Path, script: Scripted) -> Iterator[Place]:
    with place(tmp_path, script, pulp=True) as found:
        yield found


async def test_a_build_that_is_called_failed_with_its_packages_there_has_succeeded(
    here: Place, script: Scripted
) -> None:
    script.otherwise = lambda job: replace(built(job), claimed_failed=True)
    builder = here.builder()
    ref = await submit(builder)

    status = await ended(builder, ref)

    assert here.build(ref).state == "failed"
    assert status.outcome == Succeeded()
    assert (await builder.artifacts(ref)).binaries == ("foo-1-1.noarch",)
    assert (await builder.publish(await prepare(builder), [ref], 0)).packages


async def test_packages_that_a_copr_could_not_upload_to_where_it_serves_them_are_no_success(
    in_pulp: Place, script: Scripted
) -> None:
    script.otherwise = lambda job: replace(built(job), claimed_failed=True)
    builder = in_pulp.builder()
    there = await ended(builder, await submit(builder))
    in_pulp.server.storage.broken_metadata = True
    lost = await ended(builder, await submit(builder, "bar"))

    assert there.outcome == Succeeded()
    assert isinstance(lost.outcome, Failed)
    assert lost.outcome.reason is FailureReason.INFRASTRUCTURE
    assert "could not put them where it serves them from" in lost.outcome.cause


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, FailureReason.INFRASTRUCTURE),
        (b"", FailureReason.INFRASTRUCTURE),
        (gzip.compress(b"Executing(%build): x\n" + b"a.c:1:1: error: no good\n" * 5000)[:-40], FailureReason.COMPILE),
        (gzip.compress(bytes(range(256)) * 9000), FailureReason.INFRASTRUCTURE),
        (gzip.compress(b"Executing(%check): x\n\xff\xfe\xc3( \xe9\nFAILED t.py::a\n"), FailureReason.CHECK),
        (
            gzip.compress(b"noise\n" * 20_000_000 + b"Executing(%build): x\na.c:1:1: error: late\n"),
            FailureReason.COMPILE,
        ),
    ],
    ids=["missing", "empty", "truncated", "binary", "not-utf8", "huge"],
)
async def test_whatever_a_log_looks_like_there_is_an_outcome(
    here: Place, script: Scripted, content: bytes | None, reason: FailureReason
) -> None:
    script.otherwise = failed
    builder = here.builder()
    ref = await submit(builder)
    while here.build(ref).state != "failed":
        here.server.farm.advance()
    log = here.server.results(here.build(ref)) / "builder-live.log.gz"
    log.unlink()
    if content is not None:
        log.write_bytes(content)

    outcome = (await ended(builder, ref)).outcome

    assert isinstance(outcome, Failed)
    assert outcome.reason is reason
    assert len(await builder.log(ref, -100, 1000)) <= 100


async def test_a_log_that_is_not_compressed_yet_is_read_as_it_is(here: Place, script: Scripted) -> None:
    here.server.storage.lag = True
    script.otherwise = failed
    builder = here.builder()
    ref = await submit(builder)

    outcome = (await ended(builder, ref)).outcome

    assert isinstance(outcome, Failed)
    assert outcome.cause == "bad.c:1:1: error: no good"
    assert b"error: no good" in await builder.log(ref, 0, 1 << 20)


async def test_a_running_log_is_read_by_range_and_past_its_end_there_is_nothing(here: Place, script: Scripted) -> None:
    script.otherwise = lambda job: Work(done=False, log=b"0123456789")
    builder = here.builder()
    ref = await submit(builder)
    here.server.run()

    parts = [await builder.log(ref, *at) for at in ((2, 3), (-4, 2), (10, 5), (8, 100))]

    assert parts == [b"234", b"67", b"", b"89"]


async def test_a_log_that_ends_while_it_is_read_is_read_on(here: Place, script: Scripted) -> None:
    script.otherwise = lambda job: Work(done=False, log=b"0123456789")
    builder = here.builder()
    ref = await submit(builder)
    here.server.run()
    first = await builder.log(ref, 0, 4)
    script.otherwise = lambda job: Work(log=b"0123456789 and the end\n", packages=built(job).packages)
    here.server.run()

    assert first + await builder.log(ref, 4, 100) == b"0123456789 and the end\n"


async def test_a_source_package_that_cannot_be_made_is_told_apart(here: Place, script: Scripted) -> None:
    script.sources = lambda job: None
    script.source_log = b"error: line 3: Unknown tag: Naem: foo\n"
    builder = here.builder()
    ref = await submit(builder)

    outcome = (await ended(builder, ref)).outcome

    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.phase) == (FailureReason.SRPM, Phase.SRPM)
    assert "Unknown tag" in outcome.cause
    assert b"Unknown tag" in await builder.log(ref, 0, 100)


async def test_a_root_that_cannot_be_made_is_unresolvable(here: Place, script: Scripted) -> None:
    told = b"Start: dnf5 builddep\nFailed to resolve the transaction:\nNo match for argument: libnone-devel\n"
    script.otherwise = lambda job: Work(log=told, ok=False)
    builder = here.builder()

    outcome = (await ended(builder, await submit(builder))).outcome

    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.phase) == (FailureReason.UNRESOLVABLE, Phase.BUILDROOT)


async def test_an_architecture_that_a_package_excludes_is_no_regression(here: Place, script: Scripted) -> None:
    script.sources = lambda job: Source(name="foo", excludearch=("x86_64",))
    builder = here.builder()

    outcome = (await ended(builder, await submit(builder))).outcome

    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureReason.UNRESOLVABLE


async def test_a_build_that_took_too_long_timed_out(here: Place, script: Scripted) -> None:
    script.otherwise = lambda job: Work(log=b"Executing(%check): x\n !! Copr timeout => sending INT\n", ok=False)
    builder = here.builder()

    outcome = (await ended(builder, await submit(builder))).outcome

    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.phase) == (FailureReason.TIMEOUT, Phase.CHECK)


async def test_somebody_else_cancels_a_build(here: Place) -> None:
    builder = here.builder()
    ref = await submit(builder)
    here.server.builds.cancel(next(iter(here.server.users.values())), here.build(ref))

    assert (await ended(builder, ref)).outcome == Cancelled()


async def test_repositories_may_be_elsewhere_than_results(in_pulp: Place, script: Scripted) -> None:
    script.table["user"] = lambda job: built(job, "foo")
    builder = in_pulp.builder()
    workspace = await prepare(builder)
    ref = await submit(builder)
    await ended(builder, ref)

    state = await builder.publish(workspace, [ref], 0)
    later = await ended(builder, await submit(builder, "user"))

    assert state.url == f"{in_pulp.server.url}/content/bot/{in_pulp.build(ref).directory}/{CHROOT}/"
    assert state.packages[0].binaries == ("foo-1-1.noarch",)
    assert "foo-1-1.noarch" in later.installed
    assert get(f"{state.url}repodata/repomd.xml").ok
    assert get(f"{state.url.replace('/content/', '/results/')}repodata/repomd.xml").status_code == 404
    assert await builder.log(ref, 0, 10)


async def test_rebuilds_do_not_see_one_another(here: Place, script: Scripted) -> None:
    script.table["user"] = lambda job: built(job, "foo")
    builder = here.builder()
    await ended(builder, await submit(builder, "foo"))

    status = await ended(builder, await submit(builder, "user"))

    assert status.installed == ("host-base-1-1.noarch",)
