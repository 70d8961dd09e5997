"""Makes the hub fail on purpose: the next calls, or those of a method, get a fault, an HTTP error, or no answer."""

from collections.abc import Collection
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Failure:
    """What is to go wrong. `times` counts down; None goes on until `stop`.

    method          the method that is hit, also inside a multicall; None hits every call
    fault           the error that the method ends with; inside a multicall it is a value among others
    status          an HTTP status instead of an answer
    drop            close the connection without doing anything
    lose_answer     do what is asked, then close the connection: the client cannot know
    hang            do not answer until `stop`, or until the hub closes
    expire          let the caller's session expire first
    """

    method: str | None = None
    times: int | None = 1
    fault: Exception | None = None
    status: int = 0
    drop: bool = False
    lose_answer: bool = False
    hang: bool = False
    expire: bool = False
    hits: int = 0

    def stop(self) -> None:
        self.times = 0


@dataclass(slots=True)
class Failures:
    """The failures that are planned, the oldest first."""

    planned: list[Failure] = field(default_factory=list)

    def take(self, methods: Collection[str], *, faults: bool) -> Failure | None:
        """Use up one failure that fits: one that is a fault, or one of the connection."""
        self.planned = [failure for failure in self.planned if failure.times != 0]
        for failure in self.planned:
            if (failure.fault is not None) == faults and (failure.method is None or failure.method in methods):
                failure.hits += 1
                if failure.times is not None:
                    failure.times -= 1
                return failure
        return None
