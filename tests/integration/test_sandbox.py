"""Real RPMs, built in the sandbox: what ordinary packages need."""

import asyncio
import hashlib
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.sandbox.builder import SandboxBuilder
from bot.adapters.sandbox.check import check_host
from bot.adapters.sandbox.host_base import ensure_host_base
from bot.adapters.sandbox.local import LocalBuild, build_locally
from bot.adapters.sandbox.spec import SandboxSpecReader
from bot.domain.build import Failed, FailureReason, Phase, SrpmSource, Succeeded, TreeSource
from bot.domain.config import PackageConfig, SourceMethod
from bot.ports.errors import Misconfigured, Rejected
from bot.ports.sources import SpecFacts
from tests.fakes.local_solver import LocalSolver
from tests.fakes.sandbox import SUPERVISOR, SandboxWorld, Spec

pytestmark = pytest.mark.rpm

C_PACKAGE = Spec(
    name="frob",
    preamble="BuildRequires: gcc",
    prep="%setup -q -c -T",
    build="echo 'int frob(void) {return 7;}' > f.c\ngcc $CFLAGS -shared -fPIC -Wl,-soname,libfrob.so.1 "
    "-o libfrob.so.1 f.c",
    install="install -D libfrob.so.1 %{buildroot}%{_libdir}/libfrob.so.1\n"
    "ln -s libfrob.so.1 %{buildroot}%{_libdir}/libfrob.so",
    files="%{_libdir}/libfrob.so*",
)
C_USER = Spec(
    name="frobber",
    preamble="BuildRequires: gcc\nBuildRequires: frob",
    prep="%setup -q -c -T",
    build="echo 'int frob(void); int main(void) {return frob() - 7;}' > m.c\ngcc -o frobber m.c -lfrob",
    install="install -D frobber %{buildroot}%{_bindir}/frobber",
    check="./frobber",
    files="%{_bindir}/frobber",
)
BACKEND = """\
import os, zipfile
def get_requires_for_build_wheel(config_settings=None):
    return ["helper>=1.0"]
def build_wheel(directory, config_settings=None, metadata_directory=None):
    import helper
    with zipfile.ZipFile(os.path.join(directory, "spam-1.0-py3-none-any.whl"), "w") as wheel:
        wheel.writestr("spam/__init__.py", "def main(): print('spam')")
        metadata = "Metadata-Version: 2.1\\nName: Spam\\nVersion: 1.0\\nRequires-Dist: helper>=1.0,<2\\n"
        wheel.writestr("spam-1.0.dist-info/METADATA", metadata)
        wheel.writestr("spam-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\n")
        wheel.writestr("spam-1.0.dist-info/entry_points.txt", "[console_scripts]\\nspam = spam:main\\n")
    return "spam-1.0-py3-none-any.whl"
"""
HELPER = Spec(
    name="python-helper",
    install="mkdir -p %{buildroot}%{python3_sitelib}/helper-1.0.dist-info\n"
    "touch %{buildroot}%{python3_sitelib}/helper.py\n"
    "printf 'Metadata-Version: 2.1\\nName: helper\\nVersion: 1.0\\n'"
    " > %{buildroot}%{python3_sitelib}/helper-1.0.dist-info/METADATA",
    files="%{python3_sitelib}/helper*",
)
SPAM = Spec(
    name="python-spam",
    preamble="BuildArch: noarch\nSource0: backend.py\nSource1: pyproject.toml",
    prep="%setup -q -c -T\ncp %{SOURCE0} %{SOURCE1} .",
    build="%pyproject_wheel",
    install="%pyproject_install\n%pyproject_save_files spam +auto",
    check="%pyproject_check_import\nPYTHONPATH=%{buildroot}%{python3_sitelib} %{buildroot}%{_bindir}/spam",
    extra="%generate_buildrequires\n%pyproject_buildrequires",
    files="",
)


@pytest.fixture
def world(tmp_path: Path) -> SandboxWorld:
    return SandboxWorld(tmp_path)


def write(directory: str, **files: str) -> None:
    """Add files to a checkout; `__` in a name stands for a dot."""
    for name, text in files.items():
        path = Path(directory, name.replace("__", "."))
        path.write_text(text)


def commit(directory: str, *messages: str) -> None:
    """Make a history in which every commit changes something."""
    git = ["git", "-C", directory, "-c", "user.name=octocat", "-c", "user.email=octocat@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    for message in messages:
        write(directory, note=message)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", message], check=True)


def make_base_root(base: Path) -> None:
    """A small installed system: rpm and what it runs, with their libraries, taken from this machine."""
    programs = "bash sh rpm rpmbuild rpmspec setpriv prlimit cp rm mkdir chmod cat id ls grep sed env true test ln find"
    programs += " xargs sort head mv strip objdump file echo touch dirname basename uname tr expr gzip"
    found = [path for name in programs.split() if (path := shutil.which(name, path="/usr/bin:/usr/sbin"))]
    linked = subprocess.run(["ldd", *found], capture_output=True, text=True, check=False).stdout
    libraries = {word for word in linked.split() if word.startswith("/") and not word.endswith(":")}
    for name in ("etc", "var/tmp", "var/lib/rpm", "tmp", "dev", "proc", "packages", "root", "usr"):
        (base / name).mkdir(parents=True)
    for name in ("tmp", "var/tmp"):
        (base / name).chmod(0o1777)
    for name in ("bin", "sbin", "lib", "lib64"):
        (base / name).symlink_to(f"usr/{name}")
    for source in sorted({*found, *libraries}):
        target = base / "usr" / source.removeprefix("/usr/").removeprefix("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(source).resolve(), target)
    shutil.copytree("/usr/lib/rpm", base / "usr/lib/rpm", symlinks=True)
    write(str(base / "etc"), release="the base root\n", passwd="root:x:0:0::/root:/bin/sh\n", group="root:x:0:\n")
    (base / "etc/rpm").mkdir()
    write(str(base / "etc/rpm"), macros="%_dbpath /var/lib/rpm\n%debug_package %{nil}\n")


def requires(path: Path, what: str = "--requires") -> list[str]:
    answer = subprocess.run(["rpm", "-qp", what, str(path)], capture_output=True, text=True, check=True)
    return answer.stdout.splitlines()


def rpm_of(files: list[Path]) -> Path:
    return next(path for path in files if not path.name.endswith(".src.rpm"))


def test_this_machine_lets_the_sandbox_work(world: SandboxWorld) -> None:
    check_host(world.settings)


def test_a_base_root_that_is_none_is_named(world: SandboxWorld, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="holds no installed system"):
        check_host(replace(world.settings, base_root=tmp_path / "nothing"))


def test_a_base_root_that_cannot_be_unpacked_is_named(world: SandboxWorld, tmp_path: Path) -> None:
    (tmp_path / "base.tar").write_bytes(b"no tarball")
    with pytest.raises(Misconfigured, match="cannot be unpacked"):
        check_host(replace(world.settings, base_root=tmp_path / "base.tar"))


async def test_a_program_links_to_a_library_that_was_built_before(world: SandboxWorld) -> None:
    status, log = await world.build(C_PACKAGE)
    assert status.outcome == Succeeded(), log
    # The compiler ran below bubblewrap's first process, and its time is counted all the same.
    assert status.cpu_seconds is not None
    assert 0.1 < status.cpu_seconds < 600
    shutil.copy(rpm_of(world.packages("frob")), world.repository)

    status, log = await world.build(C_USER)

    assert status.outcome == Succeeded(), log
    needed = requires(rpm_of(world.packages("frobber")))
    assert {"libfrob.so.1()(64bit)", "rtld(GNU_HASH)"} <= set(needed)
    assert any(name.startswith("frob-1.0-1.rd1") for name in status.installed)


async def test_a_python_package_is_built_with_dynamic_buildrequires(world: SandboxWorld) -> None:
    status, log = await world.build(HELPER)
    assert status.outcome == Succeeded(), log
    shutil.copy(rpm_of(world.packages("python-helper")), world.repository)
    source = replace(SPAM, files="").tree(world.directory / "spam")
    system = 'requires = ["helper"]\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    write(
        source.directory,
        **{"python-spam__spec": SPAM.text.replace("%files\n", "%files -f %{pyproject_files}\n")},
        backend__py=BACKEND,
        pyproject__toml=f"[build-system]\n{system}",
    )

    status, log = await world.build_source("python-spam", source)

    assert status.outcome == Succeeded(), log
    made = rpm_of(world.packages("python-spam"))
    assert {"python3dist(spam) = 1", "python3.11dist(spam) = 1"} <= set(requires(made, "--provides"))
    assert {"(python3dist(helper) >= 1 with python3dist(helper) < 2)", "python(abi) = 3.11"} <= set(requires(made))
    assert any(name.startswith("python-helper") for name in status.installed)


async def test_scriptlets_of_buildrequires_run_in_the_root(world: SandboxWorld) -> None:
    touching = replace(HELPER, name="touching", extra="%post\necho touched > /usr/share/touched")
    await world.build(touching)
    shutil.copy(rpm_of(world.packages("touching")), world.repository)

    reading = Spec(
        name="reading", preamble="BuildArch: noarch\nBuildRequires: touching", build="cat /usr/share/touched"
    )
    status, log = await world.build(reading)

    assert status.outcome == Succeeded(), log
    assert "\ntouched\n" in log
    assert "touched" not in os.listdir("/usr/share")  # noqa: PTH208 the rule for async tests forbids the other way


async def test_what_cannot_be_solved_is_told_in_the_solvers_words(world: SandboxWorld) -> None:
    status, _ = await world.build(Spec(name="needy", preamble="BuildArch: noarch\nBuildRequires: no-such-thing"))

    assert isinstance(status.outcome, Failed)
    assert (status.outcome.reason, status.outcome.phase) == (FailureReason.UNRESOLVABLE, Phase.BUILDROOT)
    assert status.outcome.cause == "nothing provides no-such-thing"


async def test_a_failing_test_suite_is_told_by_its_exception(world: SandboxWorld) -> None:
    check = "python3 -c 'raise ImportError(\"cannot import name soft_unicode\")'"
    status, _ = await world.build(Spec(name="checked", check=check))

    assert isinstance(status.outcome, Failed)
    assert (status.outcome.reason, status.outcome.phase) == (FailureReason.CHECK, Phase.CHECK)
    assert status.outcome.cause == "ImportError: cannot import name soft_unicode"


async def test_an_srpm_is_built_from_its_location(world: SandboxWorld) -> None:
    await world.build(Spec(name="first"))
    srpm = next(path for path in world.packages("first") if path.name.endswith(".src.rpm"))
    checksum = f"sha256:{hashlib.sha256(srpm.read_bytes()).hexdigest()}"

    good, _ = await world.build_source("first", SrpmSource(location=srpm.as_uri(), checksum=checksum), key="good")
    bad, _ = await world.build_source("first", SrpmSource(location=srpm.as_uri(), checksum="sha256:00"), key="bad")

    assert good.outcome == Succeeded()
    assert isinstance(bad.outcome, Failed)
    assert bad.outcome.reason is FailureReason.SRPM


async def test_an_ordinary_user_builds_in_a_user_namespace(world: SandboxWorld) -> None:
    world.builder = SandboxBuilder(world.settings, ["unshare", "--user", "--map-root-user", *SUPERVISOR])
    await world.build(replace(HELPER, extra="%post\nid -u > /usr/share/installed-by"))
    shutil.copy(rpm_of(world.packages("python-helper")), world.repository)

    spec = replace(C_PACKAGE, preamble="BuildRequires: python-helper", check="id -u; cat /usr/share/installed-by")
    status, log = await world.build(spec)

    assert status.outcome == Succeeded(), log
    assert "\n1000\n" in log
    assert "\n0\n" in log


@pytest.mark.parametrize("form", ["directory", "tarball"])
async def test_a_base_root_is_built_in_as_it_is(form: str, world: SandboxWorld, tmp_path: Path) -> None:
    base = tmp_path / "base"
    make_base_root(base)
    if form == "tarball":
        subprocess.run(["tar", "-czf", f"{base}.tar.gz", "-C", str(base), "."], check=True)
        base = tmp_path / "base.tar.gz"
    world.settings = replace(world.settings, base_root=base)
    world.builder = world.restart()

    status, log = await world.build(
        Spec(name="over-base", build="cat /etc/release; command -v gcc || echo no compiler")
    )

    assert status.outcome == Succeeded(), log
    assert "\nthe base root\n" in log
    assert "\nno compiler\n" in log


async def test_two_builds_of_one_package_see_nothing_of_each_other(world: SandboxWorld) -> None:
    spec = Spec(name="lonely", build="ls /tmp /var/tmp /builddir /builddir/BUILD; test ! -e /tmp/mark; touch /tmp/mark")

    outcomes = await asyncio.gather(world.build(spec, key="a"), world.build(spec, key="b"))
    again, _ = await world.build(spec, key="c")

    assert [status.outcome for status, _ in outcomes] == [Succeeded(), Succeeded()]
    assert again.outcome == Succeeded()


async def test_an_upstream_repository_is_archived_as_its_source(world: SandboxWorld) -> None:
    spec = Spec(
        name="upstream",
        preamble="BuildArch: noarch\nSource0: https://example.org/%{name}-%{version}.tar.gz",
        prep="%autosetup",
        build="cat code.txt",
    )
    source = spec.tree(world.directory / "upstream", method=SourceMethod.ARCHIVE)
    write(source.directory, code__txt="the code itself\n")

    status, log = await world.build_source("upstream", source)

    assert status.outcome == Succeeded(), log
    assert "the code itself" in log


@pytest.mark.parametrize("method", [SourceMethod.RPMAUTOSPEC, SourceMethod.LOOKASIDE])
async def test_release_and_changelog_come_from_the_history(world: SandboxWorld, method: SourceMethod) -> None:
    spec = Spec(name="auto", preamble="BuildArch: noarch")
    source = spec.tree(world.directory / "auto", method=method)
    text = spec.text.replace("Release: 1", "Release: %autorelease")
    write(source.directory, auto__spec=f"{text}\n%changelog\n%autochangelog\n")
    commit(source.directory, "Import", "Rebuild 100%", "Fix it")

    status, log = await world.build_source("auto", source)

    assert status.outcome == Succeeded(), log
    made = rpm_of(world.packages("auto"))
    assert made.name == "auto-1.0-3.rd1.noarch.rpm"
    assert "- Rebuild 100%" in requires(made, "--changelog")


async def test_a_command_makes_the_source_package(world: SandboxWorld) -> None:
    source = Spec(name="made").tree(world.directory / "made")
    package = PackageConfig(
        spec="made.spec",
        method=SourceMethod.COMMAND,
        command='rpmbuild -bs --define "_srcrpmdir $RESULTDIR" made.spec',
    )

    status, log = await world.build_source("made", replace(source, package=package))

    assert status.outcome == Succeeded(), log
    assert rpm_of(world.packages("made")).name == "made-1.0-1.rd1.noarch.rpm"


async def test_a_spec_is_read_with_its_sources_expanded(tmp_path: Path, world: SandboxWorld) -> None:
    preamble = (
        "Source0: https://example.org/%{name}-%{version}.tar.gz\nSource1: local.conf\nPatch0: fix-%{version}.patch"
    )
    Spec(name="readable", preamble=preamble).tree(tmp_path / "checkout")

    facts = await SandboxSpecReader(world.settings).read(str(tmp_path / "checkout"), "readable.spec")

    assert facts == SpecFacts(
        name="readable",
        version="1.0",
        release="1",
        sources=("https://example.org/readable-1.0.tar.gz", "local.conf", "fix-1.0.patch"),
    )


async def test_a_spec_that_does_not_parse_is_rejected_with_rpms_message(tmp_path: Path, world: SandboxWorld) -> None:
    (tmp_path / "broken.spec").write_text("Name: broken\n%if 1\n")

    with pytest.raises(Rejected, match=r"broken\.spec does not parse: .*Unclosed %if"):
        await SandboxSpecReader(world.settings).read(str(tmp_path), "broken.spec")
    with pytest.raises(Rejected, match="there is no spec"):
        await SandboxSpecReader(world.settings).read(str(tmp_path), "../../etc/passwd")


def test_host_base_is_reproducible_and_speaks_rpms_language(tmp_path: Path) -> None:
    first, second = ensure_host_base(tmp_path / "a"), ensure_host_base(tmp_path / "b")

    assert first.digest == second.digest
    provided = requires(first.path, "--provides")
    assert {"libc.so.6(GLIBC_2.34)(64bit)", "rtld(GNU_HASH)", "/bin/sh", "/usr/bin/python3"} <= set(provided)
    assert any(line.startswith("python(abi) = 3.") for line in provided)


def test_a_distribution_is_built_package_by_package(tmp_path: Path, world: SandboxWorld) -> None:
    build = LocalBuild(
        package="frob",
        source=TreeSource(
            directory=C_PACKAGE.tree(tmp_path / "frob").directory, package=PackageConfig(spec="frob.spec")
        ),
        target=world.target,
        settings=world.settings,
        results=tmp_path / "out",
    )

    done = build_locally(build, LocalSolver([tmp_path, world.repository]))

    assert done.outcome == Succeeded()
    assert [path.name for path in done.files] == ["frob-1.0-1.src.rpm", "frob-1.0-1.x86_64.rpm"]
    assert "rpmbuild -ba" in done.log.read_text()
