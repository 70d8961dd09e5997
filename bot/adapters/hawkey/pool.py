"""The solver processes: spawned, never forked (the service has threads), and made anew when one dies."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

from bot.adapters.hawkey.answering import answer, begin, nothing
from bot.ports.errors import Transient

_Parameters = ParamSpec("_Parameters")
_Answer = TypeVar("_Answer")


class SolverPool:
    """Runs functions in solver processes, each of which is started with its first question."""

    def __init__(
        self, workers: int, initializer: Callable[[int], None], universes: int, *, most: int = 1 << 30
    ) -> None:
        """Prepare `workers` processes, each of which calls `initializer(universes)` first.

        A process that has more than `most` bytes of memory after an answer is replaced by a new one; one that takes
        several times as much while it answers dies. With 0 workers questions are answered in a thread of this process,
        which saves one question the start of another interpreter and a second loading of everything; nothing bounds its
        memory or outlives its crash.
        """
        self._workers = workers
        self._initializer = initializer
        self._universes = universes
        self._most = most
        self._places = [_Place(self._start) for _ in range(max(workers, 1))]
        self._free: asyncio.LifoQueue[_Place] | None = None

    async def ask(
        self, function: Callable[_Parameters, _Answer], *args: _Parameters.args, **kwargs: _Parameters.kwargs
    ) -> _Answer:
        """Call a module-level function in a solver process, once more where the process died over it.

        Raises what the function raises, and Transient where it kills two processes.
        """
        question = partial(function, *args, **kwargs)
        try:
            return await self._ask(question)
        except BrokenProcessPool:
            try:
                return await self._ask(question)
            except BrokenProcessPool as error:
                raise Transient("two solver processes died over the same question") from error

    def wake(self) -> None:
        """Start the process that the first question goes to, so that it need not wait for one."""
        if self._free is None and self._workers:
            self._places[-1].executor.submit(answer, nothing)

    def prepare(
        self, function: Callable[_Parameters, object], *args: _Parameters.args, **kwargs: _Parameters.kwargs
    ) -> None:
        """Call a module-level function in every solver process that has nothing to do, and wait for none of them.

        It is for what the next questions need: what comes of it is nobody's business, an error neither.
        """
        for place in self._places if self._workers else ():
            if place.is_idle:
                try:
                    place.executor.submit(answer, partial(function, *args, **kwargs))
                except BrokenProcessPool:
                    place.retire()

    async def _ask(self, question: Callable[[], _Answer]) -> _Answer:
        if self._free is None:
            self._free = asyncio.LifoQueue()
            for place in self._places:
                self._free.put_nowait(place)
        place = await self._free.get()
        place.is_idle = False
        try:
            found = await asyncio.wrap_future(place.executor.submit(answer, question))
        except BrokenProcessPool:
            place.retire()
            raise
        finally:
            place.is_idle = True
            self._free.put_nowait(place)
        if self._workers and found.resident > self._most:
            place.retire()
        return found.answer

    async def close(self) -> None:
        """End the processes and wait for them; what is being asked is answered first."""
        await asyncio.gather(*(place.close() for place in self._places))

    def _start(self) -> Executor:
        if not self._workers:
            return ThreadPoolExecutor(1, initializer=self._initializer, initargs=(self._universes,))
        return ProcessPoolExecutor(
            1,
            mp_context=get_context("spawn"),
            initializer=begin,
            initargs=(self._initializer, self._universes, self._most),
        )


class _Place:
    """Where one solver process works, and after it the next."""

    def __init__(self, start: Callable[[], Executor]) -> None:
        self._start = start
        self._executor: Executor | None = None
        self.is_idle = True

    @property
    def executor(self) -> Executor:
        """What runs the process, begun where there is none."""
        self._executor = self._executor or self._start()
        return self._executor

    def retire(self) -> None:
        """End the process once it has answered; the next question starts another."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False)

    async def close(self) -> None:
        """End the process and wait for it."""
        executor, self._executor = self._executor, None
        if executor is not None:
            await asyncio.to_thread(executor.shutdown, cancel_futures=True)
