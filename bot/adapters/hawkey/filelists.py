"""Filelists on demand: they are fetched and loaded where a requirement is for a file that primary does not tell of.

They are longer than all other metadata together, and most distributions can be solved without them.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.adapters.hawkey.access import write_whole
from bot.adapters.hawkey.universe import Universe, UniverseSpec

_PATH = re.compile(r"(?:^|[\s(])(/[^\s()]+)")
_IN_PRIMARY = re.compile(r"/etc/|.*bin/|/usr/lib/sendmail$")
"""Every file with such a path is in the primary metadata (createrepo_c's rule, which others keep)."""


def wants_filelists(spec: UniverseSpec, load: Callable[[UniverseSpec], Universe] = Universe) -> bool:
    """Whether a package requires, or must not meet, a file that nobody's primary metadata may tell of.

    Of a spec with a change only the change is looked at: the base was when it was pinned. `load` loads a base, where it
    has to be looked at.
    """
    if spec.change:
        alone = replace(spec, base=spec.change, change=(), buildroot=(), modules=(), replaces=frozenset())
        return any(not is_in_primary(path) for text in _texts(Universe(alone)) for path in _paths(text))
    note = _note(spec)
    try:
        return note.read_text() == str(True)
    except FileNotFoundError:
        found = is_silent(load(spec))
        write_whole(note, str(found))
        return found


def is_in_primary(path: str) -> bool:
    """Whether the primary metadata tell of every file with such a path."""
    return _IN_PRIMARY.match(path) is not None


def _note(spec: UniverseSpec) -> Path:
    """Return where it is noted whether the primary metadata of a base are enough: looking takes a command too long."""
    base = tuple(replace(layer, url="") for layer in spec.base)
    facts = (_IN_PRIMARY.pattern, replace(spec, cache=Path(), base=base))
    return spec.cache / "worked-out" / f"silent-{hashlib.sha256(repr(facts).encode()).hexdigest()[:32]}"


def is_silent(universe: Universe) -> bool:
    """Whether what the packages of a universe and its buildroot ask for may be in filelists alone."""
    return asks_beyond(universe, (*_texts(universe), *universe.spec.buildroot))


def asks_beyond(universe: Universe, dependencies: Iterable[str]) -> bool:
    """Whether one of these dependencies is for a file that the primary metadata may be silent about."""
    paths = {path for text in dependencies for path in _paths(text)}
    # With the first question for providers libsolv looks for every file that is required: names are compared before.
    return not all(map(is_in_primary, paths)) or not all(map(universe.providers, paths))


def _texts(universe: Universe) -> Iterator[str]:
    """Yield what packages require or conflict with, each text once: most of the time would go into making them."""
    dependencies = set[Any]()
    for package in universe.query():
        dependencies.update(package.requires, package.conflicts)
    return map(str, dependencies)


def _paths(dependency: str) -> list[str]:
    return _PATH.findall(dependency) if "/" in dependency else []
