"""What a hostile package sees of the machine: nothing. Each of its ways to run code is tried."""

import os
import shutil
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.sandbox.spec import SandboxSpecReader
from bot.domain.build import Succeeded
from bot.ports.errors import Rejected
from tests.fakes.sandbox import SandboxWorld, Spec

pytestmark = pytest.mark.rpm

CANARY = "canary-in-the-services-environment"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SandboxWorld:
    monkeypatch.setenv("REVDEPS_WEBHOOK_SECRET", CANARY)
    world = SandboxWorld(tmp_path)
    world.settings.state.mkdir(parents=True)
    (world.settings.state / "revdeps.db").write_text("rows")
    return world


def look(world: SandboxWorld) -> str:
    """A shell script, in one line, that names whatever it can see of the host."""
    hidden = [
        *existing(
            "/root/.", "/home/.", "/run/.", "/srv/.", "/opt/.", "/mnt/.", "/boot/.", "/var/log/.", "/usr/local/."
        ),
        *existing("/var/lib/dpkg", "/var/cache/apt", "/etc/machine-id", "/etc/ssh", "/etc/ssl", "/etc/sudoers"),
        *existing("/etc/docker", "/etc/systemd", "/usr/lib/python3/dist-packages/."),
        str(Path(__file__).parents[2]),
        str(world.directory),
        str(world.settings.state),
        str(world.settings.state / "revdeps.db"),
        str(Path(sys.prefix)),
    ]
    tests = [f"ls -A {path} 2>/dev/null | grep -q . && echo VISIBLE {path};" for path in hidden]
    environment = f"grep -a -l {CANARY} /proc/*/environ 2>/dev/null | sed 's/^/VISIBLE /';"
    return " ".join(tests) + environment + " grep -v -e lo: -e face -e Receive /proc/net/dev | sed 's/^/VISIBLE /';"


def existing(*paths: str) -> list[str]:
    return [path for path in paths if Path(path).is_dir() and any(Path(path).iterdir())]


def on_one_line(script: str) -> str:
    return f"%({{ {script} }} | tr '\\n' ' ')"


def hostile_package(script: str) -> Spec:
    return Spec(
        name="hostile",
        extra=f"%post\n{{ id -u; {script} chmod 000 /dev/null; mknod /tmp/sda b 8 0 && echo VISIBLE device;\n"
        "mount -t tmpfs tmpfs /mnt && echo VISIBLE mount; echo 1 > /proc/sys/kernel/sysrq && echo VISIBLE sysctl;\n"
        "chroot /proc/1/root ls / | sed 's/^/ROOT /'; } > /usr/share/report 2>&1\n:",
    )


async def test_a_build_sees_nothing_of_the_host(world: SandboxWorld) -> None:
    script = look(world)
    assert script.count("VISIBLE") > 8

    status, log = await world.build(Spec(name="curious", prep=script, build=script, check=script))

    assert status.outcome == Succeeded(), log
    assert not [line for line in log.splitlines() if line.startswith("VISIBLE")]


async def test_code_in_the_spec_itself_sees_nothing_of_the_host(world: SandboxWorld) -> None:
    script = look(world)
    preamble = f"BuildArch: noarch\n%global seen {on_one_line(script)}"

    status, log = await world.build(Spec(name="curious", preamble=preamble, build="echo 'seen: [%{seen}]'"))

    assert status.outcome == Succeeded(), log
    assert "\nseen: []\n" in log


async def test_reading_a_spec_shows_it_nothing_of_the_host(world: SandboxWorld, tmp_path: Path) -> None:
    spec = replace(Spec(name="curious"), version=f"1.0{on_one_line(look(world))}")
    spec.tree(tmp_path / "checkout")

    facts = await SandboxSpecReader(world.settings).read(str(tmp_path / "checkout"), "curious.spec")

    assert facts.version == "1.0"


async def test_scriptlets_see_nothing_and_change_nothing_of_the_host(world: SandboxWorld) -> None:
    before = stat.S_IMODE(os.stat("/dev/null").st_mode)  # noqa: PTH116 the rule for async tests forbids the other way
    await world.build(hostile_package(look(world)))
    built = next(path for path in world.packages("hostile") if not path.name.endswith(".src.rpm"))
    shutil.copy(built, world.repository)

    reader = Spec(name="reader", preamble="BuildArch: noarch\nBuildRequires: hostile", build="cat /usr/share/report")
    status, log = await world.build(reader)

    assert status.outcome == Succeeded(), log
    assert "\n0\n" in log
    assert not [line for line in log.splitlines() if line.startswith("VISIBLE")]
    assert stat.S_IMODE(os.stat("/dev/null").st_mode) == before  # noqa: PTH116


async def test_the_build_runs_as_a_user_of_its_own_without_any_right(world: SandboxWorld) -> None:
    script = "id -u; grep -E '^(Cap|NoNewPrivs)' /proc/self/status; touch /usr/bin/x || echo refused"

    _, log = await world.build(Spec(name="modest", build=script))

    assert "\nrefused\n" in log
    assert "CapEff:\t0000000000000000" in log
    assert "CapBnd:\t0000000000000000" in log
    assert "NoNewPrivs:\t1" in log
    assert "\n0\n" not in log


async def test_links_laid_by_a_package_lead_nowhere_on_the_host(world: SandboxWorld, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    laying = Spec(
        name="laying",
        extra=f"%post\nfor name in SPECS SOURCES checkout SRPMS RPMS; do rm -rf /builddir/$name;\n"
        f"ln -s {outside} /builddir/$name; done\n:",
    )
    await world.build(laying)
    built = next(path for path in world.packages("laying") if not path.name.endswith(".src.rpm"))
    shutil.copy(built, world.repository)

    await world.build(Spec(name="victim", preamble="BuildArch: noarch\nBuildRequires: laying"))

    assert os.listdir(outside) == []  # noqa: PTH208 the rule for async tests forbids the other way


async def test_a_link_in_the_checkout_leads_nowhere_on_the_host(world: SandboxWorld, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("top secret")
    spec = Spec(name="linker", preamble="BuildArch: noarch\nSource0: link.txt", build="cat %{SOURCE0} || :")
    source = spec.tree(tmp_path / "checkout")
    (tmp_path / "checkout/link.txt").symlink_to(secret)
    (tmp_path / "checkout/evil.spec").symlink_to(secret)

    _, log = await world.build_source("linker", source)

    assert "top secret" not in log
    with pytest.raises(Rejected):
        await SandboxSpecReader(world.settings).read(str(tmp_path / "checkout"), "evil.spec")
