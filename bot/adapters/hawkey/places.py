"""Which sources have a binary in a root, as their places in a list: short to keep and to send."""

from array import array
from collections.abc import Iterable, Mapping

from bot.adapters.hawkey.universe import Universe

_NOWHERE = -1
"""The place of a source that is not in the list."""


class Places:
    """The places of binary packages' sources, found out when they are asked for; `by_name` are those of the sources."""

    def __init__(self, universe: Universe, by_name: Mapping[str, int]) -> None:
        self.by_name = by_name
        self._found = _Found(universe, by_name)

    def inside(self, numbers: Iterable[int]) -> bytes:
        """Return the places of those that have one of these binary packages: an `array("I")` of them, ascending."""
        found = set(map(self._found.__getitem__, numbers))
        found.discard(_NOWHERE)
        return array("I", sorted(found)).tobytes()


class _Found(dict[int, int]):
    def __init__(self, universe: Universe, by_name: Mapping[str, int]) -> None:
        super().__init__()
        self._universe = universe
        self._by_name = by_name

    def __missing__(self, number: int) -> int:
        place = self[number] = self._by_name.get(self._universe.source_of(number), _NOWHERE)
        return place
