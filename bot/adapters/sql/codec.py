"""Values to JSON and back, through pydantic, so that what is read equals what was written.

Unions whose members look alike (outcomes, intents) are told apart by a column, never by guessing. Python's own
json writes text in ASCII with escapes, so that what is no valid Unicode (logs hold it) is read back as it was.
Old rows stay readable where a new field has a default; what a field is called is therefore part of the schema.

The engine reads a whole run again at each step, of which next to nothing has changed, so what was read lately is kept:
equal text is an equal value, and values cannot change.
"""

import json
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

from bot.adapters.sql.columns import aware
from bot.domain.build import Cancelled, Failed, Outcome, Succeeded
from bot.domain.intents import ButtonPressed, Commented, Intent, Refresh, RepositoryTouched, RerunRequested

T = TypeVar("T")
Document = dict[str, Any]
"""A JSON object, which the column's type turns into text when it is written."""

KEPT = 16_384
"""Values: those of a run over several thousand packages; some tens of MiB at most."""

_INTENTS: dict[str, type[Intent]] = {
    kind.__name__: kind for kind in (Refresh, Commented, RerunRequested, ButtonPressed, RepositoryTouched)
}


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    # Making one takes milliseconds, so it is done once, and not at import.
    return TypeAdapter(kind)


def encode(value: Any, without: frozenset[str] = frozenset()) -> Document:
    """Return a dataclass as a JSON object, leaving out fields that stand in columns alone."""
    kind: Any = type(value)
    fields: Document = _adapter(kind).dump_python(value, mode="json", exclude=set(without))
    return fields


def decode(kind: type[T], document: str, **columns: object) -> T:
    """Return the value that `encode` wrote, from its text; `columns` are the fields that were left out."""
    dataclass: Any = kind  # mypy does not take `type[T]` for hashable
    value: Any = _parsed(dataclass, document)
    whole: T = replace(value, **columns) if columns else value
    return whole


@lru_cache(maxsize=KEPT)
def _parsed(kind: Any, document: str) -> Any:
    return _adapter(kind).validate_python(json.loads(document))


def encode_outcome(outcome: Outcome | None) -> tuple[str | None, Document | None]:
    """Return the name of an outcome and, for a failure, its JSON."""
    match outcome:
        case None:
            return None, None
        case Failed():
            return "FAILED", encode(outcome)
        case Succeeded():
            return "SUCCEEDED", None
        case Cancelled():
            return "CANCELLED", None


def decode_outcome(name: str | None, failure: str | None) -> Outcome | None:
    """Return the outcome that `encode_outcome` wrote."""
    match name:
        case None:
            return None
        case "SUCCEEDED":
            return Succeeded()
        case "CANCELLED":
            return Cancelled()
        case _:
            return decode(Failed, failure or "{}")


def encode_intent(intent: Intent) -> tuple[str, Document]:
    """Return an intent's kind and its JSON; raise ValueError for a naive time."""
    if isinstance(intent, Commented):
        aware(intent.written_at)
    return type(intent).__name__, encode(intent)


def decode_intent(kind: str, document: str) -> Intent:
    """Return the intent that `encode_intent` wrote."""
    return decode(_INTENTS[kind], document)
