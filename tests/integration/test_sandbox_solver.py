"""The sandbox with the real solver: a change's dependent is built against it, by the real rules of dependencies."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.root_solver import HawkeyRootSolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.sandbox import LocalBuild, LocalResult, SandboxSettings, build_locally, ensure_host_base
from bot.domain.build import Failed, FailureReason, Phase, Succeeded
from bot.domain.target import Repository, Target
from tests.fakes.sandbox import Spec

pytestmark = pytest.mark.rpm


class Distribution:
    """A directory of RPMs that grows with every build."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.repository = directory / "repository"
        ensure_host_base(self.repository)
        repositories = (Repository(url=self.repository.as_uri()),)
        self.target = Target(
            name="here", arch="x86_64", backend="sandbox", repositories=repositories, buildroot=("host-base",)
        )
        self.hawkey = HawkeySettings(cache=directory / "metadata", workers=1, allow_file=True)

    def solver(self) -> HawkeyRootSolver:
        async def pin() -> str:
            resolver = HawkeyResolver(self.hawkey)
            try:
                return (await resolver.snapshot(self.target)).id
            finally:
                await resolver.close()

        return HawkeyRootSolver(self.hawkey, asyncio.run(pin()), self.target)

    def add(self, spec: Spec) -> LocalResult:
        """Build a package and, where it succeeds, put it into the repository."""
        build = LocalBuild(
            package=spec.name,
            source=spec.tree(self.directory / spec.name, suffix=""),
            target=self.target,
            settings=SandboxSettings(state=self.directory / "state"),
            results=self.directory / "results",
        )
        done = build_locally(build, self.solver())
        for file in done.files:
            shutil.copy(file, self.repository)
        subprocess.run(["createrepo_c", "--quiet", str(self.repository)], check=True)
        return done


def test_versions_and_rich_dependencies_are_honoured(tmp_path: Path) -> None:
    distribution = Distribution(tmp_path)
    library = distribution.add(Spec(name="library", version="1.2"))
    assert library.outcome == Succeeded(), library.log.read_text()
    buildrequires = "BuildArch: noarch\nBuildRequires: "

    fits = distribution.add(Spec(name="fits", preamble=f"{buildrequires}(library >= 1.2 with library < 2)"))
    asks_too_much = distribution.add(Spec(name="asks", preamble=f"{buildrequires}library >= 2"))

    assert fits.outcome == Succeeded(), fits.log.read_text()
    assert isinstance(asks_too_much.outcome, Failed)
    assert (asks_too_much.outcome.reason, asks_too_much.outcome.phase) == (FailureReason.UNRESOLVABLE, Phase.BUILDROOT)
    assert "library >= 2" in asks_too_much.outcome.cause


def test_dynamic_buildrequires_are_solved_too(tmp_path: Path) -> None:
    distribution = Distribution(tmp_path)
    distribution.add(Spec(name="library"))

    done = distribution.add(
        Spec(
            name="dynamic",
            extra="%generate_buildrequires\necho 'library >= 1'\n",
            build="cat /usr/share/library",
        )
    )

    assert done.outcome == Succeeded(), done.log.read_text()


def test_every_root_has_the_targets_minimal_buildroot(tmp_path: Path) -> None:
    done = Distribution(tmp_path).add(Spec(name="anything", build="rpm -qa"))

    assert "host-base-1." in done.log.read_text()
