"""The solver processes: spawned, never forked (the service has threads), and made anew when one dies."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import ParamSpec, TypeVar

from bot.ports.errors import Transient

_Parameters = ParamSpec("_Parameters")
_Answer = TypeVar("_Answer")


class SolverPool:
    """Runs functions in solver processes, which are started with the first question."""

    def __init__(self, workers: int, initializer: Callable[[int], None], universes: int) -> None:
        """Prepare `workers` processes, each of which calls `initializer(universes)` first.

        With 0 workers questions are answered in a thread of this process, which saves one question the start of
        another interpreter and a second loading of everything; nothing bounds its memory or outlives its crash.
        """
        self._workers = workers
        self._initializer = initializer
        self._universes = universes
        self._executor: Executor | None = None

    async def ask(
        self, function: Callable[_Parameters, _Answer], *args: _Parameters.args, **kwargs: _Parameters.kwargs
    ) -> _Answer:
        """Call a module-level function in a solver process, once more where the process died over it.

        Raises what the function raises, and Transient where it kills two processes.
        """
        try:
            return await self._ask(function, *args, **kwargs)
        except BrokenProcessPool:
            try:
                return await self._ask(function, *args, **kwargs)
            except BrokenProcessPool as error:
                raise Transient("two solver processes died over the same question") from error

    async def _ask(
        self, function: Callable[_Parameters, _Answer], *args: _Parameters.args, **kwargs: _Parameters.kwargs
    ) -> _Answer:
        executor = self._executor = self._executor or self._start()
        try:
            return await asyncio.wrap_future(executor.submit(function, *args, **kwargs))
        except BrokenProcessPool:
            if self._executor is executor:  # else another question has replaced it already
                self._executor = None
                executor.shutdown(wait=False, cancel_futures=True)
            raise

    async def close(self) -> None:
        """End the processes and wait for them; what is being asked is answered first."""
        executor, self._executor = self._executor, None
        if executor is not None:
            await asyncio.to_thread(executor.shutdown, cancel_futures=True)

    def _start(self) -> Executor:
        if not self._workers:
            return ThreadPoolExecutor(1, initializer=self._initializer, initargs=(self._universes,))
        return ProcessPoolExecutor(
            self._workers,
            mp_context=get_context("spawn"),
            initializer=_begin,
            initargs=(self._initializer, self._universes),
        )


def _begin(initializer: Callable[[int], None], universes: int) -> None:
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    initializer(universes)


def _end_with_the_parent() -> None:
    """End this process when the one that asks it is gone: killed, it closes no queue, and nobody would ask again."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
