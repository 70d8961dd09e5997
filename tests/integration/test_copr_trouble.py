"""A Copr that is down, refuses, loses things or says the wrong thing; and what it costs in calls when all is well."""

import gzip
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

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
from bot.domain.config import PackageConfig
from bot.domain.ids import BuildKey, BuildRef, RunId, SnapshotId, WorkspaceRef
from bot.domain.target import Repository, Target
from bot.ports.builder import Builder, BuildStatus, WorkspaceSpec
from bot.ports.errors import Gone, Misconfigured, Rejected, Transient
from tests.fakes.copr.failures import Failure
from tests.fakes.copr.model import Build
from tests.fakes.copr.place import TARGET, Place, place
from tests.fakes.copr.worker import Scripted, Source, Work, built, failed, going

SNAPSHOT = SnapshotId("5" * 40)


@pytest.fixture
def script() -> Scripted:
    return Scripted()


@pytest.fixture
def here(tmp_path: Path, script: Scripted) -> Iterator[Place]:
    with place(tmp_path, script) as found:
        yield found


async def prepare(builder: Builder, run: str | None = "run", target: Target = TARGET) -> WorkspaceRef:
    return await builder.prepare(WorkspaceSpec(run=RunId(run) if run else None, target=target, snapshot=SNAPSHOT))


def srpm(workspace: WorkspaceRef, package: str = "foo", location: str = "") -> BuildRequest:
    source = SrpmSource(location=location or f"https://example.org/{package}-1-1.src.rpm", checksum="sha256:0")
    return BuildRequest(package=package, workspace=workspace, source=source, timeout=timedelta(hours=1))


async def submit(builder: Builder, package: str = "foo", key: str = "", run: str | None = "run") -> BuildRef:
    request = srpm(await prepare(builder, run), package)
    return await builder.submit(BuildKey(key or package), request)


async def ended(builder: Builder, ref: BuildRef) -> BuildStatus:
    for _ in range(50):
        status = (await builder.poll([ref]))[ref]
        if status.state is BuildState.DONE:
            return status
    raise AssertionError("it does not end")


def build_of(here: Place, ref: BuildRef) -> Build:
    return here.server.builds.get(int(ref.rpartition("/")[2]))


@pytest.mark.parametrize(
    "failure",
    [
        Failure(status=502, times=None),
        Failure(status=503, times=None),
        Failure(status=504, times=None),
        Failure(status=500, error="Database error, contact admin", times=None),
        Failure(status=200, body="<html>Log in to this network</html>", times=None),
        Failure(drop=True, times=None),
    ],
)
async def test_a_copr_that_does_not_answer_is_asked_again_later(here: Place, failure: Failure) -> None:
    builder = here.builder()
    ref = await submit(builder)
    here.server.failures.add(failure)

    for call in (builder.poll([ref]), builder.cancel([ref]), builder.leftovers(), submit(builder, "bar")):
        with pytest.raises(Transient):
            await call
    failure.stop()

    assert isinstance((await ended(builder, ref)).outcome, Succeeded)


async def test_a_copr_that_hangs_is_given_up_after_a_while(here: Place) -> None:
    builder = here.builder(timeout=timedelta(milliseconds=200))
    failure = here.server.failures.add(Failure(hang=True, times=None))

    with pytest.raises(Transient, match="cannot be reached"):
        await builder.leftovers()
    failure.stop()


async def test_a_copr_that_is_busy_says_when_to_come_again(here: Place) -> None:
    here.server.failures.add(Failure(status=429, error="slow down", retry_after=90))

    with pytest.raises(Transient) as caught:
        await here.builder().leftovers()

    assert caught.value.retry_after == timedelta(seconds=90)


async def test_a_token_that_is_wrong_or_expired_is_the_operators_to_mend(here: Place) -> None:
    wrong = here.builder(token="secret-nonsense", credentials=Path("/etc/revdeps/copr"))
    with pytest.raises(Misconfigured) as caught:
        await prepare(wrong)
    assert caught.value.where == "/etc/revdeps/copr"
    assert "/api/" in caught.value.mend
    assert "secret-nonsense" not in str(caught.value)

    builder = here.builder()
    workspace = await prepare(builder)
    next(iter(here.server.users.values())).expires = 0
    with pytest.raises(Misconfigured, match="expired"):
        await builder.submit(BuildKey("k"), srpm(workspace))


async def test_what_an_account_may_not_do_is_the_operators_to_mend(here: Place) -> None:
    with pytest.raises(Misconfigured, match="@packagers"):
        await prepare(here.builder(owner="@packagers"))


async def test_an_unsupported_chroot_names_the_target(here: Place) -> None:
    with pytest.raises(Misconfigured) as caught:
        await prepare(here.builder(), target=replace(TARGET, chroot="fedora-1-x86_64"))

    assert caught.value.where == "targets.here.chroot"
    assert "fedora-1-x86_64" in caught.value.what


async def test_a_target_without_a_chroot_is_called_like_one(here: Place) -> None:
    unnamed = replace(TARGET, chroot=None)

    assert (await prepare(here.builder(), target=replace(unnamed, name="fedora-41"))).endswith("/fedora-41-x86_64")
    assert (await prepare(here.builder(), target=replace(unnamed, name="fedora-42", arch="i686"))).endswith(
        "/fedora-42-i386"
    )


async def test_plain_repositories_of_the_target_are_added_to_the_project(here: Place) -> None:
    repositories = (
        Repository(url="https://example.org/first/"),
        Repository(url="https://example.org/second/", priority=10),
        Repository(url="file:///srv/here"),
    )
    await prepare(here.builder(), target=replace(TARGET, repositories=repositories))

    (project,) = here.server.projects.living()

    assert project.repos == ["https://example.org/first/", "https://example.org/second/?priority=10"]


async def test_a_chroot_that_is_retired_meanwhile_refuses_builds(here: Place) -> None:
    builder = here.builder()
    workspace = await prepare(builder)
    here.server.projects.mock_chroots[str(TARGET.chroot)] = False

    with pytest.raises(Rejected):
        await builder.submit(BuildKey("k"), srpm(workspace))


async def test_a_project_that_was_deleted_underneath_is_gone(here: Place) -> None:
    builder = here.builder()
    ref = await submit(builder)
    workspace = await prepare(builder)
    (project,) = here.server.projects.living()
    here.server.projects.remove(project)

    with pytest.raises(Gone):
        await builder.submit(BuildKey("bar"), srpm(workspace, "bar"))
    assert await builder.poll([ref]) == {}
    assert await builder.log(ref, 0, 10) == b""
    await builder.cancel([ref])
    await builder.discard(workspace)
    with pytest.raises(Gone):
        await builder.publish(workspace, [ref], 0)


async def test_an_answer_that_was_lost_starts_no_second_project_or_build(here: Place) -> None:
    builder = here.builder()
    here.server.failures.add(Failure(endpoint="project/add", lose_answer=True))
    with pytest.raises(Transient):
        await prepare(builder)
    here.server.failures.add(Failure(endpoint="build/create", lose_answer=True))
    with pytest.raises(Transient):
        await submit(builder)

    ref = await submit(here.builder())

    assert await builder.find([BuildKey("foo"), BuildKey("other")]) == {BuildKey("foo"): ref}
    assert len(here.server.projects.builds) == 1
    assert len(await builder.leftovers()) == 1


async def test_a_build_that_is_called_failed_with_its_packages_there_has_succeeded(
    here: Place, script: Scripted
) -> None:
    script.otherwise = lambda job: replace(built(job), claimed_failed=True)
    builder = here.builder()
    ref = await submit(builder)

    status = await ended(builder, ref)

    assert build_of(here, ref).state == "failed"
    assert status.outcome == Succeeded()
    assert (await builder.artifacts(ref)).binaries == ("foo-1-1.noarch",)
    assert (await builder.publish(await prepare(builder), [ref], 0)).packages


async def test_metadata_that_lag_behind_are_asked_for_and_waited_for(here: Place) -> None:
    here.server.storage.broken_metadata = True
    builder = here.builder()
    workspace = await prepare(builder)
    ref = await submit(builder)
    await ended(builder, ref)

    with pytest.raises(Transient, match="does not have its packages yet"):
        await builder.publish(workspace, [ref], 0)

    assert here.server.calls["project/regenerate-repos"] == 1
    assert here.server.calls["project/edit"] == 0


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
    while build_of(here, ref).state != "failed":
        here.server.farm.advance()
    log = here.server.results(build_of(here, ref)) / "builder-live.log.gz"
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


async def test_over_the_quota_builds_wait(here: Place, script: Scripted) -> None:
    script.otherwise = lambda job: going()
    here.server.farm.per_owner = 1
    builder = here.builder()
    refs = [await submit(builder, name) for name in ("foo", "bar")]
    here.server.run()

    states = await builder.poll(refs)

    assert [states[ref].state for ref in refs] == [BuildState.RUNNING, BuildState.QUEUED]


async def test_somebody_else_cancels_a_build(here: Place) -> None:
    builder = here.builder()
    ref = await submit(builder)
    here.server.builds.cancel(next(iter(here.server.users.values())), build_of(here, ref))

    assert (await ended(builder, ref)).outcome == Cancelled()


async def test_a_build_that_begins_while_its_project_is_removed_is_cancelled_with_the_next_try(here: Place) -> None:
    builder = here.builder()
    workspace = await prepare(builder)
    await submit(builder)
    failure = here.server.failures.add(
        Failure(endpoint="project/delete", status=400, error="Build(s) 1 are still running.\n")
    )

    with pytest.raises(Transient, match="began in"):
        await builder.discard(workspace)
    await builder.discard(workspace)

    assert failure.hits == 1
    assert await builder.leftovers() == ()


async def test_projects_of_others_and_of_other_services_are_none_of_ours(here: Place) -> None:
    builder = here.builder()
    mine = await prepare(builder)
    await prepare(here.builder(prefix="other"))

    assert await builder.leftovers() == (mine,)


async def test_the_change_is_made_by_a_script_on_the_coprs_own_builder(here: Place) -> None:
    builder = here.builder()
    tree = TreeSource(
        directory="/nowhere",
        package=PackageConfig(spec="rpm/foo.spec", name="foo"),
        release_suffix=".rd1",
        forge="github",
        repository="octocat/foo",
        commit="c" * 40,
    )
    request = replace(srpm(await prepare(builder)), source=tree)
    ref = await builder.submit(BuildKey("subject"), request)

    build = build_of(here, ref)

    assert build.kind == "custom"
    assert "url=https://example.org/octocat/foo.git" in build.source["script"]
    assert f"commit={'c' * 40}" in build.source["script"]
    assert build.source["chroot"] == "fedora-latest-x86_64"


async def test_a_change_that_the_copr_cannot_fetch_is_refused_unless_it_may_be_uploaded(here: Place) -> None:
    builder = here.builder(clone_urls={})
    tree = TreeSource(directory="/nowhere", package=PackageConfig(spec="foo.spec"), forge="forge", commit="c" * 40)
    request = replace(srpm(await prepare(builder)), source=tree)

    with pytest.raises(Misconfigured, match="clone-urls"):
        await builder.submit(BuildKey("subject"), request)


async def test_a_dependent_is_built_from_a_dist_git_at_a_commit(here: Place) -> None:
    builder = here.builder(distgits={"src.example.org": "fedora"})
    location = f"git+https://src.example.org/rpms/foo.git#{'a' * 40}"
    ref = await builder.submit(BuildKey("k"), srpm(await prepare(builder), location=location))

    build = build_of(here, ref)

    assert (build.kind, build.source["committish"], build.source["distgit"]) == ("distgit", "a" * 40, "fedora")


@pytest.mark.parametrize("location", ["file:///srv/foo-1-1.src.rpm", "rsync://example.org/foo-1-1.src.rpm"])
async def test_a_source_package_that_no_copr_can_fetch_is_refused(here: Place, location: str) -> None:
    builder = here.builder()

    with pytest.raises(Rejected, match="cannot fetch"):
        await builder.submit(BuildKey("k"), srpm(await prepare(builder), location=location))


async def test_rebuilds_do_not_see_one_another(here: Place, script: Scripted) -> None:
    script.table["user"] = lambda job: built(job, "foo")
    builder = here.builder()
    await ended(builder, await submit(builder, "foo"))

    status = await ended(builder, await submit(builder, "user"))

    assert status.installed == ("host-base-1-1.noarch",)


async def test_a_poll_costs_one_call_a_project_however_many_builds_there_are(here: Place, script: Scripted) -> None:
    script.otherwise = lambda job: going()
    builder = here.builder()
    refs = [await submit(builder, f"p{number}") for number in range(12)]
    refs += [await submit(builder, f"q{number}", run="second") for number in range(12)]
    here.server.run()
    here.server.calls.clear()
    here.server.asked.clear()

    states = await builder.poll(refs)

    assert {status.state for status in states.values()} == {BuildState.RUNNING}
    assert (here.server.calls.total(), here.server.asked.total()) == (2, 0)


async def test_a_submission_costs_two_calls(here: Place) -> None:
    builder = here.builder()
    request = srpm(await prepare(builder))
    here.server.calls.clear()

    await builder.submit(BuildKey("k"), request)

    assert dict(here.server.calls) == {"monitor": 1, "build/create/url": 1}


async def test_an_end_is_looked_at_once(here: Place) -> None:
    builder = here.builder()
    ref = await submit(builder)
    await ended(builder, ref)
    here.server.calls.clear()

    assert (await builder.poll([ref]))[ref].outcome == Succeeded()
    assert here.server.calls.total() == 0
