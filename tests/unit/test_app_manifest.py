"""app.yml asks for what the code uses, and for nothing else; the documentation says the same."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.adapters.github.settings import NEEDED_PERMISSIONS
from handlers.github.translate import GitHubTranslator

ROOT = Path(__file__).resolve().parents[2]
ALWAYS_DELIVERED = {"installation", "installation_repositories"}
"""GitHub sends these to every App; they cannot be subscribed to ("Webhook events and payloads")."""


@pytest.fixture
def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "app.yml").read_text())
    return loaded


def test_the_events_are_those_that_have_a_handler(manifest: dict[str, Any]) -> None:
    assert set(manifest["default_events"]) == GitHubTranslator("github", 1).events - ALWAYS_DELIVERED


def test_the_permissions_are_those_that_the_adapter_needs(manifest: dict[str, Any]) -> None:
    assert manifest["default_permissions"] == dict(NEEDED_PERMISSIONS)


def test_the_webhook_goes_where_the_service_listens(manifest: dict[str, Any]) -> None:
    assert manifest["hook_attributes"]["url"] == manifest["url"] + "/webhook/github"
    assert manifest["hook_attributes"]["active"] is True


def test_the_documentation_names_every_permission_and_event(manifest: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "github.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("|")]
    for name, level in manifest["default_permissions"].items():
        assert any(f"`{name}`" in row and level in row for row in rows), f"{name}: {level} is not in docs/github.md"
    for event in manifest["default_events"]:
        assert any(f"`{event}`" in row for row in rows), f"{event} is not in docs/github.md"
