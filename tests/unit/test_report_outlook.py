"""How what is to come and what was left out are told."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.history import Known
from bot.domain.plan import Selection
from bot.domain.priority import Weight
from bot.domain.publication import Capabilities
from bot.domain.report.assemble import assemble
from bot.domain.report.check import render_check
from bot.domain.report.comment import render_comment
from bot.domain.report.export import to_json
from bot.domain.report.outlook import RULE, figures, forecast_words, why_left_out
from bot.domain.report.values import Forecast, Links, Report, Row, Stage
from bot.domain.verdict import Verdict
from tests.fakes.reports import START, context, story

REPORT = replace(assemble(story(), context()), stage=Stage.REBUILDING)
HOUR = timedelta(hours=1)
WEIGHT = Weight(
    distance=64, dependents=0, previous=0, age=7, known=Known.PASSED, built_before=timedelta(days=2, hours=3)
)


def left_out(name: str = "far", **changes: object) -> Row:
    plain = Row(
        package=name,
        target="f44",
        verdict=Verdict.NOT_TESTED,
        selection=Selection.OVER_LIMIT,
        distance=4,
        weight=WEIGHT,
        least_chosen=96,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


WORDS = [
    (Forecast(builds=0), "0 builds to go"),
    (Forecast(builds=1), "1 build to go, what they cost is not known yet"),
    (Forecast(builds=3, wall=HOUR / 2, cpu=2 * HOUR), "3 builds to go, about 2.0 CPU hours"),
    (Forecast(builds=3, wall=HOUR / 100), "3 builds to go, about 0.1 build hours"),
    (Forecast(builds=1437, cpu=1234 * HOUR), "1,437 builds to go, about 1,234 CPU hours"),
    (
        Forecast(builds=2, wall=HOUR, ends_at=START + HOUR),
        f"2 builds to go, about 1.0 build hours, expected to end at {START + HOUR:%H:%M} UTC",
    ),
    (
        Forecast(builds=2, wall=HOUR, ends_at=START + 24 * HOUR),
        f"2 builds to go, about 1.0 build hours, expected to end at {START + 24 * HOUR:%Y-%m-%d %H:%M} UTC",
    ),
]


@pytest.mark.parametrize(("told", "words"), WORDS, ids=[words for _, words in WORDS])
def test_the_forecast_in_words(told: Forecast, words: str) -> None:
    assert forecast_words(replace(REPORT, forecast=told)) == words


def test_the_forecast_in_json() -> None:
    told = Forecast(builds=2, wall=HOUR, cpu=2 * HOUR, ends_at=START + HOUR)
    assert to_json(replace(REPORT, forecast=told))["forecast"] == {
        "builds": 2,
        "build_seconds": 3600,
        "cpu_seconds": 7200,
        "ends_at": (START + HOUR).isoformat(),
    }


def test_nothing_is_to_come_where_nothing_is_known_or_all_is_over() -> None:
    assert forecast_words(REPORT) == ""
    assert forecast_words(replace(REPORT, forecast=Forecast(builds=1), stage=Stage.FINISHED)) == ""


FIGURES = [
    ({}, "distance 4, 0 dependents, passed 2 days ago: weight 71; the last one chosen has 96"),
    (
        {"weight": replace(WEIGHT, boost=-9, known=Known.NEWLY_FAILED, built_before=47 * HOUR), "dependents": 1},
        "distance 4, 1 dependent, newly failed 47 hours ago, boost -9: weight 62; the last one chosen has 96",
    ),
    (
        {"weight": replace(WEIGHT, known=Known.FAILED, built_before=HOUR / 2), "least_chosen": None},
        "distance 4, 0 dependents, failed less than an hour ago: weight 71; what is never left out takes all places",
    ),
    (
        {"weight": replace(WEIGHT, known=Known.NEVER, built_before=None)},
        "distance 4, 0 dependents, never built here: weight 71; the last one chosen has 96",
    ),
]


@pytest.mark.parametrize(("changes", "words"), FIGURES, ids=[words for _, words in FIGURES])
def test_the_figures_of_what_was_left_out(changes: dict[str, object], words: str) -> None:
    assert figures(left_out(**changes)) == words
    assert why_left_out(left_out(**changes)) == f"over the limit of packages: {words}"


def test_other_reasons_have_no_figures() -> None:
    assert why_left_out(left_out(selection=Selection.SKIPPED)) == "skipped by a command"
    assert why_left_out(left_out(weight=None)) == "over the limit of packages"


def over_limit(number: int, **changes: object) -> Report:
    rows = [left_out(f"package-{index:05}", weight=replace(WEIGHT, boost=-(index % 7))) for index in range(number)]
    others = [row for row in REPORT.rows if row.selection is not Selection.OVER_LIMIT]
    return replace(REPORT, rows=(*others, *rows), **changes)  # type: ignore[arg-type]


def check_text(report: Report) -> str:
    can = Capabilities(buttons=True, annotations=True, comment_limit=65_000, text_limit=60_000)
    return render_check(report, Links(), can).text


def test_the_comment_counts_and_tells_the_rule() -> None:
    text = render_comment(over_limit(30), Links())
    assert f"- over the limit of packages: 30 packages. {RULE}" in text
    assert "package-00001" not in text


def test_the_check_lists_them_all_the_heaviest_first_with_their_targets_where_there_are_several() -> None:
    text = check_text(over_limit(3, targets=("f44", "el10")))
    listed = [line for line in text.splitlines() if line.startswith("  - ")]
    assert listed == [
        f"  - `package-0000{number}` on `f44`: distance 4, 0 dependents, passed 2 days ago"
        f"{f', boost -{number}' if number else ''}: weight {71 - number}; the last one chosen has 96"
        for number in range(3)
    ]


def test_the_list_shrinks_before_anything_else_does() -> None:
    text = check_text(over_limit(3000))
    listed = [line for line in text.splitlines() if line.startswith("  - `package")]
    assert len(listed) == 500
    assert "  - and 2,500 more" in text
    assert all(line in text for line in check_text(REPORT).splitlines() if "bar.c:12" in line)
