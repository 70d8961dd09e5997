"""Small things that many of the hub's methods share: checked arguments, times as text, options of a query.

Read in kojihub/kojihub.py (convert_value, name_or_id_clause) and kojihub/db.py (_applyQueryOpts), Koji 1.35.3.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import koji


def convert(value: Any, cast: type, *, none: bool = False) -> Any:
    """Return the value as a `cast`; what cannot be one is a ParameterError."""
    if value is None:
        if none:
            return None
        raise koji.ParameterError(f"Invalid type, expected type {cast}")
    try:
        return cast(value)
    except (ValueError, TypeError):
        raise _wrong(value, cast) from None


def must_be(value: Any, kind: type) -> None:
    """Raise ParameterError where a value is of another type."""
    if value is None:
        raise koji.ParameterError(f"Invalid type, expected type {kind}")
    if not isinstance(value, kind):
        raise _wrong(value, kind)


def _wrong(value: Any, kind: type) -> koji.ParameterError:
    return koji.ParameterError(f"Invalid type for value '{value}': {type(value)}, expected type {kind}")


def name_or_id(info: Any) -> int | str:
    """Return what to look something up by: a number is an id, a text a name, a mapping has either."""
    if isinstance(info, dict):
        if "id" in info:
            return int(convert(info["id"], int))
        if "name" not in info:
            raise koji.ParameterError(f"Invalid name or id value: {info}")
        info = info["name"]
    if not isinstance(info, int | str):
        raise koji.ParameterError(f"Invalid name or id value: {info}")
    return info


def text(ts: float | None) -> str | None:
    """A time as the hub writes it: ISO 8601 with a space, in UTC."""
    return None if ts is None else datetime.fromtimestamp(ts, UTC).isoformat(" ")


def queried(rows: Iterable[dict[str, Any]], options: dict[str, Any] | None) -> Any:
    """Apply order, offset, limit and countOnly; another option is an error of ours, not modelled."""
    options = dict(options or {})
    unknown = set(options) - {"order", "offset", "limit", "countOnly"}
    assert not unknown, f"query options that this hub does not know: {unknown}"
    found = list(rows)
    if options.get("order"):
        for key in reversed(options["order"].split(",")):
            name = key.removeprefix("-")
            if found and name not in found[0]:
                raise koji.ParameterError(f"Invalid order: {name}")
            found.sort(key=lambda row: (row[name] is None, row[name]), reverse=key.startswith("-"))
    found = found[options.get("offset") or 0 :]
    if options.get("limit"):
        found = found[: options["limit"]]
    return len(found) if options.get("countOnly") else found
