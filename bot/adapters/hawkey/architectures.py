"""On which architectures source packages are built, where that is known: rpm-md does not say, headers do."""

import json
from collections.abc import Collection
from pathlib import Path

ARCHITECTURES = "architectures"
"""The kind of the document, beside metadata, with ExclusiveArch and ExcludeArch of packages by their names."""


def builds_on(arch: str, exclusive: Collection[str], excluded: Collection[str]) -> bool:
    """Whether a package with this ExclusiveArch and ExcludeArch is built for an architecture.

    `noarch` in ExclusiveArch admits every one.
    """
    wanted = not exclusive or arch in exclusive or "noarch" in exclusive
    return wanted and arch not in excluded


def built_elsewhere(directory: Path, arch: str) -> frozenset[str]:
    """Return the names of the packages, of those whose metadata are in a directory, that are not built for `arch`."""
    try:
        known = json.loads((directory / f"{ARCHITECTURES}.json").read_bytes())
    except FileNotFoundError:
        return frozenset()
    return frozenset(name for name, (exclusive, excluded) in known.items() if not builds_on(arch, exclusive, excluded))
