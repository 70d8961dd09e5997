"""GitHub's own examples of webhooks (`@octokit/webhooks-examples`), as `scripts/fetch-test-data` fetched them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_INDEX = ".cache/npm/node_modules/@octokit/webhooks-examples/api.github.com/index.json"


@dataclass(frozen=True, slots=True)
class Example:
    """One payload; `name` is unique and readable."""

    name: str
    event: str
    payload: dict[str, Any]

    @property
    def action(self) -> str | None:
        return self.payload.get("action")


def load_examples() -> Sequence[Example]:
    """Every example. Where they have not been fetched, the error says how to."""
    path = Path(__file__).parents[3] / _INDEX
    if not path.exists():
        raise FileNotFoundError(f"{_INDEX} is missing: run scripts/fetch-test-data")
    found = []
    for kind in json.loads(path.read_bytes()):
        for number, payload in enumerate(kind["examples"], 1):
            action = payload.get("action") or "any"
            found.append(Example(f"{kind['name']}.{action}-{number}", kind["name"], payload))
    return found


def missing_keys(ours: Any, theirs: Sequence[Any], where: str = "") -> list[str]:
    """The keys that every example has and our payload has not, at any depth, as paths.

    Keys whose value is null in an example are not followed there. What some examples lack is not asked for, nor is any
    single permission (every App has its own), nor `organization` (repositories here belong to users).
    """
    objects = [value for value in theirs if isinstance(value, dict)]
    if isinstance(ours, list):
        items = [item for value in theirs if isinstance(value, list) for item in value]
        return missing_keys(ours[0], items, f"{where}[]") if ours and items else []
    if not isinstance(ours, dict) or not objects:
        return []
    shared = set.intersection(*(set(value) for value in objects))
    missing = [f"{where}.{key}" for key in sorted(shared - set(ours) - {"organization"})]
    for key in sorted((shared & set(ours)) - {"permissions"}):
        missing += missing_keys(ours[key], [value[key] for value in objects], f"{where}.{key}")
    return missing
