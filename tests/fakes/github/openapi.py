"""Holds requests, and our own answers, against GitHub's published OpenAPI description (`@octokit/openapi`).

The 13 MB file is read once a process; a validator is compiled when its operation is first used. OpenAPI 3.0 is JSON
Schema draft 4 with `nullable`, and the difference is translated here. The description leaves objects open; a key that
it does not name is a mistake of the client all the same, and is told as GitHub does ("is not a permitted key").
"""

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema

Schema = dict[str, Any]
_FORMATS = jsonschema.FormatChecker(formats=())
_CONTRADICTORY = {("GET", "/app/installations")}
"""Answers that the description gets wrong: an account there is to be a user and an enterprise at once."""
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@_FORMATS.checks("date-time")
def _is_stamp(value: object) -> bool:
    return not isinstance(value, str) or _STAMP.fullmatch(value) is not None


def default_path() -> Path | None:
    """Where `scripts/fetch-test-data` puts the description, if it has been run."""
    checkout = Path(__file__).parents[3]
    path = checkout / ".cache/npm/node_modules/@octokit/openapi/generated/api.github.com.json"
    return path if path.exists() else None


@functools.lru_cache(maxsize=1)
def load(path: Path) -> "Description":
    """Read the description; the same one again costs nothing."""
    return Description(json.loads(path.read_bytes()))


@dataclass(slots=True)
class Description:
    """The parsed description."""

    document: Schema
    _validators: dict[tuple[str, str, str], Any] = field(default_factory=dict)

    def request_problems(
        self, method: str, template: str, parameters: Mapping[str, str], query: Mapping[str, str], body: Any
    ) -> list[str]:
        """What is wrong with a request; empty where nothing is. `body` is None where there was none."""
        operation = self._operation(method, template)
        if operation is None:
            return [f"{method} {template} is not in the description"]
        declared = [self._resolve(p) for p in operation.get("parameters", [])]
        problems = _parameter_problems(declared, "path", parameters) + _parameter_problems(declared, "query", query)
        return problems + self._body_problems(method, template, operation, body)

    def answer_problems(self, method: str, template: str, status: int, body: Any) -> list[str]:
        """What is wrong with an answer of ours; an error's shape is not looked at."""
        operation = self._operation(method, template)
        if operation is None or status >= 300 or (method, template) in _CONTRADICTORY:
            return []
        if str(status) not in operation["responses"]:
            return [f"no answer {status} is described"]
        content = self._resolve(operation["responses"][str(status)]).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        return [] if schema is None else self._validate((method, template, str(status)), schema, body)

    def _operation(self, method: str, template: str) -> Schema | None:
        return self.document["paths"].get(template, {}).get(method.lower())

    def _body_problems(self, method: str, template: str, operation: Schema, body: Any) -> list[str]:
        declared = operation.get("requestBody")
        if declared is None:
            return ["a body where none is described"] if body is not None else []
        declared = self._resolve(declared)
        if body is None:
            return ["the body is missing"] if declared.get("required") else []
        schema = declared["content"]["application/json"]["schema"]
        problems = self._validate((method, template, "body"), schema, body)
        return problems + _unknown_keys(self._resolve(schema), body)

    def _validate(self, key: tuple[str, str, str], schema: Schema, value: Any) -> list[str]:
        if key not in self._validators:
            translated = self._translate(schema, 0)
            self._validators[key] = jsonschema.Draft4Validator(translated, format_checker=_FORMATS)
        found = self._validators[key].iter_errors(value)
        return [f"{'/'.join(map(str, e.absolute_path)) or 'body'}: {e.message[:300]}" for e in found]

    def _resolve(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            target: Any = self.document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            schema = target
        return schema

    def _translate(self, schema: Any, depth: int) -> Any:
        """Follow references and turn `nullable` into a type; what lies deeper than anything of ours is open."""
        if isinstance(schema, list):
            return [self._translate(item, depth) for item in schema]
        if not isinstance(schema, dict):
            return schema
        if depth > 12:
            return {}
        schema = self._resolve(schema)
        result: Schema = {}
        for key, value in schema.items():
            if key in ("properties", "patternProperties"):
                result[key] = {name: self._translate(item, depth + 1) for name, item in value.items()}
            elif key in ("items", "allOf", "anyOf", "oneOf", "not", "additionalProperties"):
                result["anyOf" if key == "oneOf" else key] = self._translate(value, depth + 1)
            elif key not in ("example", "examples", "description", "default", "nullable"):
                result[key] = value
        return {"anyOf": [{"type": "null"}, result]} if schema.get("nullable") else result


def _unknown_keys(schema: Schema, body: Any) -> list[str]:
    known = schema.get("properties")
    if not known or not isinstance(body, dict) or "additionalProperties" in schema:
        return []
    return [f'"{name}" is not a permitted key' for name in body if name not in known]


def _parameter_problems(declared: list[Schema], place: str, given: Mapping[str, str]) -> list[str]:
    schemas = {p["name"]: p for p in declared if p["in"] == place}
    problems = [f"{place}: {name!r} is unknown" for name in given if name not in schemas]
    for name, parameter in schemas.items():
        if name not in given:
            problems += [f"{place}: {name!r} is missing"] if parameter.get("required") else []
        elif (problem := _scalar_problem(parameter["schema"], given[name])) is not None:
            problems.append(f"{place}: {name}: {problem}")
    return problems


def _scalar_problem(schema: Schema, text: str) -> str | None:
    if schema.get("type") == "integer" and not text.lstrip("-").isdecimal():
        return f"{text!r} is no integer"
    if schema.get("type") == "boolean" and text not in ("true", "false"):
        return f"{text!r} is no boolean"
    if "enum" in schema and text not in map(str, schema["enum"]):
        return f"{text!r} is none of {', '.join(map(str, schema['enum']))}"
    if schema.get("format") == "date-time" and not _is_stamp(text):
        return f"{text!r} is no date and time"
    return None
