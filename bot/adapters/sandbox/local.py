"""One build, here and now, without workspaces: for making a distribution out of specs, package by package."""

import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.adapters.jobs.directory import Job, JobDirectory, ref_of
from bot.adapters.sandbox.job import FORMAT
from bot.adapters.sandbox.settings import SandboxSettings
from bot.adapters.sandbox.supervisor import supervise
from bot.domain.build import BuildSource, Outcome
from bot.domain.ids import BuildKey, SnapshotId, WorkspaceRef
from bot.domain.target import Target
from bot.ports.errors import Transient
from bot.ports.resolver import RootSolver


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalBuild:
    """What to build, and where its files go."""

    package: str
    source: BuildSource
    target: Target
    settings: SandboxSettings
    results: Path
    """Gets the SRPM and the RPMs; the log goes to `<package>.log` beside them."""
    timeout: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalResult:
    """How it ended. `files` are the SRPM and the RPMs in the results directory, empty after a failure."""

    outcome: Outcome
    files: tuple[Path, ...]
    log: Path
    installed: tuple[str, ...] = ()
    """NEVRAs in the root, sorted."""


def build_locally(build: LocalBuild, solver: RootSolver) -> LocalResult:
    """Build one package and wait for its end; slots are shared with every other build under the same state directory.

    Raises `Transient` where the same package is being built there already.
    """
    key = BuildKey(f"local/{build.package}")
    path = build.settings.state / "local" / ref_of(key)
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700, parents=True)
    directory = JobDirectory(path)
    job = Job(
        key=key,
        package=build.package,
        workspace=WorkspaceRef("local"),
        target=build.target,
        snapshot=SnapshotId("local"),
        overlay=None,
        source=build.source,
        timeout=build.timeout,
    )
    directory.write_job(FORMAT.writer(build.settings)(job))
    supervise(path, lambda _: solver)
    result = directory.result()
    if result is None:
        raise Transient(f"{build.package} is being built by somebody else in {build.settings.state}")
    build.results.mkdir(parents=True, exist_ok=True)
    log = build.results / f"{build.package}.log"
    if directory.log.exists():
        shutil.copyfile(directory.log, log)
    files = []
    for file in sorted(directory.packages.glob("*.rpm")):
        shutil.copyfile(file, build.results / file.name)
        files.append(build.results / file.name)
    shutil.rmtree(path, ignore_errors=True)
    return LocalResult(outcome=result.outcome, files=tuple(files), log=log, installed=result.installed)
