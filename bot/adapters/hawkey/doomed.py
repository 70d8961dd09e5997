"""Packages that nobody can install any more because a requirement, theirs or further on, is met by nobody.

That needs no solver, and the chain of requirements says why. It is a part of the answer: a conflict takes a solver.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property

from bot.adapters.hawkey.index import Index
from bot.adapters.hawkey.replacement import Replacement
from bot.adapters.hawkey.rich import is_plain, is_rpm_s
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
        self._replacement = replacement
        self._reasons = _search(index, replacement.moved, replacement.now, replacement.removed)

    def __contains__(self, number: int) -> bool:
        return number in self._reasons

    def still_holds(self, number: int, problem: str) -> bool:
        """Whether a package that could not be installed before cannot be for a reason that the change does not touch.

        Then `problem`, the solver's words of before, is true as it is, unless it names something that the change does
        touch.
        """
        return number in self._lasting and not any(word in problem for word in self._touched)

    @cached_property
    def _lasting(self) -> Mapping[int, _Reason]:
        change, index = self._replacement, self._index
        nobody = (
            requirement
            for requirement, text in enumerate(index.texts)
            if not index.provided_by[requirement] and requirement not in change.met_by_change and not is_rpm_s(text)
        )
        return _search(index, nobody, change.now, change.removed) if change.is_comparable else {}

    @cached_property
    def _touched(self) -> Sequence[str]:
        change = self._replacement
        requirements = (self._index.texts[requirement] for requirement in change.providers)
        return (*change.names_of_removed, *requirements)

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


def _search(
    index: Index, moved: Iterable[int], now: Callable[[int], Collection[int]], removed: Set[int]
) -> Mapping[int, _Reason]:
    reasons: dict[int, _Reason] = {}
    work: deque[int] = deque()

    def doom(requirement: int, providers: Collection[int]) -> None:
        for number in index.wanted_by[requirement]:
            if number not in reasons and number not in removed:
                reasons[number] = _Reason(requirement, min(providers, default=None))
                work.append(number)

    for requirement in sorted(moved):
        if is_plain(index.texts[requirement]) and not now(requirement):
            doom(requirement, ())
    while work:
        for requirement in index.provides[work.popleft()]:
            providers = now(requirement)
            if is_plain(index.texts[requirement]) and all(number in reasons for number in providers):
                doom(requirement, providers)
    return reasons
