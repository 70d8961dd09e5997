"""Source packages of changes, made in the sandbox for backends that take an upload."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.sandbox import SandboxSettings, SandboxSourceMaker
from bot.domain.build import FailureReason, Phase
from bot.domain.config import PackageConfig, SourceMethod
from bot.ports.errors import NoSource
from tests.fakes.sandbox import Spec

pytestmark = pytest.mark.rpm


@pytest.fixture
def settings(tmp_path: Path) -> SandboxSettings:
    return SandboxSettings(state=tmp_path / "state")


async def test_the_source_package_has_the_changes_suffix_and_stays(settings: SandboxSettings, tmp_path: Path) -> None:
    make = SandboxSourceMaker(settings)
    source = Spec(name="frob").tree(tmp_path / "frob")
    made = await make(source)

    assert made.name == f"frob-1.0-1{source.release_suffix}.src.rpm"
    assert made.read_bytes()[:4] == b"\xed\xab\xee\xdb"
    again = await make(source)
    assert again == made
    assert sorted(path.name for path in settings.state.iterdir() if path.name.startswith("srpm-")) == []


async def test_what_was_made_long_ago_goes(settings: SandboxSettings, tmp_path: Path) -> None:
    make = SandboxSourceMaker(settings)
    old = await make(Spec(name="old").tree(tmp_path / "old"))
    os.utime(old.parent, (0, 0))
    await make(Spec(name="new").tree(tmp_path / "new"))
    assert not old.exists()


async def test_the_spec_runs_in_the_sandbox_alone(settings: SandboxSettings, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    await SandboxSourceMaker(settings)(Spec(name="evil", preamble=f"%(touch {mark} || :)").tree(tmp_path / "evil"))
    assert not mark.exists()


async def test_a_change_without_a_source_package_has_failed_itself(settings: SandboxSettings, tmp_path: Path) -> None:
    source = Spec(name="broken", preamble="Source0: missing.tar.gz").tree(tmp_path / "broken")
    with pytest.raises(NoSource, match=r"missing\.tar\.gz") as caught:
        await SandboxSourceMaker(settings)(source)
    assert (caught.value.failed.reason, caught.value.failed.phase) == (FailureReason.SRPM, Phase.SRPM)


async def test_what_only_a_copr_makes_is_not_made_here(settings: SandboxSettings, tmp_path: Path) -> None:
    source = Spec(name="made").tree(tmp_path / "made", method=SourceMethod.PACKIT)
    with pytest.raises(NoSource, match="`source: packit` needs a Copr"):
        await SandboxSourceMaker(settings)(source)


async def test_a_command_runs_in_a_checkout_that_others_may_not_enter(
    settings: SandboxSettings, tmp_path: Path
) -> None:
    source = Spec(name="made").tree(tmp_path / "made")
    (tmp_path / "made").chmod(0o700)
    command = 'rpmbuild -bs --define "_srcrpmdir $RESULTDIR" made.spec'
    package = PackageConfig(spec="made.spec", method=SourceMethod.COMMAND, command=command)
    made = await SandboxSourceMaker(settings)(replace(source, package=package, release_suffix=".rd1"))
    assert made.name == "made-1.0-1.rd1.src.rpm"
