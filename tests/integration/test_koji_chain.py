"""The Koji adapter against the fake hub: rebuilds that others see, changes that Koji checks out, limits, load."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import koji
import pytest

from bot.adapters.koji import SourceOrigin
from bot.adapters.koji.refusals import refusal
from bot.domain.build import BuildState, Cancelled, Failed, FailureReason, Outcome, Phase, Succeeded
from bot.domain.ids import BuildKey
from bot.ports.errors import Misconfigured, Rejected, Transient
from tests.fakes.koji.threaded import TAG, Place, place
from tests.fakes.koji.worker import Scripted, Source, built
from tests.integration.test_koji import change, done, endless, real, rebuild, workspace

COMMIT = "git+https://forge.example/octocat/lib.git#" + "f" * 40


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path, Scripted(), ["lib", "app"]) as made:
        base = made.hub.world.tags_by_name[TAG]
        for name in ("lib", "app", "tool"):
            made.hub.add_build(base, name)
        yield made


def from_scm(here: Place) -> None:
    clone_urls = {"github": "https://forge.example/{repository}.git"}
    here.settings = replace(here.settings, source=SourceOrigin.SCM, clone_urls=clone_urls)


async def changed(here: Place) -> Outcome | None:
    builder = here.builder()
    ref = await builder.submit(BuildKey("c"), change(here, await workspace(builder, here)))
    return (await done(builder, ref)).outcome


# Rebuilds that others see.


async def test_a_rebuild_that_others_need_is_a_draft_and_is_seen_once_it_is_published(here: Place) -> None:
    here.hub.worker.table |= {"app": lambda job: built(job, "lib"), "tool": lambda job: built(job, "lib", "app")}
    source = real(here, "app")
    builder = here.builder()
    where = await workspace(builder, here)
    subject = await builder.submit(BuildKey("c"), change(here, where))
    await done(builder, subject)
    await builder.publish(where, [subject], 0)
    needed = await builder.submit(BuildKey("app"), replace(rebuild(here, where), source=source, publishable=True))
    assert "lib-2-1.noarch" in (await done(builder, needed)).installed

    state = await builder.publish(where, [subject, needed], 1)
    last = await done(builder, await builder.submit(BuildKey("tool"), rebuild(here, where, "tool", generation=1)))

    app, lib = sorted(package.source for package in state.packages)
    assert app.startswith("app-3-1.rd")
    assert lib == "lib-2-1.src"
    assert last.outcome == Succeeded()
    assert [name for name in last.installed if name.startswith("app-")] == [app.replace(".src", ".noarch")]


async def test_what_waits_long_to_be_tagged_is_published_all_the_same(here: Place) -> None:
    builder = here.builder()
    where = await workspace(builder, here)
    draft = await builder.submit(BuildKey("c"), change(here, where))
    await done(builder, draft)
    (host,) = here.hub.world.hosts.values()
    host.enabled = False
    patient, here.settings = here.settings, replace(here.settings, patience=timedelta(0))
    impatient = here.builder()
    for _ in range(2):
        with pytest.raises(Transient, match="to hold what was built"):
            await impatient.publish(where, [draft], 0)
    here.settings = patient

    def free_at_the_third_call() -> None:
        host.enabled = here.hub.calls["tagBuild"] == 3
        here.hub.farm.advance()

    here.hub.gate.before = free_at_the_third_call

    state = await here.builder().publish(where, [draft], 0)

    assert [package.source for package in state.packages] == ["lib-2-1.src"]
    assert [task.state for task in here.hub.world.tasks.values() if task.method == "tagBuild"] == [
        koji.TASK_STATES[name] for name in ("CLOSED", "FAILED", "FAILED")
    ]


async def test_a_rebuild_that_nobody_waits_for_stays_a_scratch_build(here: Place) -> None:
    builder = here.builder()
    ref = await builder.submit(BuildKey("k"), rebuild(here, await workspace(builder, here)))
    await done(builder, ref)

    options = here.hub.world.tasks[int(ref)].request[2]
    assert (options.get("scratch"), options.get("draft")) == (True, None)
    assert here.hub.world.builds_by_task[int(ref)] == []


async def test_a_source_package_that_cannot_be_fetched_is_asked_for_again(here: Place) -> None:
    builder = here.builder()
    request = replace(rebuild(here, await workspace(builder, here)), publishable=True)

    with pytest.raises(Transient, match=r"app-1-1\.src\.rpm cannot be fetched"):
        await builder.submit(BuildKey("k"), request)


# Changes that Koji checks out.


async def test_koji_can_check_the_change_out_itself(here: Place) -> None:
    from_scm(here)
    here.hub.worker.sources[COMMIT] = Source(name="lib", version="2", release="1")

    assert await changed(here) == Succeeded()
    assert here.hub.calls["rawUpload"] == 0


async def test_a_spec_in_a_directory_is_looked_for_there(here: Place) -> None:
    from_scm(here)
    builder = here.builder()
    request = change(here, await workspace(builder, here))
    source = replace(request.source, package=replace(request.source.package, spec="rpm/lib.spec"))  # type: ignore[union-attr]
    ref = await builder.submit(BuildKey("c"), replace(request, source=source))

    assert here.hub.world.tasks[int(ref)].request[0] == COMMIT.replace("#", "?rpm#")


async def test_a_forge_that_koji_cannot_reach_is_misconfigured(here: Place) -> None:
    here.settings = replace(here.settings, source=SourceOrigin.SCM)

    with pytest.raises(Misconfigured, match="clone-urls"):
        await changed(here)


@pytest.mark.parametrize(
    ("policy", "rules", "scm"),
    [
        ("build_from_srpm", "all :: deny not for everybody", False),
        ("build_rpm", "all :: deny not for everybody", False),
        ("build_from_scm", "all :: deny not for everybody", True),
    ],
)
async def test_what_the_hubs_policy_forbids_is_told_with_its_name(
    here: Place, policy: str, rules: str, scm: bool
) -> None:
    if scm:
        from_scm(here)
    here.hub.policies.set(policy, rules)

    found = await changed(here)

    assert isinstance(found, Failed)
    assert (found.reason, found.refused) == (FailureReason.INFRASTRUCTURE, True)
    assert f"by its policy {policy}: " in found.cause
    assert found.cause.endswith("not for everybody")


def test_what_the_builders_own_list_forbids_is_refused_too() -> None:
    told = "git.example.org:/octocat/lib.git is not in the list of allowed SCMs"  # koji/daemon.py, SCM (Koji 1.35.3)
    found = refusal(1005, told)
    assert found is not None
    assert (found.refused, found.cause.endswith(told)) == (True, True)


async def test_a_name_that_is_taken_is_refused(here: Place) -> None:
    from_scm(here)
    here.hub.worker.sources[COMMIT] = Source(name="lib", version="1", release="1")

    found = await changed(here)

    assert isinstance(found, Failed)
    assert found.refused
    assert "Target build already exists: lib-1-1" in found.cause


# Limits, and what others do to our tasks.


async def test_a_build_that_takes_too_long_is_ended_and_says_so(here: Place) -> None:
    here.hub.worker.table["app"] = endless
    builder = here.builder()
    request = rebuild(here, await workspace(builder, here))
    ref = await builder.submit(BuildKey("k"), request)
    while not any(task.method == "buildArch" and task.started for task in here.hub.family(int(ref))):
        assert (await builder.poll([ref]))[ref].state is not BuildState.DONE
    for task in here.hub.family(int(ref)):
        task.started = (task.started or here.hub.world.now()) - request.timeout.total_seconds() - 1

    found = (await done(here.builder(), ref)).outcome

    assert isinstance(found, Failed)
    assert (found.reason, found.phase) == (FailureReason.TIMEOUT, Phase.BUILD)
    assert found.cause == "the time limit of 3600 s is over"


async def test_waiting_for_a_builder_is_not_building(here: Place) -> None:
    here.hub.worker.table["app"] = endless
    builder = here.builder()
    request = rebuild(here, await workspace(builder, here))
    ref = await builder.submit(BuildKey("k"), request)
    await builder.poll([ref])
    task = here.hub.world.tasks[int(ref)]
    task.started = (task.started or here.hub.world.now()) - request.timeout.total_seconds() - 1

    for _ in range(5):
        assert (await builder.poll([ref]))[ref].state is BuildState.RUNNING
    here.hub.cancel(int(ref))
    assert (await done(builder, ref)).outcome == Cancelled()


async def test_a_task_that_was_freed_goes_on(here: Place) -> None:
    here.hub.worker.table["app"] = endless
    builder = here.builder()
    ref = await builder.submit(BuildKey("k"), rebuild(here, await workspace(builder, here)))
    await builder.poll([ref])
    here.hub.free(int(ref))
    assert (await builder.poll([ref]))[ref].state is not BuildState.DONE
    here.hub.worker.table["app"] = built

    assert (await done(builder, ref)).outcome == Succeeded()


async def test_a_task_that_its_host_lost_was_built_in_its_second_root(here: Place) -> None:
    here.hub.worker.table["app"] = endless
    builder = here.builder()
    ref = await builder.submit(BuildKey("k"), rebuild(here, await workspace(builder, here)))
    world = here.hub.world
    for _ in range(10):
        await builder.poll([ref])
    (task,) = [number for number, found in world.buildroots_by_task.items() if found]
    here.hub.free(task)
    here.hub.worker.table["app"] = built

    status = await done(builder, ref)

    assert len(world.buildroots_by_task[task]) == 2
    assert status.installed == ("host-base-1-1.x86_64",)


# Older hubs, and busy ones.


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path, Scripted(), ["lib"], version="1.34.1") as made:
        yield made


async def test_a_hub_of_which_no_repository_can_be_asked_for_is_looked_at(older: Place) -> None:
    builder = older.builder()
    where = await workspace(builder, older)
    draft = await builder.submit(BuildKey("c"), change(older, where))
    await done(builder, draft)

    state = await builder.publish(where, [draft], 0)

    assert "repo.request" not in older.hub.asked
    (newest,) = [repo for repo in older.hub.world.repos.values() if state.url.endswith(f"/{where}/{repo.id}/x86_64")]
    assert newest.create_event >= older.hub.world.last_change(older.hub.world.tags_by_name[where])


async def test_only_builders_of_the_architecture_and_channel_count(here: Place) -> None:
    builder = here.builder()
    await workspace(builder, here)
    (host,) = here.hub.world.hosts.values()
    other = here.hub.add_host("other", arches="s390x")
    other.task_load = other.capacity
    assert await builder.capacity() == 20
    host.task_load = 5 * host.capacity
    here.hub.add_host("big").capacity = 2 * host.capacity
    assert await builder.capacity() == 20


async def test_the_load_is_not_asked_for_at_every_look(here: Place) -> None:
    here.settings = replace(here.settings, load_interval=timedelta(hours=1))
    builder = here.builder()
    await builder.capacity()
    before = sum(here.hub.calls.values())

    assert await builder.capacity() == 20
    assert sum(here.hub.calls.values()) == before


async def test_the_channel_is_that_in_which_our_tasks_are(here: Place) -> None:
    here.hub.worker.table["app"] = endless
    number = here.hub.world.id("channel")
    here.hub.world.channels[number] = replace(here.hub.world.channels[1], id=number, name="slow")
    builder = here.builder()
    ref = await builder.submit(BuildKey("k"), rebuild(here, await workspace(builder, here)))
    assert await builder.capacity() == 20
    here.hub.world.tasks[int(ref)].channel_id = number
    await builder.poll([ref])

    assert await builder.capacity() == 0


async def test_nothing_but_source_packages_of_the_hub_is_built(here: Place) -> None:
    builder = here.builder()
    request = rebuild(here, await workspace(builder, here))
    elsewhere = replace(request.source, location="https://mirror.example/app-1-1.src.rpm")  # type: ignore[type-var]

    with pytest.raises(Rejected, match="not a source package of the Koji hub"):
        await builder.submit(BuildKey("k"), replace(request, source=elsewhere))


# What is ours.


async def test_nothing_is_left_of_what_was_discarded(here: Place) -> None:
    builder = here.builder()
    where = await workspace(builder, here)

    await builder.discard(where)

    assert await builder.leftovers() == ()
    assert where not in here.hub.world.tags_by_name


async def test_side_tags_and_tasks_of_others_are_left_alone(here: Place) -> None:
    world, other = here.hub.world, here.hub.add_user("octocat")
    theirs = {"sidetag": True, "sidetag_user": other.name, "sidetag_user_id": other.id}
    world.add_tag("theirs", "x86_64", world.tags_by_name[TAG], **theirs)
    builder = here.builder()
    where = await workspace(builder, here)
    asked = ["../packages/app/1/1/src/app-1-1.src.rpm", where, {"custom_user_metadata": {"revdeps": "k"}}]
    world.add_task("build", asked, other, "default")

    assert where != "theirs"
    assert await builder.leftovers() == (where,)
    assert await builder.find([BuildKey("k")]) == {}
