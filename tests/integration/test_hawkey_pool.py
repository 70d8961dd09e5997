"""Solver processes: a dead one is replaced, and the event loop never waits for one."""

import asyncio
import multiprocessing
import os
import signal
import sys
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


async def test_the_first_question_goes_to_the_process_that_was_woken_for_it() -> None:
    before = {child.pid for child in multiprocessing.active_children()}
    pool = SolverPool(2, nothing, 1)
    pool.wake()
    woken = {child.pid for child in multiprocessing.active_children()} - before
    assert {await pool.ask(process_id)} == woken
    pool.wake()
    assert {child.pid for child in multiprocessing.active_children()} - before == woken
    await pool.close()


async def test_what_is_prepared_goes_to_every_process_that_is_idle_and_its_errors_to_nobody(tmp_path: Path) -> None:
    pool = SolverPool(2, nothing, 1)
    busy = asyncio.create_task(pool.ask(wait_for, tmp_path / "go"))
    await asyncio.sleep(0)
    pool.prepare(note_process, tmp_path)
    pool.prepare(be_misconfigured)
    (tmp_path / "go").touch()
    await busy
    there = {await pool.ask(process_id), await pool.ask(process_id)}
    pool.prepare(die_always)
    assert await pool.ask(process_id) not in {os.getpid(), *there}
    await pool.close()
    noted = {int(path.name) for path in tmp_path.iterdir() if path.name != "go"}
    assert len(noted) == 1
    assert not noted & there


def note_process(directory: Path) -> None:
    (directory / str(os.getpid())).touch()


def take(size: int) -> int:
    _kept.append(b"x" * size)
    return os.getpid()


_kept: list[bytes] = []


async def test_a_process_with_too_much_memory_answers_and_is_replaced() -> None:
    pool = SolverPool(1, nothing, 1, most=150 << 20)
    modest = [await pool.ask(take, 1), await pool.ask(take, 1)]
    greedy = await pool.ask(take, 160 << 20)
    assert modest == [greedy, greedy]
    assert await pool.ask(process_id) != greedy
    await pool.close()


async def test_a_process_never_takes_a_multiple_of_its_bound() -> None:
    pool = SolverPool(1, nothing, 1, most=100 << 20)
    with pytest.raises(MemoryError):
        await pool.ask(take, 400 << 20)
    assert await pool.ask(process_id)
    await pool.close()


async def test_two_questions_are_answered_by_two_processes(tmp_path: Path) -> None:
    pool = SolverPool(2, nothing, 1)
    busy = asyncio.ensure_future(pool.ask(wait_for, tmp_path / "marker"))
    await asyncio.sleep(0)
    assert await pool.ask(process_id)
    (tmp_path / "marker").touch()
    await busy
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


ASKS_AND_IS_KILLED = """
import asyncio, os, signal
from bot.adapters.hawkey.pool import SolverPool
from tests.integration.test_hawkey_pool import nothing, process_id

async def main():
    print(await SolverPool(1, nothing, 1).ask(process_id), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    asyncio.run(main())
"""


async def test_a_solver_process_ends_with_the_service_that_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "asks.py"
    script.write_text(ASKS_AND_IS_KILLED)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    service = await asyncio.create_subprocess_exec(
        sys.executable, str(script), stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert service.stdout is not None
    solver = int(await service.stdout.readline())
    async with asyncio.timeout(20):
        await service.wait()  # for its output too, which the solver process holds open
    for _ in range(200):
        if not _alive(solver):
            return
        await asyncio.sleep(0.05)
    pytest.fail("the solver process outlived the service")


def _alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has reaped yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_without_workers_this_process_answers() -> None:
    pool = SolverPool(0, nothing, 2)
    try:
        assert await pool.ask(process_id) == os.getpid()
        with pytest.raises(Misconfigured):
            await pool.ask(be_misconfigured)
    finally:
        await pool.close()


async def test_a_solver_process_need_not_wait_for_what_only_its_asker_needs() -> None:
    modules = "bot.adapters.hawkey.answering, bot.adapters.hawkey.worker"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        f"import sys, {modules}; print({{'asyncio', 'requests', 'urllib.request'}} & sys.modules.keys())",
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert output == b"set()\n"
