"""docs/configuration.md and docs/commands.md say what the schema and the code say."""

import re
from pathlib import Path

import pytest

from bot.adapters.config_file import Offer, load
from bot.adapters.config_file.check import schema
from bot.domain import commands, policy, waivers
from bot.domain.config import Config, SourceMethod
from bot.domain.publication import Button
from bot.domain.verbs import Verb

ROOT = Path(__file__).parents[2]
CONFIGURATION = (ROOT / "docs/configuration.md").read_text()
COMMANDS = (ROOT / "docs/commands.md").read_text()

KEYS = [
    (key, {**schema()["$defs"][value["$ref"].split("/")[-1]], **value} if "$ref" in value else value)
    for part in [schema(), *schema()["$defs"].values()]
    for key, value in part.get("properties", {}).items()
]


@pytest.mark.parametrize(("key", "part"), KEYS, ids=lambda value: value if isinstance(value, str) else "")
def test_every_key_is_documented_in_the_words_of_the_schema(key, part):
    told = [re.sub(r"\\([|*])", r"\1", line) for line in CONFIGURATION.splitlines() if line.startswith(f"| `{key}`")]
    assert any(part["title"] in line and part["description"] in line for line in told)


def test_the_documentation_names_no_key_that_does_not_exist():
    keys = {key for key, _ in KEYS} | {method.value for method in SourceMethod}
    assert set(re.findall(r"^\| `([a-z-]+)`", CONFIGURATION, re.MULTILINE)) == keys


def test_the_examples_of_the_documentation_work():
    for text in re.findall(r"```yaml\n(.*?)```", CONFIGURATION, re.DOTALL):
        assert isinstance(load(text.encode(), "example", ("a.spec",), Offer()), Config)


def test_the_table_of_commands_is_what_help_prints():
    table = [line for line in policy.help_text().splitlines() if line.startswith("|")]
    assert "\n".join(table) in COMMANDS


def test_the_bounds_of_commands_are_those_of_the_code():
    told = " ".join(COMMANDS.split())
    assert f"in order, up to {commands.MAX_COMMANDS};" in told
    assert f"answered in words {policy.ANSWERS_AN_HOUR} times an hour" in told
    assert f"at most {waivers.LONGEST.days} days away" in told
    assert f"A reason has at most {commands.MAX_REASON} characters." in told


def test_every_verb_that_takes_more_than_a_line_is_explained():
    for verb in (Verb.RETRY, Verb.BASELINE, Verb.PRIORITY, Verb.LOGS, Verb.CONFIG, Verb.WAIVE, Verb.UNWAIVE):
        assert f"\n- `{verb.value}" in COMMANDS


def test_every_button_is_documented_with_its_command():
    for button in vars(commands).values():
        if isinstance(button, Button):
            command = commands.command_for_button(button.identifier, "a1b2c3d")
            assert command is not None
            assert f"| {button.label} | `/revdeps {command.verb.value}` |" in COMMANDS
