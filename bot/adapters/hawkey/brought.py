"""Whether what a change brings can be installed itself, and whether what it replaces could be."""

from collections.abc import Sequence
from typing import Any

from bot.adapters.hawkey.comparison import Comparison
from bot.adapters.hawkey.universe import Universe
from bot.domain.plan import Uninstallable

_ANY = "noarch"


def broken_of_change(comparison: Comparison) -> tuple[Uninstallable, ...]:
    """Return the binary packages of a change that cannot be installed, by NEVRA.

    A build system's repository may have other packages beside those of the change: they are none of them. Nor is what
    the base has for other architectures only.
    """
    before, after = comparison.before, comparison.after
    universe = after.universe
    replaced = {
        number: _replaced(before.universe, universe.packages[number])
        for number in universe.changed
        if universe.source_of(number) in comparison.replaces
    }
    problems = after.uninstallable(number for number, (named, same) in replaced.items() if same or not named)
    old = {number: before.universe.preferred(replaced[number][1]) for number in problems if replaced[number][1]}
    unable = before.uninstallable(set(old.values()))
    found = (
        Uninstallable(
            package=str(universe.packages[number]),
            source=universe.source_of(number),
            problem=problem,
            still=number in old and old[number] in unable,
        )
        for number, problem in problems.items()
    )
    return tuple(sorted(found, key=lambda item: item.package))


def _replaced(base: Universe, package: Any) -> tuple[Sequence[int], Sequence[int]]:
    """Return the base's packages of a package's name, and those of them that are for the same machines."""
    named = sorted(base.binaries_named(str(package.name)))
    arches = {number: str(base.packages[number].arch) for number in named}
    same = [number for number in named if package.arch in {arches[number], _ANY} or arches[number] == _ANY]
    return named, same
