"""Changes to measure with: the metadata of a source package's binaries, altered, as a small repository."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from benchmarks.debian import control, convert
from benchmarks.debian.control import Atom, Clause
from benchmarks.debian.convert import Converter, Package
from benchmarks.distribution import Distribution, write_metadata
from bot.ports.resolver import Overlay

_THERE = Atom("base-files")
"""Is essential, so that it can be required without anything else in any root."""


class Kind(Enum):
    """What a change does to the packages that it brings."""

    REBUILT = "rebuilt"
    """The same version and capabilities, other contents."""
    RAISED = "raised"
    """A higher version, and nothing else that a dependency could tell."""
    EXTENDED = "extended"
    """A higher version, and every package provides something new."""
    REQUIRING = "requiring"
    """The same, and every package requires something new as well: no root of before can be taken over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Makes changes to the packages of a distribution with readable versions."""

    by_source: Mapping[str, Sequence[Package]]
    virtual: frozenset[str]

    @classmethod
    def of(cls, made: Distribution) -> "Changes":
        """Read the packages of a distribution."""
        with made.packages_index.open() as lines:
            packages = [convert.binary(stanza) for stanza, _ in control.stanzas(lines)]
        grouped: defaultdict[str, list[Package]] = defaultdict(list)
        for package in packages:
            grouped[package.source].append(package)
        return cls(by_source=grouped, virtual=convert.virtual_names(packages))

    def write(self, directory: Path, source: str, kind: Kind, mark: str = "bench") -> Overlay:
        """Write what the change of a source package brings; `mark` tells changes of one kind apart."""
        packages = self.by_source[source]
        raised = {(package.name, package.version): f"{package.version}+{mark}" for package in packages}
        altered = [_altered(package, kind, mark, raised) for package in packages]
        directory.mkdir(parents=True)
        write_metadata(directory, altered, Converter(ranks={}, virtual=self.virtual))
        return Overlay(repository=directory.as_uri(), replaces=frozenset({source}))


def _altered(package: Package, kind: Kind, mark: str, raised: Mapping[tuple[str, str], str]) -> Package:
    rebuilt = replace(package, contents=mark)
    if kind is Kind.REBUILT:
        return rebuilt
    new = Atom(f"{package.name}-{mark}", "=", "1")
    extended, requiring = kind in {Kind.EXTENDED, Kind.REQUIRING}, kind is Kind.REQUIRING
    return replace(
        rebuilt,
        version=raised[package.name, package.version],
        requires=(*(_followed(clause, raised) for clause in package.requires), *([(_THERE,)] if requiring else [])),
        provides=(*package.provides, (new,)) if extended else package.provides,
    )


def _followed(clause: Clause, raised: Mapping[tuple[str, str], str]) -> Clause:
    """Packages of one source that ask for each other's exact version ask for the new one."""
    return tuple(
        Atom(atom.name, atom.operator, raised[atom.name, atom.version])
        if atom.operator == "=" and (atom.name, atom.version) in raised
        else atom
        for atom in clause
    )
