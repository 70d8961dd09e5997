"""How RPM names its packages."""

import pytest

from bot.domain.packages import Link, Nevra, SourcePackage

NAMES = [
    ("bash-5.2.26-3.fc40.x86_64", "bash", 0, "5.2.26", "3.fc40", "x86_64"),
    ("bash-5.2.26-3.fc40.src.rpm", "bash", 0, "5.2.26", "3.fc40", "src"),
    ("vim-common-2:9.1-1.noarch", "vim-common", 2, "9.1", "1", "noarch"),
    ("java-21-openjdk-1:21.0.4.0.7-2.aarch64", "java-21-openjdk", 1, "21.0.4.0.7", "2", "aarch64"),
    ("gtk+-1.0~rc1-0.1^git.i686", "gtk+", 0, "1.0~rc1", "0.1^git", "i686"),
]


@pytest.mark.parametrize("row", NAMES, ids=[row[0] for row in NAMES])
def test_a_nevra_is_read_and_written(row):
    text, name, epoch, version, release, arch = row
    read = Nevra.parse(text)
    assert read == Nevra(name=name, epoch=epoch, version=version, release=release, arch=arch)
    assert str(read) == text.removesuffix(".rpm")


@pytest.mark.parametrize("text", ["", "bash", "bash-5.2", "bash-5.2-3", "bash-x:5.2-3.src", "-1-1."])
def test_anything_else_is_refused_with_what_was_expected(text):
    with pytest.raises(ValueError, match=r"name-\[epoch:\]version-release\.arch"):
        Nevra.parse(text)


def test_an_epoch_of_zero_is_not_printed():
    assert Nevra.parse("bash-0:5-1.src").evr == "5-1"


def test_a_source_package_goes_by_its_name():
    assert SourcePackage(nevra=Nevra.parse("bash-5-1.src"), location="", checksum="").name == "bash"


def test_a_step_of_a_path_reads_as_a_sentence():
    link = Link(package="app", capability="libfoo.so.1()(64bit)", provider="libfoo")
    assert str(link) == "app needs libfoo.so.1()(64bit), provided by libfoo"
