"""What a `.revdeps.yaml` for a repository would say: how each source package is made, guessed from the files.

A guess is a start for a person who reads it: what cannot be known is left to that person in a remark. So the file is
written line by line, remarks and all, and not by a YAML library.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from bot.domain.config import SourceMethod
from bot.domain.selection import default_specs

DISTGIT_SOURCES = "sources"
"""The file beside a dist-git spec that names what is in the lookaside cache."""

FEDORA_LOOKASIDE = "https://src.fedoraproject.org/repo/pkgs/rpms/{name}/{filename}/{hashtype}/{hash}/{filename}"
"""Where Fedora's `fedpkg` finds the files (pyrpkg's `lookaside_namespaced` layout)."""

AUTOSPEC = ("%autorelease", "%{autorelease", "%autochangelog", "%{autochangelog")
"""What rpmautospec fills in."""


_PACKAGING_DIRECTORIES = frozenset({"packaging", "rpm", "contrib", "dist", "pkg", "fedora", "redhat", "packaging/rpm"})
"""Where upstream projects keep their spec."""

_IN_ANY_REPOSITORY = frozenset({"README", "README.md", "LICENSE", "COPYING", "Makefile", "changelog", "gating.yaml"})

EXAMPLE_REPOSITORY = "https://repositories.example.org/rawhide/x86_64/"
"""Stands for the repository that nobody but the reader knows."""

UNKNOWN_CHECKSUM = f"sha256:{'0' * 64}"
"""Stands for a checksum that nobody but the reader knows: it has the form of one, and fits no file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecSeen:
    """A spec as it was found. `sources` are its Source and Patch tags, expanded; empty where it does not parse."""

    path: str
    text: str
    sources: tuple[str, ...] = ()
    beside: frozenset[str] = frozenset()
    """Names of the files in its directory."""
    parsed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedPackage:
    """An entry of `packages`; `to_fill_in` are the files whose checksums somebody has to add."""

    spec: str
    method: SourceMethod
    lookaside: str = ""
    to_fill_in: tuple[str, ...] = ()
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A configuration that somebody may commit. `targets` are the operator's; empty: one has to be described."""

    packages: tuple[ProposedPackage, ...]
    targets: tuple[str, ...]
    implied: bool
    """The only spec, made as it is by default: `packages` need not be written."""


def propose(specs: Sequence[SpecSeen], targets: Sequence[str]) -> Proposal:
    """Return the configuration for a repository with these specs, for all of the operator's targets."""
    chosen = set(default_specs([spec.path for spec in specs]))
    packages = tuple(_package(spec) for spec in specs if spec.path in chosen)
    implied = len(packages) == 1 and packages[0].method is SourceMethod.SPEC and not packages[0].remark
    return Proposal(packages=packages, targets=tuple(targets), implied=implied)


def _package(spec: SpecSeen) -> ProposedPackage:
    if DISTGIT_SOURCES in spec.beside:
        remark = "The lookaside cache is Fedora's: write that of your distribution."
        return ProposedPackage(spec=spec.path, method=SourceMethod.LOOKASIDE, lookaside=FEDORA_LOOKASIDE, remark=remark)
    if not spec.parsed:
        remark = "This spec does not parse by itself, so how its source package is made is a guess."
        return ProposedPackage(spec=spec.path, method=SourceMethod.SPEC, remark=remark)
    missing = _missing(spec.sources, spec.beside)
    if not missing:
        autospec = any(word in spec.text for word in AUTOSPEC)
        return ProposedPackage(spec=spec.path, method=SourceMethod.RPMAUTOSPEC if autospec else SourceMethod.SPEC)
    if missing == [spec.sources[0]] and _is_upstream(spec):
        return ProposedPackage(spec=spec.path, method=SourceMethod.ARCHIVE)
    fetched = tuple(_file(source) for source in missing if "://" in source)
    lost = [source for source in missing if "://" not in source]
    remark = f"{', '.join(lost)}: in the spec, but not beside it. Commit it." if lost else ""
    method = SourceMethod.URLS if fetched else SourceMethod.SPEC
    return ProposedPackage(spec=spec.path, method=method, to_fill_in=fetched, remark=remark)


def _missing(sources: Sequence[str], beside: Collection[str]) -> list[str]:
    return [source for source in sources if _file(source) not in beside]


def _file(source: str) -> str:
    return source.rpartition("/")[2]


def _is_upstream(spec: SpecSeen) -> bool:
    """Whether the repository is the software itself rather than its packaging: there is more than spec and patches."""
    directory = spec.path.rpartition("/")[0]
    if directory:
        return directory in _PACKAGING_DIRECTORIES
    packaging = {_file(source) for source in spec.sources} | {_file(spec.path)} | _IN_ANY_REPOSITORY
    return bool({name for name in spec.beside if not name.startswith(".")} - packaging)


def render(proposal: Proposal, schema: str = "") -> str:
    """Return the file. `schema` is the address of the schema for editors, empty where there is none."""
    lines = [f"# yaml-language-server: $schema={schema}"] if schema else []
    lines.append("version: 1")
    if not proposal.implied:
        lines += ["", "packages:"]
        for package in proposal.packages:
            lines += _entry(package)
    return "\n".join([*lines, "", *_target_lines(proposal)]) + "\n"


def _entry(package: ProposedPackage) -> Iterator[str]:
    if package.remark:
        yield f"  # {package.remark}"
    yield f"  - spec: {_scalar(package.spec)}"
    if package.method is not SourceMethod.SPEC:
        yield f"    source: {package.method.value}"
    if package.lookaside:
        yield f"    lookaside: {_scalar(package.lookaside)}"
    if package.to_fill_in:
        yield "    checksums:  # put in those of your files, for example from `sha256sum`"
        for name in package.to_fill_in:
            yield f"      {_scalar(name)}: {UNKNOWN_CHECKSUM}"


def _target_lines(proposal: Proposal) -> Iterator[str]:
    if proposal.targets:
        names = ", ".join(_scalar(name) for name in proposal.targets)
        yield f"targets: [{names}]"
    else:
        yield "targets:"
        yield "  # Put in the repositories of your distribution, the binary one and the source one."
        yield f"  - repositories: [{EXAMPLE_REPOSITORY}]"


def _scalar(text: str) -> str:
    """Return a text as YAML reads it; plain where it cannot be taken for anything else."""
    plain = text.isascii() and text[:1].isalpha() and all(sign.isalnum() or sign in "/._-+" for sign in text)
    words = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
    return text if plain and text.lower() not in words else json.dumps(text, ensure_ascii=False)
