"""How long to wait before what failed is tried again, and how often it is."""

from datetime import timedelta

_BACKOFF = (5, 15, 60, 300, 900)
"""Seconds to wait after the first, second, … failure in a row."""
PATIENCE = 5
"""So many times in a row what the forge refuses for its own sake is tried again. Then a command must not keep all else
waiting any more, and a report waits until there is something else to tell.
"""


def backoff(failures: int) -> timedelta:
    """Return how long to wait after so many failures in a row."""
    return timedelta(seconds=_BACKOFF[min(failures, len(_BACKOFF)) - 1])
