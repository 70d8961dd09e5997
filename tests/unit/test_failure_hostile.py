"""Logs that are missing, cut off, huge, binary or made to hurt: every reader answers, and soon."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.build import FailureReason
from bot.domain.failure import BuildEnd, classify, clean, normalise, of_copr, of_koji, of_mock
from bot.domain.failure_rules import CAUSE_LENGTH, LINE_LENGTH

MIB = 2**20
FOUND = (
    "Executing(%build): x\n",
    "error: Failed build dependencies:\n\tfoo\n",
    "Child return code was: 1\n",
    "CMake Error at x:\n",
    "ERROR: Command failed: \n",
    "E   ValueError: x\n",
    " error: ",
    "\x1b]8;;",
    "\udcff",
    "nothing provides ",
)
LOGS = st.lists(st.sampled_from(FOUND) | st.text(max_size=40), max_size=30).map("".join)


@given(LOGS, LOGS, st.integers(-9, 255), st.booleans())
def test_every_log_is_read_as_something(log: str, root: str, status: int, source: bool) -> None:
    answers = [
        classify(BuildEnd(tail=log)),
        of_mock(status, build_log=log, root_log=root, source=source),
        of_koji(status + 1000, root, build_log=log, root_log=root),
        of_koji(1005, f"{log} mock exited with status {status}; {root}", build_log=log),
        of_copr("failed", source=source, build_log=log, root_log=root, backend_log=root),
    ]

    for failed in answers:
        assert failed.signature
        assert 0 < len(failed.cause) <= CAUSE_LENGTH
        assert clean(failed.cause) == failed.cause.rstrip()
        assert "\n" not in failed.cause


@given(st.binary(max_size=500))
def test_bytes_that_are_no_text_are_read_too(raw: bytes) -> None:
    log = raw.decode(errors="replace")

    assert classify(BuildEnd(tail=log)).cause
    assert of_copr("failed", build_log=log).cause


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        " ",
        ":",
        "/",
        "/a",
        "1:",
        "E ",
        "Error.",
        "error: ",
        "(",
        "*** ",
        "[ERROR] ",
        "A.b",
        "\x1b[",
        "\x1b]",
        "'",
        "0",
    ],
)
def test_a_line_of_a_mebibyte_does_not_hold_up_the_service(unit: str) -> None:
    line = unit * (MIB // len(unit))
    began = process_time()
    classify(BuildEnd(tail=f"Executing(%build): x\n{line}"))
    of_mock(30, root_log=line)
    of_copr("failed", build_log=line, backend_log=line)
    normalise(line[:LINE_LENGTH])

    assert process_time() - began < 5


def test_a_mebibyte_of_short_lines_does_not_either() -> None:
    began = process_time()
    failed = classify(BuildEnd(tail="Executing(%build): x\n" + "gcc -c a.c\n" * (MIB // 11)))

    assert failed.reason is FailureReason.COMPILE
    assert process_time() - began < 10


@pytest.mark.parametrize("cut", [1, 40, 90, 130, 160])
def test_a_log_that_breaks_off_is_read_as_far_as_it_goes(cut: int) -> None:
    log = "Executing(%prep): x\n+ exit 0\nExecuting(%build): x\na.c:1:2: error: no\nmake: *** [a.o] Error 1\nerror: Bad"

    failed = of_mock(10, build_log=log[:cut])

    assert failed.reason is FailureReason.COMPILE
    assert failed.cause
    assert (failed.cause == "a.c:1:2: error: no") == (cut > 70)
