"""What a change's packages offer others: capabilities, sonames among them, and the files that metadata tell of.

So a report says what is different before anybody reads a log. A capability of a package's own version counts without
it: that a version was raised is told elsewhere, and would be told of every package here.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from bot.adapters.hawkey.comparison import Comparison
from bot.adapters.hawkey.filelists import is_in_primary
from bot.domain.packages import PackageChange

_MOST = 1000
"""So many differences are told of one package, and so many packages."""


def package_changes(comparison: Comparison) -> tuple[PackageChange, ...]:
    """Return how the packages of a change differ from those that they replace, by name.

    A package that is no longer built lacks all that it offered, a new one has all.
    """
    before = _offered(comparison.before.universe.packages, comparison.removed)
    after = _offered(comparison.after.universe.packages, comparison.brought)
    found = []
    for package in sorted(before.keys() | after.keys()):
        was, becomes = before.get(package, set()), after.get(package, set())
        if was != becomes:
            removed, added = sorted(was - becomes)[:_MOST], sorted(becomes - was)[:_MOST]
            found.append(PackageChange(package=package[0], removed=tuple(removed), added=tuple(added)))
    return tuple(found[:_MOST])


def _offered(packages: Mapping[int, Any], numbers: Iterable[int]) -> Mapping[tuple[str, str], set[str]]:
    """Return what packages offer by their names and architectures."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for number in numbers:
        package = packages[number]
        offered = found[str(package.name), str(package.arch)]
        own = f" = {package.evr}"
        offered.update(str(capability).removesuffix(own) for capability in package.provides)
        # Others are known only where filelists were needed.
        offered.update(filter(is_in_primary, map(str, package.files)))
    return found
