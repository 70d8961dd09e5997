"""A change as a directory of RPM files, as a builder leaves them: what it replaces, and what is no such directory."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.adapters.hawkey.changes import LocalChange, local_change
from bot.adapters.hawkey.settings import HawkeySettings
from bot.ports.errors import Misconfigured, Rejected
from tests.fakes.built import build_rpms
from tests.fakes.rpmmd import Rpm, Srpm, write_repository


@pytest.fixture
def change(tmp_path: Path) -> Path:
    (tmp_path / "change").mkdir()
    return tmp_path / "change"


def look(change: Path) -> LocalChange:
    settings = HawkeySettings(cache=change.with_name("cache"), allow_file=True)
    with local_change(change, "x86_64", settings) as found:
        return found


def test_rpm_files_are_enough(change: Path) -> None:
    build_rpms(change, "libfoo", "2")
    found = look(change)
    assert (found.overlay.replaces, found.foreign) == ({"libfoo"}, ())
    assert not (change / "repodata").exists()


def test_without_an_srpm_the_binaries_say_what_they_were_built_from(change: Path) -> None:
    build_rpms(change, "libfoo", "2")
    (change / "libfoo-2-1.src.rpm").unlink()
    assert look(change).overlay.replaces == {"libfoo"}


def test_a_repository_is_taken_as_it_is(change: Path) -> None:
    url = write_repository(change, [Rpm(name="libfoo-devel", source="libfoo"), Srpm(name="libfoo")])
    found = look(change).overlay
    assert (found.repository, found.replaces) == (url, {"libfoo"})


def test_equal_packages_are_kept_once(change: Path) -> None:
    build_rpms(change, "libfoo")
    look(change)
    look(change)
    assert len([*(change.with_name("cache") / "metadata").iterdir()]) == 1


def test_packages_of_other_architectures_are_named_and_count_nothing(change: Path) -> None:
    build_rpms(change, "libfoo")
    build_rpms(change, "other", arch="aarch64")
    (change / "other-1-1.src.rpm").unlink()
    found = look(change)
    assert (found.overlay.replaces, found.foreign) == ({"libfoo"}, ("other-1-1.aarch64",))


def nothing(change: Path) -> None:
    """Leave the directory empty."""


def source_only(change: Path) -> None:
    build_rpms(change, "libfoo")
    (change / "libfoo.x86_64.rpm").unlink()


def foreign_only(change: Path) -> None:
    build_rpms(change, "libfoo", arch="aarch64")


def one_not_built(change: Path) -> None:
    build_rpms(change, "libfoo")
    build_rpms(change, "other", arch="aarch64")


def empty_metadata(change: Path) -> None:
    write_repository(change, [])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (nothing, "there are no RPM packages in it"),
        (source_only, "there is no binary package for x86_64 in it"),
        (foreign_only, "there is no binary package for x86_64 in it, only for aarch64"),
        (one_not_built, "there is no binary package for x86_64 in it that was built from other"),
        (empty_metadata, "there is no binary package for x86_64 in it"),
    ],
)
def test_what_cannot_be_installed_is_no_change(change: Path, make: Callable[[Path], None], said: str) -> None:
    make(change)
    with pytest.raises(Misconfigured) as caught:
        look(change)
    assert caught.value.what == said


@pytest.mark.parametrize("contents", [b"", b"no package", b"\xed\xab\xee\xdb" + b"\0" * 200])
def test_a_broken_file_is_named(change: Path, contents: bytes) -> None:
    build_rpms(change, "libfoo")
    (change / "broken.rpm").write_bytes(contents)
    with pytest.raises(Rejected, match=r"broken\.rpm is not an RPM package that can be read"):
        look(change)


def test_a_file_that_was_cut_off_is_named(change: Path) -> None:
    build_rpms(change, "libfoo")
    whole = change / "libfoo.x86_64.rpm"
    whole.write_bytes(whole.read_bytes()[:600])
    with pytest.raises(Rejected, match=r"libfoo\.x86_64\.rpm is not an RPM package"):
        look(change)
