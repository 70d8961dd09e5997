"""How a process that serves is run: on libuv's event loop, and without going through all its memory again and again."""

import gc
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

_YOUNG = 10_000
"""Objects after which the youngest are looked through: by Python's default, a few deliveries make enough of them."""

_Result = TypeVar("_Result")


def run(main: Coroutine[Any, Any, _Result]) -> _Result:
    """Run the coroutine to its end, and return what it returns.

    What was imported stays, and is most of what there is: looking through it for garbage held everything up for a tenth
    of a second, in the middle of a delivery.
    """
    keep_for_good()
    gc.set_threshold(_YOUNG)
    return uvloop.run(main)


def keep_for_good() -> None:
    """Take all that there is now (modules, mostly) out of what the garbage collector goes through time and again."""
    gc.collect()
    gc.freeze()
