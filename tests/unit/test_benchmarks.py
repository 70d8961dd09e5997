"""What the benchmarks calculate themselves, and that their page shows the figures of the results beside it."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.load import Load, requests
from benchmarks.resolver.tables import rows, section
from benchmarks.statistics import percentile
from benchmarks.tables import page

TOP = Path(__file__).parents[2]


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (1, 1), (50, 50), (99, 99), (100, 100)])
def test_a_percentile_is_a_value_of_the_sample(percent: float, value: float) -> None:
    assert percentile(list(range(100, 0, -1)), percent) == value


def test_an_empty_sample_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="empty"):
        percentile([], 50)


def test_every_delivery_has_an_id_of_its_own() -> None:
    load = Load(port=1, path="/", secret="s", deliveries=[("push", "{}"), ("ping", "{}")], count=6, connections=1)
    made = requests(load)
    assert len(set(made)) == 6
    assert [b"X-GitHub-Event: push" in request for request in made] == [True, False] * 3


def test_the_page_shows_the_results() -> None:
    results = json.loads((TOP / "benchmarks" / "results.json").read_text())
    assert page(results) == (TOP / "docs" / "performance.md").read_text()


def test_what_could_not_be_measured_is_said() -> None:
    lines = section({"not_measured": "there is no apt-get here", "openeuler": {"not_measured": "data absent"}})
    assert "not measured: there is no apt-get here" in lines
    assert any("openEuler" in line and "not measured: data absent" in line for line in lines)


def test_a_bar_that_is_missed_is_said() -> None:
    def row(seconds: float) -> str:
        (line,) = rows({"not_measured": "no", "openeuler": {"seconds": seconds}})
        return line

    assert row(1.9).endswith("| 1.9 s |  | ≤ 2 s | holds |")
    assert row(2.1).endswith("| 2.1 s |  | ≤ 2 s | **missed** |")


def measured() -> dict[str, Any]:
    """Results of the resolver, such as a run writes them; every bar holds."""
    impact = {"seconds": 4.0, "sources": 1000, "affected": 900, "solver_memory_mib": 300.0}
    return {
        "measured_at": "2026-01-01T00:00:00+00:00",
        "load": 0.1,
        "distribution": {"release": "made-up", "binaries": 2000, "sources": 1000},
        "load_cold": {"seconds": 1.0, "bare_seconds": 1.0},
        "direct": {"seconds": 0.01, "found": {"libfoo-dev": 3}, "bare": {"seconds": 0.01}},
        "cli": {"questions": 20, "revdeps": 6.0, "fedrq": 10.0},
        "impact": {
            **dict.fromkeys(("cold", "base_cached", "raised", "rebuilt", "requiring"), impact),
            "twice": {"whole_seconds": 96.0, "every": 20},
            "random": {"packages": 50, "p50_seconds": 0.5, "p90_seconds": 3.0},
        },
        "cone": {"seconds": 0.02, "found": 800, "dose": {"seconds": 30.0}},
        "together": {
            "targets": 10,
            "seconds": 9.0,
            "summed_memory_mib": 900.0,
            "longest_block_ms": 9.0,
            "longest_block_cpu_ms": 3.0,
        },
        "openeuler": {"seconds": 1.5},
    }


def test_every_figure_stands_beside_its_bar() -> None:
    lines = [*rows(measured())]
    assert len(lines) == 14
    assert all(line.count("|") == 6 and line.endswith("| holds |") for line in lines)
    assert section(measured())[2].startswith("2,000 binary and 1,000 source packages (made-up).")


def test_a_peer_that_is_not_here_is_said() -> None:
    found = measured() | {"cli": {"questions": 20, "revdeps": 6.0, "not_measured": "fedrq is not installed"}}
    assert sum("not measured: fedrq is not installed" in line for line in rows(found)) == 1
