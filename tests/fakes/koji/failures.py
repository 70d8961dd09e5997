"""Makes the hub fail on purpose: the next calls, or those of a method, get a fault, an HTTP error, or no answer."""

from collections.abc import Collection
from dataclasses import dataclass, field

from tests.fakes.planned import Planned, take


@dataclass(slots=True, kw_only=True)
class Failure(Planned):
    """What is to go wrong.

    method          the method that is hit, also inside a multicall; None hits every call
    fault           the error that the method ends with; inside a multicall it is a value among others
    expire          let the caller's session expire first
    """

    method: str | None = None
    fault: Exception | None = None
    expire: bool = False


@dataclass(slots=True)
class Failures:
    """The failures that are planned, the oldest first."""

    planned: list[Failure] = field(default_factory=list)

    def take(self, methods: Collection[str], *, faults: bool) -> Failure | None:
        """Use up one failure that fits: one that is a fault, or one of the connection."""

        def fits(failure: Failure) -> bool:
            return (failure.fault is not None) == faults and (failure.method is None or failure.method in methods)

        return take(self.planned, fits)
