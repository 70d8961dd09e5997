"""On which architectures source packages are built, where that is known: rpm-md does not say, headers do."""

import json
from collections.abc import Collection, Sequence
from pathlib import Path

from bot.domain.target import Target
from bot.ports.errors import Misconfigured

ARCHITECTURES = "architectures"
"""The kind of the document, beside metadata, with ExclusiveArch and ExcludeArch of packages by their names."""


def builds_on(arch: str, exclusive: Collection[str], excluded: Collection[str]) -> bool:
    """Whether a package with this ExclusiveArch and ExcludeArch is built for an architecture.

    `noarch` in ExclusiveArch admits every one.
    """
    wanted = not exclusive or arch in exclusive or "noarch" in exclusive
    return wanted and arch not in excluded


def check_architecture(target: Target, only_for: Sequence[str]) -> None:
    """Raise Misconfigured where a target's binary packages are only for other architectures than its own."""
    if only_for:
        raise Misconfigured(
            f"target {target.name}",
            f"there is no package for {target.arch} in its repositories, only for {', '.join(only_for)}",
            f"Did you mean {only_for[0]}?" if len(only_for) == 1 else "Name one of these, or other repositories.",
        )


def check_binaries(target: Target, *, there: bool) -> None:
    """Raise Misconfigured where a target's repositories have no binary packages: every buildroot lacks everything."""
    if not there:
        raise Misconfigured(
            ", ".join(repository.url for repository in target.repositories),
            "there are no binary packages in it, so no buildroot can be solved",
            "Add a repository of binary packages, or correct the address.",
        )


def built_elsewhere(directory: Path, arch: str) -> frozenset[str]:
    """Return the names of the packages, of those whose metadata are in a directory, that are not built for `arch`."""
    try:
        known = json.loads((directory / f"{ARCHITECTURES}.json").read_bytes())
    except FileNotFoundError:
        return frozenset()
    return frozenset(name for name, (exclusive, excluded) in known.items() if not builds_on(arch, exclusive, excluded))
