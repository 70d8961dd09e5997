"""The script that makes a change's source package on a Copr's builder, run as it is there, with real git and rpm.

Read in rpmbuild/bin/copr-sources-custom and rpmbuild/copr_rpmbuild/helpers.py (build_srpm) of Copr.
"""

import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.adapters.copr.sources import RESULT, SCRIPT_LENGTH, script_of
from bot.adapters.jobs.sources import with_suffix
from bot.domain.build import TreeSource
from bot.domain.config import PackageConfig, SourceMethod
from bot.ports.errors import Rejected

SPEC = """\
Name: foo
Version: 1.2
Release: 3%{{?dist}}
Summary: A test
License: MIT
BuildArch: noarch
{extra}
%description
A test.
%files
"""
GIT = ("git", "-c", "user.name=octocat", "-c", "user.email=octocat@example.org")


@dataclass
class Checkout:
    """A repository with one commit, and a place where its script is run."""

    directory: Path
    work: Path

    def write(self, path: str, text: str) -> None:
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def commit(self) -> str:
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "A change"]):
            subprocess.run([*GIT, *command], cwd=self.directory, check=True, capture_output=True)
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=self.directory, check=True, capture_output=True)
        return done.stdout.decode().strip()

    def source(self, package: PackageConfig) -> TreeSource:
        return TreeSource(directory=str(self.directory), package=package, release_suffix=".rd1", commit=self.commit())

    def run(self, package: PackageConfig, tools: Path | None = None) -> subprocess.CompletedProcess[str]:
        script = self.work / "script"
        script.write_text(script_of(self.source(package), self.directory.as_uri()))
        script.chmod(0o755)
        place = self.work / "workdir"
        place.mkdir()
        path = f"{tools}:{os.environ['PATH']}" if tools else os.environ["PATH"]
        environment = {"PATH": path, "HOME": str(self.work), "COPR_RESULTDIR": str(place / RESULT)}
        return subprocess.run([str(script)], cwd=place, env=environment, capture_output=True, text=True, check=False)

    def made(self, package: PackageConfig, tools: Path | None = None) -> list[str]:
        """Make the source package; its name, and what is in it."""
        done = self.run(package, tools)
        assert done.returncode == 0, done.stderr
        sources, result = self.work / "workdir" / RESULT, self.work / "srpm"
        (spec,) = sources.glob("*.spec")
        defines = [f"_{name}dir {sources}" for name in ("source", "rpm", "build", "spec")] + [f"_srcrpmdir {result}"]
        command = ["rpmbuild", "-bs", *(word for define in defines for word in ("--define", define)), str(spec)]
        subprocess.run(command, check=True, capture_output=True)
        (srpm,) = result.glob("*.src.rpm")
        listed = subprocess.run(["rpm", "-qpl", str(srpm)], check=True, capture_output=True, text=True).stdout
        return [srpm.name, *sorted(listed.split())]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    (tmp_path / "checkout").mkdir()
    (tmp_path / "work").mkdir()
    return Checkout(tmp_path / "checkout", tmp_path / "work")


def test_what_lies_beside_the_spec_is_packed_with_a_newer_release(checkout: Checkout) -> None:
    checkout.write("rpm/foo.spec", SPEC.format(extra="Source0: foo.conf"))
    checkout.write("rpm/foo.conf", "x\n")
    checkout.write("rpm/other.spec", "nonsense")

    made = checkout.made(PackageConfig(spec="rpm/foo.spec"))

    assert made == ["foo-1.2-3.rd1.src.rpm", "foo.conf", "foo.spec"]


@pytest.mark.parametrize("ending", ["", "\n", "\n%changelog\n* Thu Jan 01 2026 octocat - 1-1\n- First"])
@pytest.mark.parametrize("release", ["Release: 3%{?dist}", "release :\t%{rel}  ", "Version: 4"])
def test_the_release_is_raised_as_on_this_machine(checkout: Checkout, release: str, ending: str) -> None:
    text = SPEC.format(extra="Release: 9").replace("Release: 3%{?dist}", release).rstrip() + ending
    checkout.write("foo.spec", text)

    assert checkout.run(PackageConfig(spec="foo.spec")).returncode == 0
    made = checkout.work / "workdir" / RESULT / "foo.spec"
    assert made.read_text() == with_suffix(text, ".rd1") != text


def test_a_spec_without_a_release_stays_as_it_is(checkout: Checkout) -> None:
    text = SPEC.format(extra="").replace("Release: 3%{?dist}\n", "")
    checkout.write("foo.spec", text)

    assert checkout.run(PackageConfig(spec="foo.spec")).returncode == 0
    assert (checkout.work / "workdir" / RESULT / "foo.spec").read_text() == with_suffix(text, ".rd1") == text


def test_sources_of_a_lookaside_cache_are_fetched_and_checked(checkout: Checkout, tmp_path: Path) -> None:
    content = b"a tarball\n"
    digest = hashlib.sha512(content).hexdigest()
    cache = tmp_path / "cache" / "foo" / "foo-1.2.tar.gz" / "sha512" / digest
    cache.mkdir(parents=True)
    (cache / "foo-1.2.tar.gz").write_bytes(content)
    checkout.write("foo.spec", SPEC.format(extra="Source0: foo-1.2.tar.gz"))
    checkout.write("sources", f"SHA512 (foo-1.2.tar.gz) = {digest}\n")
    lookaside = f"{(tmp_path / 'cache').as_uri()}/{{name}}/{{filename}}/{{hashtype}}/{{hash}}/{{filename}}"

    made = checkout.made(PackageConfig(spec="foo.spec", method=SourceMethod.LOOKASIDE, lookaside=lookaside))

    assert made == ["foo-1.2-3.rd1.src.rpm", "foo-1.2.tar.gz", "foo.spec"]


def test_a_source_that_is_another_than_it_should_be_is_refused(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "foo-1.2.tar.gz").write_bytes(b"another tarball\n")
    checkout.write("foo.spec", SPEC.format(extra="Source0: foo-1.2.tar.gz"))
    checkout.write("sources", f"SHA512 (foo-1.2.tar.gz) = {'0' * 128}\n")
    lookaside = f"{tmp_path.as_uri()}/{{filename}}"

    done = checkout.run(PackageConfig(spec="foo.spec", method=SourceMethod.LOOKASIDE, lookaside=lookaside))

    assert done.returncode != 0


@pytest.mark.parametrize("right", [True, False])
def test_sources_at_addresses_are_fetched_and_checked(checkout: Checkout, tmp_path: Path, right: bool) -> None:
    content = b"a tarball\n"
    (tmp_path / "foo-1.2.tar.gz").write_bytes(content)
    checkout.write("foo.spec", SPEC.format(extra=f"Source0: {tmp_path.as_uri()}/%{{name}}-%{{version}}.tar.gz"))
    digest = hashlib.sha256(content).hexdigest() if right else "0" * 64
    package = PackageConfig(
        spec="foo.spec", method=SourceMethod.URLS, checksums=(("foo-1.2.tar.gz", f"sha256:{digest}"),)
    )

    if right:
        assert checkout.made(package) == ["foo-1.2-3.rd1.src.rpm", "foo-1.2.tar.gz", "foo.spec"]
    else:
        assert checkout.run(package).returncode != 0


@pytest.mark.parametrize("suffix", ["tar.gz", "tar.xz", "zip"])
def test_the_repository_itself_is_the_source(checkout: Checkout, suffix: str) -> None:
    checkout.write("rpm/foo.spec", SPEC.format(extra=f"Source: https://example.org/%{{name}}-%{{version}}.{suffix}"))
    checkout.write("src/main.c", "int main(void) { return 0; }\n")

    made = checkout.made(PackageConfig(spec="rpm/foo.spec", method=SourceMethod.ARCHIVE))

    assert made == ["foo-1.2-3.rd1.src.rpm", f"foo-1.2.{suffix}", "foo.spec"]


def autospec(directory: Path) -> Path:
    """Stand in for rpmautospec: it defines a macro by the number of commits, which it must therefore have."""
    directory.mkdir()
    tool = directory / "rpmautospec"
    tool.write_text(
        """#!/bin/sh -e
[ "$1" = process-distgit ]
number=$(git rev-list --count HEAD)
echo "%define autorelease(b:) %{lua:print(math.tointeger(
  $number - 1 + tonumber(rpm.expand('%{?-b*}%{!?-b:1}'))))}" > "$3"
sed "s/%autochangelog/* Thu Jan 01 2026 octocat <o@example.org> - 1/" "$2" >> "$3"
"""
    )
    tool.chmod(0o755)
    return directory


@pytest.mark.parametrize(
    ("method", "extra"),
    [
        (SourceMethod.SPEC, "Source0: foo.conf"),
        (SourceMethod.LOOKASIDE, "Source0: foo-1.2.tar.gz"),
        (SourceMethod.URLS, "Source0: foo.conf"),
        (SourceMethod.ARCHIVE, "Source0: foo-1.2.tar.gz"),
        (SourceMethod.RPMAUTOSPEC, "Source0: foo.conf"),
    ],
)
def test_the_history_fills_in_a_release_whichever_way_the_sources_come(
    checkout: Checkout, tmp_path: Path, method: SourceMethod, extra: str
) -> None:
    content = b"a tarball\n"
    (tmp_path / "foo-1.2.tar.gz").write_bytes(content)
    checkout.write("foo.conf", "x\n")
    checkout.write("sources", f"SHA256 (foo-1.2.tar.gz) = {hashlib.sha256(content).hexdigest()}\n")
    checkout.commit()
    spec = SPEC.format(extra=extra).replace("Release: 3%{?dist}", "Release: %autorelease")
    checkout.write("foo.spec", f"{spec}%changelog\n%autochangelog\n")
    lookaside = f"{tmp_path.as_uri()}/{{filename}}" if method is SourceMethod.LOOKASIDE else None

    made = checkout.made(PackageConfig(spec="foo.spec", method=method, lookaside=lookaside), autospec(tmp_path / "bin"))

    assert made[0] == "foo-1.2-2.rd1.src.rpm"


@pytest.mark.parametrize("macro", ["%autorelease -b 5", "%{autorelease -b 5}"])
def test_what_is_appended_to_the_release_is_no_option_of_the_macro(
    checkout: Checkout, tmp_path: Path, macro: str
) -> None:
    checkout.write("foo.spec", SPEC.format(extra="").replace("Release: 3%{?dist}", f"Release: {macro}"))

    assert checkout.made(PackageConfig(spec="foo.spec"), autospec(tmp_path / "bin"))[0] == "foo-1.2-5.rd1.src.rpm"


def test_packit_prepares_what_its_configuration_says(checkout: Checkout, tmp_path: Path) -> None:
    """The command and its options are those of packit's own script for Copr (packit/constants.py)."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "packit").write_text(
        """#!/bin/sh -e
[ "$*" = "prepare-sources --no-update-release --no-create-symlinks --result-dir $COPR_RESULTDIR" ]
git remote get-url origin > /dev/null
git config user.email > /dev/null
git describe --tags HEAD > described
cp -R rpm/. "$COPR_RESULTDIR"
git archive --prefix=foo-1.2/ -o "$COPR_RESULTDIR/foo-1.2.tar.gz" HEAD
"""
    )
    (tools / "packit").chmod(0o755)
    checkout.write("rpm/foo.spec", SPEC.format(extra="Source0: foo-1.2.tar.gz"))
    checkout.write("rpm/other.spec", "nonsense")
    checkout.write(".packit.yaml", "specfile_path: rpm/foo.spec\n")
    checkout.commit()
    subprocess.run([*GIT, "tag", "-m", "1.2", "1.2"], cwd=checkout.directory, check=True)
    checkout.write("src/main.c", "int main(void) { return 0; }\n")

    made = checkout.made(PackageConfig(spec="rpm/foo.spec", method=SourceMethod.PACKIT), tools)

    assert made == ["foo-1.2-3.rd1.src.rpm", "foo-1.2.tar.gz", "foo.spec"]


def test_a_command_of_the_repositorys_makes_the_source_package(checkout: Checkout) -> None:
    checkout.write("packaging/foo.spec", SPEC.format(extra=""))
    command = "rpmbuild -bs --define \"_srcrpmdir $RESULTDIR\" packaging/foo.spec > '/dev/null'"

    made = checkout.made(PackageConfig(spec="packaging/foo.spec", method=SourceMethod.COMMAND, command=command))

    assert made == ["foo-1.2-3.rd1.src.rpm", "foo.spec"]


def test_a_command_that_is_too_long_for_a_copr_is_refused(checkout: Checkout) -> None:
    package = PackageConfig(spec="foo.spec", method=SourceMethod.COMMAND, command="x" * SCRIPT_LENGTH)

    with pytest.raises(Rejected):
        script_of(TreeSource(directory="/", package=package, commit="c"), "https://example.org/foo.git")


def test_words_of_the_repositorys_are_no_words_of_the_script(checkout: Checkout) -> None:
    checkout.write("a '$(touch owned)'.spec", SPEC.format(extra=""))

    assert checkout.made(PackageConfig(spec="a '$(touch owned)'.spec"))[0] == "foo-1.2-3.rd1.src.rpm"
    assert not list(checkout.work.rglob("owned"))
