"""Failures that are planned for the methods of a fake, and how often each was called."""

from collections import Counter, defaultdict, deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Fault:
    error: Exception
    after: bool


class Faults:
    """What a fake asks at the beginning of every method, and at the end of those that do something."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._planned: defaultdict[str, deque[_Fault]] = defaultdict(deque)

    def plan(self, method: str, error: Exception, *, after: bool = False, times: int = 1) -> None:
        """Let the next calls raise: instead of their work or, with `after`, once it is done and the answer is lost."""
        self._planned[method].extend([_Fault(error, after)] * times)

    def forget(self) -> None:
        """Forget all that have not happened yet."""
        self._planned.clear()

    def enter(self, method: str) -> None:
        """Count a call, and raise what is planned instead of it."""
        self.calls[method] += 1
        self._raise(method, after=False)

    def leave(self, method: str) -> None:
        """Raise what is planned for after a call."""
        self._raise(method, after=True)

    def _raise(self, method: str, *, after: bool) -> None:
        planned = self._planned[method]
        if planned and planned[0].after is after:
            raise planned.popleft().error
