"""From verdicts to the gate, as docs/verdicts.md tells it."""

import re
from pathlib import Path

import pytest

from bot.domain.conclusion import Coverage, conclude, coverage, untested
from bot.domain.run import Conclusion
from bot.domain.verdict import Finding, Judgement, Verdict
from tests.fakes.domain import RUN, TARGET

DOCS = (Path(__file__).parents[2] / "docs" / "verdicts.md").read_text(encoding="utf-8")
GATES = {Conclusion.SUCCESS: "passes", Conclusion.FAILURE: "fails"}

V, C = Verdict, Conclusion


def finding(verdict: Verdict, target: str = TARGET.name, *, needs_order: bool = False) -> Finding:
    judgement = Judgement(verdict=verdict, needs_order=needs_order)
    return Finding(run=RUN, target=target, package="libbar", judgement=judgement)


def findings(*verdicts: Verdict, target: str = TARGET.name) -> list[Finding]:
    return [finding(verdict, target) for verdict in verdicts]


@pytest.mark.parametrize("verdict", Verdict)
def test_the_page_tells_what_follows_from_every_verdict(verdict):
    found = finding(verdict)
    gate = conclude([found, finding(V.STILL_PASSING)], min_coverage=0)
    tested = "yes" if found.conclusive else "no"
    assert f"| {verdict.value} | {tested} | {GATES[gate]} |" in DOCS


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict is not V.WAIVED])
def test_the_page_has_a_rule_for_every_verdict(verdict):
    rules = re.findall(r"^\| \d+ \| .* \| (.*) \|$", DOCS, re.MULTILINE)
    assert any(re.match(rf"{verdict.value}\b|.*[;:] {verdict.value}\b", rule) for rule in rules)


def test_the_rules_are_numbered_in_their_order():
    numbers = [int(number) for number in re.findall(r"^\| (\d+) \|", DOCS, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))


CONCLUSIONS = [
    ("no package is affected", [], 90, C.SUCCESS),
    ("everything was left out", [V.NOT_TESTED] * 3, 90, C.SUCCESS),
    ("all is well", [V.STILL_PASSING, V.FIXED, V.STILL_FAILING, V.CHANGED_FAILURE, V.FLAKY], 100, C.SUCCESS),
    ("one of many has regressed", [V.REGRESSED] + [V.STILL_PASSING] * 99, 90, C.FAILURE),
    ("a regression weighs more than the coverage", [V.REGRESSED, *[V.INCONCLUSIVE] * 9], 90, C.FAILURE),
    ("what was waived has not regressed", [V.WAIVED], 90, C.SUCCESS),
    ("enough was tested", [V.INCONCLUSIVE] + [V.STILL_PASSING] * 9, 90, C.SUCCESS),
    ("too little was tested", [V.INCONCLUSIVE] + [V.STILL_PASSING] * 8, 90, C.ACTION_REQUIRED),
    ("what is blocked was not tested", [V.BLOCKED, V.STILL_PASSING], 90, C.ACTION_REQUIRED),
    ("what was left out does not lower it", [V.NOT_TESTED] * 9 + [V.STILL_PASSING], 90, C.SUCCESS),
    ("something planned and nothing tested is never green", [V.INCONCLUSIVE], 0, C.ACTION_REQUIRED),
    ("nor is it where much was left out", [V.BLOCKED, V.NOT_TESTED], 0, C.ACTION_REQUIRED),
]  # fmt: skip


@pytest.mark.parametrize(
    ("verdicts", "minimum", "expected"), [row[1:] for row in CONCLUSIONS], ids=[row[0] for row in CONCLUSIONS]
)
def test_a_run_concludes(verdicts, minimum, expected):
    assert conclude(findings(*verdicts), min_coverage=minimum) is expected


def test_a_rebuild_that_was_not_tried_in_order_asks_for_a_person():
    needed = finding(V.NEEDS_REBUILD, needs_order=True)
    assert conclude([needed, *findings(*[V.STILL_PASSING] * 99)], min_coverage=90) is C.ACTION_REQUIRED


def test_a_target_on_which_nothing_was_tested_is_not_made_up_for_by_another():
    here, nowhere = findings(*[V.STILL_PASSING] * 99), findings(V.INCONCLUSIVE, target="f43-aarch64")
    assert conclude([*here, *nowhere], min_coverage=90) is C.ACTION_REQUIRED
    assert untested([*here, *nowhere]) == ("f43-aarch64",)
    assert conclude([*here, *nowhere, *findings(V.FIXED, target="f43-aarch64")], min_coverage=90) is C.SUCCESS
    assert conclude([*here, *findings(V.NOT_TESTED, target="f43-aarch64")], min_coverage=90) is C.SUCCESS


def test_the_coverage_counts_what_is_conclusive_among_what_is_planned():
    counted = coverage(findings(V.STILL_PASSING, V.INCONCLUSIVE, V.NOT_TESTED))
    assert counted == Coverage(tested=1, planned=2, affected=3)
    assert counted.percent == 50
    assert coverage([]).percent == 100
