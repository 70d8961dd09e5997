"""Builds in mock, with mock played by its stand-in: what it is told, and what becomes of everything that it may say."""

import hashlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.jobs.directory import JobDirectory
from bot.adapters.mock import MockBuilder
from bot.adapters.mock.caches import keep_bound
from bot.domain.build import (
    BuildRequest,
    BuildSource,
    Cancelled,
    Failed,
    FailureReason,
    Phase,
    SrpmSource,
    Succeeded,
    TreeSource,
)
from bot.domain.config import SourceMethod
from bot.domain.ids import BuildKey, BuildRef, RunId, SnapshotId, WorkspaceRef
from bot.ports.builder import BuildStatus, WorkspaceSpec
from bot.ports.errors import Misconfigured
from tests.fakes.mock.place import MockPlace
from tests.fakes.sandbox import Spec, ended, log_of, running

pytestmark = pytest.mark.rpm
GOOD = Spec(name="good")


@dataclass
class World:
    """A machine, and the adapter on it."""

    place: MockPlace
    directory: Path
    builder: MockBuilder

    async def workspace(self, run: str | None = "run") -> WorkspaceRef:
        spec = WorkspaceSpec(run=RunId(run) if run else None, target=self.place.target, snapshot=SnapshotId("0" * 40))
        return await self.builder.prepare(spec)

    async def submit(
        self, source: BuildSource | None = None, key: str = "k", seconds: float = 60, run: str | None = "run"
    ) -> BuildRef:
        request = BuildRequest(
            package="good",
            workspace=await self.workspace(run),
            source=source or GOOD.tree(self.directory / "good"),
            timeout=timedelta(seconds=seconds),
        )
        return await self.builder.submit(BuildKey(key), request)

    async def build(self, source: BuildSource | None = None, **how: Any) -> tuple[BuildStatus, str]:
        ref = await self.submit(source, **how)
        (status,) = await ended(self.builder, [ref])
        return status, await log_of(self.builder, ref)

    def rules(self, *rules: dict[str, Any]) -> None:
        self.place.stage.set(rules=rules)

    def called(self, word: str) -> list[list[str]]:
        return [call for call in self.place.stage.calls if word in call]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("empty")
    subprocess.run(["createrepo_c", "--quiet", str(directory)], check=True)
    return directory


@pytest.fixture
async def world(tmp_path: Path, repository: Path) -> AsyncIterator[World]:
    place = MockPlace(tmp_path / "place", repository, patience=timedelta(seconds=1))
    world = World(place, tmp_path, place.builder())
    yield world
    for workspace in await world.builder.leftovers():
        await world.builder.discard(workspace)
    assert place.stage.violations == ""


async def test_a_change_is_packed_and_built_in_roots_of_its_own(world: World) -> None:
    status, log = await world.build()

    assert status.outcome == Succeeded()
    assert "Mock Version: " in log
    assert "Executing(%build)" in log
    (packed,), (built,) = world.called("--buildsrpm"), world.called("--rebuild")
    for call in (packed, built):
        assert call[call.index("--config-opts") + 1] == "rpmbuild_networking=False"
        assert call[call.index("--rpmbuild_timeout") + 1] == "60"
        assert call[call.index("--uniqueext") + 1].endswith("-0")
    assert all("-bootstrap-" in path.name for path in world.place.stage.roots.iterdir())


async def test_a_published_change_is_a_repository_among_the_targets_and_no_root_is_packed(world: World) -> None:
    (plain,) = world.place.target.repositories
    world.place.target = replace(world.place.target, repositories=(plain, replace(plain, priority=7)))
    ref = await world.submit()
    await ended(world.builder, [ref])
    state = await world.builder.publish(await world.workspace(), [ref], 0)

    await world.build(key="candidate")
    await world.build(key="baseline", run=None)

    _, candidate, baseline = world.called("--rebuild")
    _, with_change, without = world.place.stage.dnf
    assert dict(with_change["revdeps-change"]) == {
        "name": state.url,
        "baseurl": state.url,
        "enabled": "1",
        "gpgcheck": "0",
        "priority": "7",
        "skip_if_unavailable": "0",
        "module_hotfixes": "1",
    }
    assert (with_change["revdeps-0"]["priority"], with_change["revdeps-1"]["priority"]) == ("99", "7")
    assert without.sections() == ["main", "revdeps-0", "revdeps-1"]
    for call in (candidate, baseline):
        assert call[call.index("--disable-plugin") + 1] == "root_cache"


async def test_what_was_in_the_root_is_told(world: World) -> None:
    names = ["bash-5.2-1.x86_64", "vim-2:9.1-3.noarch", "gpg-pubkey-1234-5678"]
    world.rules({"name": "good-*", "installed": names})

    status, _ = await world.build()

    assert status.installed == ("bash-5.2-1.x86_64", "vim-2:9.1-3.noarch")
    assert status.cpu_seconds is not None


@pytest.mark.parametrize(
    ("rule", "reason", "phase"),
    [
        ({"status": 1, "build_log": "Executing(%build): x\na.c:1:1: error: no"}, FailureReason.COMPILE, Phase.BUILD),
        ({"status": 1, "build_log": "Executing(%check): x\nFAILED t"}, FailureReason.CHECK, Phase.CHECK),
        ({"status": 30, "root_log": "Error:\n nothing provides libfoo.so.1 needed by bar-1-1.x86_64"},
         FailureReason.UNRESOLVABLE, Phase.BUILDROOT),
        ({"status": 30, "root_log": "Curl error (28): Timeout was reached"}, FailureReason.INFRASTRUCTURE, None),
        ({"status": 40}, FailureReason.SRPM, Phase.SRPM),
        ({"status": 70}, FailureReason.INFRASTRUCTURE, None),
        ({"status": 80}, FailureReason.INFRASTRUCTURE, None),
        ({"status": 90}, FailureReason.INFRASTRUCTURE, None),
        ({"status": 20, "root_log": "No space left on device"}, FailureReason.INFRASTRUCTURE, None),
    ],
)  # fmt: skip
async def test_every_way_of_failing_has_its_reason(
    world: World, rule: dict[str, Any], reason: FailureReason, phase: Phase | None
) -> None:
    world.rules({"name": "good-*", **rule})

    status, log = await world.build()

    assert isinstance(status.outcome, Failed)
    assert (status.outcome.reason, status.outcome.phase) == (reason, phase)
    assert all(line in log for line in rule.get("build_log", "").splitlines())


async def test_a_build_that_takes_too_long_is_ended_by_mock(world: World) -> None:
    world.rules({"name": "good-*", "build_log": "Executing(%build): x\n", "until": "/nonexistent"})

    status, _ = await world.build(seconds=1)

    assert isinstance(status.outcome, Failed)
    assert status.outcome.reason is FailureReason.TIMEOUT


async def test_a_root_that_is_never_ready_is_no_fault_of_the_package(tmp_path: Path, repository: Path) -> None:
    place = MockPlace(tmp_path / "place", repository, patience=timedelta(seconds=1), preparation=timedelta(seconds=-58))
    place.stage.set(rules=[{"name": "good*", "root_log": "still fetching", "until": "/nonexistent"}])
    world = World(place, tmp_path, place.builder())

    status, log = await world.build()

    assert isinstance(status.outcome, Failed)
    assert status.outcome.reason is FailureReason.INFRASTRUCTURE
    assert "still fetching" in log


async def test_a_spec_that_does_not_parse_fails_as_a_source_package(world: World) -> None:
    source = GOOD.tree(world.directory / "good")
    (world.directory / "good" / "good.spec").write_text("Name: good\n%if\n")

    status, log = await world.build(source)

    assert isinstance(status.outcome, Failed)
    assert (status.outcome.reason, status.outcome.phase) == (FailureReason.SRPM, Phase.SRPM)
    assert status.outcome.cause in log
    assert not world.called("--rebuild")


async def test_a_root_that_was_left_locked_is_freed_once(world: World) -> None:
    world.place.stage.set(locked=1)

    status, _ = await world.build()

    assert status.outcome == Succeeded()
    assert world.called("--orphanskill")


async def test_a_root_that_stays_locked_is_infrastructure(world: World) -> None:
    world.place.stage.set(locked=9)

    status, _ = await world.build()

    assert isinstance(status.outcome, Failed)
    assert status.outcome.reason is FailureReason.INFRASTRUCTURE
    assert "locked" in status.outcome.cause


async def test_a_mock_that_may_not_be_signalled_is_ended_by_mock(world: World) -> None:
    world.rules({"name": "good-*", "build_log": "at it", "until": "/nonexistent", "deaf": True})
    ref = await world.submit()
    await running(world.builder, ref)
    while "at it" not in await log_of(world.builder, ref):
        await world.builder.poll([ref])

    await world.builder.cancel([ref])

    (status,) = await ended(world.builder, [ref])
    assert status.outcome == Cancelled()
    assert world.called("--orphanskill")


async def test_a_supervisor_that_dies_is_followed_by_another(world: World) -> None:
    world.rules({"name": "good-*", "build_log": "at it", "until": "/nonexistent"})
    ref = await world.submit()
    while "at it" not in await log_of(world.builder, ref):
        await world.builder.poll([ref])
    job = JobDirectory(world.place.settings.state / "jobs" / ref)

    os.kill(int((job.path / "pid").read_text()), signal.SIGKILL)
    world.rules()

    (status,) = await ended(world.builder, [ref])
    assert status.outcome == Succeeded()
    assert (job.path / "starts").read_text() == ".."


async def test_a_log_without_end_ends_the_build(tmp_path: Path, repository: Path) -> None:
    place = MockPlace(tmp_path / "place", repository, patience=timedelta(seconds=1), log=2000)
    place.stage.set(rules=[{"name": "good-*", "build_log": "again\n" * 1000, "until": "/nonexistent"}])
    world = World(place, tmp_path, place.builder())

    status, log = await world.build()

    assert isinstance(status.outcome, Failed)
    assert "log grew over its limit" in status.outcome.cause
    assert len(log) < 3000


async def test_a_source_package_is_checked_against_the_metadata(world: World) -> None:
    ref = await world.submit()
    await ended(world.builder, [ref])
    packages = JobDirectory(world.place.settings.state / "jobs" / ref).packages
    (srpm,) = packages.glob("*.src.rpm")
    digest = hashlib.sha256(srpm.read_bytes()).hexdigest()

    right, _ = await world.build(SrpmSource(location=srpm.as_uri(), checksum=f"sha256:{digest}"), key="right")
    wrong, _ = await world.build(SrpmSource(location=srpm.as_uri(), checksum="sha256:00"), key="wrong")

    assert right.outcome == Succeeded()
    assert isinstance(wrong.outcome, Failed)
    assert wrong.outcome.reason is FailureReason.SRPM


def archived(directory: Path) -> TreeSource:
    source = Spec(name="good", preamble="BuildArch: noarch\nSource0: good-1.0.tar.gz", prep="%setup -q").tree(directory)
    return replace(source, package=replace(source.package, method=SourceMethod.ARCHIVE))


def commanded(directory: Path) -> TreeSource:
    source = GOOD.tree(directory)
    command = 'rpmbuild -bs --nodeps --define "_topdir /tmp" --define "_srcrpmdir $RESULTDIR" good.spec'
    return replace(source, package=replace(source.package, method=SourceMethod.COMMAND, command=command))


@pytest.mark.parametrize("make", [archived, commanded])
async def test_source_packages_are_made_in_the_root_in_every_way(world: World, make: Any) -> None:
    ref = await world.submit(make(world.directory / "made"))

    (status,) = await ended(world.builder, [ref])

    assert status.outcome == Succeeded(), await log_of(world.builder, ref)
    assert (await world.builder.artifacts(ref)).source == "good-1.0-1.rd1.src"
    assert all("--unpriv" in call for call in world.called("--chroot"))


async def test_what_only_a_copr_makes_is_not_made_here(world: World) -> None:
    source = GOOD.tree(world.directory / "made")

    status, _ = await world.build(replace(source, package=replace(source.package, method=SourceMethod.MAKE_SRPM)))

    assert isinstance(status.outcome, Failed)
    assert status.outcome.cause.startswith("`source: make-srpm` needs a Copr")


async def test_a_command_that_makes_nothing_fails_with_what_it_said(world: World) -> None:
    source = commanded(world.directory / "made")

    status, log = await world.build(
        replace(source, package=replace(source.package, command="echo no such luck; exit 3"))
    )

    assert isinstance(status.outcome, Failed)
    assert status.outcome.reason is FailureReason.SRPM
    assert "no such luck" in log


async def test_caches_stay_within_their_bound_the_oldest_goes_first(world: World) -> None:
    world.place.stage.set(cache_bytes=200_000)
    await world.build()
    first = world.place.target
    world.place.target = replace(first, name="newer")
    await world.build(key="newer")
    old, new = sorted(path.name for path in world.place.stage.caches.iterdir())[::1]
    assert (old.startswith("revdeps-here-"), new.startswith("revdeps-newer-")) == (True, True)

    assert keep_bound(replace(world.place.settings, bound=300_000)) == [old]

    assert [path.name for path in world.place.stage.caches.iterdir()] == [new]
    assert keep_bound(replace(world.place.settings, bound=300_000)) == []


async def test_nothing_stays_when_a_workspace_is_discarded(world: World) -> None:
    await world.build()

    await world.builder.discard(await world.workspace())

    assert not list(world.place.settings.state.glob("jobs/*"))
    assert not list(world.place.settings.state.glob("workspaces/*"))


async def refusal(world: World) -> Misconfigured:
    with pytest.raises(Misconfigured) as caught:
        await world.workspace()
    return caught.value


async def test_a_machine_without_mock_is_told_what_to_install(world: World) -> None:
    world.place.stage.command.unlink()

    assert "Install the package mock" in (await refusal(world)).mend


async def test_a_user_who_may_not_is_told_what_to_do(world: World) -> None:
    world.place.stage.set(member=False)
    assert "usermod -a -G mock" in (await refusal(world)).mend

    world.place.stage.set(root=True)
    assert "user of its own" in (await refusal(world)).mend


async def test_a_chroot_that_is_missing_or_broken_is_named(tmp_path: Path, repository: Path) -> None:
    place = MockPlace(tmp_path / "place", repository)
    place.target = replace(place.target, chroot="fedora-0-x86_64")
    world = World(place, tmp_path, place.builder())
    missing = await refusal(world)
    place.stage.configure("fedora-0-x86_64", "config_opts[")
    broken = await refusal(world)

    assert missing.where == broken.where == "targets.here.chroot"
    assert "fedora-0-x86_64.cfg" in missing.what
    assert "Config error" in broken.what
