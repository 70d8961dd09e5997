"""What an operator can say about the sandbox. It travels inside every job, so that a supervisor needs nothing else."""

from dataclasses import dataclass, field
from pathlib import Path

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one build may use; sizes in bytes. Time is part of the request."""

    memory: int = 4096 * MIB
    processes: int = 2048
    """Processes and threads together."""
    log: int = 64 * MIB
    disk: int = 10_240 * MIB
    """All files of the build's root together; also the largest single file."""
    free: int = 256 * MIB
    """A build is stopped before it leaves less than this on the disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """Where the sandbox works and with what."""

    state: Path
    """Absolute; on a filesystem that overlayfs can write to (ext4, xfs, tmpfs, not another overlay)."""
    slots: int = 2
    limits: Limits = field(default_factory=Limits)
    base_root: Path | None = None
    """A directory, or a tarball, with an installed system to build over; None builds over the host's own /usr."""
    masked: tuple[Path, ...] = ()
    """Further directories of the host that no build may see, where they lie under /usr (nothing else is shown)."""
    first_uid: int = 264_000
    """Slot n builds as user id `first_uid + n`; no other account may have these."""
    cpus: int = 2
    """Value of `%_smp_build_ncpus`."""

    @property
    def templates(self) -> Path:
        """The lower layers that every root over the host shares."""
        return self.state / "templates"
