"""Builds for real, in the sandbox: what a hub's builders do with mock, here done with rpmbuild over this machine.

Each build is a process, as in the demo: the sandbox's supervisor does not share its own. SCM URLs are checked out with
git, at the commit after the `#`; their source packages are made of the one spec in them.
"""

import asyncio
import hashlib
import multiprocessing
import platform
import shutil
import subprocess
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

import koji
import koji.daemon
from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.root_solver import HawkeyRootSolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.jobs.directory import JobDirectory, ref_of
from bot.adapters.sandbox.local import LocalBuild, LocalResult, build_locally
from bot.adapters.sandbox.settings import SandboxSettings
from bot.domain.build import Failed, FailureReason, Phase, SrpmSource, Succeeded
from bot.domain.ids import BuildKey, SnapshotId
from bot.domain.target import Repository, Target
from tests.fakes.koji.files import read
from tests.fakes.koji.worker import BuilderError, Job, Made, Source, Work, mock_failure

_STATUS = {FailureReason.UNRESOLVABLE: 30, FailureReason.TIMEOUT: 11, FailureReason.INFRASTRUCTURE: 70}
"""Exit status of mock for a reason; anything else is rpmbuild's failure, 10."""


class SandboxWorker:
    """Implements `tests.fakes.koji.worker.Worker`. `directory` must be where overlays can be written."""

    def __init__(self, directory: Path, buildroot: tuple[str, ...] = ("host-base",), parallel: int = 2) -> None:
        self._directory = directory
        self._buildroot = buildroot
        self._settings = SandboxSettings(state=directory / "sandbox", slots=parallel, cpus=1)
        self._hawkey = HawkeySettings(cache=directory / "metadata", workers=0, allow_file=True)
        self._pool = ProcessPoolExecutor(parallel, mp_context=multiprocessing.get_context("spawn"))
        self._running: dict[int, Future[LocalResult]] = {}

    def close(self) -> None:
        """End what runs."""
        for task in list(self._running):
            self.stop(task)
        self._pool.shutdown(cancel_futures=True)

    def checkout(self, url: str) -> Source | None:
        """Make the source package of a commit."""
        scm = koji.daemon.SCM(url)
        place = self._directory / "checkouts" / hashlib.sha256(url.encode()).hexdigest()[:16]
        if not place.is_dir():
            address = url.partition("#")[0].removeprefix("git+")
            _run("git", "clone", "--quiet", address, str(place))
            _run("git", "-C", str(place), "checkout", "--quiet", scm.revision)
        (spec,) = place.glob("*.spec")
        defines = [part for name in ("_sourcedir", "_srcrpmdir") for part in ("--define", f"{name} {place}")]
        _run("rpmbuild", "-bs", "--nodeps", "--quiet", *defines, str(spec))
        (made,) = place.glob("*.src.rpm")
        return read(made)

    def look(self, job: Job) -> Work:
        """Begin, or see whether it is done."""
        if job.task_id not in self._running:
            self._running[job.task_id] = self._pool.submit(_build, self._build(job), self._hawkey)
        future = self._running[job.task_id]
        if not future.done():
            log = self._log(job)
            return Work(done=False, logs={"build.log": log.read_bytes()} if log.is_file() else {})
        del self._running[job.task_id]
        error = future.exception()
        if error is not None:
            raise BuilderError from error
        return _work(job, future.result())

    def stop(self, task_id: int) -> None:
        """Ask the supervisor to stop."""
        future = self._running.pop(task_id, None)
        if future is not None and not future.cancel():
            path = self._settings.state / "local" / ref_of(_key(task_id))
            if path.is_dir():
                JobDirectory(path).request_cancel()

    def _build(self, job: Job) -> LocalBuild:
        if job.source.file is None or job.repository is None:
            raise BuilderError(f"{job.source.filename} or the repository of {job.tag} is not real")
        digest = hashlib.sha256(job.source.file.read_bytes()).hexdigest()
        return LocalBuild(
            package=f"task-{job.task_id}",
            source=SrpmSource(location=job.source.file.as_uri(), checksum=f"sha256:{digest}"),
            target=Target(
                name=job.tag,
                arch=platform.machine(),
                backend="sandbox",
                repositories=(Repository(url=job.repository.as_uri()),),
                buildroot=self._buildroot,
            ),
            settings=self._settings,
            results=self._directory / "results" / str(job.task_id),
        )

    def _log(self, job: Job) -> Path:
        return JobDirectory(self._settings.state / "local" / ref_of(_key(job.task_id))).log


def _key(task_id: int) -> BuildKey:
    return BuildKey(f"local/task-{task_id}")


def _build(build: LocalBuild, hawkey: HawkeySettings) -> LocalResult:
    """Solve and build; runs in a process of its own."""
    shutil.rmtree(build.results, ignore_errors=True)
    return build_locally(build, HawkeyRootSolver(hawkey, asyncio.run(_snapshot(hawkey, build.target)), build.target))


async def _snapshot(hawkey: HawkeySettings, target: Target) -> SnapshotId:
    resolver = HawkeyResolver(hawkey)
    try:
        return (await resolver.snapshot(target)).id
    finally:
        await resolver.close()


def _work(job: Job, result: LocalResult) -> Work:
    log = result.log.read_bytes() if result.log.exists() else b""
    if not isinstance(result.outcome, Succeeded):
        return Work(logs=_logs(result, log), error=_error(job, result), installed=result.installed)
    rpms = []
    for file in result.files:
        if not file.name.endswith(".src.rpm"):
            parts = koji.parse_NVRA(file.name)
            made = {name: parts[name] for name in ("name", "version", "release", "arch")}
            rpms.append(Made(file=file, **made))
    return Work(logs=_logs(result, log), rpms=tuple(rpms), installed=result.installed)


def _logs(result: LocalResult, log: bytes) -> dict[str, bytes]:
    """mock tells of the root in one log and of the build in the other."""
    failed = isinstance(result.outcome, Failed) and result.outcome.phase is Phase.BUILDROOT
    return {"root.log": log if failed else b"root is ready\n", "build.log": b"" if failed else log}


def _error(job: Job, result: LocalResult) -> Exception:
    reason = result.outcome.reason if isinstance(result.outcome, Failed) else FailureReason.INFRASTRUCTURE
    return mock_failure(_STATUS.get(reason, 10), job.arch)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise koji.BuildError(f"{command[0]} failed: {done.stderr.strip()}")
