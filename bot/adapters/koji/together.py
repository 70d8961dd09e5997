"""Asks for many things at once what is asked for one by one, so that a hub has one request for all of them."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class Together(Generic[Q, A]):
    """Collects questions while the last ones are being answered, `most` at a time.

    `answer` gives an answer, or the error to raise, for each question; what it raises itself is raised for all.
    """

    def __init__(self, answer: Callable[[Sequence[Q]], Awaitable[Sequence[A | Exception]]], most: int) -> None:
        self._answer = answer
        self._most = most
        self._waiting: deque[tuple[Q, asyncio.Future[A]]] = deque()
        self._working: asyncio.Task[None] | None = None

    async def ask(self, question: Q) -> A:
        """Return the answer to one question."""
        told: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, told))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await told

    async def _work(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(0)  # whoever asks in the same breath is among them
                some = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
                await self._tell(some)
        finally:
            self._working = None

    async def _tell(self, some: Sequence[tuple[Q, "asyncio.Future[A]"]]) -> None:
        try:
            answers = await self._answer([question for question, _ in some])
        except Exception as error:
            answers = [error] * len(some)
        for (_, told), answer in zip(some, answers, strict=True):
            if told.done():
                continue  # whoever asked was cancelled meanwhile
            if isinstance(answer, Exception):
                told.set_exception(answer)
            else:
                told.set_result(answer)
