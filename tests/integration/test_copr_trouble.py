"""A Copr that is down, refuses, loses things or is changed underneath; and what it costs in calls when all is well."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import copr.v3
import pytest

from bot.domain.build import BuildState, Cancelled, Succeeded
from bot.domain.ids import BuildKey
from bot.domain.target import Repository
from bot.ports.errors import Gone, Misconfigured, Rejected, Transient
from tests.fakes.copr.failures import Failure
from tests.fakes.copr.place import TARGET, Place, ended, place, prepare, srpm, submit
from tests.fakes.copr.worker import Scripted, going


@pytest.fixture
def script() -> Scripted:
    return Scripted()


@pytest.fixture
def here(tmp_path: Path, script: Scripted) -> Iterator[Place]:
    with place(tmp_path, script) as found:
        yield found


@pytest.mark.parametrize(
    "failure",
    [
        Failure(status=502, times=None),
        Failure(status=503, times=None),
        Failure(status=504, times=None),
        Failure(status=500, error="Database error, contact admin", times=None),
        Failure(status=429, body='{"message": "Too many requests"}', times=None),
        Failure(status=400, body='{"message": "no healthy upstream"}', times=None),
        Failure(status=404, body='{"message": "no route"}', times=None),
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
    here.server.projects.retire(str(TARGET.chroot))

    with pytest.raises(Rejected):
        await builder.submit(BuildKey("k"), srpm(workspace))


async def test_what_is_built_for_a_chroot_that_is_retired_ends(here: Place, script: Scripted) -> None:
    script.otherwise = lambda job: going()
    builder = here.builder()
    ref = await submit(builder)
    for _ in range(6):
        await builder.poll([ref])
    here.server.projects.retire(str(TARGET.chroot))

    assert (await builder.poll([ref]))[ref].outcome == Cancelled()


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


async def test_of_two_builds_of_one_key_the_same_counts_however_it_is_looked_up(here: Place) -> None:
    builder = here.builder()
    ref = await submit(builder)
    directory = here.build(ref).directory
    client = copr.v3.Client(here.server.config(next(iter(here.server.users.values()))))
    client.build_proxy.create_from_distgit("bot", directory.partition(":")[0], "foo", project_dirname=directory)

    assert len(here.server.projects.builds) == 2
    assert await builder.find([BuildKey("foo")]) == {BuildKey("foo"): ref}
    assert await submit(builder) == ref


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


async def test_metadata_that_never_come_are_not_waited_for_without_end(here: Place) -> None:
    here.server.storage.broken_metadata = True
    builder = here.builder(metadata=timedelta(0))
    workspace = await prepare(builder)
    ref = await submit(builder)
    await ended(builder, ref)
    with pytest.raises(Transient):
        await builder.publish(workspace, [ref], 0)

    with pytest.raises(Rejected, match=r"did not bring them into the repository at .* within 0 minutes.*/revdeps run"):
        await builder.publish(workspace, [ref], 0)

    assert here.server.calls["project/regenerate-repos"] == 1


async def test_over_the_quota_builds_wait(here: Place, script: Scripted) -> None:
    script.otherwise = lambda job: going()
    here.server.farm.per_owner = 1
    builder = here.builder()
    refs = [await submit(builder, name) for name in ("foo", "bar")]
    here.server.run()

    states = await builder.poll(refs)

    assert [states[ref].state for ref in refs] == [BuildState.RUNNING, BuildState.QUEUED]


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


CALLS = 18
"""As many as a run of one build makes, at least."""


@pytest.mark.parametrize("number", range(1, CALLS + 1))
@pytest.mark.parametrize("kind", ["drop", "lose_answer"])
async def test_a_run_that_is_cut_off_at_any_call_goes_on_and_leaves_nothing(
    here: Place, number: int, kind: str
) -> None:
    """A service that dies at a call, and one that hears no answer, do the same next: all of it once more."""
    here.server.failures.after = number
    here.server.failures.add(Failure(drop=kind == "drop", lose_answer=kind == "lose_answer"))

    async def run() -> str:
        builder = here.builder()
        ref = await submit(builder)
        await ended(builder, ref)
        await builder.publish(await prepare(builder), [ref], 0)
        assert await builder.find([BuildKey("foo")]) == {BuildKey("foo"): ref}
        return ref

    try:
        await run()
    except Transient:
        await run()

    assert here.server.calls.total() >= CALLS
    assert [build.package for build in here.server.projects.builds.values()] == ["foo"]
    (workspace,) = await here.builder().leftovers()
    await here.builder().discard(workspace)
    assert await here.builder().leftovers() == ()
