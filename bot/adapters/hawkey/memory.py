"""How much memory a solver process has, may have, and gives back."""

import gc
import resource
from pathlib import Path

_HEADROOM = 3
"""How many times the bound a process may have at most while it answers."""


def resident_bytes() -> int:
    """Return how much memory this process has."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def limit(most: int) -> None:
    """Keep this process from having several times `most` bytes: what asks for more ends it, and not the machine."""
    resource.setrlimit(resource.RLIMIT_DATA, (most * _HEADROOM, most * _HEADROOM))


def give_back() -> None:
    """Return what is free to the system. libsolv's pieces are small: the C library would keep them."""
    import ctypes  # which a command that answers one question does without

    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
