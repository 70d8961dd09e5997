"""From Debian's packages to RPM's: what a stanza says, in the words of rpm-md.

Where the two differ, the meaning is kept. `a | b` becomes `(a or b)`, Breaks becomes Conflicts. In Debian a Provides
without a version meets no dependency that asks for one, in RPM it meets all of them: it gets a version below every
other, and where somebody asks for versions below one, he asks for `name(versioned)` instead, which only packages of
that name, and Provides with a version, have. Multi-Arch is left out: there is one architecture.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from benchmarks.debian.control import BUILD_CONFLICT_FIELDS, BUILD_FIELDS, Atom, Clause, clauses

Ranks = Mapping[tuple[str, str], int]
"""The rank of a name's version; empty where versions are to stay readable."""

_FLAGS = {">=": "GE", "<=": "LE", "=": "EQ", "<": "LT", ">": "GT"}
_DOWNWARD = frozenset({"<", "<="})
_SOURCE = re.compile(r"(\S+)(?:\s+\((\S+)\))?")
_NOT_IN_RPM = re.compile(r"[^A-Za-z0-9.+~^_]")
_ARCHITECTURES = {"all": "noarch"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package of the archive, binary or source (whose architecture is `src`)."""

    name: str
    version: str
    architecture: str
    source: str = ""
    source_version: str = ""
    provides: tuple[Clause, ...] = ()
    requires: tuple[Clause, ...] = ()
    conflicts: tuple[Clause, ...] = ()
    essential: bool = False
    contents: str = ""
    """Stands for what is inside: another one is another checksum at an equal version."""


def binary(stanza: Mapping[str, str]) -> Package:
    """Read a stanza of a Packages index."""
    found = _SOURCE.fullmatch(stanza.get("Source", stanza["Package"]))
    assert found is not None, stanza["Package"]
    return Package(
        name=stanza["Package"],
        version=stanza["Version"],
        architecture=_ARCHITECTURES.get(stanza["Architecture"], "x86_64"),
        source=found[1],
        source_version=found[2] or stanza["Version"],
        provides=clauses(stanza, "Provides"),
        requires=clauses(stanza, "Pre-Depends", "Depends"),
        conflicts=clauses(stanza, "Conflicts", "Breaks"),
        essential=stanza.get("Essential") == "yes",
    )


def source(stanza: Mapping[str, str]) -> Package:
    """Read a stanza of a Sources index."""
    return Package(
        name=stanza["Package"],
        version=stanza["Version"],
        architecture="src",
        requires=clauses(stanza, *BUILD_FIELDS),
        conflicts=clauses(stanza, *BUILD_CONFLICT_FIELDS),
    )


def mentioned(packages: Iterable[Package]) -> Iterator[tuple[str, str]]:
    """Yield every version of a name that the packages have, provide, or ask for."""
    for package in packages:
        if package.architecture != "src":
            yield package.name, package.version
        for group in (package.provides, package.requires, package.conflicts):
            yield from ((atom.name, atom.version) for clause in group for atom in clause if atom.version)


def virtual_names(packages: Iterable[Package]) -> frozenset[str]:
    """Return the names that some package provides without a version."""
    provided = (atom for package in packages for clause in package.provides for atom in clause)
    return frozenset(atom.name for atom in provided if not atom.version)


class Converter:
    """Writes packages as rpm-md, given what has to be known of all of them."""

    def __init__(self, *, ranks: Ranks, virtual: frozenset[str]) -> None:
        self._ranks = ranks
        self._virtual = virtual
        self._entries: dict[Clause, str] = {}

    def evr(self, name: str, version: str) -> tuple[str, str, str]:
        """Return epoch, version and release as RPM gets them: the rank of the version, or what it says."""
        return ("0", str(self._ranks[name, version]), "0") if self._ranks else readable_evr(version)

    def xml(self, package: Package) -> str:
        """Return a package's element of primary.xml. The checksum is made up: equal for an equal package."""
        epoch, version, release = self._own_evr(package)
        nevra = f"{package.name}-{epoch}:{version}-{release}.{package.architecture}"
        checksum = hashlib.sha256(f"{nevra} {package.version} {package.contents}".encode()).hexdigest()
        href = f"Packages/{package.name}-{version}-{release}.{package.architecture}.rpm"
        return (
            f'<package type="rpm"><name>{escape(package.name)}</name><arch>{package.architecture}</arch>'
            f'<version epoch="{epoch}" ver={quoteattr(version)} rel={quoteattr(release)}/>'
            f'<checksum type="sha256" pkgid="YES">{checksum}</checksum><summary>{escape(package.name)}</summary>'
            '<description/><packager/><url/><time file="1" build="1"/><size package="1" installed="1" archive="1"/>'
            f"<location href={quoteattr(href)}/><format><rpm:license>unknown</rpm:license>"
            f"<rpm:sourcerpm>{escape(self._sourcerpm(package))}</rpm:sourcerpm>"
            f"{_group('provides', self._provides(package))}"
            f"{_group('requires', map(self.entry, package.requires))}"
            f"{_group('conflicts', map(self.entry, package.conflicts))}</format></package>\n"
        )

    def entry(self, clause: Clause) -> str:
        """Return the rpm:entry of a dependency."""
        if clause not in self._entries:
            if len(clause) == 1:
                self._entries[clause] = self._single(clause[0])
            else:
                text = " or ".join(self.capability(atom) for atom in clause)
                self._entries[clause] = f"<rpm:entry name={quoteattr(f'({text})')}/>"
        return self._entries[clause]

    def capability(self, atom: Atom) -> str:
        """Return a dependency as it stands in a rich one. The release is there: without one, RPM takes any."""
        name = self._asked(atom)
        if not atom.operator:
            return name
        epoch, version, release = self.evr(atom.name, atom.version)
        return f"{name} {atom.operator} {epoch}:{version}-{release}"

    def _asked(self, atom: Atom) -> str:
        return f"{atom.name}(versioned)" if atom.operator in _DOWNWARD and atom.name in self._virtual else atom.name

    def _single(self, atom: Atom) -> str:
        if not atom.operator:
            return f"<rpm:entry name={quoteattr(atom.name)}/>"
        return _versioned(self._asked(atom), atom.operator, self.evr(atom.name, atom.version))

    def _provides(self, package: Package) -> Iterator[str]:
        if package.architecture == "src":
            return
        own = Atom(package.name, "=", package.version)
        for atom in (own, *(atom for clause in package.provides for atom in clause)):
            if not atom.version:
                yield _versioned(atom.name, "=", ("0", "0~0", "0"))
                continue
            evr = self.evr(atom.name, atom.version)
            yield _versioned(atom.name, "=", evr)
            if atom.name in self._virtual:
                yield _versioned(f"{atom.name}(versioned)", "=", evr)

    def _own_evr(self, package: Package) -> tuple[str, str, str]:
        """A source package is never asked for: it keeps its version, so that people can read it."""
        if package.architecture == "src":
            return readable_evr(package.version)
        return self.evr(package.name, package.version)

    def _sourcerpm(self, package: Package) -> str:
        if package.architecture == "src":
            return ""
        _, version, release = readable_evr(package.source_version)
        return f"{package.source}-{version}-{release}.src.rpm"


def readable_evr(version: str) -> tuple[str, str, str]:
    """Return epoch, version and release of a Debian version, in characters that RPM allows."""
    epoch, _, rest = version.rpartition(":")
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        upstream, revision = rest, "0"
    # Both `-` and `^` sort after the end and before a dot: gcc conflicts with what is older than 12-20211113, not 12.2.
    return epoch or "0", _NOT_IN_RPM.sub("_", upstream.replace("-", "^")), _NOT_IN_RPM.sub("_", revision) or "0"


def _versioned(name: str, operator: str, evr: tuple[str, str, str]) -> str:
    epoch, version, release = evr
    return (
        f'<rpm:entry name={quoteattr(name)} flags="{_FLAGS[operator]}" epoch="{epoch}" '
        f"ver={quoteattr(version)} rel={quoteattr(release)}/>"
    )


def _group(kind: str, entries: Iterable[str]) -> str:
    text = "".join(entries)
    return f"<rpm:{kind}>{text}</rpm:{kind}>" if text else ""
