"""Builds for real, in the sandbox, for fakes of build systems that have builders of their own.

Each build is a process: the sandbox's supervisor shares none. BuildRequires are solved from the repositories that the
build system offers.
"""

import asyncio
import hashlib
import multiprocessing
import platform
import shutil
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.root_solver import HawkeyRootSolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.jobs.directory import JobDirectory, ref_of
from bot.adapters.sandbox import LocalBuild, LocalResult, SandboxSettings, build_locally
from bot.domain.build import SrpmSource
from bot.domain.ids import BuildKey, SnapshotId
from bot.domain.target import Repository, Target


class LocalBuilds:
    """Builds by name, at most `parallel` at once. `directory` must be where overlays can be written."""

    def __init__(self, directory: Path, buildroot: tuple[str, ...], parallel: int) -> None:
        self._buildroot = buildroot
        self._settings = SandboxSettings(state=directory / "sandbox", slots=parallel, cpus=1)
        self._hawkey = HawkeySettings(
            cache=directory / "metadata", workers=0, allow_file=True, allowed_hosts=("127.0.0.1", "localhost")
        )
        self._pool = ProcessPoolExecutor(parallel, mp_context=multiprocessing.get_context("spawn"))
        self._running: dict[str, Future[LocalResult]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """What has been begun and not been told the end of."""
        return tuple(self._running)

    def close(self) -> None:
        """End what runs."""
        for name in self.names:
            self.stop(name)
        self._pool.shutdown(cancel_futures=True)

    def begin(self, name: str, srpm: Path, repositories: Sequence[Repository], results: Path) -> None:
        """Build a source package."""
        checksum = f"sha256:{hashlib.sha256(srpm.read_bytes()).hexdigest()}"
        target = Target(
            name="local",
            arch=platform.machine(),
            backend="sandbox",
            repositories=tuple(repositories),
            buildroot=self._buildroot,
        )
        build = LocalBuild(
            package=name,
            source=SrpmSource(location=srpm.as_uri(), checksum=checksum),
            target=target,
            settings=self._settings,
            results=results,
        )
        self._running[name] = self._pool.submit(_build, build, self._hawkey)

    def result(self, name: str) -> LocalResult | None:
        """Return what a build came to, and forget it; None while it goes on. Raises what went wrong around it."""
        if not self._running[name].done():
            return None
        return self._running.pop(name).result()

    def log(self, name: str) -> bytes:
        """Return the log of a build that goes on, as far as it is."""
        log = JobDirectory(self._place(name)).log
        return log.read_bytes() if log.is_file() else b""

    def stop(self, name: str) -> None:
        """Ask the supervisor to stop, and forget the build."""
        future = self._running.pop(name, None)
        if future is not None and not future.cancel() and self._place(name).is_dir():
            JobDirectory(self._place(name)).request_cancel()

    def _place(self, name: str) -> Path:
        return self._settings.state / "local" / ref_of(BuildKey(f"local/{name}"))


def _build(build: LocalBuild, hawkey: HawkeySettings) -> LocalResult:
    shutil.rmtree(build.results, ignore_errors=True)
    return build_locally(build, HawkeyRootSolver(hawkey, asyncio.run(snapshot_of(build.target, hawkey)), build.target))


async def snapshot_of(target: Target, hawkey: HawkeySettings) -> SnapshotId:
    """Pin what a target's repositories have now."""
    resolver = HawkeyResolver(hawkey)
    try:
        return (await resolver.snapshot(target)).id
    finally:
        await resolver.close()
