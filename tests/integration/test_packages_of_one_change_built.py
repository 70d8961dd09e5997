"""Pull requests that change two packages of one repository, tested by the bot as a process, with real builds."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from tests.fakes.distribution import PACKAGES, PROGRAM, Distribution, library
from tests.fakes.github.model import CheckRun
from tests.fakes.service import Service, gate, service

pytestmark = pytest.mark.rpm

REPOSITORY = "octocat/packages"


@pytest.fixture
async def bot(tmp_path: Path, distribution: Distribution) -> AsyncIterator[Service]:
    """The bot, installed in one repository that has a directory for each package."""
    listed = "".join(f"  - {{spec: {name}/{name}.spec, name: {name}}}\n" for name in PACKAGES)
    files = {f"{name}/{name}.spec": spec for name, spec in PACKAGES.items()}
    async with service(tmp_path) as made:
        config = f"{distribution.config}packages:\n{listed}"
        await made.github.create_repository(REPOSITORY, files | {".revdeps.yaml": config})
        await made.start()
        await made.github.install("octocat")
        yield made


async def outcome_of(bot: Service, specs: Mapping[str, str]) -> CheckRun:
    """Open a pull request with these specs, and return its check at the end."""
    files = {f"{name}/{name}.spec": spec for name, spec in specs.items()}
    pull = await bot.github.open_pull_request(REPOSITORY, "change", "Update", "octocat", files=files)
    return await gate(bot.github, REPOSITORY, pull.head_sha)


async def test_a_program_that_needs_the_new_library_of_its_own_pull_request_is_built_with_that(bot: Service) -> None:
    mended = PROGRAM.format(name="shouter", requires="libgreet-devel >= 2", main="greet();")
    check = await outcome_of(bot, {"libgreet": library("2.0"), "shouter": mended})
    assert (check.conclusion, check.title) == ("success", "2 to rebuild · 2 of 2 tested")
    assert bot.github.violations == []


async def test_a_program_that_builds_only_with_the_old_library_is_told_of(bot: Service) -> None:
    touched = PACKAGES["shouter"].replace("Release: 1", "Release: 2")
    check = await outcome_of(bot, {"libgreet": library("2.0"), "shouter": touched})
    assert (check.conclusion, check.title) == (
        "failure",
        "shouter does not build with the rest of this pull request",
    )
    told = check.output["summary"] + check.output["text"]
    assert "but not with libgreet of this pull request" in told.replace("\u200b", "")
    assert "shout" in told
    assert "libgreet-devel" in told
    assert bot.github.violations == []
