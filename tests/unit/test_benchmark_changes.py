"""The changes that the benchmarks measure with: what each kind alters, and what it leaves."""

import gzip
from pathlib import Path

import pytest

from benchmarks.changes import Changes, Kind
from benchmarks.debian import convert

LIB = {"Package": "libz", "Version": "1-1", "Architecture": "amd64", "Source": "z", "Depends": "libc (>= 2)"}
DEV = {"Package": "libz-dev", "Version": "1-1", "Architecture": "amd64", "Source": "z", "Depends": "libz (= 1-1)"}


def written(directory: Path, kind: Kind) -> str:
    packages = tuple(convert.binary(stanza) for stanza in (LIB, DEV))
    overlay = Changes(by_source={"z": packages}, virtual=frozenset()).write(directory / kind.value, "z", kind)
    assert overlay.replaces == {"z"}
    return gzip.decompress((directory / kind.value / "repodata" / "primary.xml.gz").read_bytes()).decode()


def entry(name: str, flags: str, version: str, release: str) -> str:
    return f'<rpm:entry name="{name}" flags="{flags}" epoch="0" ver="{version}" rel="{release}"/>'


def test_a_rebuilt_package_has_other_contents_alone(tmp_path: Path) -> None:
    text = written(tmp_path, Kind.REBUILT)
    assert text.count('ver="1" rel="1"/><checksum') == 2
    assert entry("libz", "EQ", "1", "1") in text
    assert "bench" not in text


@pytest.mark.parametrize("kind", [Kind.RAISED, Kind.EXTENDED, Kind.REQUIRING])
def test_packages_of_one_source_follow_each_others_version(tmp_path: Path, kind: Kind) -> None:
    text = written(tmp_path, kind)
    assert text.count('ver="1" rel="1+bench"/><checksum') == 2
    there = '<rpm:entry name="base-files"/>' * (kind is Kind.REQUIRING)
    assert f"<rpm:requires>{entry('libz', 'EQ', '1', '1+bench')}{there}</rpm:requires>" in text
    assert entry("libc", "GE", "2", "0") in text
    assert (entry("libz-bench", "EQ", "1", "0") in text) == (kind is not Kind.RAISED)
