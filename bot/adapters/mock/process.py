"""Runs mock, follows its logs while it works, and ends it where it has to: on request, at a limit, at its time."""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.adapters.jobs.console import Console
from bot.adapters.jobs.failing import Stopped
from bot.adapters.mock.settings import MIB, MockSettings

_TICK = 0.1
_TAIL = 512 * 1024
_LOGS = ("root.log", "build.log")
_LOCKED = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How mock ended: its status (negative: a signal), what it wrote, and where its logs are."""

    status: int
    said: str
    results: Path
    timed_out: bool = False
    limit: str = ""

    def tail(self, name: str) -> str:
        """Return the end of one of its logs."""
        return read_tail(self.results / name)


def read_tail(path: Path, length: int = _TAIL) -> str:
    """Return the last `length` bytes of a file; empty where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - length))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


@dataclass(slots=True)
class Mock:
    """mock with a configuration and, for one worker, an extension of its root's name."""

    settings: MockSettings
    config: Path
    extension: str
    console: Console
    stop: Callable[[], bool]
    deadline: float
    """On the clock of time.monotonic()."""
    options: tuple[str, ...] = ()
    """For every call."""
    _seen: dict[Path, int] = field(default_factory=dict)

    def run(self, arguments: Sequence[str], results: Path) -> Ended:
        """Run a command whose logs go to `results`; raise `Stopped` where somebody wants it to end.

        Where the root is locked, what a former supervisor may have left in it is killed, and mock gets another try.
        """
        ended = self._run(arguments, results)
        if ended.status != _LOCKED:
            return ended
        self.kill_orphans()
        return self._run(arguments, results)

    def _run(self, arguments: Sequence[str], results: Path) -> Ended:
        results.mkdir(parents=True, exist_ok=True)
        said = results / "mock.log"
        with said.open("wb") as output:
            process = subprocess.Popen(
                self.command(*self.options, "--resultdir", str(results), *arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(),
            )
        with process:
            reason = self._watch(process, results)
            if reason:
                self._end(process)
        self._follow(results)
        if self.stop():
            raise Stopped
        timed_out = reason == "time"
        limit = f"the build's log grew over its limit of {self.settings.log // MIB} MiB" if reason == "log" else ""
        return Ended(status=process.returncode, said=read_tail(said), results=results, timed_out=timed_out, limit=limit)

    def command(self, *arguments: str) -> list[str]:
        """Return mock's command line."""
        return [self.settings.command, "-r", str(self.config), "--uniqueext", self.extension, *arguments]

    def kill_orphans(self) -> None:
        """Kill whatever runs in the root. mock's processes are root's: only mock itself may do that for sure."""
        subprocess.run(
            self.command("--orphanskill"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=self.settings.patience.total_seconds() + 60,
            env=environment(),
        )

    def _watch(self, process: subprocess.Popen[bytes], results: Path) -> str:
        """Wait for the end; return why it has to come now, empty where it came by itself."""
        while process.poll() is None:
            self._follow(results)
            if self.stop():
                return "stop"
            if time.monotonic() > self.deadline:
                return "time"
            if self.console.full:
                return "log"
            time.sleep(_TICK)
        return ""

    def _follow(self, results: Path) -> None:
        """Append what is new in mock's logs to ours, in whole lines where there are any."""
        for name in _LOGS:
            path = results / name
            try:
                with path.open("rb") as file:
                    file.seek(self._seen.get(path, 0))
                    data = file.read(MIB)
            except OSError:
                continue
            whole = data[: data.rfind(b"\n") + 1] or (data if len(data) == MIB else b"")
            if whole:
                self._seen[path] = self._seen.get(path, 0) + len(whole)
                self.console.write(whole)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Ask mock to end; where it does not, kill what it runs, and then itself."""
        patience = self.settings.patience.total_seconds()
        for ask in (process.terminate, self.kill_orphans, process.kill):
            try:
                ask()
            except (OSError, subprocess.TimeoutExpired):
                continue  # a program of root's, which we may not signal
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
            return


def environment() -> dict[str, str]:
    """Return what mock gets to see of our environment: nothing of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("REVDEPS_")}
