"""Control groups for one build: memory and number of processes, in version 1 or 2 of the hierarchy.

Where this process may not make any, the limits fall back to rlimits, which the kernel counts per user id: that is why
every slot builds under an id of its own.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bot.adapters.sandbox.settings import Limits

CGROUPS = Path("/sys/fs/cgroup")
_PATIENCE = 2.0
_FILES = {
    1: {"memory": "memory.limit_in_bytes", "pids": "pids.max", "events": "memory.oom_control"},
    2: {"memory": "memory.max", "pids": "pids.max", "events": "memory.events"},
}


@dataclass(frozen=True, slots=True)
class ControlGroups:
    """The groups that a build's processes join; none where the machine does not let us make them."""

    directories: tuple[Path, ...]
    version: int = 1
    killed_before: int = 0
    """The kernel's count when the build began: a group may have served another build."""

    def out_of_memory(self) -> bool:
        """Whether the kernel had to kill a process of the build for its memory."""
        return self.killed() > self.killed_before

    def killed(self) -> int:
        """Return how many processes of these groups the kernel has killed for their memory."""
        for directory in self.directories:
            events = directory / _FILES[self.version]["events"]
            if events.exists():
                counters = dict(line.split(maxsplit=1) for line in events.read_text().splitlines())
                return int(counters.get("oom_kill", "0"))
        return 0

    def rlimits(self, limits: Limits, user: bool) -> list[str]:
        """Return options for prlimit: always the file size; the rest only where no group takes care of it.

        `user`: the command runs as a user whose processes can be counted, not as root.
        """
        options = [f"--fsize={limits.disk}"]
        if not self.directories and user:
            options += [f"--nproc={limits.processes}", f"--as={limits.memory}"]
        return options


@contextmanager
def control_groups(name: str, limits: Limits, hierarchy: Path = CGROUPS) -> Iterator[ControlGroups]:
    """Make groups below our own, with the limits set, and remove them at the end.

    Groups that a killed supervisor left under the name are used again.
    """
    groups = _version_1(name, hierarchy) or _version_2(name, hierarchy) or ControlGroups(())
    try:
        yield _limited(groups, limits)
    finally:
        _remove(groups)


def _version_1(name: str, hierarchy: Path) -> ControlGroups | None:
    own = _own_groups()
    made: list[Path] = []
    for controller in ("memory", "pids"):
        if not (hierarchy / controller / "cgroup.procs").exists():
            continue
        parent = hierarchy / controller / own.get(controller, "/").lstrip("/")
        try:
            made.append(_made((parent if parent.is_dir() else hierarchy / controller) / name))
        except OSError:
            continue
    return ControlGroups(tuple(made), 1) if made else None


def _version_2(name: str, hierarchy: Path) -> ControlGroups | None:
    """Take a group beside our own: one with processes in it may not hand controllers to groups below it."""
    own = hierarchy / _own_groups().get("", "/").lstrip("/")
    for parent in (own.parent if own != hierarchy else hierarchy, hierarchy):
        try:
            if not {"memory", "pids"} <= set((parent / "cgroup.controllers").read_text().split()):
                continue
            (parent / "cgroup.subtree_control").write_text("+memory +pids")
            return ControlGroups((_made(parent / name),), 2)
        except OSError:
            continue
    return None


def _limited(groups: ControlGroups, limits: Limits) -> ControlGroups:
    files = _FILES[groups.version]
    for directory in groups.directories:
        for kind, value in (("memory", limits.memory), ("pids", limits.processes)):
            if (directory / files[kind]).exists():
                (directory / files[kind]).write_text(str(value))
    return replace(groups, killed_before=groups.killed())


def _own_groups() -> dict[str, str]:
    """Return this process's group per controller; version 2 has the empty name."""
    groups: dict[str, str] = {}
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return groups
    for line in lines:
        _, controllers, path = line.split(":", 2)
        groups |= dict.fromkeys(controllers.split(","), path)
    return groups


def _made(directory: Path) -> Path:
    directory.mkdir(exist_ok=True)
    return directory


def _remove(groups: ControlGroups) -> None:
    """Remove the groups; the processes of a killed build take a moment to leave."""
    until = time.monotonic() + _PATIENCE
    for directory in groups.directories:
        while time.monotonic() < until:
            try:
                os.rmdir(directory)  # noqa: PTH106 no ordinary directory: the files of a control group do not count
            except FileNotFoundError:
                break
            except OSError:
                time.sleep(0.02)
            else:
                break
