"""Builds for real, in the sandbox: what a Copr's builders do with mock, here done with rpmbuild over this machine.

Source packages are made as on a builder: a script is run and what it leaves is packed (rpmbuild/copr_rpmbuild), an
address is fetched. Scripts run on this machine as they are, so they must be of a project's own tests and demo.
"""

import asyncio
import hashlib
import multiprocessing
import os
import platform
import shutil
import subprocess
import traceback
import urllib.request
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.root_solver import HawkeyRootSolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.jobs.directory import JobDirectory, ref_of
from bot.adapters.sandbox import LocalBuild, LocalResult, SandboxSettings, build_locally
from bot.domain.build import Failed, Phase, SrpmSource, Succeeded
from bot.domain.ids import BuildKey, SnapshotId
from bot.domain.packages import Nevra
from bot.domain.target import Repository, Target
from tests.fakes.copr.worker import Job, Made, Source, SourceJob, SourceWork, Work


class SandboxWorker:
    """Implements `tests.fakes.copr.worker.Worker`. `directory` must be where overlays can be written.

    `distribution` are the addresses of every chroot's own repositories.
    """

    def __init__(
        self,
        directory: Path,
        distribution: tuple[str, ...] = (),
        buildroot: tuple[str, ...] = ("host-base",),
        parallel: int = 2,
    ) -> None:
        self._directory = directory
        self._distribution = distribution
        self._buildroot = buildroot
        self._settings = SandboxSettings(state=directory / "sandbox", slots=parallel, cpus=1)
        self._hawkey = HawkeySettings(
            cache=directory / "metadata", workers=0, allow_file=True, allowed_hosts=("127.0.0.1", "localhost")
        )
        self._pool = ProcessPoolExecutor(parallel, mp_context=multiprocessing.get_context("spawn"))
        self._threads = ThreadPoolExecutor(parallel)
        self._sources: dict[int, Future[SourceWork]] = {}
        self._running: dict[str, Future[LocalResult]] = {}

    def close(self) -> None:
        """End what runs."""
        for key in list(self._running):
            self.stop(int(key.partition("-")[0]))
        self._pool.shutdown(cancel_futures=True)
        self._threads.shutdown(cancel_futures=True)

    def make_source(self, job: SourceJob) -> SourceWork:
        """Begin, or see whether it is done."""
        if job.build_id not in self._sources:
            self._sources[job.build_id] = self._threads.submit(_make_source, job)
        done = self._sources[job.build_id].done()
        return self._sources.pop(job.build_id).result() if done else SourceWork(done=False, log=b"")

    def look(self, job: Job) -> Work:
        """Begin, or see whether it is done."""
        if job.key not in self._running:
            self._running[job.key] = self._pool.submit(_build, self._build(job), self._hawkey)
        future = self._running[job.key]
        if not future.done():
            log = JobDirectory(self._settings.state / "local" / ref_of(_key(job.key))).log
            return Work(done=False, log=log.read_bytes() if log.is_file() else b"")
        del self._running[job.key]
        if (error := future.exception()) is not None:
            told = "".join(traceback.format_exception(error))
            return Work(log=f"Copr build error: {told}\n".encode(), ok=False)
        return _work(job, future.result())

    def stop(self, build_id: int) -> None:
        """Ask the supervisors to stop."""
        for key in [key for key in self._running if key.startswith(f"{build_id}-")]:
            if not self._running.pop(key).cancel():
                path = self._settings.state / "local" / ref_of(_key(key))
                if path.is_dir():
                    JobDirectory(path).request_cancel()

    def _build(self, job: Job) -> LocalBuild:
        assert job.source.file is not None
        digest = hashlib.sha256(job.source.file.read_bytes()).hexdigest()
        own = tuple(Repository(url=repo.directory.as_uri(), priority=repo.priority) for repo in job.repos)
        added = tuple(Repository(url=url) for url in (*self._distribution, *job.urls))
        return LocalBuild(
            package=f"build-{job.key}",
            source=SrpmSource(location=job.source.file.as_uri(), checksum=f"sha256:{digest}"),
            target=Target(
                name=job.chroot,
                arch=platform.machine(),
                backend="sandbox",
                repositories=(*own, *added),
                buildroot=self._buildroot,
            ),
            settings=self._settings,
            results=job.directory,
        )


def _key(key: str) -> BuildKey:
    return BuildKey(f"local/build-{key}")


def _build(build: LocalBuild, hawkey: HawkeySettings) -> LocalResult:
    """Solve and build; runs in a process of its own: the sandbox's supervisor shares none."""
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
        if isinstance(result.outcome, Failed) and result.outcome.phase is Phase.BUILDROOT:
            log = b"Start: dnf5 builddep\nFailed to resolve the transaction:\n" + log
        return Work(log=log, ok=False, installed=result.installed)
    made = [_made(file) for file in result.files if not file.name.endswith(".src.rpm")]
    return Work(log=log, packages=tuple(made), installed=result.installed)


def _made(file: Path) -> Made:
    name = Nevra.parse(file.name)
    return Made(name=name.name, version=name.version, release=name.release, arch=name.arch, file=file)


def _make_source(job: SourceJob) -> SourceWork:
    """Make a source package, or fetch it; what went wrong is in the log."""
    job.directory.mkdir(parents=True, exist_ok=True)
    try:
        if job.kind == "custom":
            return _from_script(job)
        file = job.directory / str(job.source["url"]).rpartition("/")[2]
        urllib.request.urlretrieve(str(job.source["url"]), file)
        return SourceWork(log=b"fetched\n", source=_source(file))
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        output = getattr(error, "output", b"") or b""
        return SourceWork(log=output + f"Copr build error: {error}\n".encode())


def _from_script(job: SourceJob) -> SourceWork:
    """Run the script, then rpmbuild -bs over what it left (copr-sources-custom, and helpers.py: build_srpm)."""
    work, made = job.directory / "workdir", job.directory / "srpm"
    work.mkdir()
    script = job.directory / "script"
    script.write_text(str(job.source["script"]))
    script.chmod(0o755)
    left = work / str(job.source.get("resultdir") or ".")
    environment = {"PATH": os.environ["PATH"], "HOME": str(job.directory), "COPR_RESULTDIR": str(left)}
    log = _output([str(script)], work, environment)
    (spec,) = left.glob("*.spec")
    defines = [f"_{name}dir {left}" for name in ("source", "rpm", "build", "spec")] + [f"_srcrpmdir {made}"]
    arguments = [word for define in defines for word in ("--define", define)]
    log += _output(["rpmbuild", "-bs", "--nodeps", *arguments, str(spec)], work, environment)
    (file,) = made.glob("*.src.rpm")
    return SourceWork(log=log, source=_source(file))


def _output(command: list[str], directory: Path, environment: dict[str, str]) -> bytes:
    done = subprocess.run(
        command, cwd=directory, env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.stdout


def _source(file: Path) -> Source:
    form = "%{NAME}\n%{VERSION}\n%{RELEASE}\n%{EPOCHNUM}"
    asked = ["rpm", "-qp", "--nosignature", "--qf", form, str(file)]
    name, version, release, epoch = _output(asked, file.parent, dict(os.environ)).decode().splitlines()[-4:]
    return Source(name=name, version=version, release=release, epoch=int(epoch) or None, file=file)
