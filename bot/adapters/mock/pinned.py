"""The target's repositories as they were pinned, on disk for as long as builds use them.

They keep their place: the package manager keeps what it has fetched by a repository's address.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Sequence

from bot.adapters.mock.settings import MockSettings
from bot.domain.ids import SnapshotId
from bot.ports.resolver import RootSolver

_UNUSED = 2 * 86_400
"""Seconds after which nobody can be building with them any more."""


def pinned(settings: MockSettings, snapshot: SnapshotId, solver: RootSolver) -> Sequence[str]:
    """Return the addresses of a snapshot's repositories, in the target's order; remove those that nobody uses."""
    directory = settings.state / "pinned"
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        mine = directory / snapshot
        mine.mkdir(exist_ok=True)
        os.utime(mine)
        for each in directory.iterdir():
            if each.is_dir() and each.stat().st_mtime < time.time() - _UNUSED:
                shutil.rmtree(each, ignore_errors=True)
        return solver.repositories(str(mine))
    finally:
        os.close(descriptor)
