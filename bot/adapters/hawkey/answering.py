"""What goes on around a question in a solver process.

Such a process imports nothing that only the one needs that asks, asyncio above all: it is waited for.
"""

import gc
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import parent_process
from typing import Generic, TypeVar

from bot.adapters.hawkey.memory import limit, resident_bytes

_SELDOM = (100_000, 50, 1000)
"""How often a solver process looks for garbage: what it has loaded is much, and is looked through when it goes."""

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Generic[_Answer]):
    """An answer, and how much memory the process has that gave it."""

    answer: _Answer
    resident: int


def answer(question: Callable[[], _Answer]) -> Answered[_Answer]:
    """Answer a question here."""
    found = question()
    return Answered(answer=found, resident=resident_bytes())


def nothing() -> None:
    """Ask nothing: whoever answers is there."""


def begin(initializer: Callable[[int], None], universes: int, most: int) -> None:
    """Set a solver process up, which is to have no more than some times `most` bytes of memory."""
    # Ctrl-C in a terminal goes to every process there; when this one ends is for the one that asks it to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit(most)
    gc.set_threshold(*_SELDOM)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    initializer(universes)


def _end_with_the_parent() -> None:
    """End this process when the one that asks it is gone: killed, it closes no queue, and nobody would ask again."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
