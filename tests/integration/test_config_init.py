"""`revdeps config init` over real specs, which are parsed in the sandbox."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli.config import config

pytestmark = pytest.mark.rpm

SPEC = """\
Name: libfoo
Version: 1.9
Release: 1
Summary: Foo
License: MIT
Source0: https://example.org/%{name}-%{version}.tar.gz
%description
Foo.
"""


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(config, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / "libfoo.spec").write_text(SPEC)
    return tmp_path


def test_the_file_is_written_once_and_is_one_that_works(repository: Path) -> None:
    (repository / "libfoo-1.9.tar.gz").touch()

    assert run("init", "--target", "rawhide")[0] == 0
    written = (repository / ".revdeps.yaml").read_text()
    assert written == "version: 1\n\ntargets: [rawhide]\n"
    assert run("check")[0] == 0

    (repository / ".revdeps.yaml").write_text("# mine\n")
    assert run("init")[0] == 2
    assert (repository / ".revdeps.yaml").read_text() == "# mine\n"


def test_macros_are_expanded_before_it_is_known_what_is_missing(repository: Path) -> None:
    status, proposed = run("init", "--stdout")
    assert status == 0
    assert "libfoo-1.9.tar.gz: sha256:" in proposed
    assert not (repository / ".revdeps.yaml").exists()


def test_a_spec_that_does_not_parse_is_proposed_with_a_remark(repository: Path) -> None:
    (repository / "libfoo.spec").write_text("%{lua:error('no')}\n" + SPEC)
    assert "does not parse by itself" in run("init", "--stdout")[1]


def test_a_directory_without_specs_is_none_for_us(repository: Path) -> None:
    (repository / "libfoo.spec").unlink()
    status, told = run("init")
    assert status == 2
    assert "no spec file" in told


def test_nothing_is_proposed_that_check_would_refuse(repository: Path) -> None:
    status, told = run("init", "--target", "bad name")
    assert status == 2
    assert "bad name" in told
    assert not (repository / ".revdeps.yaml").exists()
