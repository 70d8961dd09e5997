"""Reads logs of tasks, of many in a few requests."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import koji

LOGS = ("build.log", "root.log")
TAIL = 65_536
"""Bytes of a log that are read to find the cause of a failure."""
MANY = 500
"""How many calls go in one request where the answers are short."""
_ANSWER = 20 * TAIL
"""Bytes of logs that come in one answer: they are kept small."""


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
        for task, files in _outputs(session, tasks).items()
        for name in LOGS
        if (size := _size(files, name))
    ]
    return {(piece.task, piece.name): text.decode(errors="replace") for piece, text in _pieces(session, asked).items()}


def parts(session: Any, wanted: Sequence[tuple[int | None, int, int]]) -> list[bytes]:
    """Return parts (task, offset, length) of logs, each of the task's first one that has something in it.

    Empty where there is no task, or no log (any more). A negative offset counts from the end.
    """
    outputs = _outputs(session, list(dict.fromkeys(task for task, _, _ in wanted if task is not None)))
    asked = [None if task is None else _piece(outputs[task], task, offset, length) for task, offset, length in wanted]
    read = _pieces(session, [piece for piece in asked if piece is not None])
    return [read[piece] if piece is not None else b"" for piece in asked]


def _piece(files: Mapping[str, Any], task: int, offset: int, length: int) -> Piece | None:
    name = next((name for name in LOGS if _size(files, name)), "")
    size = _size(files, name)
    start = offset if offset >= 0 else max(0, size + offset)
    return Piece(task=task, name=name, offset=start, length=min(length, size - start)) if start < size else None


def _outputs(session: Any, tasks: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """Return the files of tasks, with their sizes."""
    with session.multicall(batch=MANY) as many:
        listed = {task: many.listTaskOutput(task, stat=True) for task in tasks}
    return {task: files.result for task, files in listed.items()}


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


def _size(files: Mapping[str, Any], name: str) -> int:
    return int(files.get(name, {}).get("st_size", 0))
