"""Packages that nobody can install any more because a requirement, theirs or further on, is met by nobody.

That needs no solver, and the chain of requirements says why. It is a part of the answer: a conflict takes a solver.
"""

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bot.adapters.hawkey.index import Index, is_plain
from bot.adapters.hawkey.replacement import Replacement
from bot.adapters.hawkey.universe import Universe


@dataclass(frozen=True, slots=True)
class _Reason:
    """A requirement that cannot be met, and one of its providers where there are any."""

    requirement: int
    provider: int | None


class Doomed:
    """The packages of a base that a change dooms."""

    def __init__(self, universe: Universe, index: Index, replacement: Replacement) -> None:
        self._universe = universe
        self._index = index
        self._reasons = _search(index, replacement)

    def __contains__(self, number: int) -> bool:
        return number in self._reasons

    def problem(self, number: int) -> str:
        """Say in the solver's words why a doomed package cannot be installed."""
        lines = []
        at: int | None = number
        while at is not None:
            reason = self._reasons[at]
            capability, package = self._index.texts[reason.requirement], self._universe.packages[at]
            if reason.provider is None:
                lines.append(f"nothing provides {capability} needed by {package}")
            else:
                lines.append(f"package {package} requires {capability}, but none of the providers can be installed")
            at = reason.provider
        return "\n".join(sorted(lines))


def _search(index: Index, replacement: Replacement) -> Mapping[int, _Reason]:
    reasons: dict[int, _Reason] = {}
    work: deque[int] = deque()

    def doom(requirement: int, providers: Collection[int]) -> None:
        for number in index.wanted_by[requirement]:
            if number not in reasons and number not in replacement.removed:
                reasons[number] = _Reason(requirement, min(providers, default=None))
                work.append(number)

    for requirement in sorted(replacement.moved):
        if is_plain(index.texts[requirement]) and not replacement.now(requirement):
            doom(requirement, ())
    while work:
        for requirement in index.provides[work.popleft()]:
            providers = replacement.now(requirement)
            if is_plain(index.texts[requirement]) and all(number in reasons for number in providers):
                doom(requirement, providers)
    return reasons
