"""The pre-commit hook: what it runs exists, and works with nothing installed but what a plain installation brings."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

from bot.cli.main import cli

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
[HOOK] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())

RUN = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"no {name}", name=name)
sys.meta_path.insert(0, Absent())
from bot.cli.main import main
main()
"""


def run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `revdeps` as it is where only the plain dependencies are installed."""
    extra = {re.split(r"[>=\[]", name)[0].replace("-", "_") for name in PROJECT["optional-dependencies"]["service"]}
    absent = extra | {"jwt", "markdown_it", "prometheus_client", "pydantic", "hawkey", "rpm"}
    return subprocess.run(
        [sys.executable, "-c", RUN.replace("ABSENT", repr(absent)), *arguments],
        cwd=directory, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_the_hook_checks_the_file_with_little_installed(tmp_path: Path) -> None:
    (tmp_path / ".revdeps.yaml").write_text("version: 2\ntargets: [rawhide]\n")
    command, *arguments = HOOK["entry"].split()
    assert command in PROJECT["scripts"]

    ended = run(tmp_path, *arguments, ".revdeps.yaml")

    assert ended.returncode == 2, ended.stderr
    assert ".revdeps.yaml:1:10: expected the number 1" in ended.stdout


def test_the_hook_looks_at_the_configuration_alone() -> None:
    assert re.search(HOOK["files"], ".revdeps.yaml")
    assert not re.search(HOOK["files"], "tests/data/x.revdeps.yaml")


def test_a_command_that_takes_more_says_what_to_install(tmp_path: Path) -> None:
    assert "serve" in cli.list_commands(None)  # type: ignore[arg-type]
    ended = run(tmp_path, "serve")
    assert ended.returncode == 2
    assert "revdeps-bot[service]" in ended.stderr
    assert "Traceback" not in ended.stderr
