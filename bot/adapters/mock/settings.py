"""What an operator can say about mock. It travels inside every job, so that a supervisor needs nothing else."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class MockSettings:
    """Where mock is, where it works, and what it may use; sizes in bytes."""

    state: Path
    """Absolute; what we keep ourselves: jobs, workspaces, configurations."""
    command: str = "mock"
    slots: int = 1
    """Builds at once, each in a root of its own."""
    roots: Path = Path("/var/lib/mock")
    caches: Path = Path("/var/cache/mock")
    bound: int = 20 * 1024 * MIB
    """How much roots and caches of ours may take up between builds."""
    log: int = 64 * MIB
    """Of one build, all its logs together."""
    isolation: str = "auto"
    """`nspawn`, `simple` or `auto`."""
    preparation: timedelta = timedelta(minutes=30)
    """What a build may take beyond its own time, for its root to be made."""
    patience: timedelta = timedelta(seconds=10)
    """For mock to end after it was told to."""
