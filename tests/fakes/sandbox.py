"""Little packages and a place to build them in the real sandbox."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bot.adapters.jobs.directory import JobDirectory, ref_of
from bot.adapters.sandbox.builder import SandboxBuilder
from bot.adapters.sandbox.host_base import ensure_host_base
from bot.adapters.sandbox.settings import SandboxSettings
from bot.domain.build import BuildRequest, BuildSource, BuildState, TreeSource
from bot.domain.config import PackageConfig, SourceMethod
from bot.domain.ids import BuildKey, BuildRef, RunId, SnapshotId, WorkspaceRef
from bot.domain.target import Repository, Target
from bot.ports.builder import Builder, BuildStatus, WorkspaceSpec

SUPERVISOR = (sys.executable, "-m", "tests.fakes.local_solver")
_LONG = 600.0
"""Seconds: a build that does not end is to fail its test, one on a machine that has much to do is not."""
_WORDS = 10
"""Bytes of a log."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A package in a few words; sections are shell, `extra` stands before %files."""

    name: str
    version: str = "1.0"
    release: str = "1"
    preamble: str = "BuildArch: noarch"
    prep: str = ""
    build: str = ""
    install: str = "mkdir -p %{buildroot}%{_datadir}; echo %{version} > %{buildroot}%{_datadir}/%{name}"
    check: str = ""
    extra: str = ""
    files: str = "%{_datadir}/%{name}"
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        sections = [
            f"Name: {self.name}\nVersion: {self.version}\nRelease: {self.release}\nSummary: A test\nLicense: MIT",
            self.preamble,
            "%description\nA test.",
            f"%prep\n{self.prep}",
            f"%build\n{self.build}",
            f"%install\n{self.install}",
            f"%check\n{self.check}",
            self.extra,
            f"%files\n{self.files}",
        ]
        return "\n\n".join(sections) + "\n"

    def tree(self, directory: Path, suffix: str = ".rd1", method: SourceMethod = SourceMethod.SPEC) -> TreeSource:
        """Write it down as a checkout."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{self.name}.spec").write_text(self.text)
        package = PackageConfig(spec=f"{self.name}.spec", name=self.name, method=method)
        return TreeSource(
            directory=str(directory),
            package=package,
            release_suffix=suffix,
            forge="github",
            repository=f"octocat/{self.name}",
            commit="f" * 40,
        )


async def ended(builder: Builder, refs: Sequence[BuildRef], within: float = _LONG) -> list[BuildStatus]:
    """Wait for real builds to end: the one thing here that takes the time it takes."""

    async def look() -> list[BuildStatus]:
        while True:
            states = await builder.poll(refs)
            if all(states[ref].state is BuildState.DONE for ref in refs):
                return [states[ref] for ref in refs]
            await asyncio.sleep(0.02)

    return await asyncio.wait_for(look(), within)


async def running(builder: Builder, ref: BuildRef, within: float = _LONG) -> BuildStatus:
    """Wait until a build is at work and has said a few words."""

    async def look() -> BuildStatus:
        while True:
            status = (await builder.poll([ref]))[ref]
            assert status.state is not BuildState.DONE, f"the build has ended: {status.outcome}"
            if status.state is BuildState.RUNNING and len(await builder.log(ref, 0, _WORDS)) == _WORDS:
                return status
            await asyncio.sleep(0.02)

    return await asyncio.wait_for(look(), within)


async def log_of(builder: Builder, ref: BuildRef) -> str:
    """The whole log."""
    return (await builder.log(ref, 0, 1 << 24)).decode(errors="replace")


class SandboxWorld:
    """A state directory, a repository with host-base, and a builder."""

    def __init__(self, directory: Path, **settings: object) -> None:
        self.directory = directory
        self.repository = directory / "repository"
        ensure_host_base(self.repository)
        self.settings = SandboxSettings(state=directory / "state", **settings)  # type: ignore[arg-type]
        self.target = Target(
            name="here", arch="x86_64", backend="sandbox", repositories=(Repository(url=self.repository.as_uri()),)
        )
        self.builder = self.restart()

    def restart(self) -> SandboxBuilder:
        """A builder that knows nothing of the former one."""
        return SandboxBuilder(self.settings, SUPERVISOR)

    async def workspace(self, run: str | None = "run") -> WorkspaceRef:
        """A workspace for a run, or the baselines'."""
        spec = WorkspaceSpec(run=RunId(run) if run else None, target=self.target, snapshot=SnapshotId("s" * 20))
        return await self.builder.prepare(spec)

    def request(
        self, workspace: WorkspaceRef, package: str, source: BuildSource, seconds: float = 60, generation: int = 0
    ) -> BuildRequest:
        """Ask for a build."""
        return BuildRequest(
            package=package,
            workspace=workspace,
            source=source,
            timeout=timedelta(seconds=seconds),
            generation=generation,
        )

    async def build(
        self, spec: Spec, seconds: float = 60, key: str = "", generation: int = 0
    ) -> tuple[BuildStatus, str]:
        """Build a change from its checkout to its end; its outcome and its log."""
        source = spec.tree(self.directory / "checkouts" / f"{spec.name}{key}")
        return await self.build_source(spec.name, source, seconds, key, generation)

    async def build_source(
        self, package: str, source: BuildSource, seconds: float = 60, key: str = "", generation: int = 0
    ) -> tuple[BuildStatus, str]:
        """Build a source to its end; its outcome and its log."""
        request = self.request(await self.workspace(), package, source, seconds, generation)
        ref = await self.builder.submit(BuildKey(f"c/{package}/{key}"), request)
        (status,) = await ended(self.builder, [ref])
        return status, await log_of(self.builder, ref)

    def packages(self, package: str, key: str = "") -> list[Path]:
        """The files that a build made."""
        job = JobDirectory(self.settings.state / "jobs" / ref_of(BuildKey(f"c/{package}/{key}")))
        return sorted(job.packages.glob("*.rpm"))
