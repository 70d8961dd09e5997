"""Keeps Python's cycle collector away from long answers.

An answer about a whole distribution has hundreds of thousands of objects, and nothing else can run while the collector
looks through all of them. They are frozen values without cycles, which go when nobody refers to them any more: for
these there is nothing to find.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_LONG = 50_000
"""So many new objects are worth leaving out for good."""

_YOUNG = 1
"""The collector's generation up to which that takes no time worth speaking of."""


class _State:
    inside = 0
    was_enabled = False


@contextmanager
def uncollected() -> Iterator[None]:
    """Let nothing be collected meanwhile; if much was made, the collector will never look at it.

    What is garbage just now, and not old, is collected before: it would be kept with the rest, for good.
    """
    if not _State.inside:
        _State.was_enabled = gc.isenabled()
        if _State.was_enabled:
            gc.collect(_YOUNG)
        gc.disable()
    _State.inside += 1
    try:
        yield
    finally:
        _State.inside -= 1
        if not _State.inside and _State.was_enabled:
            if gc.get_count()[0] > _LONG:
                gc.freeze()
            gc.enable()
