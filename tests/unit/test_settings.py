"""The operator's settings, and that the documentation knows them all."""

from pathlib import Path

import pytest

from bot.app.build_systems import BuildSystems, build_systems
from bot.app.settings import Settings, load_settings, secret, unknown_variables
from bot.ports.errors import Misconfigured

DOCS = Path(__file__).parents[2] / "docs/operating.md"


def test_every_setting_is_documented_and_nothing_else() -> None:
    documented = {line.split("`")[1] for line in DOCS.read_text().splitlines() if line.startswith("| `REVDEPS_")}
    assert documented == {f"REVDEPS_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("text", ["example.org,localhost", "example.org localhost", " example.org , localhost "])
def test_hosts_are_separated_by_commas_or_spaces(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVDEPS_ALLOWED_HOSTS", text)
    assert load_settings().allowed_hosts == ("example.org", "localhost")


def test_a_secret_that_is_missing_empty_or_unset_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    for path in (None, tmp_path / "missing", tmp_path / "empty"):
        with pytest.raises(Misconfigured):
            secret(path, "REVDEPS_SECRET_FILE")


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("PORT", "eighty", "REVDEPS_PORT: a whole number is expected"),
        ("LOG_LEVEL", "verbose", "REVDEPS_LOG_LEVEL: 'verbose' is not one of DEBUG, INFO, WARNING and ERROR"),
        ("PUBLIC_PAGES", "perhaps", "REVDEPS_PUBLIC_PAGES: true or false is expected"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_expected(
    variable: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"REVDEPS_{variable}", value)
    with pytest.raises(Misconfigured, match=told):
        load_settings()


def test_a_variable_that_is_no_setting_is_found() -> None:
    environment = {"REVDEPS_PUBIC_URL": "x", "REVDEPS_PORT": "1", "PATH": "/bin"}
    assert unknown_variables(environment) == {"REVDEPS_PUBIC_URL": " Did you mean `REVDEPS_PUBLIC_URL`?"}


def test_the_example_of_a_build_systems_file_is_read(tmp_path: Path) -> None:
    example = next(part for part in DOCS.read_text().split("```yaml\n") if part.startswith("koji:")).split("```")[0]
    file = tmp_path / "systems.yaml"
    file.write_text(example)
    found = build_systems(file)
    assert found.koji["fedora"].topurl == "https://kojipkgs.example.org"
    assert found.copr == {"fedora": "https://download.copr.example.org/results"}


def test_no_build_systems_file_means_no_build_systems(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    assert build_systems(None) == build_systems(tmp_path / "empty") == BuildSystems()


@pytest.mark.parametrize("text", ["koji: {fedora: https://koji.example.org}", "copr: 3", "obs: {}", "{"])
def test_a_build_systems_file_of_another_form_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "systems.yaml"
    file.write_text(text)
    with pytest.raises(Misconfigured, match="REVDEPS_BUILD_SYSTEMS_FILE"):
        build_systems(file)
