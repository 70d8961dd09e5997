"""The Koji adapter against the fake hub: what goes wrong, what it costs, and what it asks of a hub."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import koji
import pytest

from bot.adapters.koji import Certificate, KojiBuilder
from bot.domain.build import (
    BuildRequest,
    BuildState,
    Cancelled,
    Failed,
    FailureReason,
    Phase,
    SrpmSource,
    Succeeded,
    TreeSource,
)
from bot.domain.config import PackageConfig, SourceMethod
from bot.domain.ids import BuildKey, BuildRef, RunId, SnapshotId, WorkspaceRef
from bot.domain.target import Target
from bot.ports.builder import BuildStatus, WorkspaceSpec
from bot.ports.errors import Gone, Misconfigured, Rejected, Transient
from tests.fakes.koji.policies import for_user
from tests.fakes.koji.stage import make_srpm
from tests.fakes.koji.threaded import TAG, Place, place
from tests.fakes.koji.worker import Job, Scripted, Work, built, failed, going

SPEC = "Name: lib\nVersion: 2\nRelease: 1\nSummary: A test\nLicense: MIT\nBuildArch: noarch\n%description\nA.\n%files\n"


def endless(job: Job) -> Work:
    return going()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path, Scripted(), ["lib", "app"]) as made:
        base = made.hub.world.tags_by_name[TAG]
        for name in ("lib", "app"):
            made.hub.add_build(base, name)
        yield made


async def workspace(builder: KojiBuilder, here: Place, run: str | None = "run") -> WorkspaceRef:
    spec = WorkspaceSpec(run=RunId(run) if run else None, target=here.target, snapshot=SnapshotId("0" * 40))
    return await builder.prepare(spec)


def rebuild(here: Place, where: WorkspaceRef, name: str = "app", generation: int = 0) -> BuildRequest:
    location = f"{here.hub.topurl}/packages/{name}/1/1/src/{name}-1-1.src.rpm"
    source = SrpmSource(location=location, checksum="sha256:0")
    return BuildRequest(package=name, workspace=where, source=source, timeout=timedelta(hours=1), generation=generation)


def real(here: Place, name: str) -> SrpmSource:
    """A source package that the hub has as a file."""
    file = make_srpm(here.sources / "real", name, "3")
    here.hub.add_build(here.hub.world.tags_by_name[TAG], name, file=file)
    return SrpmSource(location=f"{here.hub.topurl}/packages/{name}/3/1/src/{file.name}", checksum="sha256:0")


def change(here: Place, where: WorkspaceRef) -> BuildRequest:
    checkout = here.sources / "checkout"
    checkout.mkdir(parents=True, exist_ok=True)
    (checkout / "lib.spec").write_text(SPEC)
    source = TreeSource(
        directory=str(checkout),
        package=PackageConfig(spec="lib.spec", name="lib"),
        forge="github",
        repository="octocat/lib",
        commit="f" * 40,
    )
    return BuildRequest(package="lib", workspace=where, source=source, timeout=timedelta(hours=1), publishable=True)


async def done(builder: KojiBuilder, ref: BuildRef) -> BuildStatus:
    for _ in range(50):
        status = (await builder.poll([ref]))[ref]
        if status.state is BuildState.DONE:
            return status
    raise AssertionError(f"{ref} does not end")


async def outcome(here: Place, work: Callable[[Job], Work], key: str = "k") -> object:
    here.hub.worker.table["app"] = work
    builder = here.builder()
    ref = await builder.submit(BuildKey(key), rebuild(here, await workspace(builder, here)))
    return (await done(builder, ref)).outcome


async def test_what_only_a_copr_makes_is_refused(here: Place) -> None:
    builder = here.builder()
    request = change(here, await workspace(builder, here))
    assert isinstance(request.source, TreeSource)
    package = replace(request.source.package, method=SourceMethod.TITO)

    with pytest.raises(Rejected, match="`source: tito` needs a Copr"):
        await builder.submit(BuildKey("k"), replace(request, source=replace(request.source, package=package)))


async def test_a_rebuild_uses_the_source_package_that_koji_has(here: Place) -> None:
    builder = here.builder()
    ref = await builder.submit(BuildKey("k"), rebuild(here, await workspace(builder, here)))
    status = await done(builder, ref)

    task = here.hub.world.tasks[int(ref)]
    assert task.request[0] == "../packages/app/1/1/src/app-1-1.src.rpm"
    assert task.request[2]["scratch"] is True
    assert task.priority == koji.PRIO_DEFAULT + 5
    assert here.hub.calls["rawUpload"] == 0
    assert status.outcome == Succeeded()
    artifacts = await builder.artifacts(ref)
    assert (artifacts.source, artifacts.binaries) == ("app-1-1.src", ("app-1-1.x86_64",))


async def test_the_change_is_a_draft_that_nobody_sees_before_it_is_published(here: Place) -> None:
    here.hub.worker.table["app"] = lambda job: built(job, "lib")
    builder = here.builder()
    where, apart = await workspace(builder, here), await workspace(builder, here, None)
    draft = await builder.submit(BuildKey("c"), change(here, where))
    assert (await done(builder, draft)).outcome == Succeeded()
    before = await done(builder, await builder.submit(BuildKey("before"), rebuild(here, where)))

    state = await builder.publish(where, [draft], 0)

    after = await done(builder, await builder.submit(BuildKey("after"), rebuild(here, where)))
    baseline = await done(builder, await builder.submit(BuildKey("b"), rebuild(here, apart)))
    assert [("lib-2-1.noarch" in each.installed) for each in (before, after, baseline)] == [False, True, False]
    assert state.url.startswith(f"{here.hub.topurl}/repos/{where}/")
    assert [package.source for package in state.packages] == ["lib-2-1.src"]


async def test_nothing_is_published_into_the_baselines_and_no_scratch_build_at_all(here: Place) -> None:
    builder = here.builder()
    where, apart = await workspace(builder, here), await workspace(builder, here, None)
    ref = await builder.submit(BuildKey("k"), rebuild(here, where))
    await done(builder, ref)

    with pytest.raises(Rejected, match="scratch build"):
        await builder.publish(where, [ref], 0)
    with pytest.raises(Rejected, match="baselines"):
        await builder.publish(apart, [], 0)


@pytest.mark.parametrize(
    ("status", "reason", "phase"),
    [
        (1, FailureReason.COMPILE, Phase.BUILD),
        (10, FailureReason.COMPILE, Phase.BUILD),
        (11, FailureReason.TIMEOUT, Phase.BUILD),
        (20, FailureReason.INFRASTRUCTURE, None),
        (30, FailureReason.INFRASTRUCTURE, None),
        (70, FailureReason.INFRASTRUCTURE, None),
    ],
)
async def test_mocks_exit_status_says_what_kind_of_failure_it_is(
    here: Place, status: int, reason: FailureReason, phase: Phase | None
) -> None:
    found = await outcome(here, lambda job: failed(job, status))

    assert isinstance(found, Failed)
    assert (found.reason, found.phase) == (reason, phase)


async def test_root_log_tells_which_package_a_root_lacks(here: Place) -> None:
    lost = b"DEBUG util.py:459:  No match for argument: libfoo-devel\n"
    found = await outcome(here, lambda job: replace(work := failed(job, 30), logs=dict(work.logs) | {"root.log": lost}))

    assert isinstance(found, Failed)
    assert (found.reason, found.phase) == (FailureReason.UNRESOLVABLE, Phase.BUILDROOT)
    assert found.cause == "No match for argument: libfoo-devel"


async def test_a_builder_that_breaks_down_is_infrastructure(here: Place) -> None:
    found = await outcome(here, lambda job: replace(built(job), error=OSError("disk full")))

    assert isinstance(found, Failed)
    assert found.reason is FailureReason.INFRASTRUCTURE


async def test_a_task_that_somebody_else_cancelled_is_cancelled(here: Place) -> None:
    here.hub.worker.table["app"] = endless
    builder = here.builder()
    ref = await builder.submit(BuildKey("k"), rebuild(here, await workspace(builder, here)))
    here.hub.cancel(int(ref))

    assert (await done(builder, ref)).outcome == Cancelled()


async def test_a_side_tag_that_was_removed_underneath_is_gone_and_made_anew(here: Place) -> None:
    builder = here.builder()
    where = await workspace(builder, here)
    here.hub.remove_tag(where)

    with pytest.raises(Gone, match="was removed"):
        await builder.submit(BuildKey("k"), rebuild(here, where))
    assert await workspace(builder, here) != where


async def test_a_side_tag_whose_making_was_not_written_down_is_taken_again(here: Place) -> None:
    here.hub.fail(method="createSideTag", lose_answer=True)
    with pytest.raises(Transient):
        await workspace(here.builder(), here)
    builder = here.builder()
    (where,) = await builder.leftovers()

    assert await workspace(builder, here) == where
    assert await workspace(builder, here, run="second") != where


async def test_a_side_tag_whose_record_was_lost_is_nobody_elses_before_it_is_discarded(here: Place) -> None:
    """The run that it belongs to may go on, and would be tested with what another one shows in it."""
    where = await workspace(here.builder(), here)
    for record in here.settings.state.iterdir():
        record.unlink()
    builder = here.builder()
    another = await workspace(builder, here, run="second")

    assert another != where
    assert await builder.leftovers() == tuple(sorted([where, another]))
    with pytest.raises(Gone, match="there is no workspace"):
        await builder.submit(BuildKey("k"), rebuild(here, where))


async def test_too_many_side_tags_are_told_as_the_hub_tells_it(here: Place) -> None:
    here.hub.policies.set("sidetag", "all :: deny too many side tags")

    with pytest.raises(Rejected, match="too many side tags"):
        await workspace(here.builder(), here)


async def test_a_hub_that_has_let_us_make_one_is_asked_for_more_later(here: Place) -> None:
    builder = here.builder()
    where = await workspace(builder, here)
    here.hub.policies.set("sidetag", for_user("bot", 1)["sidetag"])

    with pytest.raises(Transient, match=r"this service has 1 side tags of mini.*too many side tags") as waits:
        await workspace(builder, here, "another")
    assert waits.value.retry_after == timedelta(minutes=5)
    await builder.discard(where)
    await workspace(builder, here, "another")


@pytest.fixture
def with_suffixes(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path, Scripted(), ["lib"], suffixes=("rd",)) as made:
        yield made


async def test_side_tags_end_as_the_operator_says(with_suffixes: Place) -> None:
    with_suffixes.settings = replace(with_suffixes.settings, suffix="rd")
    assert (await workspace(with_suffixes.builder(), with_suffixes)).endswith("-rd")

    with_suffixes.settings = replace(with_suffixes.settings, suffix="mine")
    with pytest.raises(Misconfigured, match=r"does not allow side tags that end in -mine.*allowed_suffixes"):
        await workspace(with_suffixes.builder(), with_suffixes, "another")


async def test_a_build_whose_answer_was_lost_is_found_and_not_built_twice(here: Place) -> None:
    builder = here.builder()
    request = rebuild(here, await workspace(builder, here))
    here.hub.fail(method="build", lose_answer=True)

    with pytest.raises(Transient, match="unable to retry call"):
        await builder.submit(BuildKey("k"), request)
    ref = await builder.submit(BuildKey("k"), request)

    assert [task.id for task in here.hub.world.tasks.values() if task.method == "build"] == [int(ref)]


@pytest.mark.parametrize(
    "trouble", [{"status": 502}, {"status": 200}, {"drop": True}, {"fault": koji.ServerOffline("maintenance")}]
)
async def test_a_hub_in_trouble_is_asked_again_later(here: Place, trouble: dict[str, object]) -> None:
    builder = here.builder()
    await builder.capacity()
    failure = here.hub.fail(method="listHosts", times=None, **trouble)

    with pytest.raises(Transient):
        await builder.capacity()
    failure.stop()
    assert await builder.capacity() == 20


async def test_a_session_that_ended_is_begun_anew(here: Place) -> None:
    builder = here.builder()
    where = await workspace(builder, here)
    here.hub.expire_sessions()
    first = await builder.submit(BuildKey("k"), rebuild(here, where))
    here.hub.end_sessions()
    second = await builder.submit(BuildKey("l"), rebuild(here, where))

    assert first != second


async def test_who_is_not_let_in_is_told_which_hub_and_what_to_do(here: Place, tmp_path: Path) -> None:
    (user,) = [each for each in here.hub.world.users.values() if each.name == "bot"]
    user.name = "somebody-else"

    with pytest.raises(Misconfigured, match=r"does not log us in.*Unknown user: bot"):
        await here.builder().capacity()
    here.settings = replace(here.settings, credentials=Certificate(file=tmp_path / "none.pem"))
    with pytest.raises((Misconfigured, Transient)):
        await here.builder().capacity()


async def test_a_target_without_a_tag_of_the_hub_is_misconfigured(here: Place) -> None:
    target = Target(name="here", arch="x86_64", backend="koji", repositories=())
    spec = WorkspaceSpec(run=RunId("run"), target=target, snapshot=SnapshotId("0" * 40))

    with pytest.raises(Misconfigured, match=r"targets\.here\.repositories"):
        await here.builder().prepare(spec)


async def test_a_repository_that_never_comes_is_waited_for_some_other_time(here: Place) -> None:
    patient, here.settings = here.builder(), replace(here.settings, patience=timedelta(0))
    builder = here.builder()
    where = await workspace(builder, here)
    draft = await builder.submit(BuildKey("c"), change(here, where))
    await done(builder, draft)
    here.hub.repositories.stuck.add(where)

    for _ in range(2):
        with pytest.raises(Transient, match="waiting for"):
            await builder.publish(where, [draft], 0)
    here.hub.repositories.stuck.clear()
    assert len((await patient.publish(where, [draft], 0)).packages) == 1


async def test_a_repository_that_the_hub_gives_up_is_not_waited_for_without_end(here: Place) -> None:
    here.settings = replace(here.settings, patience=timedelta(0))
    builder = here.builder()
    where = await workspace(builder, here)
    draft = await builder.submit(BuildKey("c"), change(here, where))
    await done(builder, draft)
    here.hub.repositories.broken.add(where)

    with pytest.raises(Transient, match="waiting for a repository"):
        await builder.publish(where, [draft], 0)
    with pytest.raises(Rejected, match=r"could not make a repository of .* in 4 tries, and its task \d+ says why"):
        await builder.publish(where, [draft], 0)
    here.hub.repositories.broken.clear()
    with pytest.raises(Transient):
        await builder.publish(where, [draft], 0)
    assert len((await builder.publish(where, [draft], 0)).packages) == 1


async def test_nothing_is_added_to_a_busy_channel(here: Place) -> None:
    builder = here.builder()
    (host,) = here.hub.world.hosts.values()
    assert await builder.capacity() == 20
    host.task_load = 0.6 * host.capacity
    assert await builder.capacity() == 0


async def test_logs_that_are_binary_or_gone_are_read_as_they_are(here: Place) -> None:
    here.hub.worker.table["app"] = lambda job: failed(job, 1, b"\xff\x00" * 100_000 + b"\nbad.c:1:1: error: no good\n")
    builder = here.builder()
    ref = await builder.submit(BuildKey("k"), rebuild(here, await workspace(builder, here)))
    status = await done(builder, ref)

    assert isinstance(status.outcome, Failed)
    assert status.outcome.cause == "bad.c:1:1: error: no good"
    assert len(await builder.log(ref, -100, 1000)) == 100
    assert await builder.log(ref, 1 << 30, 10) == b""
    here.hub.prune(int(ref))
    assert await builder.log(ref, 0, 10) == b""


async def test_a_hundred_running_builds_are_one_call(here: Place) -> None:
    here.hub.worker.table["app"] = endless
    builder = here.builder()
    where = await workspace(builder, here)
    refs = [await builder.submit(BuildKey(f"k{number}"), rebuild(here, where)) for number in range(100)]
    before = sum(here.hub.calls.values())

    assert len(await builder.poll(refs)) == 100
    assert sum(here.hub.calls.values()) - before == 1
