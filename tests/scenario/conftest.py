"""Fixtures of the scenarios."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.scenario.harness import Stage, stage


@pytest.fixture
async def revdeps(tmp_path: Path) -> AsyncIterator[Stage]:
    """The engine over fakes."""
    async with stage(tmp_path) as found:
        yield found
