"""Reading a body of JSON as far as somebody looks into it.

Of the twenty kilobytes that a forge sends, what decides whether a delivery asks for anything is a few words. Making
objects of all the rest was the dearest part of taking a delivery, so the whole is checked to be JSON, and only what is
asked for is read.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from bot.engine.intake import MalformedEvent

_pieces = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_whole = msgspec.json.Decoder().decode
_BRACE = ord("{")


class JsonObject(Mapping[str, object]):
    """An object of a body. A value is read when it is looked at; one that cannot be is a `MalformedEvent`."""

    __slots__ = ("_values",)

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def __getitem__(self, key: str) -> object:
        value = self._values[key]
        if type(value) is msgspec.Raw:
            value = self._values[key] = _read(key, value)
        return value

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value, or the default where there is none."""
        return self[key] if key in self._values else default

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def read_json(body: bytes) -> object:
    """Return what a body says, an object as a `JsonObject`; raise ValueError or RecursionError where it is no JSON."""
    try:
        if not body.isascii():
            body.decode()  # in what nobody reads, anything would pass
        return JsonObject(_pieces(body))
    except (msgspec.DecodeError, UnicodeDecodeError):
        # No object, no JSON, or what a strict reader does not take and forges send all the same: half a surrogate
        # pair in a comment. The standard library tells them apart.
        return json.loads(body)


def _read(key: str, piece: msgspec.Raw) -> object:
    try:
        return JsonObject(_pieces(piece)) if memoryview(piece)[0] == _BRACE else _whole(piece)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedEvent(f"{key} cannot be read: {error}") from None
