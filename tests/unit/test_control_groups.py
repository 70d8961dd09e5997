"""Control groups, on hierarchies of plain files."""

from pathlib import Path

import pytest

from bot.adapters.sandbox.limits import ControlGroups, control_groups
from bot.adapters.sandbox.settings import MIB, Limits

LIMITS = Limits(memory=100 * MIB, processes=50, disk=10 * MIB)


@pytest.fixture
def version_2(tmp_path: Path) -> Path:
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    (tmp_path / "cgroup.subtree_control").write_text("")
    return tmp_path


def test_version_2_has_one_group_with_both_controllers(version_2: Path) -> None:
    with control_groups("build", LIMITS, version_2) as groups:
        (version_2 / "build/memory.events").write_text("low 0\noom 1\noom_kill 1\n")

        assert groups.directories == (version_2 / "build",)
        assert (version_2 / "cgroup.subtree_control").read_text() == "+memory +pids"
        assert groups.out_of_memory()
        (version_2 / "build/memory.events").unlink()


def test_an_earlier_builds_death_is_not_counted(tmp_path: Path) -> None:
    (tmp_path / "memory.oom_control").write_text("under_oom 0\noom_kill 3\n")

    assert not ControlGroups((tmp_path,), 1, killed_before=3).out_of_memory()
    assert ControlGroups((tmp_path,), 1, killed_before=2).out_of_memory()


def test_rlimits_stand_in_where_no_group_can_be_made(tmp_path: Path) -> None:
    with control_groups("build", LIMITS, tmp_path) as groups:
        assert groups == ControlGroups(())
        assert groups.rlimits(LIMITS, user=True) == [
            f"--fsize={10 * MIB}",
            "--nproc=50",
            f"--as={100 * MIB}",
        ]
        assert groups.rlimits(LIMITS, user=False) == [f"--fsize={10 * MIB}"]
        assert not groups.out_of_memory()


def test_with_groups_only_the_size_of_a_file_is_left_to_rlimits(tmp_path: Path) -> None:
    assert ControlGroups((tmp_path,)).rlimits(LIMITS, user=True) == [f"--fsize={10 * MIB}"]
