"""The converter of the benchmarks: what Debian's control files say, and what of it is written for RPM."""

import gzip
import hashlib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.debian import control, convert
from benchmarks.debian.control import Atom
from benchmarks.debian.convert import Converter
from benchmarks.debian.versions import ranks, version_key
from benchmarks.distribution import write_metadata

RISING = ["0~~", "0~rc1", "0", "0-1", "0-1+b1", "0a", "0+dfsg", "1.0~beta", "1.0", "1.0-1~x", "1.0-1", "1.0.1", "1.10"]
RISING += ["1:0~", "1:0", "2:0-1-2"]
VERSIONS = st.text(alphabet="019az.+~", max_size=6).map("1".__add__)
COMMON = "{http://linux.duke.edu/metadata/common}"
RPM = "{http://linux.duke.edu/metadata/rpm}"


def test_versions_rise_as_dpkg_has_it() -> None:
    keys = [version_key(version) for version in RISING]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(RISING)


@pytest.mark.parametrize(("one", "other"), [("1.0", "1.00"), ("0:1", "1"), ("1-0", "1"), ("1.a", "1.a0")])
def test_versions_that_dpkg_takes_for_equal(one: str, other: str) -> None:
    assert version_key(one) == version_key(other)


@given(st.lists(VERSIONS, min_size=2, max_size=6))
def test_ranks_compare_as_versions_do(versions: list[str]) -> None:
    found = ranks(("zlib", version) for version in versions)
    for one in versions:
        assert found["zlib", one] >= 1
        for other in versions:
            assert (found["zlib", one] < found["zlib", other]) == (version_key(one) < version_key(other))


@given(VERSIONS)
def test_a_tilde_comes_before_the_end_and_all_else_after_it(version: str) -> None:
    assert version_key(f"{version}~") < version_key(version) < version_key(f"{version}+")


def test_ranks_are_of_one_name_alone() -> None:
    assert ranks([("a", "5"), ("b", "1"), ("b", "2")]) == {("a", "5"): 1, ("b", "1"): 1, ("b", "2"): 2}


def clauses(text: str) -> tuple[control.Clause, ...]:
    return control.clauses({"Depends": text}, "Pre-Depends", "Depends")


def test_dependencies_have_alternatives_and_versions() -> None:
    assert clauses("debconf (>= 0.5) | debconf-2.0, zlib1g (<< 1:2), ") == (
        (Atom("debconf", ">=", "0.5"), Atom("debconf-2.0")),
        (Atom("zlib1g", "<", "1:2"),),
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a [amd64]", ["a"]),
        ("a [!amd64]", []),
        ("a [i386]", []),
        ("a [!i386 !hurd-any]", ["a"]),
        ("a [linux-any]", ["a"]),
        ("a <!nocheck>", ["a"]),
        ("a <nocheck>", []),
        ("a <stage1 !cross> <!nocheck !stage1>", ["a"]),
        ("a [i386] | b", ["b"]),
        ("a:any, b:native, c:i386", ["a", "b", "c:i386"]),
    ],
)
def test_what_is_for_others_is_dropped(text: str, names: list[str]) -> None:
    assert [atom.name for clause in clauses(text) for atom in clause] == names


def test_what_is_no_dependency_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a dependency"):
        clauses("a (= 1")


def test_stanzas_join_continued_lines_and_keep_the_text() -> None:
    lines = ["Package: a\n", "Depends: b,\n", " c\n", "\n", "\n", "Package: d\n"]
    assert list(control.stanzas(lines)) == [
        ({"Package": "a", "Depends": "b, c"}, lines[:3]),
        ({"Package": "d"}, lines[5:]),
    ]


@pytest.mark.parametrize(
    ("fields", "here"),
    [
        ({"Architecture": "any"}, True),
        ({"Architecture": "i386 all"}, True),
        ({"Architecture": "i386 armhf"}, False),
        ({"Architecture": "any", "Extra-Source-Only": "yes"}, False),
    ],
)
def test_sources_that_build_nothing_here_are_left_out(fields: dict[str, str], here: bool) -> None:
    assert control.built_here(fields) is here


def element(stanza: dict[str, str], *others: dict[str, str], ranked: bool = False) -> dict[str, list[str]]:
    """Convert the first of some binary packages; return its dependencies as RPM would print them."""
    packages = [
        convert.binary({"Version": "1-1", "Architecture": "amd64", "Package": "other"} | fields)
        for fields in (stanza, *others)
    ]
    found = ranks(convert.mentioned(packages)) if ranked else {}
    text = Converter(ranks=found, virtual=convert.virtual_names(packages)).xml(packages[0])
    package = ET.fromstring(f'<m xmlns="{COMMON[1:-1]}" xmlns:rpm="{RPM[1:-1]}">{text}</m>')[0]
    facts = {kind: [_printed(entry) for entry in package.iter(f"{RPM}{kind}")] for kind in ("sourcerpm",)}
    for kind in ("provides", "requires", "conflicts"):
        facts[kind] = [_printed(entry) for group in package.iter(f"{RPM}{kind}") for entry in group]
    return facts


def _printed(entry: ET.Element) -> str:
    if "flags" not in entry.attrib:
        return entry.get("name") or entry.text or ""
    return f"{entry.get('name')} {entry.get('flags')} {entry.get('epoch')}:{entry.get('ver')}-{entry.get('rel')}"


def test_a_binary_package_in_rpms_words() -> None:
    stanza = {
        "Package": "libfoo-dev",
        "Version": "1:2.0-3+b1",
        "Source": "foo (1:2.0-3)",
        "Provides": "libfoo-api (= 2)",
        "Pre-Depends": "dpkg",
        "Depends": "libfoo1 (= 1:2.0-3+b1), a (>= 1) | b",
        "Breaks": "old-foo (<< 1.5)",
        "Conflicts": "rival",
    }
    assert element(stanza) == {
        "sourcerpm": ["foo-2.0-3.src.rpm"],
        "provides": ["libfoo-dev EQ 1:2.0-3+b1", "libfoo-api EQ 0:2-0"],
        "requires": ["dpkg", "libfoo1 EQ 1:2.0-3+b1", "(a >= 0:1-0 or b)"],
        "conflicts": ["rival", "old-foo LT 0:1.5-0"],
    }


def test_ranks_take_the_place_of_versions() -> None:
    stanza = {"Package": "a", "Version": "9-1", "Depends": "b (>= 3), b (<< 8~)"}
    assert element(stanza, {"Package": "b", "Version": "7"}, ranked=True)["requires"] == ["b GE 0:1-0", "b LT 0:3-0"]


def test_a_provide_without_a_version_meets_nothing_versioned() -> None:
    virtual = {"Package": "exim", "Provides": "mail-agent"}
    asking = {"Package": "a", "Depends": "mail-agent, mail-agent (>= 1), mail-agent (<< 9)"}
    assert element(virtual)["provides"] == ["exim EQ 0:1-1", "mail-agent EQ 0:0~0-0"]
    assert element(asking, virtual)["requires"] == [
        "mail-agent",
        "mail-agent GE 0:1-0",
        "mail-agent(versioned) LT 0:9-0",
    ]
    real = {"Package": "mail-agent", "Version": "3"}
    assert element(real, virtual)["provides"] == ["mail-agent EQ 0:3-0", "mail-agent(versioned) EQ 0:3-0"]


def test_metadata_tell_their_true_checksums(tmp_path: Path) -> None:
    packages = [convert.source({"Package": "a", "Version": "1", "Build-Depends": "b", "Build-Conflicts": "c"})]
    write_metadata(tmp_path, packages, Converter(ranks={}, virtual=frozenset()))
    packed = (tmp_path / "repodata" / "primary.xml.gz").read_bytes()
    plain = gzip.decompress(packed)
    repomd = ET.parse(tmp_path / "repodata" / "repomd.xml")
    space = "{http://linux.duke.edu/metadata/repo}"
    assert repomd.findtext(f".//{space}checksum") == hashlib.sha256(packed).hexdigest()
    assert repomd.findtext(f".//{space}open-checksum") == hashlib.sha256(plain).hexdigest()
    assert repomd.findtext(f".//{space}open-size") == str(len(plain))
    assert b"<rpm:requires>" in plain
    assert b"<rpm:conflicts>" in plain
