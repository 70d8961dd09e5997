"""What a built package is by its contents: equal over two builds of the same, another where anything differs."""

import subprocess
from pathlib import Path

import pytest

from bot.adapters.hawkey.contents import content_digest

SPEC = """\
Name: libfoo
Version: {version}
Release: 1{suffix}
Summary: Nothing
License: MIT
BuildArch: noarch
Provides: foo-api = %{{version}}-%{{release}}
{line}
%description
Nothing.
%install
mkdir -p %{{buildroot}}/usr/share/foo
echo {text} > %{{buildroot}}/usr/share/foo/marker
touch -d @{time} %{{buildroot}}/usr/share/foo/marker
%post
{script}
%files
%attr({mode},root,root) /usr/share/foo/marker
%changelog
* Thu Jan 01 2026 octocat <octocat@example.org> - 1-1
- {log}
"""
PLAIN = {
    "version": "1",
    "suffix": ".rda1b2c3d",
    "line": "",
    "text": "one",
    "time": "1000000",
    "script": "true",
    "mode": "0644",
    "log": "First",
}


def built(directory: Path, **changes: str) -> Path:
    """Build the package with rpmbuild and return where it is."""
    directory.mkdir()
    (directory / "libfoo.spec").write_text(SPEC.format(**{**PLAIN, **changes}))
    defines = (f"_topdir {directory}", f"_rpmdir {directory}", "_build_name_fmt libfoo.rpm")
    command = ["rpmbuild", "-ba", "--quiet", *(part for define in defines for part in ("--define", define))]
    subprocess.run([*command, str(directory / "libfoo.spec")], check=True, capture_output=True)
    return directory / "libfoo.rpm"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    digest = content_digest(built(tmp_path_factory.mktemp("plain") / "rpm"))
    assert digest is not None
    return digest


@pytest.mark.parametrize("noise", [{"suffix": ".rd9f8e7d6"}, {"time": "2000000"}, {"log": "Says more"}])
def test_when_and_from_which_commit_it_was_built_does_not_count(
    noise: dict[str, str], plain: str, tmp_path: Path
) -> None:
    assert content_digest(built(tmp_path / "rpm", **noise)) == plain


@pytest.mark.parametrize(
    "difference",
    [
        {"text": "two"},
        {"mode": "0755"},
        {"script": "exit 1"},
        {"version": "2"},
        {"line": "Requires: bar"},
        {"line": "Provides: baz"},
        {"line": "Recommends: bar"},
        {"suffix": ".fc44.rda1b2c3d"},
    ],
)
def test_all_that_a_build_can_see_of_it_counts(difference: dict[str, str], plain: str, tmp_path: Path) -> None:
    digest = content_digest(built(tmp_path / "rpm", **difference))
    assert digest is not None
    assert digest != plain


def test_what_cannot_be_read_has_no_digest(tmp_path: Path) -> None:
    (tmp_path / "broken.rpm").write_bytes(b"no package at all")
    assert content_digest(tmp_path / "broken.rpm") is None
    assert content_digest(tmp_path / "missing.rpm") is None


def test_what_was_not_built_for_a_run_goes_by_its_checksum(tmp_path: Path) -> None:
    assert content_digest(built(tmp_path / "rpm", suffix="")) is None
