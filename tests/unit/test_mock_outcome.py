"""What became of a build in mock, whatever its logs look like."""

from pathlib import Path

import pytest

from bot.adapters.mock.outcome import failure, installed
from bot.adapters.mock.process import Ended
from bot.domain.build import FailureReason

BUILD = b"Executing(%build): x\na.c:1:1: error: no good\n"


def ended(results: Path, status: int = 1, **logs: bytes | None) -> Ended:
    for name, content in logs.items():
        if content is not None:
            (results / f"{name}.log").write_bytes(content)
    return Ended(status=status, said="", results=results)


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (None, FailureReason.INFRASTRUCTURE),
        (b"", FailureReason.INFRASTRUCTURE),
        (bytes(range(256)) * 4000, FailureReason.INFRASTRUCTURE),
        (BUILD[:-3], FailureReason.COMPILE),
        (b"Executing(%check): x\n\xff\xfe\xc3( \xe9\nFAILED t.py::a\n", FailureReason.CHECK),
        (b"noise\n" * 1_000_000 + BUILD, FailureReason.COMPILE),
    ],
    ids=["missing", "empty", "binary", "truncated", "not-utf8", "huge"],
)
def test_whatever_a_log_looks_like_there_is_a_reason(tmp_path: Path, log: bytes | None, reason: FailureReason) -> None:
    assert failure(ended(tmp_path, build=log)).reason is reason


def test_of_a_huge_log_the_end_alone_is_read(tmp_path: Path) -> None:
    with (tmp_path / "build.log").open("wb") as file:
        file.truncate(1 << 40)
        file.seek(0, 2)
        file.write(b"\n" + BUILD)

    assert failure(ended(tmp_path)).cause == "a.c:1:1: error: no good"


def test_a_root_that_cannot_be_made_without_a_word_is_infrastructure(tmp_path: Path) -> None:
    assert failure(ended(tmp_path, 30, root=b"\xff\x00\x9f\n")).reason is FailureReason.INFRASTRUCTURE


def test_a_list_of_packages_that_is_broken_tells_what_it_can(tmp_path: Path) -> None:
    (tmp_path / "installed_pkgs.log").write_bytes(b"bash-5.2-1.x86_64 17 1 installed\n\xff\xfe\x00\nvim-9")

    assert installed(tmp_path) == ("bash-5.2-1.x86_64",)
