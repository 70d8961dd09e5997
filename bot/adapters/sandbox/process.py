"""Runs one command to its end, or to its limit: time, log, disk, or somebody who asks for a stop."""

import os
import selectors
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.adapters.jobs.console import Console
from bot.adapters.sandbox.settings import MIB, Limits

_TICK = 0.25
_CHUNK = 64 * 1024
_ENVIRONMENT = {"PATH": "/usr/bin:/usr/sbin:/bin:/sbin", "LC_ALL": "C"}
"""Not the service's: bubblewrap's first process is to be seen in the root's /proc, and its environment with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended: `status` as the shell has it (128 + signal), negative never."""

    status: int
    timed_out: bool = False
    stopped: bool = False
    limit: str = ""
    """The limit it ran into, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What a running command is held to."""

    deadline: float
    """On the clock of time.monotonic()."""
    limits: Limits
    written: Sequence[Path] = ()
    """Directories whose size counts."""
    stop: Callable[[], bool] = lambda: False


def run(command: Sequence[str], console: Console, watch: Watch) -> Ended:
    """Run the command with its output going to the console; kill it, and all that it started, at a limit.

    The command has to be bubblewrap's in the end: with it dies its process namespace.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        env=_ENVIRONMENT,
    )
    assert process.stdout is not None
    guard = _Guard(watch, console)
    with process, selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        verdict: Ended | None = None
        while verdict is None:
            if selector.select(_TICK):
                data = os.read(process.stdout.fileno(), _CHUNK)
                if not data:
                    break
                console.write(data)
            verdict = guard.verdict()
        if verdict is not None:
            process.kill()
    status = process.returncode
    return verdict or Ended(status=status if status >= 0 else 128 - status)


class _Guard:
    """Looks at the limits; at the disk's less often the longer looking takes."""

    def __init__(self, watch: Watch, console: Console) -> None:
        self._watch = watch
        self._console = console
        self._next_look = time.monotonic() + 1

    def verdict(self) -> Ended | None:
        """Return why the command has to be stopped now, None where it may go on."""
        now = time.monotonic()
        if self._watch.stop():
            return Ended(status=143, stopped=True)
        if now > self._watch.deadline:
            return Ended(status=137, timed_out=True)
        if self._console.full:
            return _limit(f"the build's log grew over its limit of {self._watch.limits.log // MIB} MiB")
        if now > self._next_look:
            found = self._disk()
            self._next_look = time.monotonic() + max(1.0, 20 * (time.monotonic() - now))
            return found
        return None

    def _disk(self) -> Ended | None:
        limits = self._watch.limits
        for directory in self._watch.written[:1]:
            facts = os.statvfs(directory)
            if facts.f_bavail * facts.f_frsize < limits.free:
                return _limit("No space left on device: the build was stopped before the disk was full")
        if sum(size_of(directory) for directory in self._watch.written) > limits.disk:
            return _limit(f"the build wrote more than its limit of {limits.disk // MIB} MiB to the disk")
        return None


def _limit(words: str) -> Ended:
    return Ended(status=137, limit=words)


def size_of(directory: Path) -> int:
    """Return the bytes that the files below a directory take up on the disk."""
    total = 0
    pending = [os.fspath(directory)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:  # went away while we looked
            continue
    return total
