#!/usr/bin/python3
"""Dependency generator for rpm: what a Python distribution provides and requires, as `python3dist(name)`.

rpm's own generator needs the `packaging` module, which a root over a bare host does not have. Requirements with a
marker or an extra are left out: they are for others to state by hand. Standard library only, since it runs in the root.
"""

import re
import sys
from email import message_from_string
from pathlib import Path

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(\[[^]]*\])?\s*\(?([^;)]*)\)?\s*(;.*)?$")
_CLAUSE = re.compile(r"(===|==|~=|!=|<=|>=|<|>)\s*([^\s,]+)")
_PRERELEASE = re.compile(r"[-_.]?(a|b|c|rc|alpha|beta|pre|preview|dev)[-_.]?(\d*)$")


def normalise_name(name: str) -> str:
    """Return a project's name as the index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def rpm_version(version: str) -> str:
    """Return a version that rpm orders as Python does: no trailing zeros, `~` before a pre-release, no local part."""
    version = version.split("+", maxsplit=1)[0].strip().lower()
    found = _PRERELEASE.search(version)
    release, suffix = (version[: found.start()], f"~{found.group(1)}{found.group(2)}") if found else (version, "")
    parts = release.split(".")
    while len(parts) > 1 and parts[-1] == "0":
        parts.pop()
    return ".".join(parts) + suffix


def next_version(version: str) -> str:
    """Return the first version that no longer begins with this one's parts: 1.4 follows 1.3."""
    parts = version.split(".")
    return ".".join([*parts[:-1], str(int(re.sub(r"\D.*", "", parts[-1]) or 0) + 1)])


def clauses(operator: str, version: str) -> "list[tuple[str, str]]":
    """Translate one clause of a version specifier into (operator, version) pairs of rpm."""
    if operator == "!=":
        return []
    if operator == "~=":
        return [(">=", rpm_version(version)), ("<", next_version(version.rsplit(".", 1)[0]))]
    if version.endswith(".*"):
        return [(">=", rpm_version(version[:-2])), ("<", next_version(version[:-2]))]
    return [("=" if operator in ("==", "===") else operator, rpm_version(version))]


def dependency(requirement: str, prefix: str = "python3dist") -> "str | None":
    """Return the rpm dependency for a requirement (PEP 508); None where it has a marker, a URL, or makes no sense."""
    found = _REQUIREMENT.match(requirement)
    if not found or found.group(4) or "@" in found.group(3):
        return None
    capability = f"{prefix}({normalise_name(found.group(1))})"
    bounds = [pair for operator, version in _CLAUSE.findall(found.group(3)) for pair in clauses(operator, version)]
    if not bounds:
        return capability
    terms = [f"{capability} {operator} {version}" for operator, version in bounds]
    return terms[0] if len(terms) == 1 else "(" + " with ".join(terms) + ")"


def read(directory: str) -> "tuple[str, str, list[str]] | None":
    """Return name, version and unconditional requirements of a .dist-info or .egg-info; None without metadata."""
    path = Path(directory)
    metadata = next((file for file in (path / "METADATA", path / "PKG-INFO", path) if file.is_file()), None)
    if metadata is None:
        return None
    fields = message_from_string(metadata.read_text(encoding="utf-8", errors="replace"))
    requirements = fields.get_all("Requires-Dist") or []
    requires = path / "requires.txt"
    if not requirements and requires.is_file():
        for line in requires.read_text(encoding="utf-8").splitlines():
            if line.startswith("["):  # the rest is for extras or under a marker
                break
            requirements.append(line)
    return fields["Name"], fields["Version"], [line for line in requirements if line.strip()]


def main() -> None:
    """Read file names from the standard input, as rpm hands them over, and print dependencies."""
    for line in sys.stdin:
        found = read(line.strip())
        if found is None:
            continue
        name, version, requirements = found
        if sys.argv[1] == "provides":
            for prefix in ("python3dist", f"python3.{sys.version_info[1]}dist"):
                sys.stdout.write(f"{prefix}({normalise_name(name)}) = {rpm_version(version)}\n")
        else:
            for needed in filter(None, map(dependency, requirements)):
                sys.stdout.write(f"{needed}\n")


if __name__ == "__main__":
    main()
