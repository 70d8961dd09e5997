"""The roots of a base's source packages, each solved once for all processes, and kept in files beside its graph.

A file is written whole and never changed. Two processes may solve the same package at the same time; they come to the
same root.
"""

import uuid
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bot.adapters.hawkey import fingerprints
from bot.adapters.hawkey.certainty import CROOKED, UNCHOSEN, Certainty, Course
from bot.adapters.hawkey.fingerprints import LENGTH
from bot.adapters.hawkey.index import place
from bot.adapters.hawkey.names import Names
from bot.adapters.hawkey.places import Places
from bot.adapters.hawkey.roots import Problem, Root, Roots
from bot.adapters.hawkey.rows import Rows, read_parts, write_parts
from bot.adapters.hawkey.universe import Universe

_MANY_FILES = 48
"""So many files are made into one."""


@dataclass(frozen=True, slots=True)
class Solved:
    """The root of a source package, and how it was found.

    `total` is the sum of its packages' fingerprints, `inside` the places of the sources that have a binary in it (see
    `Places`): neither has to be worked out for a change.
    """

    root: Root | Problem
    course: Course
    total: int = 0
    inside: bytes = b""

    @property
    def digest(self) -> str:
        """The digest of the root; empty where there is none."""
        return fingerprints.digest(self.total) if isinstance(self.root, Root) else ""


class KnownRoots(Roots):
    """The roots of one base, from the files or solved now."""

    def __init__(self, universe: Universe) -> None:
        super().__init__(universe)
        self._read: dict[Path, None] = {}
        self._stored: dict[int, tuple[_Part, int]] = {}
        self._new: dict[int, Solved] = {}

    @cached_property
    def _directory(self) -> Path:
        return place(self.universe) / "roots"

    @cached_property
    def _certainty(self) -> Certainty:
        return Certainty(self.universe, self.index)

    @cached_property
    def names(self) -> Names:
        """Which requirements and conflicts of the base speak of a name."""
        return Names(self)

    def of_source(self, number: int) -> Root | Problem:
        """Return the root of a source package, solved at most once for this base."""
        return self.solved(number).root

    @cached_property
    def places(self) -> Places:
        """The places of the base's source packages, by name."""
        return Places(self.universe, {name: place for place, name in enumerate(sorted(self.universe.sources))})

    def refresh(self) -> None:
        """Read what has been written since."""
        for path in sorted(self._directory.glob("[!.]*")) if self._directory.is_dir() else ():
            if path not in self._read:
                self._read[path] = None
                known = read_parts(path)
                if known is not None:
                    part = _Part(*known)
                    self._stored.update((source, (part, place)) for place, source in enumerate(part.sources))
        for source in self._new.keys() & self._stored.keys():
            del self._new[source]

    def peek(self, source: int) -> Solved | None:
        """Return what is known of a source package, without solving."""
        first = self.index.twin(source)
        found = self._look(first)
        if found is not None and isinstance(found.root, Problem):
            found = self._look(source)  # a problem's text names the package
        return found

    def solved(self, source: int) -> Solved:
        """Return what is known of a source package, and solve it where that is nothing yet."""
        found = self.peek(source)
        if found is None:
            first = self.index.twin(source)
            found = self._look(first) or self._settle(first)
            if isinstance(found.root, Problem) and first != source:
                found = self._settle(source)
        return found

    def save(self, at_least: int = 1) -> None:
        """Write what was solved since, where it is as much as that."""
        if len(self._new) < at_least:
            return
        old = [path for path in self._read if path.exists()]
        merge = len(old) >= _MANY_FILES
        records = {**({source: self._unpack(source) for source in self._stored} if merge else {}), **self._new}
        path = self._directory / uuid.uuid4().hex
        write_parts(path, *_packed(records))
        if merge:
            for known in old:
                known.unlink(missing_ok=True)
        self.refresh()

    def _look(self, source: int) -> Solved | None:
        return self._new.get(source) or (self._unpack(source) if source in self._stored else None)

    def _unpack(self, source: int) -> Solved:
        part, place = self._stored[source]
        return part.record(place)

    def _settle(self, source: int) -> Solved:
        unchosen = self._certainty.unchosen(source)
        root = self._of_source(source) if unchosen is None else Root(array("I", unchosen))
        if isinstance(root, Problem):
            solved = Solved(root, CROOKED)
        else:
            course = UNCHOSEN if unchosen is not None else self._certainty.course(source, root.numbers)
            numbers = root.numbers
            solved = Solved(root, course, self.fingerprints.total(numbers), self.places.inside(numbers))
        self._new[source] = solved
        return solved


class _Part:
    """One file's records."""

    def __init__(self, head: Mapping[str, Any], parts: Mapping[str, "array[int]"]) -> None:
        self.sources = parts["sources"]
        self._straight = parts["straight"]
        self._problems: Sequence[str] = head["problems"]
        self._totals = parts["totals"]
        self._roots = Rows(parts["root-starts"], parts["root-values"])
        self._choices = Rows(parts["choice-starts"], parts["choice-values"])
        self._tried = Rows(parts["tried-starts"], parts["tried-values"])
        self._inside = Rows(parts["inside-starts"], parts["inside-values"])

    def record(self, place: int) -> Solved:
        if self._problems[place]:
            return Solved(Problem(self._problems[place]), CROOKED)
        choices, tried = array("I", self._choices[place].tobytes()), array("I", self._tried[place].tobytes())
        return Solved(
            Root(array("I", self._roots[place].tobytes())),
            Course(choices, tried, bool(self._straight[place])),
            fingerprints.unpacked(self._totals[LENGTH * place : LENGTH * (place + 1)].tobytes()),
            self._inside[place].tobytes(),
        )


def _packed(records: Mapping[int, Solved]) -> tuple[Mapping[str, Any], Mapping[str, "array[int]"]]:
    solved = list(records.values())
    roots = Rows.of(item.root.numbers if isinstance(item.root, Root) else () for item in solved)
    choices = Rows.of(item.course.choices for item in solved)
    tried = Rows.of(item.course.tried for item in solved)
    inside = Rows.of(memoryview(item.inside).cast("I") for item in solved)
    parts = {
        "sources": array("I", records),
        "straight": array("B", [item.course.straight for item in solved]),
        "totals": array("B", b"".join(fingerprints.packed(item.total) for item in solved)),
        "root-starts": roots.starts,
        "root-values": roots.values,
        "choice-starts": choices.starts,
        "choice-values": choices.values,
        "tried-starts": tried.starts,
        "tried-values": tried.values,
        "inside-starts": inside.starts,
        "inside-values": inside.values,
    }
    problems = [item.root.text if isinstance(item.root, Problem) else "" for item in solved]
    return {"problems": problems}, parts
