"""`revdeps check` as a packager runs it: real RPMs, real metadata, real builds, in a git checkout."""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.distribution import PACKAGES, Distribution, library

pytestmark = pytest.mark.rpm


@pytest.fixture
def checkout(tmp_path: Path, distribution: Distribution) -> Path:
    """A dist-git-like repository of the library, as it is in the distribution."""
    top = tmp_path / "libgreet"
    top.mkdir()
    (top / "libgreet.spec").write_text(PACKAGES["libgreet"])
    (top / ".revdeps.yaml").write_text(distribution.config)
    git(top, "init", "--quiet")
    git(top, "add", "--all")
    git(top, "-c", "user.name=octocat", "-c", "user.email=octocat@localhost", "commit", "--quiet", "-m", "Base")
    return top


def git(top: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(top), *arguments], check=True, capture_output=True, text=True).stdout


def begin(top: Path, tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the command in a process group of its own, as a shell does; its report goes beside the checkout."""
    command = [sys.executable, "-m", "bot", "check", "--state", str(tmp_path / "state"), "--output", str(tmp_path)]
    return subprocess.Popen(
        [*command, *arguments],
        cwd=top,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def end(begun: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    out, err = begun.communicate(timeout=300)
    return subprocess.CompletedProcess(begun.args, begun.returncode, out, err)


def check(top: Path, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return end(begin(top, tmp_path, *arguments))


def verdicts(tmp_path: Path) -> dict[str, str]:
    report = json.loads((tmp_path / "report.json").read_text())
    return {row["package"]: row["verdict"] for row in report["packages"]}


def test_a_moved_soname_is_told_with_what_to_rebuild_and_what_breaks(checkout: Path, tmp_path: Path) -> None:
    (checkout / "libgreet.spec").write_text(library("2.0"))
    done = check(checkout, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert verdicts(tmp_path) == {"hello": "NEEDS_REBUILD", "report": "NEEDS_REBUILD", "shouter": "REGRESSED"}
    assert "implicit declaration of function" in (tmp_path / "report.md").read_text()
    assert '<failure type="regressed"' in (tmp_path / "junit.xml").read_text()


def test_a_change_that_breaks_nothing_exits_0_and_leaves_the_checkout_alone(checkout: Path, tmp_path: Path) -> None:
    (checkout / "libgreet.spec").write_text(library("1.0").replace("Release: 1", "Release: 2"))
    before = git(checkout, "status", "--porcelain", "--branch")
    done = check(checkout, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(verdicts(tmp_path).values()) == {"STILL_PASSING"}
    assert re.search(r"^\d builds to go, about 0\.1 CPU hours, expected to end at", done.stdout, re.MULTILINE)
    assert git(checkout, "status", "--porcelain", "--branch") == before


def test_a_package_of_the_change_that_nobody_can_install_is_told_although_nobody_depends_on_it(
    checkout: Path, tmp_path: Path
) -> None:
    lame = "%package doc\nSummary: Tells\nRequires: greetings-nobody-has\n\n%description doc\nTells.\n\n%files doc\n"
    spec = library("1.0").replace("Release: 1", "Release: 2")
    (checkout / "libgreet.spec").write_text(spec.replace("%build", f"{lame}\n%build"))
    done = check(checkout, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    found = verdicts(tmp_path)
    assert found.pop("libgreet") == "REGRESSED"
    assert set(found.values()) == {"STILL_PASSING"}
    assert "libgreet itself cannot be installed" in done.stdout
    assert "nothing provides greetings-nobody-has needed by libgreet-doc-1.0-2" in (tmp_path / "report.md").read_text()


def test_a_change_that_does_not_build_exits_1_and_says_so(checkout: Path, tmp_path: Path) -> None:
    (checkout / "libgreet.spec").write_text(library("1.0").replace('puts("hello")', "puts(hello)"))
    done = check(checkout, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "hello" in done.stdout
    assert "does not build" in done.stdout


def test_nothing_touched_is_clean(checkout: Path, tmp_path: Path) -> None:
    done = check(checkout, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "touches no package" in done.stdout


@pytest.mark.parametrize(
    ("spec", "told"),
    [("%if\n", "libgreet.spec"), ("Name: libgreet\nVersion: 1\n", "Release")],
    ids=["an unclosed condition", "a missing tag"],
)
def test_a_spec_that_does_not_parse_is_told_with_rpms_own_words(
    spec: str, told: str, checkout: Path, tmp_path: Path
) -> None:
    (checkout / "libgreet.spec").write_text(spec)
    done = check(checkout, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert told in done.stdout


def test_a_broken_configuration_exits_2_with_the_line(checkout: Path, tmp_path: Path) -> None:
    (checkout / ".revdeps.yaml").write_text("version: 1\ntargts: []\n")
    (checkout / "libgreet.spec").write_text(library("2.0"))
    done = check(checkout, tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert ".revdeps.yaml:2:1" in done.stdout


def test_a_broken_file_that_was_named_is_told_by_its_name(checkout: Path, tmp_path: Path) -> None:
    config = tmp_path / "other.yaml"
    config.write_text("version: 2\n")
    done = check(checkout, tmp_path, "--config", str(config))
    assert done.returncode == 2
    told = "".join(done.stdout.split())
    assert "other.yaml:1:10" in told
    assert f"2problemsin{config}" in told
    assert ".revdeps.yaml" not in told
    assert ".revdeps.yaml" not in (tmp_path / "report.md").read_text()


def test_outside_a_checkout_it_says_so(tmp_path: Path) -> None:
    done = check(tmp_path, tmp_path)
    assert done.returncode == 2
    assert "not a git repository" in done.stderr


def test_a_repository_that_is_not_there_is_told(checkout: Path, tmp_path: Path) -> None:
    config = tmp_path / "other.yaml"
    config.write_text("version: 1\ntargets:\n  - repositories: ['file:///nowhere/at/all']\n")
    (checkout / "libgreet.spec").write_text(library("2.0"))
    done = check(checkout, tmp_path, "--config", str(config))
    assert done.returncode in {2, 3}, done.stdout + done.stderr
    assert "/nowhere/at/all" in done.stdout


def test_ctrl_c_stops_the_build_and_the_next_check_has_nothing_to_do_with_it(checkout: Path, tmp_path: Path) -> None:
    (checkout / "libgreet.spec").write_text(library("2.0").replace("%build\n", "%build\nsleep 3600\n"))
    begun = begin(checkout, tmp_path)
    assert begun.stdout is not None
    assert "Building the change\n" in begun.stdout
    os.killpg(begun.pid, signal.SIGINT)
    stopped = end(begun)
    assert (stopped.returncode, stopped.stderr) == (130, "\nrevdeps: stopped\n")
    assert not (tmp_path / "report.md").exists()
    (checkout / "libgreet.spec").write_text(PACKAGES["libgreet"])
    after = check(checkout, tmp_path)
    assert (after.returncode, after.stderr) == (0, "")
    assert "touches no package" in after.stdout


def test_a_check_waits_for_another_one_in_the_same_place(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with (tmp_path / "state/check.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = begin(checkout, tmp_path)
        assert waiting.stdout is not None
        assert waiting.stdout.readline().startswith("Waiting for another check")
    assert end(waiting).returncode == 0
