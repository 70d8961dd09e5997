"""The tree against the schema: what jsonschema finds, in words, at the place where it stands.

A schema's `title` is the short phrase for what is expected there, which editors show too.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, cast

from jsonschema import Draft202012Validator, ValidationError

from bot.adapters.config_file.tree import Flaw, Node, Path
from bot.domain.wording import did_you_mean, quoted

_TOP = "keys and values, such as `version: 1`"
_NAMED = "targets by name, such as `rawhide:` with the target's keys below it"


def schema_text() -> str:
    """Return the schema of `.revdeps.yaml` as it stands in its file."""
    return files("bot").joinpath("_schema", "revdeps.schema.json").read_text("utf-8")


@cache
def schema() -> Mapping[str, Any]:
    """Return the schema of `.revdeps.yaml`."""
    loaded: Mapping[str, Any] = json.loads(schema_text())
    return loaded


@cache
def targets_schema() -> Mapping[str, Any]:
    """Return the schema of the operator's targets by name, each as `.revdeps.yaml` describes one."""
    parts = schema()["$defs"]
    keys = {key: part for key, part in parts["target"]["properties"].items() if key != "name"}
    title = "a target with its repositories"
    target = parts["target"] | {"title": title, "type": "object", "properties": keys, "required": ["repositories"]}
    names = parts["name"] | {"title": "a target's name"}
    return {"title": _NAMED, "type": "object", "propertyNames": names, "additionalProperties": target, "$defs": parts}


def check(root: Node, whole: Mapping[str, Any]) -> tuple[list[Flaw], frozenset[Path]]:
    """Return what a schema finds wrong, and the paths of the values that are."""
    flaws: list[Flaw] = []
    wrong: set[Path] = set()
    for error in Draft202012Validator(whole).iter_errors(root.plain):
        path = tuple(error.absolute_path)
        wrong.add(path)
        flaws += _flaws(error, root.at(path))
    return flaws, frozenset(wrong)


def _flaws(error: ValidationError, node: Node) -> Iterator[Flaw]:
    """Yield what one error of jsonschema comes to."""
    if error.validator == "additionalProperties":
        yield from _unknown_keys(error, node)
    elif error.validator == "required":
        # jsonschema tells each missing key in an error of its own, and only in its message which.
        missing = next(key for key in _value(error) if repr(key) in error.message)
        yield Flaw(node.place, f"the key `{missing}` is missing: {_described(_part(error), missing)}")
    elif error.validator == "uniqueItems":
        yield from _repeated(node)
    elif error.parent is None and error.validator == "pattern" and error.instance in node.keys:
        yield Flaw(node.keys[error.instance], _expected(error))
    else:
        yield Flaw(node.place, _expected(error))


def _unknown_keys(error: ValidationError, node: Node) -> Iterator[Flaw]:
    known = list(_part(error).get("properties", {}))
    for key, place in node.keys.items():
        if key not in known:
            word = str(key)
            hint = did_you_mean(word.replace("_", "-").lower(), known) or f" Known here: {', '.join(known)}."
            yield Flaw(place, f"unknown key {quoted(word)}.{hint}")


def _repeated(node: Node) -> Iterator[Flaw]:
    seen = set()
    for item in node.items.values():
        if item.scalar in seen:
            yield Flaw(item.place, f"{quoted(str(item.scalar))} stands twice in this list")
        seen.add(item.scalar)


def _expected(error: ValidationError) -> str:
    """Say what was expected and what was found, with a suggestion where the words are known."""
    expected = _TOP if _part(error) is schema() else _part(error).get("title", error.message)
    if error.validator in {"maxItems", "maxLength", "maxProperties"}:
        return f"expected {expected}; this is too long, at most {_value(error):,} are taken"
    if error.validator in {"minItems", "minProperties"}:
        return f"expected {expected}; it is empty"
    hint = _hint(_part(error), error.instance) if isinstance(error.instance, str) else ""
    return f"expected {expected}; found {_found(error)}{'.' + hint if hint else ''}"


def _hint(part: Mapping[str, Any], text: str) -> str:
    """Return what is likely to be meant by a text that the part of the schema refuses, empty where nothing is."""
    if part.get("type") == "array" and _fits({**part, "$defs": schema()["$defs"]}, [text]):
        return f" Did you mean {quoted(f'[{text}]')}?"
    return did_you_mean(text.lower(), _words(part))


def _fits(part: Mapping[str, Any], value: object) -> bool:
    return bool(Draft202012Validator(part).is_valid(value))


def _part(error: ValidationError) -> Mapping[str, Any]:
    """Return the part of the schema that was not met."""
    return cast("Mapping[str, Any]", error.schema)


def _value(error: ValidationError) -> Any:
    """Return what the part of the schema asks for."""
    return cast("Any", error.validator_value)


def _words(part: Mapping[str, Any]) -> Sequence[str]:
    """Return the words among which one can choose."""
    choices = [part, *part.get("anyOf", ())]
    return [word for choice in choices for word in choice.get("enum", ())]


def _found(error: ValidationError) -> str:
    value = error.instance
    if value is None or value == "":
        return "nothing"
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "keys and values"
    if isinstance(value, str):
        number = re.fullmatch(r"[0-9]{1,9}", value) is not None and _fits(_part(error), int(value))
        return quoted(value) + ("; write it without quotes" if number else "")
    text = json.dumps(value)
    wanted = error.validator == "type" and "string" in _value(error)
    hint = "; write it in quotes" if wanted and re.search(_part(error).get("pattern", ""), text) else ""
    return quoted(text) + hint


def _described(part: Mapping[str, Any], key: str) -> str:
    return str(part["properties"][key]["title"]) + " is expected"
