"""Debian's own dependency tools (dose), asked about the plain indexes that lie beside a distribution."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.debian import control
from benchmarks.distribution import Distribution

TOOLS = ("dose-ceve", "dose-builddebcheck", "dose-distcheck")
_TIMEOUT = 900.0
"""Seconds for one question; on a whole distribution some 30 to 90 are usual."""

_BROKEN_FOUND = (0, 1)
"""How a tool exits: without, and with broken packages. Below 64 is an answer."""

_PACKAGE = re.compile(r"^  package: (?P<name>\S+)\n  version: (?P<version>\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """A package by name and version, as the archive writes it."""

    name: str
    version: str


def missing() -> list[str]:
    """Return which of the tools are not here."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def direct(made: Distribution, subject: str) -> frozenset[str]:
    """Return the source packages of which a BuildRequires can be met by a binary package."""
    command = ["dose-ceve", "-T", "debsrc", "-G", "pkg", "-r", subject, "--depth=2", "--deb-native-arch=amd64"]
    output = _run([*command, f"deb://{made.packages_index}", f"debsrc://{made.sources_index}"], (0,))
    return frozenset(stanza["Package"] for stanza, _ in control.stanzas(output.splitlines(keepends=True)))


def unresolvable(made: Distribution) -> frozenset[Name]:
    """Return the source packages whose BuildRequires cannot be installed together."""
    command = ["dose-builddebcheck", "--deb-native-arch=amd64", "-f", str(made.packages_index), str(made.sources_index)]
    return _broken(_run(command, _BROKEN_FOUND))


def uninstallable(made: Distribution) -> frozenset[Name]:
    """Return the binary packages that cannot be installed."""
    command = ["dose-distcheck", "--deb-native-arch=amd64", "-f", f"deb://{made.packages_index}"]
    return _broken(_run(command, _BROKEN_FOUND))


def _broken(report: str) -> frozenset[Name]:
    return frozenset(Name(found["name"], found["version"]) for found in _PACKAGE.finditer(report))


def _run(command: Sequence[str], answers: Sequence[int]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False, cwd=Path("/"))
    if done.returncode not in answers:
        raise RuntimeError(f"{command[0]} failed with {done.returncode}: {done.stderr[-500:]}")
    return done.stdout
