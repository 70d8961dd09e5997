"""What a Koji and a Copr have built is not built again after a push that makes the same.

The bot runs as a process, and builds for real, on servers that behave as those do.
"""

import shutil
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.adapters.sql.store import SqlStore
from bot.domain.build import Build
from bot.domain.run import ChangeRef, RepoRef
from demo.backends import BACKENDS
from demo.distro import Distribution
from tests.fakes.distribution import PACKAGES, library, make
from tests.fakes.service import Service, gate, service

pytestmark = pytest.mark.rpm

REPO = "octocat/libgreet"
NOTE = """-Wl,--package-metadata='{"version":"'$RPM_PACKAGE_VERSION-$RPM_PACKAGE_RELEASE'"}'"""
"""As Fedora tells in every file which package it is of, the commit in the Release included."""
SPEC = library("1.0").replace("Release: 1", "Release: 2").replace("gcc -shared", f"gcc -shared {NOTE}")
DEPENDENTS = {"hello", "report", "shouter"}


@pytest.fixture(scope="module")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    """The library and its dependents, binary and source packages apart."""
    directory = tmp_path_factory.mktemp("distribution")
    built = make(directory / "built").directory
    found = Distribution(
        binary_repo=directory / "binary", source_repo=directory / "source", sources=built, packages=tuple(PACKAGES)
    )
    for place in (found.binary_repo, found.source_repo):
        place.mkdir()
    for file in built.glob("*.rpm"):
        shutil.copy(file, found.source_repo if file.name.endswith(".src.rpm") else found.binary_repo)
    for place in (found.binary_repo, found.source_repo):
        subprocess.run(["createrepo_c", "--quiet", str(place)], check=True, capture_output=True)
    return found


@dataclass
class Place:
    """The bot, installed in the library's repository."""

    bot: Service
    number: int = 0

    async def checked(self, spec: str) -> tuple[str, Counter[str], set[str]]:
        """Propose this spec: the report, what was built for it (how often), and what was taken over."""
        files = {"libgreet.spec": spec}
        if self.number:
            sha = await self.bot.github.push(REPO, "change", files)
        else:
            pull = await self.bot.github.open_pull_request(REPO, "change", "Change libgreet", "octocat", files=files)
            self.number, sha = pull.number, pull.head_sha
        check = await gate(self.bot.github, REPO, sha)
        assert check.conclusion == "success", check.output
        builds = await self._builds(sha)
        really = Counter(build.package for build in builds if build.reused_from is None)
        return str(check.output), really, {build.package for build in builds if build.reused_from is not None}

    async def _builds(self, sha: str) -> list[Build]:
        store = await SqlStore.open(f"sqlite+aiosqlite:///{self.bot.directory}/state/revdeps.db")
        repo = RepoRef(forge="github", owner="octocat", name="libgreet")
        try:
            async with store.transaction() as tx:
                (run,) = [
                    run
                    for run in await tx.runs.of_change(ChangeRef(repo=repo, number=self.number).id)
                    if run.head_sha == sha
                ]
                return list(await tx.builds.of_run(run.id))
        finally:
            await store.close()


@pytest.fixture(params=["koji", "copr"])
async def place(request: pytest.FixtureRequest, tmp_path: Path, distribution: Distribution) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        backend = await stack.enter_async_context(BACKENDS[request.param](tmp_path / "backend", distribution))
        bot = await stack.enter_async_context(service(tmp_path / "bot", **backend.environment))
        files = {"libgreet.spec": PACKAGES["libgreet"], ".revdeps.yaml": backend.configuration + "mode: auto\n"}
        await bot.github.create_repository(REPO, files)
        await bot.start()
        await bot.github.install("octocat")
        yield Place(bot)


async def test_a_push_that_makes_the_same_builds_the_change_alone(place: Place) -> None:
    _, built, taken_over = await place.checked(SPEC)
    assert (set(built), taken_over) == ({"libgreet", *DEPENDENTS}, set())

    report, built, taken_over = await place.checked(SPEC.replace("Release: 2", "Release: 3"))
    assert (built, taken_over) == (Counter({"libgreet": 1}), DEPENDENTS)
    assert "3 results taken over from earlier builds with the same inputs." in report

    report, built, taken_over = await place.checked(SPEC.replace('puts("hello")', 'puts("hello!")'))
    assert (set(built), taken_over) == ({"libgreet", *DEPENDENTS}, set())
    assert "taken over" not in report
