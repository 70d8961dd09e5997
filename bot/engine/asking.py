"""What a forge refuses stands in nobody's way for good: a run is not ended by it, it waits.

A key that was replaced, a permission that was taken away, a repository that cannot be seen just now: once that is
mended, the run goes on as if nothing had been.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from bot.ports.errors import Gone, Misconfigured, Transient


class ForgeUnavailable(Transient):
    """The forge does not do it now; it is not asked for anything else before the wait is over."""


@contextmanager
def asking() -> Iterator[None]:
    """Turn what a forge raises into `ForgeUnavailable`; what it rejects for the request's own sake stays `Rejected`."""
    try:
        yield
    except Transient as trouble:
        raise ForgeUnavailable(str(trouble), trouble.retry_after) from trouble
    except (Gone, Misconfigured) as trouble:
        raise ForgeUnavailable(str(trouble)) from trouble
