"""Reads logs of tasks, of many in a few requests."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import koji

LOGS = ("build.log", "root.log")
TAIL = 256 * 1024
"""Bytes of a log that are read to find the cause of a failure."""
MANY = 500
"""How many calls go in one request where the answers are short."""
_ANSWER = 6 * TAIL
"""Bytes of logs that come in one answer: they are kept small."""


@dataclass(frozen=True, slots=True)
class Logs:
    """The logs of a task. `sizes` are the bytes of those that have something in them, None where they may yet grow."""

    task: int
    sizes: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a log of a task; there are so many bytes of it."""

    task: int
    name: str
    offset: int
    length: int


def tails(session: Any, tasks: Sequence[int]) -> Mapping[tuple[int, str], str]:
    """Return the ends of the logs of tasks that built, by task and name; those that are not there are left out."""
    asked = [
        Piece(task=task, name=name, offset=max(0, size - TAIL), length=min(size, TAIL))
        for task, sizes in _listed(session, tasks).items()
        for name, size in sizes.items()
    ]
    return {(piece.task, piece.name): text.decode(errors="replace") for piece, text in _pieces(session, asked).items()}


def parts(session: Any, wanted: Sequence[tuple[Logs | None, int, int]]) -> list[bytes]:
    """Return parts (logs, offset, length), each of the first of a task's logs that has something in it.

    Empty where there is no task, or no log (any more). A negative offset counts from the end.
    """
    every = [logs for logs, _, _ in wanted if logs is not None]
    unknown = list(dict.fromkeys(logs.task for logs in every if logs.sizes is None))
    sizes = {logs.task: logs.sizes for logs in every if logs.sizes is not None}
    sizes |= _listed(session, unknown) if unknown else {}
    asked = [None if logs is None else _piece(logs.task, sizes[logs.task], part) for logs, *part in wanted]
    read = _pieces(session, [piece for piece in asked if piece is not None])
    return [read[piece] if piece is not None else b"" for piece in asked]


def _piece(task: int, sizes: Mapping[str, int], part: Sequence[int]) -> Piece | None:
    name, size = next(iter(sizes.items()), ("", 0))
    offset, length = part
    start = offset if offset >= 0 else max(0, size + offset)
    return Piece(task=task, name=name, offset=start, length=min(length, size - start)) if start < size else None


def _listed(session: Any, tasks: Sequence[int]) -> dict[int, Mapping[str, int]]:
    with session.multicall(batch=MANY) as many:
        listed = {task: many.listTaskOutput(task, stat=True) for task in tasks}
    return {task: sizes(files.result) for task, files in listed.items()}


def sizes(files: Mapping[str, Any]) -> dict[str, int]:
    """Return the bytes of those logs among the files of a task that have something in them, the first one first."""
    return {name: size for name in LOGS if (size := int(files.get(name, {}).get("st_size", 0)))}


def _pieces(session: Any, asked: Sequence[Piece]) -> dict[Piece, bytes]:
    """Read pieces of logs, as many in one request as make a small answer."""
    found: dict[Piece, Any] = {}
    left = list(asked)
    while left:
        taken, size = 0, 0
        while taken < len(left) and (not taken or size + left[taken].length <= _ANSWER):
            size += left[taken].length
            taken += 1
        with session.multicall() as many:
            for piece in left[:taken]:
                found[piece] = many.downloadTaskOutput(piece.task, piece.name, offset=piece.offset, size=piece.length)
        left = left[taken:]
    return {piece: _bytes(answer) for piece, answer in found.items()}


def _bytes(answer: Any) -> bytes:
    """A log that was pruned after it was listed is none."""
    try:
        return base64.b64decode(answer.result)
    except koji.GenericError:
        return b""
