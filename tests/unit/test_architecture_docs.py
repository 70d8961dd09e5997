"""DEVELOPMENT.md and the architecture's description tell of what there is, and of all of it."""

import re
from pathlib import Path
from typing import get_args

import pytest

from bot.domain.actions import Action

TOP = Path(__file__).parents[2]
ARCHITECTURE = (TOP / "docs/architecture.md").read_text(encoding="utf-8")
DEVELOPMENT = (TOP / "DEVELOPMENT.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("action", get_args(Action))
def test_every_action_is_a_step(action: type) -> None:
    assert f"`{action.__name__}`" in ARCHITECTURE.partition("## A run, step by step")[2]


def test_every_adapter_is_told_of() -> None:
    (line,) = [line for line in DEVELOPMENT.splitlines() if line.startswith("| `bot/adapters/`")]
    there = {path.stem for path in (TOP / "bot/adapters").iterdir() if not path.name.startswith("__")}
    assert set(re.findall(r"`(\w+)`", line)) == there


@pytest.mark.parametrize("text", [ARCHITECTURE, DEVELOPMENT], ids=["architecture", "DEVELOPMENT"])
def test_every_file_that_is_named_is_there(text: str) -> None:
    named = [name for name in re.findall(r"`([\w./-]+)`", text) if "/" in name and name[0] != "/"]
    assert len(named) > 10
    assert [name for name in named if not (TOP / name).exists()] == []
