"""The stand-in for mock behaves as mock does, as far as it is modelled; each test says what was read where.

Read in rpm-software-management/mock at 81787520 (after 6.7).
"""

import asyncio
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.adapters.sandbox import ensure_host_base
from tests.fakes.built import build_rpms
from tests.fakes.mock.stage import Stage

SPEC = """\
Name: {name}
Version: 1
Release: 1
Summary: Nothing
License: MIT
BuildArch: noarch
{extra}
%description
Nothing.
%files
"""


class Machine:
    """A stage, a chroot over one repository, and a package to build."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.stage = Stage(directory / "mock")
        self.repository = directory / "repository"
        self.results = directory / "results"
        self.repository.mkdir()
        self.index(self.repository)
        self.chroot()

    def index(self, directory: Path) -> str:
        subprocess.run(["createrepo_c", "--quiet", str(directory)], check=True)
        return directory.as_uri()

    def chroot(self, extra: str = "", excludes: str = "", priority: int = 99) -> None:
        text = f"[main]\n[base]\nname=base\nbaseurl={self.repository.as_uri()}\nexcludepkgs={excludes}\n"
        text += f"priority={priority}\n"
        self.stage.configure("here", f"config_opts['root'] = 'here'\nconfig_opts['dnf.conf'] = {text!r}\n{extra}\n")

    def run(self, *arguments: str, root: str = "here") -> "subprocess.CompletedProcess[str]":
        command = [str(self.stage.command), "-r", root, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=self.directory)

    @contextmanager
    def started(self, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
        command = [str(self.stage.command), "-r", "here", *arguments]
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.directory
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def srpm(self, name: str = "good", extra: str = "") -> str:
        """Let mock make a source package."""
        sources = self.directory / name
        sources.mkdir(exist_ok=True)
        (sources / f"{name}.spec").write_text(SPEC.format(name=name, extra=extra))
        made = self.run("--buildsrpm", "--spec", f"{sources}/{name}.spec", "--sources", f"{sources}", *self.to("srpm"))
        assert made.returncode == 0, made.stderr
        return str(self.results / "srpm" / f"{name}-1-1.src.rpm")

    def to(self, name: str) -> Sequence[str]:
        return ("--resultdir", str(self.results / name))

    def result(self, name: str, file: str) -> str:
        return (self.results / name / file).read_text()

    def roots(self) -> list[str]:
        return sorted(path.name for path in self.stage.roots.iterdir())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


async def begun(machine: Machine, name: str) -> None:
    """Wait until a build is at work in its root."""

    async def look() -> None:
        log = machine.results / name / "build.log"
        while True:
            if log.exists() and "at it" in log.read_text():
                return
            await asyncio.sleep(0.02)

    await asyncio.wait_for(look(), 30)


def test_a_package_is_rebuilt_and_its_root_removed(machine: Machine) -> None:
    """backend.py `build`, rebuild.py `rebuild_generic`, config.py: cleaned up where results lie elsewhere."""
    srpm = machine.srpm()

    assert machine.run("--rebuild", srpm, "--uniqueext", "w1", *machine.to("out")).returncode == 0

    assert {path.name for path in (machine.results / "out").iterdir()} >= {
        "good-1-1.noarch.rpm",
        "good-1-1.src.rpm",
        "build.log",
        "root.log",
        "state.log",
    }
    assert "Mock Version: " in machine.result("out", "root.log")
    assert machine.roots() == ["here-bootstrap", "here-bootstrap-w1"]


def test_a_root_is_named_by_configuration_and_extension(machine: Machine) -> None:
    """buildroot.py `__init__`."""
    assert machine.run("--uniqueext", "w1", "-p").stdout.strip() == f"{machine.stage.roots}/here-w1/root"


def test_a_failing_build_has_the_status_of_rpmbuild(machine: Machine) -> None:
    """util.py `do_with_status`: the command's own status, which for rpmbuild is 1."""
    srpm = machine.srpm()
    machine.stage.set(rules=[{"name": "good*", "status": 1, "build_log": "error: no good"}])

    assert machine.run("--rebuild", srpm, *machine.to("out")).returncode == 1
    assert "error: no good" in machine.result("out", "build.log")


def test_a_missing_repository_is_the_package_managers_failure(machine: Machine) -> None:
    """package_manager.py `_execute_mounted`: YumError, 30, and the cause in root.log."""
    srpm = machine.srpm()

    done = machine.run("--rebuild", srpm, "--addrepo", "file:///nowhere", *machine.to("out"))

    assert done.returncode == 30
    assert "file:///nowhere" in machine.result("out", "root.log")


@pytest.mark.rpm
def test_what_is_added_is_seen_and_what_is_excluded_is_not(machine: Machine) -> None:
    """util.py `add_local_repo`; excludepkgs is dnf.conf's."""
    for name, where in (("tool", machine.repository), ("spare", machine.directory / "added")):
        build_rpms(where, name, arch="noarch")
    added = machine.index(machine.directory / "added")
    ensure_host_base(machine.repository)
    needs_base, needs_added = machine.srpm("a", "BuildRequires: tool"), machine.srpm("b", "BuildRequires: spare")
    machine.chroot("config_opts['chroot_setup_cmd'] = 'install host-base'")
    machine.stage.set(sandbox=str(machine.directory / "sandbox"))

    assert machine.run("--rebuild", needs_added, *machine.to("without")).returncode == 30
    assert machine.run("--rebuild", needs_added, "--addrepo", added, *machine.to("added")).returncode == 0
    assert "spare-1-1.noarch" in machine.result("added", "installed_pkgs.log")
    machine.chroot("config_opts['chroot_setup_cmd'] = 'install host-base'", excludes="tool")
    assert machine.run("--rebuild", needs_base, *machine.to("excluded")).returncode == 30


@pytest.mark.rpm
def test_a_repository_gives_way_to_one_of_a_smaller_priority_as_added_ones_do(machine: Machine) -> None:
    """util.py `add_local_repo` gives no priority, and 99 is dnf's; at equal ones the newer package is taken."""
    build_rpms(machine.repository, "tool", arch="noarch")
    build_rpms(machine.directory / "added", "tool", version="2", arch="noarch")
    added = machine.index(machine.directory / "added")
    ensure_host_base(machine.repository)
    machine.stage.set(sandbox=str(machine.directory / "sandbox"))
    srpm, found = machine.srpm("a", "BuildRequires: tool"), []
    for priority in (99, 98):
        machine.chroot("config_opts['chroot_setup_cmd'] = 'install host-base'", priority=priority)
        where = f"at-{priority}"
        assert machine.run("--rebuild", srpm, "--addrepo", added, *machine.to(where)).returncode == 0
        found += [
            line.split()[0] for line in machine.result(where, "installed_pkgs.log").splitlines() if "tool" in line
        ]

    assert found == ["tool-2-1.noarch", "tool-1-1.noarch"]


def test_the_time_limit_is_eleven(machine: Machine) -> None:
    """exception.py `commandTimeoutExpired`."""
    srpm = machine.srpm()
    machine.stage.set(rules=[{"name": "good*", "until": "/nonexistent"}])

    assert machine.run("--rebuild", srpm, "--rpmbuild_timeout", "1", *machine.to("out")).returncode == 11


async def test_a_root_has_one_user_and_another_extension_is_another_root(machine: Machine) -> None:
    """buildroot.py `_lock_buildroot`, `delete`: 60, without waiting."""
    srpm = machine.srpm()
    go = machine.directory / "go"
    machine.stage.set(rules=[{"name": "good*", "build_log": "at it", "until": str(go)}])
    with machine.started("--rebuild", srpm, "--uniqueext", "w1", *machine.to("first")) as first:
        await begun(machine, "first")
        machine.stage.set(rules=[])

        assert machine.run("--rebuild", srpm, "--uniqueext", "w1", *machine.to("same")).returncode == 60
        assert machine.run("--rebuild", srpm, "--uniqueext", "w2", *machine.to("other")).returncode == 0
        go.touch()
        assert first.wait(30) == 0


async def test_it_ends_when_it_is_told_to(machine: Machine) -> None:
    """mock.py `handle_signals`: 128 and the signal's number, and the root stays."""
    srpm = machine.srpm()
    machine.stage.set(rules=[{"name": "good*", "build_log": "at it", "until": "/nonexistent"}])
    with machine.started("--rebuild", srpm, *machine.to("out")) as build:
        await begun(machine, "out")

        build.terminate()

        assert build.wait(30) == 143
    assert "here" in machine.roots()


async def test_orphans_are_killed_by_mock_itself(machine: Machine) -> None:
    """mock.py `run_command`, util.py `orphansKill`: the build's processes die, and mock tells of a failed command."""
    srpm = machine.srpm()
    machine.stage.set(rules=[{"name": "good*", "build_log": "at it", "until": "/nonexistent", "deaf": True}])
    with machine.started("--rebuild", srpm, *machine.to("out")) as build:
        await begun(machine, "out")
        build.terminate()

        assert machine.run("--orphanskill").returncode == 0

        assert build.wait(30) == 247


def test_what_was_in_the_root_is_written_down(machine: Machine) -> None:
    """plugins/package_state.py: installed_pkgs.log, one package a line, its NEVRA first."""
    srpm = machine.srpm()
    machine.stage.set(rules=[{"name": "good*", "installed": ["bash-5-1.x86_64"]}])

    machine.run("--rebuild", srpm, *machine.to("out"))

    assert machine.result("out", "installed_pkgs.log").split()[0] == "bash-5-1.x86_64"


def test_scrubbing_all_takes_roots_and_caches(machine: Machine) -> None:
    """backend.py `scrub`; mock.py: the bootstrap root goes too."""
    machine.run("--init", "--uniqueext", "w1")
    assert (machine.stage.caches / "here").exists()
    assert machine.roots() == ["here-bootstrap-w1", "here-w1"]

    assert machine.run("--scrub=all", "--uniqueext", "w1").returncode == 0

    assert machine.roots() == []
    assert not (machine.stage.caches / "here").exists()


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("config_opts['root'] = ", 3),
        ("config_opts['target_arch'] = 'x86_64'", 3),
        ("include('nowhere.cfg')", 3),
    ],
)
def test_a_configuration_that_is_wrong_is_refused(machine: Machine, text: str, status: int) -> None:
    """config.py `update_config_from_file`, `check_config`, `include`."""
    machine.stage.configure("wrong", text)

    assert machine.run("-p", root="wrong").returncode == status
    assert machine.run("-p", root="nowhere").returncode == 3


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--buildsrpm"], 5),
        (["--buildsrpm", "--spec", "/nowhere.spec"], 5),
        (["--rebuild", "a.src.rpm", "b.src.rpm"], 5),
        (["--rebuild", "--localrepo", "/tmp"], 5),
        (["--rebuild", "--recurse"], 5),
        (["--chain", "--resultdir", "/tmp", "a.src.rpm"], 5),
        (["--rebuild", "--define", "nothing", "a.src.rpm"], 5),
        (["--init", "--isolation", "vault"], 5),
        (["--init", "--enable-plugin", "nothing"], 5),
        (["--init", "--target", "i686,x86_64"], 5),
        (["--scrub=everything"], 2),
        (["--rebuild", "--rpmbuild_timeout", "soon"], 2),
        (["--rebuild"], 50),
        (["--rebuild", "/nowhere.src.rpm"], 1),
        (["--no-clean", "--copyout", "/nowhere", "/tmp/nothing"], 50),
    ],
)
def test_what_makes_no_sense_is_refused(machine: Machine, arguments: list[str], status: int) -> None:
    """mock.py `command_parse` and `run_command`; argparse's own refusal is 2."""
    assert machine.run(*arguments).returncode == status


def test_an_unknown_option_is_an_argument_to_mock_and_a_violation_here(machine: Machine) -> None:
    """mock.py: parse_known_args."""
    assert machine.run("--frobnicate").returncode == 1
    assert "--frobnicate" in machine.stage.violations


def test_a_command_that_is_not_modelled_is_a_violation(machine: Machine) -> None:
    assert machine.run("--installdeps", "x.src.rpm").returncode == 99
    assert "installdeps" in machine.stage.violations


def test_what_dnf_does_not_know_of_a_repository_is_a_violation(machine: Machine) -> None:
    """libdnf/conf/ConfigRepo.cpp; dnf itself only warns."""
    machine.stage.configure("here", "config_opts['root'] = 'here'\nconfig_opts['dnf.conf'] = '[b]\\nprio=1\\n'\n")

    assert machine.run("--init").returncode == 99
    assert "prio in dnf.conf" in machine.stage.violations


def test_only_members_of_the_group_may_and_root_may_not(machine: Machine) -> None:
    """mock.py `groupcheck`, `rootcheck`: 1, with the reason."""
    machine.stage.set(member=False)
    outsider = machine.run("-p")
    machine.stage.set(member=True, root=True)
    root = machine.run("-p")

    assert (outsider.returncode, root.returncode) == (1, 1)
    assert "Must be member of 'mock' group" in outsider.stderr
    assert "will not run from the root account" in root.stderr


def test_files_go_in_and_out_and_commands_run_in_between(machine: Machine) -> None:
    """mock.py `run_command`: copyin, chroot and copyout."""
    (machine.directory / "tree").mkdir()
    machine.run("--init")

    assert machine.run("--no-clean", "--copyin", str(machine.directory / "tree"), "/builddir/tree").returncode == 0
    done = machine.run("--no-clean", "--cwd", "/builddir/tree", "--chroot", "--", "/bin/sh", "-c", "pwd; echo 1 >file")
    assert (done.returncode, done.stdout) == (0, "/builddir/tree\n")
    assert machine.run("--copyout", "/builddir/tree/*", str(machine.directory / "out")).returncode == 0
    assert (machine.directory / "out").read_text() == "1\n"


def test_texts_of_the_configuration_are_templates(machine: Machine) -> None:
    """config.py `load_config`: templates are expanded once the configuration is read."""
    machine.chroot("config_opts['resultdir'] = '{{basedir}}/of-{{root}}'")

    machine.run("--init")

    assert (machine.stage.roots / "of-here" / "root.log").exists()
