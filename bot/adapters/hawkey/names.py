"""Which dependencies of a base speak of a name: all that a package of that name can come to matter to."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from bot.adapters.hawkey.loading import SOURCE_ARCHES
from bot.adapters.hawkey.rich import is_rich
from bot.adapters.hawkey.roots import Roots

_WORD = re.compile(r"\S+")
_EAGER = ("supplements", "enhances")


class Names:
    """What of a base speaks of which names. Worked out once for a base.

    `judging` are conflicts, and what makes the solver prefer one of several packages that meet a requirement: what that
    one supplements or enhances, and what others recommend or suggest under a condition. `picky` are the source packages
    with BuildConflicts.
    """

    def __init__(self, roots: Roots) -> None:
        universe, self._index = roots.universe, roots.index
        packages = {number: p for number, p in universe.packages.items() if p.arch not in SOURCE_ARCHES}
        binaries = packages.values()
        eager = (p for number, p in packages.items() if _is_eager(p) and self._is_one_of_several(number))
        wishes = filter(is_rich, _texts(binaries, "recommends", "suggests"))
        judging = _texts(binaries, "conflicts") | _texts(eager, *_EAGER)
        judging.update(text for text in wishes if any(map(self._is_one_of_several, universe.providers(text))))
        self.judging = _by_name((text, text) for text in judging)
        self.obsoletes = _by_name((text, text) for text in _texts(binaries, "obsoletes"))
        self.picky = [number for number in universe.sources.values() if universe.packages[number].conflicts]

    def requirements(self, names: Set[str]) -> Iterator[int]:
        """Yield the requirements that speak of any of these names."""
        for number, text in enumerate(self._index.texts):
            if text.partition(" ")[0] in names or (is_rich(text) and not names.isdisjoint(_names_in(text))):
                yield number

    def _is_one_of_several(self, number: int) -> bool:
        provided_by = self._index.provided_by
        return any(len(provided_by[requirement]) > 1 for requirement in self._index.provides[number])


def _is_eager(package: Any) -> bool:
    return any(getattr(package, kind) for kind in _EAGER)


def _texts(packages: Iterable[Any], *kinds: str) -> set[str]:
    return {str(text) for package in packages for kind in kinds for text in getattr(package, kind)}


def _by_name(texts: Iterable[tuple[Any, str]]) -> Mapping[str, list[Any]]:
    """Group what a text stands for by every name in the text."""
    grouped: dict[str, list[Any]] = defaultdict(list)
    for thing, text in texts:
        for name in _names_in(text):
            grouped[name].append(thing)
    return grouped


def _names_in(text: str) -> set[str]:
    if not is_rich(text):
        return {text.partition(" ")[0]}
    names = set()
    for word in _WORD.findall(text):
        bare = word.lstrip("(")
        names.add(bare)
        while bare.endswith(")"):  # its own, as in foo(x86-64), or one that closes an expression
            bare = bare[:-1]
            names.add(bare)
    return names
