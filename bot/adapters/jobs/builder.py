"""The Builder port over jobs on this machine: writes them, starts supervisors, reads results. Nothing is in memory.

Any process may call it for the same state directory; a service that starts again adopts what its predecessor left.
"""

import asyncio
import os
import secrets
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from bot.adapters.jobs.directory import LOCK_FD, Job, JobDirectory, ref_of
from bot.adapters.jobs.workspace import Published, Workspaces
from bot.domain.build import BuildRequest, BuildState, Failed, Succeeded
from bot.domain.failure import infrastructure
from bot.domain.ids import BuildKey, BuildRef, WorkspaceRef
from bot.domain.reuse import LatestBuild
from bot.domain.target import Target
from bot.ports.builder import Artifacts, BuildStatus, RepoState, WorkspaceSpec
from bot.ports.errors import Gone, Rejected, Transient

_T = TypeVar("_T")
_PATIENCE = 5.0
"""Seconds that a cancelled supervisor has for tidying up."""
_STARTS = 3
"""How often a supervisor is started for one job before the machine is blamed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """What makes one backend different from another."""

    name: str
    """For messages: `the sandbox`."""
    state: Path
    slots: int
    supervisor: tuple[str, ...]
    """The command that supervises a build; the job's directory comes after it."""
    check: Callable[[WorkspaceSpec], None]
    """Raises Misconfigured where nothing can be built for a workspace on this machine; called in a thread."""
    describe: Callable[[Job], bytes]
    """What its supervisor needs to know."""


class JobBuilder:
    """Implements `bot.ports.builder.Builder`."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._jobs = backend.state / "jobs"
        self._workspaces = Workspaces(backend.state / "workspaces")
        self._children: set[int] = set()

    async def capacity(self) -> int:
        """Return the number of slots."""
        return self._backend.slots

    async def prepare(self, spec: WorkspaceSpec) -> WorkspaceRef:
        """Make the workspace, or find it."""
        return await self._call(lambda: self._prepare(spec))

    async def submit(self, key: BuildKey, request: BuildRequest) -> BuildRef:
        """Write the job down and start its supervisor; the same key again finds it."""
        return await self._call(lambda: self._submit(key, request))

    async def find(self, keys: Sequence[BuildKey]) -> Mapping[BuildKey, BuildRef]:
        """Return the references of those builds whose job directory exists."""
        return await self._call(lambda: {key: ref_of(key) for key in keys if self._job(ref_of(key)).exists()})

    async def poll(self, refs: Sequence[BuildRef]) -> Mapping[BuildRef, BuildStatus]:
        """Read the state of all; a job that nobody works on is started again, or given up after a few times."""
        return await self._call(lambda: {ref: self._status(ref) for ref in refs if self._job(ref).exists()})

    async def artifacts(self, ref: BuildRef) -> Artifacts:
        """Return what a successful build produced."""
        result = (await self._call(lambda: self._published(ref))).result
        return Artifacts(source=result.source, binaries=result.binaries)

    async def publish(self, workspace: WorkspaceRef, refs: Sequence[BuildRef], generation: int) -> RepoState:
        """Make the packages of exactly these builds visible in the workspace's repository."""
        unique = list(dict.fromkeys(refs))
        return await self._call(
            lambda: self._workspaces.publish(workspace, [self._published(ref) for ref in unique], generation)
        )

    async def log(self, ref: BuildRef, offset: int, length: int) -> bytes:
        """Return a part of the build log; a negative offset counts from the end."""
        return await self._call(lambda: _part(self._job(ref).log, offset, length))

    async def cancel(self, refs: Sequence[BuildRef]) -> None:
        """Ask the supervisors of these builds to stop; what nobody works on ends here."""
        for ref in refs:
            await self._call(partial(self._cancel, ref))

    async def discard(self, workspace: WorkspaceRef) -> None:
        """Cancel what runs in the workspace and remove it with its builds."""
        await self._call(lambda: self._discard(workspace))

    async def latest_builds(self, _target: Target, _packages: Sequence[str]) -> Mapping[str, LatestBuild]:
        """Return nothing: a distribution is not built here."""
        return {}

    async def leftovers(self) -> Sequence[WorkspaceRef]:
        """Return every workspace that exists."""
        return await self._call(lambda: tuple(self._workspaces.all()))

    async def _call(self, function: Callable[[], _T]) -> _T:
        """Run file work in a thread; a disk that refuses is a reason to try again later."""
        try:
            return await asyncio.to_thread(function)
        except OSError as error:
            raise Transient(f"{self._backend.name} cannot work in {self._backend.state}: {error}") from error

    def _job(self, ref: BuildRef) -> JobDirectory:
        if "/" in ref or ref.startswith("."):
            raise Gone(f"there is no build {ref}")
        return JobDirectory(self._jobs / ref)

    def _prepare(self, spec: WorkspaceSpec) -> WorkspaceRef:
        self._backend.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._backend.check(spec)
        return self._workspaces.prepare(spec)

    def _submit(self, key: BuildKey, request: BuildRequest) -> BuildRef:
        ref = ref_of(key)
        directory = self._job(ref)
        if not directory.exists():
            self._write(key, request, directory)
        self._revive(directory)
        return ref

    def _write(self, key: BuildKey, request: BuildRequest, directory: JobDirectory) -> None:
        """Make the job's directory in one piece: it appears with job.json in it, or not at all."""
        spec = self._workspaces.spec(request.workspace)
        job = Job(
            key=key,
            package=request.package,
            workspace=request.workspace,
            target=spec.target,
            snapshot=spec.snapshot,
            overlay=self._workspaces.overlay(request.workspace, request.generation),
            source=request.source,
            timeout=request.timeout,
        )
        self._workspaces.note_job(request.workspace, BuildRef(directory.path.name))
        fresh = directory.path.with_name(f".{directory.path.name}.{secrets.token_hex(8)}")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700, parents=True)
        JobDirectory(fresh).write_job(self._backend.describe(job))
        try:
            fresh.rename(directory.path)
        except OSError:
            shutil.rmtree(fresh, ignore_errors=True)
            if not directory.exists():
                raise

    def _status(self, ref: BuildRef) -> BuildStatus:
        directory = self._job(ref)
        self._revive(directory)
        result = directory.result()
        started = directory.started_at()
        if result is not None:
            return BuildStatus(
                state=BuildState.DONE,
                started_at=result.started_at,
                ended_at=result.ended_at,
                outcome=result.outcome,
                installed=result.installed,
                cpu_seconds=result.cpu_seconds,
            )
        return BuildStatus(state=BuildState.RUNNING if started else BuildState.QUEUED, started_at=started)

    def _revive(self, directory: JobDirectory) -> None:
        """Start a supervisor where the job has neither a result nor anybody who works on it."""
        self._reap()
        if directory.result() is not None:
            return
        lock = directory.try_lock()
        if lock is None:
            return
        try:
            if directory.result() is not None:  # it ended between the two looks
                return
            if directory.cancel_requested:
                directory.end_without_build("cancelled")
            elif directory.count_start() > _STARTS:
                directory.end_without_build("failed", self._given_up(directory))
            else:
                self._children.add(self._spawn(directory, lock))
        finally:
            os.close(lock)

    def _given_up(self, directory: JobDirectory) -> Failed:
        said = _part(directory.supervisor_log, -2000, 2000).decode(errors="replace").strip().splitlines()
        return infrastructure(f"the build's supervisor died {_STARTS} times: {said[-1] if said else 'without a word'}")

    def _spawn(self, directory: JobDirectory, lock: int) -> int:
        """Start the detached supervisor, which inherits the lock, and return its process id."""
        command = [*self._backend.supervisor, str(directory.path)]
        log = os.fspath(directory.supervisor_log)
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            (os.POSIX_SPAWN_DUP2, lock, LOCK_FD),
        ]
        pid = os.posix_spawnp(command[0], command, dict(os.environ), file_actions=actions, setsid=True)
        (directory.path / "pid").write_text(str(pid))
        return pid

    def _reap(self) -> None:
        """Collect supervisors of this process that have ended, so that no zombies gather."""
        for pid in list(self._children):
            try:
                ended, _ = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                ended = pid
            if ended:
                self._children.discard(pid)

    def _cancel(self, ref: BuildRef) -> None:
        directory = self._job(ref)
        if not directory.exists() or directory.result() is not None:
            return
        directory.request_cancel()
        self._revive(directory)

    def _discard(self, workspace: WorkspaceRef) -> None:
        jobs = self._workspaces.jobs(workspace)
        for ref in jobs:
            self._cancel(ref)
        for ref in jobs:
            self._remove_job(self._job(ref))
        self._workspaces.remove(workspace)

    def _remove_job(self, directory: JobDirectory) -> None:
        """Remove a job, once its supervisor has heeded the cancellation; one that does not in time is killed."""
        if not directory.path.is_dir():
            return
        until = time.monotonic() + _PATIENCE
        while (lock := directory.try_lock()) is None:
            if time.monotonic() > until:
                _kill_session(directory)
                break
            time.sleep(0.02)
        if lock is not None:
            os.close(lock)
        doomed = directory.path.with_name(f".removed-{directory.path.name}")
        shutil.rmtree(doomed, ignore_errors=True)
        directory.path.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)

    def _published(self, ref: BuildRef) -> Published:
        directory = self._job(ref)
        result = directory.result() if directory.exists() else None
        if result is None:
            raise Gone(f"there is no finished build {ref}")
        if not isinstance(result.outcome, Succeeded):
            raise Rejected(f"build {ref} did not succeed: it has no packages")
        return Published(ref, result, directory.packages)


def _part(path: Path, offset: int, length: int) -> bytes:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = offset if offset >= 0 else max(0, size + offset)
            file.seek(start)
            # What is written meanwhile is no part of what was asked for: the end was where it was.
            return file.read(max(0, min(length, size - start)))
    except FileNotFoundError:
        return b""


def _kill_session(directory: JobDirectory) -> None:
    """Kill a supervisor that holds the job's lock: it is known to be alive, and leads a session of its own."""
    try:
        os.killpg(int((directory.path / "pid").read_text()), signal.SIGKILL)
    except (OSError, ValueError):
        return
