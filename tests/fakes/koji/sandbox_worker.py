"""Builds for real, in the sandbox: what a hub's builders do with mock, here done with rpmbuild over this machine.

SCM URLs are checked out with git, at the commit after the `#`; their source packages are made of the one spec in them.
"""

import hashlib
import subprocess
from pathlib import Path

import koji
import koji.daemon
from bot.adapters.sandbox import LocalResult
from bot.domain.build import Failed, FailureReason, Phase, Succeeded
from bot.domain.target import Repository
from tests.fakes.koji.files import read
from tests.fakes.koji.worker import BuilderError, Job, Made, Source, Work, mock_failure
from tests.fakes.local_builds import LocalBuilds

_STATUS = {FailureReason.UNRESOLVABLE: 30, FailureReason.TIMEOUT: 11, FailureReason.INFRASTRUCTURE: 70}
"""Exit status of mock for a reason; anything else is rpmbuild's failure, 10."""


class SandboxWorker:
    """Implements `tests.fakes.koji.worker.Worker`. `directory` must be where overlays can be written."""

    def __init__(self, directory: Path, buildroot: tuple[str, ...] = ("host-base",), parallel: int = 2) -> None:
        self._directory = directory
        self._builds = LocalBuilds(directory, buildroot, parallel)

    def close(self) -> None:
        """End what runs."""
        self._builds.close()

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
        name = f"task-{job.task_id}"
        if name not in self._builds.names:
            self._begin(name, job)
        try:
            result = self._builds.result(name)
        except Exception as error:
            raise BuilderError from error
        if result is not None:
            return _work(job, result)
        log = self._builds.log(name)
        return Work(done=False, logs={"build.log": log} if log else {})

    def stop(self, task_id: int) -> None:
        """Ask the supervisor to stop."""
        self._builds.stop(f"task-{task_id}")

    def _begin(self, name: str, job: Job) -> None:
        if job.source.file is None or job.repository is None:
            raise BuilderError(f"{job.source.filename} or the repository of {job.tag} is not real")
        repository = Repository(url=job.repository.as_uri())
        self._builds.begin(name, job.source.file, [repository], self._directory / "results" / str(job.task_id))


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
