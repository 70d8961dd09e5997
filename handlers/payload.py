"""Reads webhook payloads: what is missing or of the wrong type is a `MalformedEvent` that names it, never a KeyError.

Text is made storable here: a comment may hold NUL or half a surrogate pair, which no database takes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.domain.intents import Intent
from bot.domain.run import ChangeRef, RepoRef
from bot.engine.intake import MalformedEvent

_LARGEST = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What handlers are given beside the event: who we are, and where intents go."""

    forge: str
    own_id: int = 0
    """Our App's id, or our bot user's."""
    own_name: str = ""
    """Our bot user's login, where that is what is known of it."""
    intents: list[Intent] = field(default_factory=list)


def find(data: object, *path: str) -> object:
    """Return what stands at a path of keys, None where there is nothing or an object on the way is null."""
    value = data
    for depth, key in enumerate(path):
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise MalformedEvent(f"{'.'.join(path[:depth]) or 'the payload'} is no object")
        value = value.get(key)
    return value


def text(data: object, *path: str) -> str:
    """Return the text at a path."""
    value = find(data, *path)
    if not isinstance(value, str):
        raise MalformedEvent(f"{'.'.join(path)} is {_kind(value)}, not text")
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def words(data: object, *path: str) -> str:
    """Return the text at a path, empty where there is none."""
    return "" if find(data, *path) is None else text(data, *path)


def number(data: object, *path: str) -> int:
    """Return the whole number at a path (a pull request's number, at most 2^31 - 1)."""
    value = identifier(data, *path)
    if value > _LARGEST:
        raise MalformedEvent(f"{'.'.join(path)} is {value}, which is too large")
    return value


def identifier(data: object, *path: str) -> int:
    """Return the positive whole number at a path (an id: larger ones come than a pull request's number may be)."""
    value = find(data, *path)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise MalformedEvent(f"{'.'.join(path)} is {_kind(value)}, not a positive whole number")
    return value


def moment(data: object, *path: str) -> datetime:
    """Return the time at a path, aware and in UTC."""
    value = text(data, *path)
    try:
        # GitLab writes `2026-01-02 03:04:05 UTC`.
        return datetime.fromisoformat(value.replace(" UTC", "+00:00")).astimezone(UTC)
    except (ValueError, OverflowError):
        raise MalformedEvent(f"{'.'.join(path)} is no time: {value[:40]!r}") from None


def entries(data: object, *path: str) -> Sequence[object]:
    """Return the list at a path, empty where there is none."""
    value = find(data, *path)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise MalformedEvent(f"{'.'.join(path)} is {_kind(value)}, not a list")
    return value


def repository(forge: str, data: object, *path: str) -> RepoRef:
    """Return the repository described at a path."""
    full_name = text(data, *path, "full_name")
    owner, slash, name = full_name.partition("/")
    if not (owner and slash and name) or "/" in name:
        raise MalformedEvent(f"{'.'.join((*path, 'full_name'))} is {full_name[:80]!r}, not owner/name")
    return RepoRef(forge=forge, owner=owner, name=name)


def change(forge: str, data: object, *path: str) -> ChangeRef:
    """Return the pull request whose number stands at a path, in the event's repository."""
    return ChangeRef(repo=repository(forge, data, "repository"), number=number(data, *path))


def _kind(value: object) -> str:
    if value is None:
        return "missing"
    if isinstance(value, Mapping):
        return "an object"
    kinds = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list"}
    return kinds.get(type(value), type(value).__name__)
