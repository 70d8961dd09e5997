"""Reads Debian's control files (deb822) and the dependencies in them, as they hold for one architecture."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

ARCHITECTURE = "amd64"
BUILD_FIELDS = ("Build-Depends", "Build-Depends-Arch", "Build-Depends-Indep")
BUILD_CONFLICT_FIELDS = ("Build-Conflicts", "Build-Conflicts-Arch", "Build-Conflicts-Indep")

_BUILT_HERE = frozenset({"any", "all", ARCHITECTURE, "linux-any", f"any-{ARCHITECTURE}"})
_WILDCARDS = _BUILT_HERE - {"all"}
_QUALIFIERS_HERE = frozenset({"any", "native", ARCHITECTURE})
_OPERATORS = {">=": ">=", "<=": "<=", "=": "=", "<<": "<", ">>": ">", "<": "<=", ">": ">="}
_ALTERNATIVE = re.compile(
    r"\s*(?P<name>[A-Za-z0-9.+-]+)(?::(?P<qualifier>[a-z0-9-]+))?\s*"
    r"(?:\(\s*(?P<operator><<|<=|=|>=|>>|<|>)\s*(?P<version>[^)\s]+)\s*\))?\s*"
    r"(?:\[(?P<architectures>[^\]]*)\])?\s*(?P<profiles>(?:<[^>]*>\s*)*)"
)
_PROFILE_GROUP = re.compile(r"<([^>]*)>")


@dataclass(frozen=True, slots=True)
class Atom:
    """A package name, and which versions of it; the operator is as RPM writes it, empty for any version."""

    name: str
    operator: str = ""
    version: str = ""


Clause = tuple[Atom, ...]
"""Alternatives, of which one is enough."""


def stanzas(lines: Iterable[str]) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Yield each stanza of a control file as its fields, and as the lines that it stands in."""
    fields: dict[str, str] = {}
    text: list[str] = []
    key = ""
    for line in lines:
        if line == "\n":
            if fields:
                yield fields, text
            fields, text = {}, []
            continue
        text.append(line)
        if line[0] in " \t":
            fields[key] += " " + line.strip()
        else:
            key, _, value = line.partition(":")
            fields[key] = value.strip()
    if fields:
        yield fields, text


def built_here(source: Mapping[str, str]) -> bool:
    """Whether a source package of the index is current, and builds something for this architecture."""
    architectures = source.get("Architecture", "any").split()
    return "Extra-Source-Only" not in source and not _BUILT_HERE.isdisjoint(architectures)


def clauses(stanza: Mapping[str, str], *fields: str) -> tuple[Clause, ...]:
    """Return the dependencies of these fields, without what is for other architectures or for build profiles."""
    parsed = (_clause(text) for field in fields if field in stanza for text in stanza[field].split(","))
    return tuple(clause for clause in parsed if clause)


@cache
def _clause(text: str) -> Clause:
    return tuple(atom for alternative in text.split("|") for atom in _atoms(alternative))


def _atoms(alternative: str) -> Iterator[Atom]:
    if not alternative.strip():
        return
    found = _ALTERNATIVE.fullmatch(alternative)
    if found is None:
        raise ValueError(f"not a dependency: {alternative!r}")
    if _wanted_here(found["architectures"]) and _wanted_without_profiles(found["profiles"]):
        qualifier = found["qualifier"]
        # A package of another architecture keeps its qualifier: nothing here has that name.
        name = found["name"] if qualifier in {None, *_QUALIFIERS_HERE} else f"{found['name']}:{qualifier}"
        yield Atom(name, _OPERATORS.get(found["operator"] or "", ""), found["version"] or "")


def _wanted_here(architectures: str | None) -> bool:
    """`[amd64 i386]` names where a dependency is for, `[!armel !mips]` where it is not."""
    words = (architectures or "").split()
    named = any(word.lstrip("!") in _WILDCARDS for word in words)
    return not words or named != words[0].startswith("!")


def _wanted_without_profiles(groups: str) -> bool:
    """Whether one of the groups (`<!nocheck> <cross !stage1>`) holds where no build profile is set."""
    found = _PROFILE_GROUP.findall(groups)
    return not found or any(all(term.startswith("!") for term in group.split()) for group in found)
