"""How a change lies over a base: in the place of what it supersedes, and otherwise as one repository among the others.

Unless a build system prefers a change to what other sources provide (Koji has no priorities at all; a Copr says with
which it shows one), its packages count as much as those in whose place they are. That they are installed although their
EVR is lower comes from hiding what they supersede. A package that the base has with the same contents is the base's: it
changes nothing.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

SOURCE_ARCHES = frozenset({"src", "nosrc"})


def priority_among(sack: Any, priorities: Mapping[str, int], replaces: Collection[str]) -> int:
    """Return the priority of a change: the best that a package has which it replaces, else the best of the base.

    `priorities` are those of the base's repositories, by name.
    """
    if len(set(priorities.values())) < 2:
        return min(priorities.values(), default=99)
    there = {package.reponame for package in _binaries(sack) if source_name(package) in replaces}
    return min(priorities[name] for name in there or priorities)


def supersede(sack: Any, change: Collection[str], replaces: Collection[str]) -> frozenset[int]:
    """Hide what the repositories named in `change` supersede, and return its numbers.

    That is every binary package that was built from a source in `replaces`, or has the name and the architecture of
    one that the change brings. Where both have the same contents, it is the change's that is hidden.
    """
    brought: list[Any] = []
    base: list[Any] = []
    for package in _binaries(sack):
        (brought if package.reponame in change else base).append(package)
    named = {(package.name, package.arch) for package in brought}
    known = {(str(package), package.chksum) for package in brought}
    old, kept = [], set()
    for package in base:
        if source_name(package) in replaces or (package.name, package.arch) in named:
            contents = (str(package), package.chksum)
            if contents in known:
                kept.add(contents)
            else:
                old.append(package)
    hide(sack, old)
    hide(sack, (package for package in brought if (str(package), package.chksum) in kept))
    return frozenset(map(hash, old))


def hide(sack: Any, packages: Iterable[Any]) -> None:
    """Make packages as if they were not there."""
    import hawkey

    some = list(packages)
    if some:
        sack.add_excludes(hawkey.Query(sack).filter(pkg=some))


def source_name(package: Any) -> str:
    """Return the name of the source package that this one was built from, its own where it is one itself."""
    if package.arch in SOURCE_ARCHES or not package.sourcerpm:
        return str(package.name)
    return str(package.sourcerpm).rsplit("-", 2)[0]


def _binaries(sack: Any) -> Iterable[Any]:
    import hawkey

    return (package for package in hawkey.Query(sack) if package.arch not in SOURCE_ARCHES)
