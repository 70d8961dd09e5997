from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.adapters.config_file import Offer
from bot.cli.config import config

MINIMAL = "version: 1\ntargets:\n  - repositories: [https://example.org/repo]\n"


def check(*args, offer=None):
    result = CliRunner().invoke(config, ["check", *map(str, args)], obj=offer)
    return result.exit_code, result.output


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "hidden.spec").touch()
    (tmp_path / "libfoo.spec").touch()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "other.spec").touch()
    (tmp_path / ".revdeps.yaml").write_text(MINIMAL)
    return tmp_path


def test_a_good_file_is_told_in_one_line(repository):
    summary = "libfoo.spec for default (x86_64, sandbox); all reverse dependencies, auto mode"
    assert check() == (0, f".revdeps.yaml: ok: {summary}\n")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("depth: direct", "direct reverse dependencies"),
        ("depth: 3", "up to 3 steps of reverse dependencies"),
        ("static: [a, b]", "2 packages by name"),
    ],
)
def test_the_summary_tells_what_will_be_rebuilt(repository, lines, told):
    Path(".revdeps.yaml").write_text(MINIMAL + "reverse-dependencies:\n  " + lines)
    assert told in check()[1]


def test_each_problem_has_file_line_and_column_and_the_exit_status_is_2(repository):
    Path(".revdeps.yaml").write_text("version: 2\ntargets: x\n")
    assert check(".revdeps.yaml") == (
        2,
        ".revdeps.yaml:1:10: expected the number 1; found `2`\n"
        ".revdeps.yaml:2:10: expected a list of targets; found `x`. Did you mean `[x]`?\n",
    )


def test_a_spec_that_is_not_there_is_told(repository):
    Path(".revdeps.yaml").write_text(MINIMAL + "packages: [{spec: libfo.spec}]")
    status, output = check()
    assert status == 2
    assert "there is no file `libfo.spec` in the repository. Did you mean `libfoo.spec`?" in output


def test_a_checkout_without_a_spec_is_told(repository):
    (repository / "libfoo.spec").unlink()
    (repository / "tests" / "other.spec").unlink()
    assert check()[0] == 2


def test_a_file_that_is_not_in_its_place_stands_for_any_repository(tmp_path):
    (tmp_path / "example.yaml").write_text(MINIMAL)
    status, output = check(tmp_path / "example.yaml")
    assert status == 0
    assert "the only spec for default" in output


def test_what_the_service_offers_counts_where_it_is_known(repository):
    Path(".revdeps.yaml").write_text("version: 1\ntargets: [rawhide]")
    assert check()[0] == 0
    assert check(offer=Offer())[0] == 2


def test_a_file_that_cannot_be_read_is_wrong_input(tmp_path):
    assert check(tmp_path / "absent.yaml")[0] == 2
    assert "cannot be read: Is a directory. Name an existing file." in check(tmp_path)[1]
