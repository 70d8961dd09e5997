"""`revdeps resolve`, `why`, `impact` and `order`, as a packager runs them."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.built import build_rpms
from tests.fakes.rpmmd import Rpm, Srpm, soname_move, write_repository


def revdeps(directory: Path, *arguments: str, arch: str = "x86_64") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot", *arguments, "--arch", arch, "--cache", str(directory / "cache")]
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


@pytest.mark.parametrize("depth", ["direct", "transitive"])
def test_an_architecture_that_no_package_is_for_is_refused(tmp_path: Path, repo: str, depth: str) -> None:
    done = revdeps(tmp_path, "resolve", "libfoo", "--repo", repo, "--depth", depth, arch="x68_64")
    assert done.returncode == 2
    assert "there is no package for x68_64 in its repositories, only for x86_64. Did you mean x86_64?" in done.stderr


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


@pytest.fixture
def change(tmp_path: Path) -> str:
    """Return a directory with libfoo 2, whose soname has moved."""
    write_repository(tmp_path / "change", soname_move(2))
    return str(tmp_path / "change")


def test_an_impact_is_told_whole_as_json(tmp_path: Path, repo: str, change: str) -> None:
    answer = json.loads(revdeps(tmp_path, "impact", "--repo", repo, "--change", change, "--json").stdout)
    assert answer["replaces"] == ["libfoo"]
    assert answer["sources"] == 5
    assert answer["counts"] == {
        "rebuild": 3,
        "unresolvable": 1,
        "still-unresolvable": 0,
        "now-resolvable": 0,
        "unaffected": 1,
    }
    told = {item["name"]: item for item in answer["packages"]}
    assert told["prog-a"]["differences"][0] == {"name": "libfoo", "arch": "x86_64", "old": "1-1", "new": "2-1"}
    assert (told["app"]["effect"], told["app"]["distance"], len(told["app"]["path"])) == ("unresolvable", 3, 3)
    assert "nothing provides libfoo.so.1()(64bit)" in told["app"]["problem"]
    assert [item["package"] for item in answer["uninstallable"]] == [
        "app-1-1.x86_64",
        "libbar-1-1.x86_64",
        "libbar-devel-1-1.x86_64",
        "prog-a-1-1.x86_64",
        "prog-b-1-1.x86_64",
    ]
    assert answer["unaffected"] == ["stranger"]


def test_an_impact_is_told_for_people(tmp_path: Path, repo: str, change: str) -> None:
    done = revdeps(tmp_path, "impact", "--repo", repo, "--change", change, "--all")
    lines = done.stdout.splitlines()
    assert lines[0] == (
        "libfoo: of 5 other source packages 3 to rebuild, 1 no longer resolvable, 1 unaffected; "
        "of the binary packages 5 no longer installable."
    )
    assert "libfoo 1-1 → 2-1, libfoo-devel 1-1 → 2-1" in done.stdout
    assert "nothing provides libfoo.so.1()(64bit) needed by prog-a-1-1.x86_64" in done.stdout
    assert lines[-1] == "Unaffected: stranger"
    assert (done.returncode, done.stderr) == (0, "")


def test_every_way_to_differ_has_words(tmp_path: Path) -> None:
    base = [
        Rpm(name="libfoo"),
        Rpm(name="libfoo-extra", source="libfoo", provides=("extra",)),
        Srpm(name="same-evr", requires=("libfoo",)),
        Srpm(name="other-provider", requires=("extra",)),
        Srpm(name="asks", requires=("libfoo", "rpmlib(DynamicBuildRequires) <= 4.15.0-1")),
        Srpm(name="now", requires=("newcomer",)),
        Srpm(name="never", requires=("libfoo", "nowhere")),
    ]
    patched = [
        Rpm(name="libfoo", contents="patched"),
        Rpm(name="newcomer", source="libfoo", provides=("extra",)),
    ]
    write_repository(tmp_path / "base", base)
    write_repository(tmp_path / "patched", patched)
    done = revdeps(tmp_path, "impact", "--repo", str(tmp_path / "base"), "--change", str(tmp_path / "patched"))
    assert "3 to rebuild, 1 unresolvable with and without it, 1 resolvable now" in done.stdout
    rows = {line.split("│")[1].strip(): line for line in done.stdout.splitlines() if line.startswith("│")}
    assert "libfoo 1-1 with other contents" in rows["same-evr"]
    assert "newcomer 1-1 added, libfoo-extra 1-1 dropped" in rows["other-provider"]
    assert "(asks for more while it builds)" in rows["asks"]
    assert "now-resolvable" in rows["now"]
    assert "nothing provides nowhere" in rows["never"]


def test_a_change_that_touches_nobody_is_said_to(tmp_path: Path, repo: str) -> None:
    write_repository(tmp_path / "change", [Rpm(name="newcomer")])
    done = revdeps(tmp_path, "impact", "--repo", repo, "--change", str(tmp_path / "change"))
    assert done.stdout == "newcomer: of 6 other source packages 6 unaffected.\n"


def test_what_cannot_be_installed_of_the_change_itself_is_told(tmp_path: Path) -> None:
    base = [Srpm(name="libfoo"), Rpm(name="libfoo"), Rpm(name="libfoo-old", source="libfoo", requires=("nobody",))]
    brought = [
        Rpm(name="libfoo", version="2", requires=("nowhere",)),
        Rpm(name="libfoo-old", source="libfoo", version="2", requires=("nobody",)),
    ]
    write_repository(tmp_path / "base", base)
    write_repository(tmp_path / "change", brought)
    asked = ("impact", "--repo", str(tmp_path / "base"), "--change", str(tmp_path / "change"))
    told = revdeps(tmp_path, *asked).stdout
    assert told.startswith("libfoo: of 0 other source packages nobody; of the change itself 2 not installable.\n")
    assert "nothing provides nowhere needed by libfoo-2-1.x86_64" in told
    answer = json.loads(revdeps(tmp_path, *asked, "--json").stdout)
    assert [(item["package"], item["still"]) for item in answer["brought"]] == [
        ("libfoo-2-1.x86_64", False),
        ("libfoo-old-2-1.x86_64", True),
    ]


def test_built_packages_are_enough_to_ask(tmp_path: Path, repo: str) -> None:
    build_rpms(tmp_path / "built", "libfoo", "2", lines=["Provides: libfoo-devel = 2-1"])
    build_rpms(tmp_path / "built", "odd", arch="aarch64")
    (tmp_path / "built" / "odd-1-1.src.rpm").unlink()
    done = revdeps(tmp_path, "impact", "--repo", repo, "--change", str(tmp_path / "built"))
    assert "3 to rebuild, 1 no longer resolvable" in done.stdout
    assert "For another architecture, and left out: odd-1-1.aarch64\n" in done.stdout


def test_an_order_holds_what_the_change_affects(tmp_path: Path, repo: str, change: str) -> None:
    answer = json.loads(revdeps(tmp_path, "order", "--repo", repo, "--change", change, "--json").stdout)
    assert answer == {"levels": [["libbar", "prog-a", "prog-b"], ["app"]], "edges": [["app", "libbar"]], "cycles": []}


def test_an_order_is_told_for_people(tmp_path: Path, repo: str, change: str) -> None:
    done = revdeps(tmp_path, "order", "--repo", repo, "--change", change, "app", "libbar")
    rows = [line.strip("│").split("│") for line in done.stdout.splitlines() if line.startswith("│")]
    assert [tuple(cell.strip() for cell in row) for row in rows] == [("0", "libbar", ""), ("1", "app", "libbar")]


def test_a_cycle_is_told_with_its_cut(tmp_path: Path) -> None:
    base = [
        Rpm(name="libfoo"),
        *(Rpm(name=name, requires=("libfoo",)) for name in ("x", "y")),
        Srpm(name="x", requires=("y",)),
        Srpm(name="y", requires=("x",)),
    ]
    write_repository(tmp_path / "base", base)
    write_repository(tmp_path / "change", [Rpm(name="libfoo", version="2")])
    asked = ("order", "--repo", str(tmp_path / "base"), "--change", str(tmp_path / "change"))
    said = "x goes first: of what was left of the cycle 1 needs it and it needs 1, and nobody was better"
    assert f"Of the cycle x → y → x, x → y was cut: {said}." in revdeps(tmp_path, *asked).stdout
    assert json.loads(revdeps(tmp_path, *asked, "--json").stdout)["cycles"] == [
        {"members": ["x", "y"], "cuts": [{"package": "x", "needs": "y", "way": ["x", "y", "x"], "reason": said}]}
    ]


def test_an_order_of_nobody_is_said_to_be_none(tmp_path: Path, repo: str) -> None:
    write_repository(tmp_path / "change", [Rpm(name="newcomer")])
    done = revdeps(tmp_path, "order", "--repo", repo, "--change", str(tmp_path / "change"))
    assert (done.returncode, done.stdout) == (0, "Nothing has to be rebuilt.\n")


@pytest.mark.parametrize(
    ("arguments", "said", "status"),
    [
        (["resolve", "libfo", "--repo", "REPO"], "Did you mean libfoo?", 2),
        (["why", "ap", "--on", "libfoo", "--repo", "REPO"], "Did you mean app?", 2),
        (["resolve", "libfoo", "--repo", "EMPTY"], "there is no repository", 2),
        (["resolve", "libfoo", "--repo", "BINARY"], "there are no source packages", 2),
        (["resolve", "libfoo", "--repo", "SOURCE"], "there are no binary packages", 2),
        (["resolve", "libfoo", "--repo", "SOURCE", "--depth", "direct"], "there are no binary packages", 2),
        (["resolve", "libfoo", "--repo", "REPO", "--depth", "deep"], "not direct, transitive or a number", 2),
        (["resolve", "libfoo", "--repo", "http://127.0.0.1:9/"], "down", 3),
        (["impact", "--repo", "REPO", "--change", "EMPTY"], "there are no RPM packages in it", 2),
        (["impact", "--repo", "REPO", "--change", "NOWHERE"], "does not exist", 2),
        (["impact", "--repo", "EMPTY", "--change", "BINARY"], "there is no repository", 2),
        (["impact", "--repo", "http://127.0.0.1:9/", "--change", "BINARY"], "down", 3),
        (["order", "--repo", "REPO", "--change", "EMPTY"], "there are no RPM packages in it", 2),
        (["order", "ap", "--repo", "REPO", "--change", "BINARY"], "Did you mean app?", 2),
    ],
)
def test_wrong_input_gets_one_clear_line(
    tmp_path: Path, repo: str, arguments: list[str], said: str, status: int
) -> None:
    (tmp_path / "empty").mkdir()
    write_repository(tmp_path / "binary", [Rpm(name="libfoo")])
    write_repository(tmp_path / "source", [Srpm(name="libfoo")])
    places = {
        "NOWHERE": str(tmp_path / "nowhere"),
        "REPO": repo,
        "EMPTY": str(tmp_path / "empty"),
        "BINARY": str(tmp_path / "binary"),
        "SOURCE": str(tmp_path / "source"),
    }
    done = revdeps(tmp_path, *(places.get(argument, argument) for argument in arguments))
    assert done.returncode == status
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_package_of_the_change_that_was_copied_in_part_is_told(tmp_path: Path, repo: str) -> None:
    build_rpms(tmp_path / "built", "libfoo", "2")
    package = tmp_path / "built/libfoo.x86_64.rpm"
    package.write_bytes(package.read_bytes()[:-1])
    done = revdeps(tmp_path, "impact", "--repo", repo, "--change", str(tmp_path / "built"))
    assert (done.returncode, done.stderr) == (
        2,
        f"revdeps: {package.name} is cut off: its end is missing. Copy it again.\n",
    )


def test_ctrl_c_ends_it_at_once_while_a_server_keeps_it_waiting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        repository = f"http://127.0.0.1:{server.getsockname()[1]}/"
        command = [sys.executable, "-m", "bot", "resolve", "zlib", "--repo", repository, "--cache", str(tmp_path)]
        begun = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with server.accept()[0]:
            begun.send_signal(signal.SIGINT)
            assert begun.communicate(timeout=60) == ("", "\nrevdeps: stopped\n")
    assert begun.returncode == 130
