"""Does one thing for many at once, so many at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


async def each(function: Callable[[Q], Awaitable[A]], items: Iterable[Q], most: int) -> list[A]:
    """Return what a function says of each, in their order; where it raises for one, what goes on is cut off."""
    gate = asyncio.Semaphore(most)

    async def one(item: Q) -> A:
        async with gate:
            return await function(item)

    tasks = [asyncio.create_task(one(item)) for item in items]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
