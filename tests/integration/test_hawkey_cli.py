"""`revdeps resolve` and `revdeps why`, as a packager runs them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.rpmmd import Rpm, soname_move, write_repository


def revdeps(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot", *arguments, "--arch", "x86_64", "--cache", str(directory / "cache")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def repo(tmp_path: Path) -> str:
    write_repository(tmp_path / "repo", soname_move())
    return str(tmp_path / "repo")


def test_dependents_are_listed_as_json(tmp_path: Path, repo: str) -> None:
    done = revdeps(tmp_path, "resolve", "libfoo", "--repo", repo, "--json")
    answer = json.loads(done.stdout)
    assert answer["subject"] == "libfoo"
    assert [(item["name"], item["nevra"], item["distance"]) for item in answer["packages"]] == [
        ("libbar", "libbar-1-1.src", 1),
        ("prog-a", "prog-a-1-1.src", 1),
        ("prog-b", "prog-b-1-1.src", 1),
        ("app", "app-1-1.src", 3),
    ]
    assert answer["packages"][0]["path"] == [
        {"package": "libbar", "capability": "libfoo-devel", "provider": "libfoo-devel"}
    ]


def test_dependents_are_listed_as_a_table(tmp_path: Path, repo: str) -> None:
    done = revdeps(tmp_path, "resolve", "libfoo-devel", "--binary", "--repo", repo, "--depth", "direct")
    assert done.returncode == 0
    assert "prog-a" in done.stdout
    assert "app" not in done.stdout


def test_a_chain_is_explained(tmp_path: Path, repo: str) -> None:
    done = revdeps(tmp_path, "why", "app", "--on", "libfoo", "--repo", repo)
    assert done.stdout.splitlines() == [
        "app needs libbar-devel, provided by libbar-devel",
        "libbar-devel needs libbar = 1-1, provided by libbar",
        "libbar needs libfoo.so.1()(64bit), provided by libfoo",
    ]


def test_no_chain_is_said_to_be_none(tmp_path: Path, repo: str) -> None:
    done = revdeps(tmp_path, "why", "stranger", "--on", "libfoo", "--repo", repo)
    assert (done.returncode, done.stdout) == (0, "stranger does not have libfoo in its buildroot.\n")


@pytest.mark.parametrize(
    ("arguments", "said", "status"),
    [
        (["resolve", "libfo", "--repo", "REPO"], "Did you mean libfoo?", 2),
        (["why", "ap", "--on", "libfoo", "--repo", "REPO"], "Did you mean app?", 2),
        (["resolve", "libfoo", "--repo", "EMPTY"], "there is no repository", 2),
        (["resolve", "libfoo", "--repo", "BINARY"], "there are no source packages", 2),
        (["resolve", "libfoo", "--repo", "REPO", "--depth", "deep"], "not direct, transitive or a number", 2),
        (["resolve", "libfoo", "--repo", "http://127.0.0.1:9/"], "down", 3),
    ],
)
def test_wrong_input_gets_one_clear_line(
    tmp_path: Path, repo: str, arguments: list[str], said: str, status: int
) -> None:
    (tmp_path / "empty").mkdir()
    write_repository(tmp_path / "binary", [Rpm(name="libfoo")])
    places = {"REPO": repo, "EMPTY": str(tmp_path / "empty"), "BINARY": str(tmp_path / "binary")}
    done = revdeps(tmp_path, *(places.get(argument, argument) for argument in arguments))
    assert done.returncode == status
    assert said in done.stderr
    assert "Traceback" not in done.stderr
