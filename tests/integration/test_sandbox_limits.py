"""Builds that do not behave, machines that are full, supervisors that die: always an outcome, always with words."""

import asyncio
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.jobs.directory import ref_of
from bot.adapters.sandbox.builder import SandboxBuilder
from bot.adapters.sandbox.check import check_host
from bot.adapters.sandbox.settings import MIB, Limits
from bot.domain.build import Failed, FailureReason, Outcome, Phase, Succeeded
from bot.domain.ids import BuildKey
from bot.ports.errors import Misconfigured
from tests.fakes.sandbox import SUPERVISOR, SandboxWorld, Spec, ended, log_of, running

pytestmark = pytest.mark.rpm

SERVICE = """\
import asyncio, os, pickle, sys
from bot.adapters.sandbox import SandboxBuilder
settings, command, request = pickle.load(sys.stdin.buffer)
asyncio.run(SandboxBuilder(settings, command).submit("k", request))
os._exit(0)
"""
"""A service that dies as soon as it has started a build."""


@pytest.fixture
def world(tmp_path: Path) -> SandboxWorld:
    limits = Limits(memory=256 * MIB, processes=64, log=MIB, disk=64 * MIB, free=MIB)
    return SandboxWorld(tmp_path, limits=limits)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def failure(outcome: Outcome | None) -> Failed:
    assert isinstance(outcome, Failed)
    return outcome


async def test_a_build_that_never_ends_is_stopped_in_time(world: SandboxWorld) -> None:
    status, log = await world.build(Spec(name="endless", check="sleep 600"), seconds=2)

    assert failure(status.outcome).reason is FailureReason.TIMEOUT
    assert failure(status.outcome).cause == "the build did not end within its time limit"
    assert "stopped: the time limit is over" in log


async def test_a_log_without_end_is_cut(world: SandboxWorld) -> None:
    status, log = await world.build(Spec(name="chatty", build="yes noise"))

    assert failure(status.outcome).cause == "the build's log grew over its limit of 1 MiB"
    assert len(log) < 2 * MIB


async def test_files_without_end_are_stopped(world: SandboxWorld) -> None:
    endless = "i=0; while :; do i=$((i+1)); head -c 4M /dev/zero > file$i; sleep 0.05; done"

    status, _ = await world.build(Spec(name="greedy", build=endless))

    assert failure(status.outcome).cause == "the build wrote more than its limit of 64 MiB to the disk"
    assert not list((world.settings.state / "jobs" / ref_of(BuildKey("c/greedy/"))).glob("root*"))


async def test_forks_without_end_stay_within_the_build(world: SandboxWorld) -> None:
    status, _ = await world.build(Spec(name="forks", build="f() { f | f & f; }; f; wait; sleep 600"), seconds=5)
    after, log = await world.build(Spec(name="calm"))

    assert isinstance(status.outcome, Failed)
    assert after.outcome == Succeeded(), log


async def test_too_much_memory_is_named_as_the_cause(world: SandboxWorld) -> None:
    status, _ = await world.build(Spec(name="hungry", build="python3 -c 'x = bytearray(1 << 30); print(len(x))'"))

    assert failure(status.outcome).reason is FailureReason.MEMORY
    assert failure(status.outcome).cause == "out of memory: the build needed more than its limit of 256 MiB"


async def test_a_full_disk_is_not_the_packages_fault(small_disk: Path, world: SandboxWorld) -> None:
    world.settings = replace(world.settings, state=small_disk / "state", limits=Limits(free=0))
    world.builder = world.restart()

    status, _ = await world.build(Spec(name="full", build="head -c 64M /dev/zero > file"))

    assert failure(status.outcome).reason is FailureReason.INFRASTRUCTURE
    assert "No space left on device" in failure(status.outcome).cause


@pytest.mark.parametrize(
    ("preamble", "cause"),
    [
        ("%if 1", "Unclosed %if"),
        ("Source0: not-there.tar.gz", "not-there.tar.gz"),
        ("Frobnicate: yes", "Unknown tag: Frobnicate: yes"),
    ],
)
async def test_a_source_package_that_cannot_be_made_has_rpms_reason(
    world: SandboxWorld, preamble: str, cause: str
) -> None:
    status, _ = await world.build(Spec(name="broken", preamble=preamble))

    assert (failure(status.outcome).reason, failure(status.outcome).phase) == (FailureReason.SRPM, Phase.SRPM)
    assert cause in failure(status.outcome).cause


async def test_a_log_is_kept_as_it_is_and_its_cause_is_cleaned(world: SandboxWorld) -> None:
    noise = r"printf '\033[31ma.c:1:1: error: \000\377red\033[0m\n'; exit 1"

    status, _ = await world.build(Spec(name="noisy", build=noise))

    ref = ref_of(BuildKey("c/noisy/"))
    assert b"\x1b[31ma.c:1:1: error: \x00\xffred\x1b[0m" in await world.builder.log(ref, 0, MIB)
    assert failure(status.outcome).cause == "a.c:1:1: error: \ufffdred"


async def test_a_dead_supervisor_is_replaced_and_the_build_begins_anew(world: SandboxWorld) -> None:
    workspace = await world.workspace()
    source = Spec(name="slow", build="sleep 1").tree(world.directory / "slow")
    ref = await world.builder.submit(BuildKey("k"), world.request(workspace, "slow", source))
    pid = int((world.settings.state / "jobs" / ref / "pid").read_text())
    await running(world.builder, ref)

    os.kill(pid, signal.SIGKILL)
    (status,) = await ended(world.builder, [ref])

    assert status.outcome == Succeeded()
    assert (world.settings.state / "jobs" / ref / "starts").read_text() == ".."
    assert (await log_of(world.builder, ref)).count("rpmbuild -ba") == 1


async def test_a_supervisor_that_cannot_run_is_an_infrastructure_failure(world: SandboxWorld) -> None:
    builder = SandboxBuilder(world.settings, [sys.executable, "-c", "raise SystemExit('no such module')"])
    source = Spec(name="never").tree(world.directory / "never")
    ref = await builder.submit(BuildKey("k"), world.request(await world.workspace(), "never", source))

    (status,) = await ended(builder, [ref])

    assert failure(status.outcome).reason is FailureReason.INFRASTRUCTURE
    assert failure(status.outcome).cause == "the build's supervisor died 3 times: no such module"


async def test_a_build_outlives_the_service_that_started_it(world: SandboxWorld) -> None:
    workspace = await world.workspace()
    source = Spec(name="outlives", build="sleep 0.5").tree(world.directory / "outlives")
    request = world.request(workspace, "outlives", source)

    service = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVICE, stdin=subprocess.PIPE)
    await service.communicate(pickle.dumps((world.settings, SUPERVISOR, request)))
    (status,) = await ended(world.builder, [ref_of(BuildKey("k"))])

    assert status.outcome == Succeeded()
    assert (world.settings.state / "jobs" / ref_of(BuildKey("k")) / "starts").read_text() == "."


async def test_nothing_stays_behind_on_the_disk_or_mounted(world: SandboxWorld) -> None:
    await world.build(Spec(name="tidy"))
    await world.builder.discard(await world.workspace())

    assert not list((world.settings.state / "jobs").glob("*"))
    assert not list((world.settings.state / "workspaces").glob("*"))
    assert str(world.settings.state) not in Path("/proc/self/mounts").read_text()


def test_a_machine_that_lacks_a_tool_is_told_what_to_install(
    world: SandboxWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Misconfigured, match=r"Install .*bubblewrap"):
        check_host(world.settings)


def test_a_state_directory_that_cannot_be_used_is_named(world: SandboxWorld, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(Misconfigured, match=r"sandbox\.state"):
        check_host(replace(world.settings, state=tmp_path / "file"))
