"""Where the sources of binary packages are in a list, found out when it is asked for."""

from collections.abc import Mapping

from bot.adapters.hawkey.universe import Universe

NOWHERE = -1
"""The place of a source that is not in the list."""


class Places(dict[int, int]):
    """The places of binary packages' sources by the packages' numbers; `places` are those of the sources by name."""

    def __init__(self, universe: Universe, places: Mapping[str, int]) -> None:
        super().__init__()
        self._universe = universe
        self._places = places

    def __missing__(self, number: int) -> int:
        """Find out the place of one that was not asked for before."""
        place = self[number] = self._places.get(self._universe.source_of(number), NOWHERE)
        return place
