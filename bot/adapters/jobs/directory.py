"""A build as it lies on disk: `job.json` in, `build.log` and `result.json` out.

The directory is all that the service and the detached supervisor share. Whoever holds the lock on `lock` runs the
build: the service takes it, hands it to the supervisor it starts (an flock belongs to the open file, which both then
have) and lets go of its own copy. So a lock that can be had means that nobody works on the job, without asking for
process ids. `result.json` appears in one piece, last.
"""

import fcntl
import hashlib
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from bot.domain.build import BuildSource, Cancelled, Failed, Outcome, Succeeded
from bot.domain.ids import BuildKey, BuildRef, SnapshotId, WorkspaceRef
from bot.domain.target import Target
from bot.ports.resolver import Overlay

LOCK_FD = 3
"""The file descriptor under which a supervisor inherits the lock on its job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be built. What a backend's supervisor needs to know beside it stands in a class of the backend's."""

    key: BuildKey
    package: str
    workspace: WorkspaceRef
    target: Target
    snapshot: SnapshotId
    overlay: Overlay | None
    """The change, as published when the build was asked for; None for a baseline or before the first publication."""
    source: BuildSource
    timeout: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a build ended. `outcome` is spelled with its kind, since two of its classes have no fields."""

    kind: Literal["succeeded", "failed", "cancelled"]
    failed: Failed | None
    started_at: datetime | None
    ended_at: datetime
    installed: tuple[str, ...] = ()
    source: str = ""
    binaries: tuple[str, ...] = ()
    cpu_seconds: float | None = None
    """Of all the processes that the build had; None where it had none."""

    @property
    def outcome(self) -> Outcome:
        """The domain's value."""
        if self.failed is not None:
            return self.failed
        return Succeeded() if self.kind == "succeeded" else Cancelled()


_RESULT = TypeAdapter(Result)


def ref_of(key: BuildKey) -> BuildRef:
    """Return the reference, also the directory's name, of the build with that key."""
    return BuildRef(hashlib.sha256(key.encode()).hexdigest()[:32])


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


@dataclass(frozen=True, slots=True)
class JobDirectory:
    """Names and formats of the files of one job."""

    path: Path

    def exists(self) -> bool:
        """Whether the job was submitted."""
        return (self.path / "job.json").exists()

    def write_job(self, description: bytes) -> None:
        """Write down what is to be done, in the backend's own words."""
        write_atomically(self.path / "job.json", description)

    def job(self) -> bytes:
        """Read what is to be done."""
        return (self.path / "job.json").read_bytes()

    def result(self) -> Result | None:
        """Return how it ended, None while it has not."""
        try:
            return _RESULT.validate_json((self.path / "result.json").read_bytes())
        except FileNotFoundError:
            return None

    def finish(self, result: Result) -> None:
        """Write down how it ended. The reserve is given up first: a full disk must not swallow a result."""
        (self.path / "reserve").unlink(missing_ok=True)
        write_atomically(self.path / "result.json", _RESULT.dump_json(result))

    def end_without_build(self, kind: Literal["failed", "cancelled"], failed: Failed | None = None) -> None:
        """Write down the end of a job that nobody works on."""
        self.finish(Result(kind=kind, failed=failed, started_at=self.started_at(), ended_at=datetime.now(UTC)))

    def reserve(self) -> None:
        """Set a little disk space aside for the result."""
        (self.path / "reserve").write_bytes(os.urandom(256 * 1024))

    def mark_started(self) -> datetime:
        """Note that a slot was granted."""
        now = datetime.now(UTC)
        write_atomically(self.path / "started", now.isoformat().encode())
        return now

    def started_at(self) -> datetime | None:
        """Return when a slot was granted, None while the job waits for one."""
        try:
            return datetime.fromisoformat((self.path / "started").read_text())
        except FileNotFoundError:
            return None

    def count_start(self) -> int:
        """Note that a supervisor is being started and return how often that has been."""
        with (self.path / "starts").open("ab") as file:
            file.write(b".")
            return file.tell()

    def request_cancel(self) -> None:
        """Ask the supervisor, present or future, to stop."""
        (self.path / "cancel").touch()

    @property
    def cancel_requested(self) -> bool:
        """Whether somebody asked for a stop."""
        return (self.path / "cancel").exists()

    @property
    def log(self) -> Path:
        """The build's log."""
        return self.path / "build.log"

    @property
    def supervisor_log(self) -> Path:
        """What the supervisor itself had to say."""
        return self.path / "supervisor.log"

    @property
    def packages(self) -> Path:
        """Directory of the SRPM and the RPMs of a successful build."""
        return self.path / "packages"

    @property
    def root(self) -> Path:
        """Directory of the throw-away root."""
        return self.path / "root"

    def try_lock(self) -> int | None:
        """Return a descriptor that holds the job's lock, None where somebody works on the job."""
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def inherited_lock(self) -> int | None:
        """Return the descriptor with the lock that the service handed over, None where this process got none."""
        try:
            mine, theirs = os.fstat(LOCK_FD), (self.path / "lock").stat()
        except OSError:
            return None
        return LOCK_FD if os.path.samestat(mine, theirs) else None
