"""How a process that serves is run."""

import asyncio
import gc
from collections.abc import Iterator

import pytest
import uvloop

from bot.app.running import run


@pytest.fixture
def own_memory() -> Iterator[None]:
    before = gc.get_threshold()
    gc.unfreeze()  # what tests/conftest.py keeps; it is kept again by what is under test
    yield
    gc.set_threshold(*before)


@pytest.mark.usefixtures("own_memory")
def test_it_runs_on_libuvs_loop_and_leaves_alone_what_was_there() -> None:
    async def main() -> bool:
        return isinstance(asyncio.get_running_loop(), uvloop.Loop)

    before = gc.get_threshold()[0]
    assert run(main())
    assert gc.get_freeze_count() > len(gc.get_objects())
    assert gc.get_threshold()[0] > before
