"""What every supervisor does around a build: it holds the job's lock, waits for a slot, and heeds a wish to stop."""

import fcntl
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bot.adapters.jobs.directory import JobDirectory

_WAIT = 0.1


@dataclass(slots=True)
class StopSign:
    """Whether somebody asked for a stop; looked at a few times a second, the file less often than the signal."""

    directory: JobDirectory
    signalled: bool = False

    def __call__(self) -> bool:
        """Look."""
        self.signalled = self.signalled or self.directory.cancel_requested
        return self.signalled


def attend(job_dir: Path, slots: Path, count: int, work: Callable[[JobDirectory, int, StopSign], None]) -> None:
    """Do `work` for the job in the directory; return at once where it has ended or somebody else is at it.

    One of `count` slots, which all supervisors with the same directory `slots` share, is waited for first; `work` gets
    its number. SIGTERM, or the job's `cancel` file, end the job as cancelled.
    """
    directory = JobDirectory(job_dir)
    lock = directory.inherited_lock()
    own = directory.try_lock() if lock is None else None
    if lock is None and own is None:
        return
    try:
        if directory.result() is None:
            sign = StopSign(directory)
            with _terminable(sign), _slot(slots, count, sign) as slot:
                if slot is None:
                    directory.end_without_build("cancelled")
                else:
                    work(directory, slot, sign)
    finally:
        if own is not None:
            os.close(own)


def cpu_of_children() -> float:
    """Return the processor time, in seconds, of all the processes that have ended below this one."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def _terminable(sign: StopSign) -> Iterator[None]:
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


@contextmanager
def _slot(directory: Path, count: int, sign: StopSign) -> Iterator[int | None]:
    """Wait for a slot; None where a stop was asked for meanwhile."""
    directory.mkdir(parents=True, exist_ok=True)
    files = [os.open(directory / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600) for number in range(count)]
    try:
        yield _taken(files, sign)
    finally:
        for descriptor in files:
            os.close(descriptor)


def _taken(files: list[int], sign: StopSign) -> int | None:
    while not sign():
        for number, descriptor in enumerate(files):
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return number
        time.sleep(_WAIT)
    return None
