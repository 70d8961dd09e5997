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
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.usefixtures("own_memory")
def test_it_runs_on_libuvs_loop_and_leaves_alone_what_was_there() -> None:
    seen: list[object] = []

    async def main() -> None:
        seen.append(isinstance(asyncio.get_running_loop(), uvloop.Loop))

    before = gc.get_threshold()[0]
    run(main())
    assert seen == [True]
    assert gc.get_freeze_count() > len(gc.get_objects())
    assert gc.get_threshold()[0] > before
