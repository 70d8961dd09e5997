"""Pull requests of two repositories, tested together by the bot as a process, with real builds and real metadata."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.distribution import PACKAGES, PROGRAM, Distribution, library
from tests.fakes.github.model import CheckRun
from tests.fakes.service import Service, gate, service

pytestmark = pytest.mark.rpm

LIBRARY = "octocat/libgreet"


@pytest.fixture
async def bot(tmp_path: Path, distribution: Distribution) -> AsyncIterator[Service]:
    """The bot, installed in a repository for each package."""
    async with service(tmp_path) as made:
        for name, spec in PACKAGES.items():
            files = {f"{name}.spec": spec, ".revdeps.yaml": distribution.config + "mode: auto\n"}
            await made.github.create_repository(f"octocat/{name}", files)
        await made.start()
        await made.github.install("octocat")
        yield made


async def open_pull_request(bot: Service, package: str, spec: str) -> tuple[int, str]:
    """Open one, and wait for its own check."""
    repo = f"octocat/{package}"
    pull = await bot.github.open_pull_request(
        repo, "change", f"Change {package}", "octocat", files={f"{package}.spec": spec}
    )
    await gate(bot.github, repo, pull.head_sha)
    return pull.number, pull.head_sha


async def together(bot: Service, ours: tuple[int, str], other: str, theirs: tuple[int, str]) -> list[CheckRun]:
    """Let the library's pull request be tested with another one, and return both checks."""
    await bot.github.comment(LIBRARY, ours[0], "octocat", f"/revdeps with octocat/{other}#{theirs[0]}")

    def joint(check: CheckRun) -> bool:
        return check.status == "completed" and "with octocat/" in check.title

    places = ((LIBRARY, ours[1]), (f"octocat/{other}", theirs[1]))
    return [await gate(bot.github, repo, sha, joint) for repo, sha in places]


async def test_an_update_of_two_packages_is_good_as_a_whole_where_each_half_is_not(bot: Service) -> None:
    library_change = await open_pull_request(bot, "libgreet", library("2.0"))
    mended = PROGRAM.format(name="shouter", requires="libgreet-devel >= 2", main="greet();")
    program_change = await open_pull_request(bot, "shouter", mended)
    halves = [
        await gate(bot.github, LIBRARY, library_change[1]),
        await gate(bot.github, "octocat/shouter", program_change[1]),
    ]
    assert [check.conclusion for check in halves] == ["failure", "failure"]
    checks = await together(bot, library_change, "shouter", program_change)
    assert [check.conclusion for check in checks] == ["success", "success"]
    assert bot.github.violations == []


async def test_who_breaks_a_dependent_is_found_by_building_each_change_alone(bot: Service) -> None:
    harmless = await open_pull_request(bot, "libgreet", library("1.0").replace("Release: 1", "Release: 2"))
    spec = PROGRAM.format(name="hello", requires="libgreet-devel", main="greet(); return 3;")
    broken = await open_pull_request(bot, "hello", spec.replace("Release: 1", "Release: 2"))
    ours, theirs = await together(bot, harmless, "hello", broken)
    assert (ours.conclusion, theirs.conclusion) == ("action_required", "failure")
    assert ours.title.startswith(f"Not this change: octocat/hello#{broken[0]} is to blame · 1 regressed")
    assert "caused by this change" in theirs.output["summary"]
    assert bot.github.violations == []
