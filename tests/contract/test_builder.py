"""What every builder does: the fake that engine tests use, and the backends. See bot/ports/builder.py."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.build import (
    BuildRequest,
    Cancelled,
    Failed,
    FailureReason,
    Outcome,
    Phase,
    Succeeded,
)
from bot.domain.ids import BuildKey, BuildRef, RunId, SnapshotId, WorkspaceRef
from bot.domain.packages import Nevra
from bot.domain.target import Repository, Target
from bot.ports.builder import Builder, BuildStatus, WorkspaceSpec
from bot.ports.errors import Gone, Rejected
from tests.fakes.builder import FakeBuilder, failed
from tests.fakes.copr.place import place as copr_place
from tests.fakes.copr.worker import Scripted as CoprScript
from tests.fakes.copr.worker import built as built_in_copr
from tests.fakes.copr.worker import failed as failed_in_copr
from tests.fakes.copr.worker import going as going_in_copr
from tests.fakes.koji.threaded import place as koji_place
from tests.fakes.koji.worker import Job, Scripted, Work, built, going
from tests.fakes.koji.worker import failed as failed_in_mock
from tests.fakes.mock.place import MockPlace
from tests.fakes.sandbox import SandboxWorld, Spec, ended, running

ENDLESS = "endless"
SPECS = {
    "good": Spec(name="good", version="2.0"),
    "bad": Spec(name="bad", build="echo 'bad.c:1:1: error: no good' >&2; exit 1"),
    "user": Spec(name="user", preamble="BuildArch: noarch\nBuildRequires: good"),
    ENDLESS: Spec(name=ENDLESS, build="echo still at it; sleep 600"),
}


@dataclass
class World:
    """A builder, and what a test needs to know of its surroundings."""

    builder: Builder
    target: Target
    checkouts: Path
    restart: Callable[[], Builder]

    async def workspace(self, run: str | None = "run") -> WorkspaceRef:
        spec = WorkspaceSpec(run=RunId(run) if run else None, target=self.target, snapshot=SnapshotId("0" * 40))
        return await self.builder.prepare(spec)

    def request(self, workspace: WorkspaceRef, package: str, generation: int = 0) -> BuildRequest:
        source = SPECS[package].tree(self.checkouts / package)
        return BuildRequest(
            package=package,
            workspace=workspace,
            source=source,
            timeout=timedelta(minutes=2),
            generation=generation,
            publishable=True,
        )

    async def submit(self, package: str, key: str = "", run: str | None = "run", generation: int = 0) -> BuildRef:
        workspace = await self.workspace(run)
        return await self.builder.submit(BuildKey(key or package), self.request(workspace, package, generation))

    async def build(self, package: str, key: str = "", run: str | None = "run") -> tuple[BuildRef, BuildStatus]:
        ref = await self.submit(package, key, run)
        (status,) = await ended(self.builder, [ref])
        return ref, status


def fake_outcome(request: BuildRequest) -> Outcome | None:
    if request.package == ENDLESS:
        return None
    return failed("bad.c:1:1: error: no good") if request.package == "bad" else Succeeded()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a repository that holds host-base and an older `good`, built here once."""
    world = SandboxWorld(tmp_path_factory.mktemp("base"))
    status, log = asyncio.run(world.build(Spec(name="good", version="1.0")))
    assert status.outcome == Succeeded(), log
    for file in world.packages("good"):
        shutil.copy(file, world.repository)
    return world.repository


def koji_worker() -> Scripted:
    """What the builders of a hub make of the same packages."""
    table: dict[str, Callable[[Job], Work]] = {
        "bad": failed_in_mock,
        "user": lambda job: built(job, "good"),
        ENDLESS: lambda job: going(b"still at it\n" * 10),
    }
    return Scripted(table=table)


def copr_worker() -> CoprScript:
    """What the builders of a Copr make of the same packages."""
    script = CoprScript()
    script.table["bad"] = failed_in_copr
    script.table["user"] = lambda job: built_in_copr(job, "good")
    script.table[ENDLESS] = lambda job: going_in_copr()
    return script


@pytest.fixture(
    params=[
        "fake",
        "koji",
        "copr",
        pytest.param("mock", marks=pytest.mark.rpm),
        pytest.param("sandbox", marks=pytest.mark.rpm),
    ]
)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "fake":
        fake = FakeBuilder(outcome_for=fake_outcome)
        target = Target(name="here", arch="x86_64", backend="fake", repositories=())
        yield World(fake, target, tmp_path, restart=lambda: fake)
        return
    if request.param == "koji":
        with koji_place(tmp_path / "koji", koji_worker(), sorted(SPECS)) as hub:
            yield World(hub.builder(), hub.target, tmp_path / "checkouts", restart=hub.builder)
            assert hub.hub.violations == []
        return
    if request.param == "copr":
        with copr_place(tmp_path / "copr", copr_worker()) as here:
            yield World(here.builder(), here.target, tmp_path / "checkouts", restart=here.builder)
        return
    if request.param == "mock":
        machine = MockPlace(tmp_path / "mock", request.getfixturevalue("base"), real=True)
        builder = machine.builder()
        yield World(builder, machine.target, tmp_path / "checkouts", restart=machine.builder)
        asyncio.run(_clean(builder))
        assert machine.stage.violations == ""
        return
    place = SandboxWorld(tmp_path, slots=1)
    repository = Repository(url=request.getfixturevalue("base").as_uri())
    target = Target(name="here", arch="x86_64", backend="sandbox", repositories=(repository,))
    yield World(place.builder, target, tmp_path / "checkouts", restart=place.restart)
    asyncio.run(_clean(place.builder))


async def _clean(builder: Builder) -> None:
    for workspace in await builder.leftovers():
        await builder.discard(workspace)


async def test_a_workspace_is_made_once(world: World) -> None:
    first, second, other = await world.workspace(), await world.workspace(), await world.workspace("another")

    assert first == second != other
    assert sorted(await world.builder.leftovers()) == sorted([first, other])


async def test_a_workspace_can_be_discarded_twice(world: World) -> None:
    workspace = await world.workspace()

    await world.builder.discard(workspace)
    await world.builder.discard(workspace)

    assert await world.builder.leftovers() == ()


async def test_nothing_is_built_in_a_workspace_that_is_gone(world: World) -> None:
    workspace = await world.workspace()
    await world.builder.discard(workspace)

    with pytest.raises(Gone):
        await world.builder.submit(BuildKey("k"), world.request(workspace, "good"))


async def test_a_good_package_succeeds_and_has_artifacts(world: World) -> None:
    ref, status = await world.build("good")

    assert status.outcome == Succeeded()
    assert status.started_at is not None
    assert status.ended_at is not None
    assert status.started_at <= status.ended_at
    assert any(name.startswith("host-base-") for name in status.installed)
    artifacts = await world.builder.artifacts(ref)
    assert Nevra.parse(artifacts.source).arch == "src"
    assert [Nevra.parse(name).name for name in artifacts.binaries] == ["good"]
    assert all(Nevra.parse(name).release.endswith(".rd1") for name in (artifacts.source, *artifacts.binaries))


async def test_a_bad_package_fails_with_its_cause_and_log(world: World) -> None:
    ref, status = await world.build("bad")

    assert status.outcome == Failed(
        reason=FailureReason.COMPILE,
        phase=Phase.BUILD,
        signature=status.outcome.signature if isinstance(status.outcome, Failed) else "",
        cause="bad.c:1:1: error: no good",
    )
    assert b"error: no good" in await world.builder.log(ref, 0, 1 << 20)
    with pytest.raises(Rejected):
        await world.builder.artifacts(ref)
    with pytest.raises(Rejected):
        await world.builder.publish(await world.workspace(), [ref], 0)


async def test_one_key_is_one_build(world: World) -> None:
    first, second = await world.submit(ENDLESS), await world.submit(ENDLESS)
    started = await running(world.builder, first)

    assert first == second
    assert (await world.builder.poll([await world.submit(ENDLESS)]))[first].started_at == started.started_at


async def test_builds_can_be_asked_for_and_their_logs_read_all_at_once(world: World) -> None:
    request = world.request(await world.workspace(), "good")
    keys = [BuildKey(f"good-{number}") for number in range(4)]

    refs = await asyncio.gather(*(world.builder.submit(key, request) for key in keys))

    assert await world.builder.find(keys) == dict(zip(keys, refs, strict=True))
    assert [status.outcome for status in await ended(world.builder, refs)] == [Succeeded()] * 4
    assert all(await asyncio.gather(*(world.builder.log(ref, 0, 1 << 20) for ref in refs)))


async def test_a_finished_build_is_not_built_again(world: World) -> None:
    ref, before = await world.build("good")

    assert await world.submit("good") == ref
    assert (await world.builder.poll([ref]))[ref] == before


async def test_only_submitted_keys_are_found(world: World) -> None:
    ref = await world.submit("good")

    assert await world.builder.find([BuildKey("good"), BuildKey("never")]) == {BuildKey("good"): ref}


async def test_many_builds_are_polled_at_once_and_unknown_ones_left_out(world: World) -> None:
    good, bad = await world.submit("good"), await world.submit("bad")
    states = await ended(world.builder, [good, bad])

    assert [type(status.outcome) for status in states] == [Succeeded, Failed]
    assert set(await world.builder.poll([good, BuildRef("0" * 32), bad])) == {good, bad}
    assert await world.builder.poll([]) == {}


async def test_running_and_waiting_builds_can_be_cancelled(world: World) -> None:
    at_work = await world.submit(ENDLESS)
    await running(world.builder, at_work)
    waiting = await world.submit(ENDLESS, "waits")

    await world.builder.cancel([at_work, waiting])
    await world.builder.cancel([at_work])

    assert [status.outcome for status in await ended(world.builder, [at_work, waiting])] == [Cancelled(), Cancelled()]


async def test_cancelling_leaves_what_has_ended_as_it_is(world: World) -> None:
    ref, before = await world.build("good")

    await world.builder.cancel([ref, BuildRef("0" * 32)])

    assert (await world.builder.poll([ref]))[ref] == before


async def test_a_log_can_be_read_in_parts_while_the_build_runs(world: World) -> None:
    ref = await world.submit(ENDLESS)
    await running(world.builder, ref)
    whole = await world.builder.log(ref, 0, 40)

    assert await world.builder.log(ref, 2, 5) == whole[2:7]
    assert len(await world.builder.log(ref, -3, 10)) == 3
    assert await world.builder.log(BuildRef("0" * 32), 0, 10) == b""


async def test_a_published_change_is_seen_by_the_run_and_by_no_baseline(world: World) -> None:
    subject, _ = await world.build("good")
    workspace = await world.workspace()
    state = await world.builder.publish(workspace, [subject], 0)

    _, dependent = await world.build("user")
    _, baseline = await world.build("user", "baseline", run=None)

    (published,) = state.packages
    assert published.source == (await world.builder.artifacts(subject)).source
    assert set(published.binaries) <= set(dependent.installed)
    assert not set(published.binaries) & set(baseline.installed)


async def test_publishing_again_gives_the_same_repository(world: World) -> None:
    subject, _ = await world.build("good")
    workspace = await world.workspace()

    first = await world.builder.publish(workspace, [subject], 0)

    assert await world.builder.publish(workspace, [subject, subject], 0) == first


async def test_a_later_generation_holds_all_that_was_published(world: World) -> None:
    subject, _ = await world.build("good")
    workspace = await world.workspace()
    first = await world.builder.publish(workspace, [subject], 0)
    dependent, _ = await world.build("user")

    second = await world.builder.publish(workspace, [subject, dependent], 1)

    assert [Nevra.parse(package.source).name for package in second.packages] == ["good", "user"]
    assert second.digest != first.digest


async def test_of_several_changes_each_sees_those_that_were_published_before_it(world: World) -> None:
    first = await world.submit("good", generation=-2)
    await ended(world.builder, [first])
    workspace = await world.workspace()
    published = await world.builder.publish(workspace, [first], -1)

    second = await world.submit("user", generation=-1)

    (status,) = await ended(world.builder, [second])
    assert set(published.packages[0].binaries) <= set(status.installed)
    both = await world.builder.publish(workspace, [first, second], 0)
    assert [Nevra.parse(package.source).name for package in both.packages] == ["good", "user"]


async def test_what_is_built_again_takes_the_place_of_what_it_was(world: World) -> None:
    first = await world.submit("good", generation=-4)
    await ended(world.builder, [first])
    workspace = await world.workspace()
    await world.builder.publish(workspace, [first], -3)
    again = await world.submit("good", "good-again", generation=-3)
    await ended(world.builder, [again])

    after = await world.builder.publish(workspace, [again], -2)

    dependent = await world.submit("user", generation=0)
    (status,) = await ended(world.builder, [dependent])
    assert [package.source for package in after.packages] == [(await world.builder.artifacts(again)).source]
    assert set(after.packages[0].binaries) <= set(status.installed)


async def test_one_of_several_changes_alone_is_built_where_nothing_of_the_others_is(world: World) -> None:
    other, _ = await world.build("good")
    published = await world.builder.publish(await world.workspace(), [other], 0)
    spec = WorkspaceSpec(run=RunId("run"), target=world.target, snapshot=SnapshotId("0" * 40), alone=1)
    alone = await world.builder.prepare(spec)

    ref = await world.builder.submit(BuildKey("alone"), world.request(alone, "user"))

    (status,) = await ended(world.builder, [ref])
    assert not set(published.packages[0].binaries) & set(status.installed)
    assert await world.builder.prepare(spec) == alone != await world.workspace()
    assert sorted(await world.builder.leftovers()) == sorted([alone, await world.workspace()])


async def test_discarding_a_workspace_ends_what_runs_in_it(world: World) -> None:
    ref = await world.submit(ENDLESS)
    await running(world.builder, ref)

    await world.builder.discard(await world.workspace())

    assert await world.builder.poll([ref]) == {}
    assert await world.builder.log(ref, 0, 10) == b""


async def test_a_service_that_starts_again_adopts_what_is_running(world: World) -> None:
    ref = await world.submit(ENDLESS)
    started = await running(world.builder, ref)

    world.builder = world.restart()

    assert await world.builder.find([BuildKey(ENDLESS)]) == {BuildKey(ENDLESS): ref}
    assert await world.submit(ENDLESS) == ref
    assert (await world.builder.poll([ref]))[ref].started_at == started.started_at
    assert await world.builder.leftovers() == (await world.workspace(),)


async def test_the_capacity_is_known(world: World) -> None:
    assert await world.builder.capacity() >= 1
