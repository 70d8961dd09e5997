"""What a built package is by its contents: equal over two builds of the same, another where anything differs."""

import hashlib
import struct
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


_LEAD = 96


def digest_of(path: Path) -> str | None:
    """Its contents, whatever it says that it is."""
    asked = ["rpm", "-qp", "--nosignature", "--qf", "%{NVRA}", str(path)]
    return content_digest(path, subprocess.run(asked, check=True, capture_output=True, text=True).stdout)


def header_of(path: Path) -> tuple[int, int]:
    """Where the header of a package begins and ends, which comes after that of its signatures."""
    data = path.read_bytes()

    def end(start: int) -> int:
        entries, size = struct.unpack_from(">II", data, start + 8)
        return start + 16 + 16 * int(entries) + int(size)

    start = -(-end(_LEAD) // 8) * 8
    return start, end(start)


def with_tag(path: Path, tag: int, text: bytes) -> None:
    """Put one more text into a package's header, as another rpm would have written it, digests included."""
    data = path.read_bytes()
    start, end = header_of(path)
    entries, size = struct.unpack_from(">II", data, start + 8)
    index, store = bytearray(data[start + 16 : end - size]), data[end - size : end - 16]
    struct.pack_into(">I", index, 8, size - 16 + len(text) + 1)
    trailer = struct.pack(">IIiI", 63, 7, -16 * (entries + 1), 16)
    new = data[start : start + 8] + struct.pack(">II", entries + 1, size + len(text) + 1)
    new += index + struct.pack(">IIII", tag, 6, size - 16, 1) + store + text + b"\0" + trailer
    signatures = data[:start]
    for kind in ("sha1", "sha256"):
        old, now = (hashlib.new(kind, part).hexdigest().encode() for part in (data[start:end], new))
        assert old in signatures
        signatures = signatures.replace(old, now)
    path.write_bytes(signatures + new + data[end:])


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
    digest = digest_of(built(tmp_path_factory.mktemp("plain") / "rpm"))
    assert digest is not None
    return digest


@pytest.mark.parametrize(
    "noise", [{"suffix": ".rd9f8e7d6"}, {"suffix": "0.rd9f8e7d6"}, {"time": "2000000"}, {"log": "Says more"}]
)
def test_when_and_from_which_commit_it_was_built_does_not_count(
    noise: dict[str, str], plain: str, tmp_path: Path
) -> None:
    assert digest_of(built(tmp_path / "rpm", **noise)) == plain


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
    ],
)
def test_all_that_a_build_can_see_of_it_counts(difference: dict[str, str], plain: str, tmp_path: Path) -> None:
    digest = digest_of(built(tmp_path / "rpm", **difference))
    assert digest is not None
    assert digest != plain


def test_the_header_alone_says_it_all(plain: str, tmp_path: Path) -> None:
    path = built(tmp_path / "rpm")
    path.write_bytes(path.read_bytes()[: header_of(path)[1]])
    assert content_digest(path, "libfoo-1-1.rda1b2c3d.noarch") == plain


@pytest.mark.parametrize(("tag", "counts"), [(5121, False), (5124, False), (5900, True)])
def test_a_later_rpm_tells_more_of_the_payload(tag: int, counts: bool, plain: str, tmp_path: Path) -> None:
    path = built(tmp_path / "rpm")
    with_tag(path, tag, b"0" * 64)
    digest = content_digest(path, "libfoo-1-1.rda1b2c3d.noarch")
    assert digest is not None
    assert (digest != plain) is counts


def test_what_cannot_be_read_has_no_digest(tmp_path: Path) -> None:
    (tmp_path / "broken.rpm").write_bytes(b"no package at all")
    assert content_digest(tmp_path / "broken.rpm", "broken-1-1.noarch") is None
    assert content_digest(tmp_path / "missing.rpm", "missing-1-1.noarch") is None


def test_a_header_of_another_package_tells_nothing_of_this_one(tmp_path: Path) -> None:
    assert content_digest(built(tmp_path / "rpm"), "libfoo-1-2.rda1b2c3d.noarch") is None


def test_a_header_that_was_altered_or_cut_short_tells_nothing(tmp_path: Path) -> None:
    path = built(tmp_path / "rpm")
    whole, (_, end) = path.read_bytes(), header_of(path)
    for damaged in (whole[: end - 1], whole.replace(b"foo-api", b"foo-ipa")):
        assert damaged != whole
        path.write_bytes(damaged)
        assert content_digest(path, "libfoo-1-1.rda1b2c3d.noarch") is None


def test_a_release_without_a_commit_counts(tmp_path: Path) -> None:
    digest = digest_of(built(tmp_path / "rpm", suffix=""))
    assert digest_of(built(tmp_path / "again", suffix="", time="2000000")) == digest
    assert digest_of(built(tmp_path / "raised", suffix="0")) != digest
