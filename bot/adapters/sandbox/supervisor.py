"""The process beside one build: it outlives the service, and `result.json` is all that it has to say in the end.

A crash of the supervisor leaves no result; whoever polls then starts another, a few times, and the build begins anew:
nothing of a half-made root is ever used.
"""

import fcntl
import hashlib
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from bot.adapters.sandbox.build import Build, Made
from bot.adapters.sandbox.chamber import BuildFailed, Chamber, Stopped
from bot.adapters.sandbox.console import Console
from bot.adapters.sandbox.job import Job, JobDirectory, Result
from bot.adapters.sandbox.layers import layers
from bot.adapters.sandbox.limits import control_groups
from bot.adapters.sandbox.process import Watch
from bot.adapters.sandbox.root import Root
from bot.adapters.sandbox.settings import SandboxSettings
from bot.domain.build import Failed, FailureReason
from bot.domain.failure import signature_of
from bot.ports.errors import RevdepsError
from bot.ports.resolver import RootSolver

SolverFor = Callable[[Job], RootSolver]
"""Makes the solver for a job's target, snapshot and overlay."""

_WAIT = 0.1


def supervise(job_dir: Path, solver_for: SolverFor) -> None:
    """Do the job in the directory and write its result; return at once where it has one or somebody works on it.

    Waits for a free slot first. SIGTERM, or the job's `cancel` file, end the build as cancelled.
    """
    directory = JobDirectory(job_dir)
    lock = directory.inherited_lock()
    own = directory.try_lock() if lock is None else None
    if lock is None and own is None:
        return
    try:
        if directory.result() is None:
            _work(directory, directory.job(), solver_for)
    finally:
        if own is not None:
            os.close(own)


def infrastructure(cause: str) -> Failed:
    """Return the failure of a build that is not the package's fault."""
    return Failed(reason=FailureReason.INFRASTRUCTURE, signature=signature_of(None, cause), cause=cause)


@dataclass(slots=True)
class _StopSign:
    """Whether somebody asked for a stop; looked at a few times a second, the file less often than the signal."""

    directory: JobDirectory
    signalled: bool = False

    def __call__(self) -> bool:
        self.signalled = self.signalled or self.directory.cancel_requested
        return self.signalled


@contextmanager
def _terminable(sign: _StopSign) -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        del number, frame
        sign.signalled = True

    try:
        former = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread: the cancel file has to do
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _work(directory: JobDirectory, job: Job, solver_for: SolverFor) -> None:
    sign = _StopSign(directory)
    with _terminable(sign), _slot(job.settings, sign) as slot:
        if slot is None:
            directory.end_without_build("cancelled")
            return
        started = directory.mark_started()
        with suppress(OSError):  # on a full disk the build says so itself
            directory.reserve()
        spent = _cpu_of_children()
        root = Root(directory.root, layers(job.settings), job.settings.first_uid + slot)
        kind, failed, made, installed = _attempt(directory, job, root, sign, solver_for)
        root.remove()  # before the result is written: it may be what the disk is full of
    directory.finish(
        Result(
            kind=kind,
            failed=failed,
            started_at=started,
            ended_at=datetime.now(UTC),
            installed=installed,
            source=made.source if made else "",
            binaries=made.binaries if made else (),
            cpu_seconds=round(_cpu_of_children() - spent, 2),
        )
    )


def _cpu_of_children() -> float:
    """Return the processor time, in seconds, of all the processes that have ended below this one.

    A supervisor works on one job, and what was started in the root is counted to the first process of its namespace.
    """
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


_Attempt = tuple[Literal["succeeded", "failed", "cancelled"], Failed | None, Made | None, tuple[str, ...]]


def _attempt(directory: JobDirectory, job: Job, root: Root, sign: _StopSign, solver_for: SolverFor) -> _Attempt:
    """Build once and tell how it ended. What is not the build's own end is an infrastructure failure."""
    build: Build | None = None
    directory.log.unlink(missing_ok=True)
    limits = job.settings.limits
    watch = Watch(
        deadline=time.monotonic() + job.timeout.total_seconds(), limits=limits, written=root.uppers(), stop=sign
    )
    try:
        with (
            control_groups(_group(job.settings, root), limits) as groups,
            Console(directory.log, limits.log) as console,
        ):
            root.create()
            chamber = Chamber(root=root, console=console, watch=watch, groups=groups)
            build = Build(job, chamber, solver_for(job))
            return "succeeded", None, build.run(directory.packages), build.installed
    except BuildFailed as failure:
        return "failed", failure.failed, None, build.installed if build else ()
    except Stopped:
        return "cancelled", None, None, build.installed if build else ()
    except (RevdepsError, OSError) as error:
        return "failed", infrastructure(str(error)), None, build.installed if build else ()


def _group(settings: SandboxSettings, root: Root) -> str:
    """Name the control group of a slot; several state directories may be in use on one machine."""
    return f"revdeps-{hashlib.sha256(bytes(settings.state)).hexdigest()[:10]}-{root.uid}"


@contextmanager
def _slot(settings: SandboxSettings, sign: _StopSign) -> Iterator[int | None]:
    """Wait for one of the slots, which all supervisors share; None where a stop was asked for meanwhile."""
    directory = settings.state / "slots"
    directory.mkdir(parents=True, exist_ok=True)
    files = [
        os.open(directory / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        for number in range(settings.slots)
    ]
    try:
        yield _taken(files, sign)
    finally:
        for descriptor in files:
            os.close(descriptor)


def _taken(files: list[int], sign: _StopSign) -> int | None:
    while not sign():
        for number, descriptor in enumerate(files):
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return number
        time.sleep(_WAIT)
    return None
