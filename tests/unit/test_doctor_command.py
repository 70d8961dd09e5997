"""What `revdeps doctor` prints, and how it ends."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli.main import cli


def examined(tmp_path: Path, *options: str, targets: str = "{}") -> tuple[int, str]:
    (tmp_path / "targets.yaml").write_text(targets)
    environment = {
        "REVDEPS_STATE_DIR": str(tmp_path / "state"),
        "REVDEPS_TARGETS_FILE": str(tmp_path / "targets.yaml"),
        "REVDEPS_SANDBOX_BASE_ROOT": str(tmp_path / "no-root"),
    }
    result = CliRunner().invoke(cli, ["doctor", *options], env=environment)
    return result.exit_code, result.output


def test_a_line_for_each_connection_and_what_to_do(tmp_path: Path) -> None:
    code, output = examined(tmp_path)
    lines = output.splitlines()
    assert code == 2
    assert lines[0] == "ok       database: it can be written and has this version's schema."
    assert lines[1].startswith("wrong    sandbox")
    assert lines[2] == "doubtful github: no App is configured, so GitHub is not served. docs/github.md tells how."


def test_as_json(tmp_path: Path) -> None:
    code, output = examined(tmp_path, "--json")
    found = json.loads(output)
    assert code == 2
    assert found[0] == {
        "about": "database",
        "state": "ok",
        "what": "it can be written and has this version's schema",
        "mend": "",
    }


@pytest.mark.rpm
def test_what_does_not_answer_leaves_it_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    targets = "{a: {repositories: ['http://127.0.0.1:9/r']}}"
    (tmp_path / "targets.yaml").write_text(targets)
    monkeypatch.setenv("REVDEPS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("REVDEPS_TARGETS_FILE", str(tmp_path / "targets.yaml"))
    monkeypatch.setenv("REVDEPS_ALLOWED_HOSTS", "127.0.0.1")
    result = CliRunner().invoke(cli, ["doctor"])
    assert result.exit_code == 3, result.output


def test_wrong_settings_end_it_at_once(tmp_path: Path) -> None:
    assert examined(tmp_path, targets="a: 3")[0] != 0


def test_a_misspelt_variable_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVDEPS_PUBIC_URL", "https://revdeps.example")
    said = "there is no setting REVDEPS_PUBIC_URL, so it does nothing. Did you mean `REVDEPS_PUBLIC_URL`?"
    assert examined(tmp_path)[1].splitlines()[0] == f"doubtful settings: {said}"
