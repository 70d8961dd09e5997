"""Builds for real, in the sandbox: what a Copr's builders do with mock, here done with rpmbuild over this machine.

Source packages are made as on a builder: a script is run and what it leaves is packed (rpmbuild/copr_rpmbuild), an
address is fetched. Scripts run on this machine as they are, so they must be of a project's own tests and demo.
"""

import os
import subprocess
import traceback
import urllib.request
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from bot.adapters.sandbox import LocalResult
from bot.domain.build import Failed, Phase, Succeeded
from bot.domain.packages import Nevra
from bot.domain.target import Repository
from tests.fakes.copr.worker import Job, Made, Source, SourceJob, SourceWork, Work
from tests.fakes.local_builds import LocalBuilds


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
        self._distribution = distribution
        self._builds = LocalBuilds(directory, buildroot, parallel)
        self._threads = ThreadPoolExecutor(parallel)
        self._sources: dict[int, Future[SourceWork]] = {}

    def close(self) -> None:
        """End what runs."""
        self._builds.close()
        self._threads.shutdown(cancel_futures=True)

    def make_source(self, job: SourceJob) -> SourceWork:
        """Begin, or see whether it is done."""
        if job.build_id not in self._sources:
            self._sources[job.build_id] = self._threads.submit(_make_source, job)
        done = self._sources[job.build_id].done()
        return self._sources.pop(job.build_id).result() if done else SourceWork(done=False, log=b"")

    def look(self, job: Job) -> Work:
        """Begin, or see whether it is done."""
        name = f"build-{job.key}"
        if name not in self._builds.names:
            assert job.source.file is not None
            self._builds.begin(name, job.source.file, self._repositories(job), job.directory)
        try:
            result = self._builds.result(name)
        except Exception as error:
            told = "".join(traceback.format_exception(error))
            return Work(log=f"Copr build error: {told}\n".encode(), ok=False)
        return _work(job, result) if result is not None else Work(done=False, log=self._builds.log(name))

    def stop(self, build_id: int) -> None:
        """Ask the supervisors to stop."""
        for name in self._builds.names:
            if name.startswith(f"build-{build_id}-"):
                self._builds.stop(name)

    def _repositories(self, job: Job) -> list[Repository]:
        own = [Repository(url=repo.directory.as_uri(), priority=repo.priority) for repo in job.repos]
        return own + [Repository(url=url) for url in (*self._distribution, *job.urls)]


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
        if job.kind == "scm":
            return _from_clone(job)
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


def _from_clone(job: SourceJob) -> SourceWork:
    """Clone, check the commit out, and run its .copr/Makefile (providers/scm.py, make_srpm; helpers.py: git_clone)."""
    source, made = job.source, job.directory / "srpm"
    if source["srpm_build_method"] != "make_srpm":
        raise ValueError(f"there is no {source['srpm_build_method']} on this builder")
    made.mkdir()
    url, environment = str(source["clone_url"]), {"PATH": os.environ["PATH"], "HOME": str(job.directory)}
    checkout = job.directory / Path(url).stem
    clone = ["git", "clone", url, str(checkout), "--depth", "500", "--no-single-branch", "--recursive"]
    log = _output(clone, job.directory, environment)
    log += _output(["git", "checkout", str(source["committish"]), "--"], checkout, environment)
    inside = checkout / str(source["subdirectory"])
    makefile, spec = checkout / ".copr" / "Makefile", inside / str(source["spec"])
    log += _output(["make", "-f", str(makefile), "srpm", f"outdir={made}", f"spec={spec}"], inside, environment)
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
