"""Versions in dpkg's order, as deb-version(7) defines it, and their ranks, which RPM compares the same way."""

import re
from collections import defaultdict
from collections.abc import Iterable

_RUN = re.compile(r"(\D*)(\d*)")

Key = tuple[object, ...]
"""What a version is sorted by; keys of versions that dpkg takes for equal are equal."""

_NOTHING = ((0,), 0)


def version_key(version: str) -> Key:
    """Return what a Debian version, `[epoch:]upstream[-revision]`, is sorted by."""
    epoch, _, rest = version.partition(":") if ":" in version else ("0", "", version)
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        upstream, revision = rest, ""
    return int(epoch), _part_key(upstream), _part_key(revision)


def _part_key(part: str) -> Key:
    runs = [(_weights(text), int(digits or 0)) for text, digits in _RUN.findall(part)]
    while len(runs) > 1 and runs[-1] == _NOTHING:
        runs.pop()
    return (*runs, _NOTHING)  # the end sorts after a tilde and before everything else


def _weights(text: str) -> tuple[int, ...]:
    """A tilde comes before the end, the end before letters, and letters before everything else."""
    return (*(-1 if char == "~" else ord(char) if char.isalpha() else ord(char) + 256 for char in text), 0)


def ranks(mentioned: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Number the versions of each name from 1, in dpkg's order; versions that dpkg takes for equal share a number.

    `mentioned` are pairs of a name and a version. Whatever compares two versions of one name finds the same between
    their ranks.
    """
    versions: defaultdict[str, dict[str, Key]] = defaultdict(dict)
    for name, version in mentioned:
        if version not in versions[name]:
            versions[name][version] = version_key(version)
    numbered = {}
    for name, keys in versions.items():
        position = {key: number for number, key in enumerate(sorted(set(keys.values())), start=1)}
        for version, key in keys.items():
            numbered[name, version] = position[key]
    return numbered
