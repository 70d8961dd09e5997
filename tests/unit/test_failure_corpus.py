"""Logs of builds that failed, and what they are read as: made here, or written after what was reported elsewhere."""

import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.domain.build import Failed, FailureReason, Phase
from bot.domain.failure import BuildEnd, classify, of_copr, of_koji, of_mock

LOGS = Path(__file__).parents[1] / "data" / "logs"
CASES: list[Mapping[str, Any]] = tomllib.loads((LOGS / "cases.toml").read_text())["case"]
AREAS = {"C", "C++", "Python", "Rust", "Go", "Java", "Perl", "packaging", "infrastructure"}


def log_of(case: Mapping[str, Any]) -> str:
    return (LOGS / case["log"]).read_text()


def read(case: Mapping[str, Any]) -> Failed:
    """Classify a case as its backend would have it done."""
    log, source = log_of(case), case.get("srpm", False)
    logs = {"root_log" if case.get("root") else "build_log": log}
    if "mock" in case:
        return of_mock(case["mock"], source=source, **logs)
    if "koji" in case:
        code, text = case["koji"]
        return of_koji(code, text, method=case.get("method", "buildArch"), **logs)
    if "copr" in case:
        return of_copr(case["copr"], source=source, **logs)
    phase = Phase(case["in"]) if "in" in case else None
    limit = case.get("limit", "")
    return classify(BuildEnd(tail=log, phase=phase, limit=limit, timed_out="time limit" in limit))


def naive(log: str, which: int) -> str:
    """What one looks for first: the first or the last line with the word error in it."""
    found = [line for line in log.splitlines() if "error" in line.lower()]
    return found[which].strip() if found else ""


@pytest.mark.parametrize("case", CASES, ids=[case["log"] for case in CASES])
def test_a_log_is_read_as_what_happened(case: Mapping[str, Any]) -> None:
    failed = read(case)

    assert failed.reason is FailureReason(case["reason"])
    assert failed.phase is (Phase(case["phase"]) if case["phase"] else None)
    assert failed.cause == case["cause"][:400]


def test_the_corpus_is_wide() -> None:
    outside = [case for case in CASES if case["log"].startswith("reported/")]

    assert len(CASES) >= 60
    assert len(outside) >= 30
    assert len(CASES) - len(outside) >= 30
    assert {case["area"] for case in CASES} == AREAS
    assert {case["reason"] for case in CASES} == {reason.value for reason in FailureReason}
    assert {case["phase"] for case in CASES} == {phase.value for phase in Phase} | {""}
    assert all(case["source"] for case in CASES)


def test_every_log_belongs_to_one_case() -> None:
    used = Counter(case["log"] for case in CASES)

    assert set(used.values()) == {1}
    assert set(used) == {str(path.relative_to(LOGS)) for path in LOGS.glob("*/*.log")}


def test_equal_faults_share_a_signature_and_no_others_do() -> None:
    groups: dict[str, set[str]] = defaultdict(set)
    for case in CASES:
        groups[read(case).signature].add(case.get("group", case["log"]))

    assert {signature: names for signature, names in groups.items() if len(names) > 1} == {}
    members = defaultdict(set)
    for case in CASES:
        if "group" in case:
            members[case["group"]].add(read(case).signature)
    assert {group: len(signatures) for group, signatures in members.items()} == dict.fromkeys(members, 1)
    assert len(members) >= 5


def test_more_causes_are_found_than_by_looking_for_the_word_error() -> None:
    """docs/verdicts.md tells these figures."""
    shown = [case for case in CASES if case["cause"] in log_of(case)]

    def found(way: Callable[[Mapping[str, Any]], str]) -> int:
        return sum(bool(told := way(case)) and (case["cause"] in told or told in case["cause"]) for case in shown)

    first, last = (found(lambda case, which=which: naive(log_of(case), which)) for which in (0, -1))  # type: ignore[misc]
    text = " ".join((LOGS.parents[2] / "docs" / "verdicts.md").read_text().split())
    assert found(lambda case: read(case).cause) == len(shown)
    assert f"Of the {len(CASES)} logs, {len(shown)} hold their cause" in text
    assert f"the last line with the word error is the cause in {last} of them, the first one in {first}" in text
