"""YAML as a tree whose every value and key knows its line and column, read within bounds.

The tree is built from PyYAML's events, not from its objects: events need no recursion, run no constructor, show
duplicate keys, and let anchors be counted before they explode. Plain scalars are read by the YAML 1.2 core schema, as
editors read them, so that `off` and `no` stay words.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import yaml

from bot.domain.wording import quoted

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
MAX_VALUES = 10_000

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18})([eE][-+]?[0-9]{1,2})?")
_TAGS = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map", "!"}

Scalar = str | int | float | bool | None
Plain = Scalar | list["Plain"] | dict[str, "Plain"]
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A position in the file; line and column count from 1."""

    line: int
    column: int


START = Place(1, 1)


@dataclass(slots=True)
class Node:
    """A value with its place. `keys` holds the places of a mapping's keys, `items` its or a list's values."""

    place: Place
    scalar: Scalar = None
    items: dict[str | int, "Node"] = field(default_factory=dict)
    keys: dict[str | int, Place] = field(default_factory=dict)
    kind: type = str
    size: int = 1
    """Values in it, itself included, with every alias written out."""
    height: int = 0
    """How many lists and mappings are nested in it, itself included."""

    @property
    def plain(self) -> Plain:
        """The value without places."""
        if self.kind is dict:
            return {str(key): node.plain for key, node in self.items.items()}
        if self.kind is list:
            return [node.plain for node in self.items.values()]
        return self.scalar

    def at(self, path: Path) -> "Node":
        """Return the value at a path."""
        node = self
        for step in path:
            node = node.items[step]
        return node


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that is wrong at a place."""

    place: Place
    message: str


class _Unreadable(Exception):
    """The file cannot be read on; what was found before stays found."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.flaw = Flaw(place, message)


def read(content: bytes) -> tuple[Node | None, list[Flaw]]:
    """Return the tree, None where there is none to speak of, and what is wrong with the file as YAML."""
    builder = _Builder()
    try:
        for event in _events(_decoded(content)):
            builder.take(event)
    except _Unreadable as stop:
        return None, [*builder.flaws, stop.flaw]
    return builder.root, builder.flaws


def _decoded(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        message = f"the file has {len(content):,} bytes; at most {MAX_BYTES:,} are read. Shorten it, globs help."
        raise _Unreadable(START, message)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        message = f"byte 0x{content[error.start]:02x} is not UTF-8. Save the file as UTF-8."
        raise _Unreadable(Place(line, column), message) from None


def _events(text: str) -> Iterator[yaml.Event]:
    """Yield PyYAML's events; turn its errors into ours."""
    try:
        yield from yaml.parse(text, yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise _Unreadable(place, f"character U+{ord(text[error.position]):04X} may not stand in YAML") from None
    except yaml.MarkedYAMLError as error:
        raise _Unreadable(_place(error.problem_mark or error.context_mark), _explain(error, text)) from None


def _explain(error: yaml.MarkedYAMLError, text: str) -> str:
    """Say what a YAML error comes from, where its own words only say where it was noticed."""
    problem = error.problem or "it cannot be read"
    mark = error.problem_mark
    if mark is not None and text[mark.index : mark.index + 1] == "\t":
        return "a tab cannot stand here; YAML is indented with spaces"
    if problem == "mapping values are not allowed here":
        return "not valid YAML: a second `: ` in one value; put the value in quotes, or check the indentation"
    if "while scanning an alias" in (error.context or ""):
        return "a value that starts with `*` is an alias; put a glob in quotes"
    if error.context is None or error.context_mark is None:
        return f"not valid YAML: {problem}"
    return f"not valid YAML: {problem} {error.context} (which starts in line {error.context_mark.line + 1})"


class _Mark(Protocol):
    """PyYAML's marks, which are of two classes; lines and columns count from 0."""

    line: int
    column: int


def _place(mark: _Mark | None) -> Place:
    return START if mark is None else Place(mark.line + 1, mark.column + 1)


@dataclass(slots=True)
class _Open:
    """A collection that is being read; `key` is the key whose value comes next, None where a key comes next."""

    node: Node
    anchor: str | None
    key: Node | None = None


class _Builder:
    """Builds the tree out of events, with a stack of the collections that are open."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.flaws: list[Flaw] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        self._values = 0

    def take(self, event: yaml.Event) -> None:
        """Take the next event."""
        place = _place(event.start_mark)
        if isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event, place), event.anchor)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._start(event, place)
        elif isinstance(event, yaml.CollectionEndEvent):
            done = self._open.pop()
            self._add(done.node, done.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._add(self._aliased(event, place), None)
        elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise _Unreadable(place, "a second document starts here; the file holds one")

    def _start(self, event: yaml.CollectionStartEvent, place: Place) -> None:
        self._check_tag(event.tag, place)
        self._count(1, 1, place)
        kind = dict if isinstance(event, yaml.MappingStartEvent) else list
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._open.append(_Open(node=Node(place, kind=kind, height=1), anchor=event.anchor))

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> Node:
        self._check_tag(event.tag, place)
        self._count(1, 0, place)
        value = _resolved(event.value) if event.implicit[0] else str(event.value)
        return Node(place, scalar=value, kind=type(value))

    def _aliased(self, event: yaml.AliasEvent, place: Place) -> Node:
        name = quoted(f"*{event.anchor}")
        if event.anchor not in self._anchors:
            raise _Unreadable(place, f"there is no anchor for the alias {name}; a glob has to be quoted")
        node = self._anchors[event.anchor]
        if node is None:
            raise _Unreadable(place, f"the alias {name} stands inside of what it stands for")
        self._count(node.size, node.height, place)
        return replace(node, place=place)

    def _count(self, values: int, height: int, place: Place) -> None:
        """Hold the file to its bounds, with `values` more of which the tallest is `height` collections high."""
        self._values += values
        if self._values > MAX_VALUES:
            raise _Unreadable(place, f"the file holds more than {MAX_VALUES:,} values, with its aliases written out")
        if len(self._open) + height > MAX_DEPTH:
            raise _Unreadable(place, f"lists and mappings are nested more than {MAX_DEPTH} deep")

    def _check_tag(self, tag: str | None, place: Place) -> None:
        if tag is not None and tag not in _TAGS:
            self.flaws.append(Flaw(place, f"the tag {quoted(tag)} is not understood; remove it"))

    def _add(self, node: Node, anchor: str | None) -> None:
        """Put a value where it belongs: into the collection that is open, or as the root."""
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        into = self._open[-1]
        into.node.size += node.size
        into.node.height = max(into.node.height, node.height + 1)
        if into.node.kind is list:
            into.node.items[len(into.node.items)] = node
        elif into.key is None:
            into.key = node
        else:
            self._add_pair(into, into.key, node)
            into.key = None

    def _add_pair(self, into: _Open, key: Node, value: Node) -> None:
        if key.kind in {dict, list}:
            self.flaws.append(Flaw(key.place, "a key has to be a word, not a list or a mapping"))
            return
        name = key.scalar if isinstance(key.scalar, str) else json.dumps(key.scalar)
        if name in into.node.keys:
            first = into.node.keys[name]
            message = f"the key {quoted(name)} stands twice in one mapping; the first is in line {first.line}"
            self.flaws.append(Flaw(key.place, message))
            return
        into.node.keys[name] = key.place
        into.node.items[name] = value


def _resolved(text: str) -> Scalar:
    """Return what a plain scalar means by YAML 1.2's core schema, without its octal and hexadecimal numbers."""
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
