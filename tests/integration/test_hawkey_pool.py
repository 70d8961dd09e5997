"""Solver processes: a dead one is replaced, and the event loop never waits for one."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from bot.adapters.hawkey.pool import SolverPool
from bot.ports.errors import Misconfigured, Transient


def nothing(_universes: int) -> None:
    """Set nothing up."""


def process_id() -> int:
    return os.getpid()


def die_once(marker: Path) -> str:
    if marker.exists():
        return "answered"
    marker.touch()
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


def die_always() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def be_misconfigured() -> None:
    raise Misconfigured("here", "it is wrong", "Mend it.")


def wait_for(marker: Path) -> None:
    while not marker.exists():
        pass


async def test_a_question_is_asked_again_once_where_its_process_dies(tmp_path: Path) -> None:
    pool = SolverPool(1, nothing, 1)
    assert await pool.ask(die_once, tmp_path / "marker") == "answered"
    await pool.close()


async def test_a_question_that_kills_is_given_up_and_others_go_on() -> None:
    pool = SolverPool(1, nothing, 1)
    with pytest.raises(Transient, match="two solver processes died"):
        await pool.ask(die_always)
    assert await pool.ask(process_id) != os.getpid()
    await pool.close()


async def test_an_error_comes_back_whole() -> None:
    pool = SolverPool(1, nothing, 1)
    with pytest.raises(Misconfigured) as caught:
        await pool.ask(be_misconfigured)
    assert (caught.value.where, caught.value.what, caught.value.mend) == ("here", "it is wrong", "Mend it.")
    await pool.close()


async def test_the_event_loop_goes_on_while_a_process_is_busy(tmp_path: Path) -> None:
    pool = SolverPool(1, nothing, 1)
    busy = asyncio.ensure_future(pool.ask(wait_for, tmp_path / "marker"))
    await asyncio.sleep(0)
    (tmp_path / "marker").touch()  # which only a loop that is free can do
    await busy
    await pool.close()
