"""Rows of numbers, kept compactly in memory and in files: what a distribution's graph and its roots are made of."""

import json
import os
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

_KIND = "I"


class Rows:
    """Many short rows of numbers, each known by its own number: one array of all values, one of where rows begin."""

    def __init__(self, starts: "array[int]", values: "array[int]") -> None:
        self.starts = starts
        self.values = values
        self._view = memoryview(values)

    @classmethod
    def of(cls, rows: Iterable[Iterable[int]]) -> "Rows":
        """Make them of any iterables."""
        starts, values = array(_KIND, [0]), array(_KIND)
        for row in rows:
            values.extend(row)
            starts.append(len(values))
        return cls(starts, values)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __iter__(self) -> Iterator[memoryview]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: int) -> memoryview:
        """Return a row without copying it; an empty one for a number that has none."""
        try:
            return self._view[self.starts[number] : self.starts[number + 1]]
        except IndexError:
            return self._view[:0]

    def turned(self, size: int) -> "Rows":
        """Return `size` rows that say for each value which rows it is in, ascending."""
        found: list[array[int] | None] = [None] * size
        for number, row in enumerate(self):
            for value in row:
                there = found[value]
                if there is None:
                    there = found[value] = array(_KIND)
                there.append(number)
        return Rows.of(row or () for row in found)


def write_parts(path: Path, head: Mapping[str, Any], parts: Mapping[str, "array[int]"]) -> None:
    """Write arrays under their names, after a line of JSON that tells of them; a reader sees all of it or nothing."""
    line = json.dumps({**head, "parts": [(name, part.typecode, len(part)) for name, part in parts.items()]})
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(handle, "wb") as stream:
        stream.write(line.encode() + b"\n")
        for part in parts.values():
            part.tofile(stream)
    Path(aside).replace(path)


def read_parts(path: Path) -> tuple[Mapping[str, Any], Mapping[str, "array[int]"]] | None:
    """Read what `write_parts` has written; None where there is no such file, or where it is no longer whole."""
    try:
        with path.open("rb") as stream:
            head = json.loads(stream.readline())
            parts = {}
            for name, kind, length in head.pop("parts"):
                parts[name] = array(kind)
                parts[name].fromfile(stream, length)
    except (FileNotFoundError, EOFError, ValueError):
        return None
    return head, parts
