"""Fixtures of the scenarios."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.scenario.crashing import Told, tell
from tests.scenario.deeds import DEEDS, Deeds
from tests.scenario.harness import Stage, stage
from tests.scenario.wire import FORGES, Talk, talking


@pytest.fixture
async def revdeps(tmp_path: Path) -> AsyncIterator[Stage]:
    """The engine over fakes."""
    async with stage(tmp_path) as found:
        yield found


@pytest.fixture(params=sorted(FORGES))
def forge(request: pytest.FixtureRequest) -> str:
    """The name of each forge."""
    name: str = request.param
    return name


@pytest.fixture
async def talk(forge: str, tmp_path: Path) -> AsyncIterator[Talk]:
    """The bot on each forge; a module about one of them has a `talk` of its own."""
    async with talking(FORGES[forge](tmp_path), tmp_path) as made:
        yield made


@pytest.fixture
def deeds(forge: str, talk: Talk) -> Deeds:
    """What else can be done there."""
    return DEEDS[forge](talk.stage)


@pytest.fixture(scope="module")
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """How the `story` of a module of crash tests goes where nobody dies."""
    return asyncio.run(tell(request.module.story, tmp_path_factory.mktemp("whole")))
