"""Beside Debian's own tools, on archives made up at random: what they answer, the resolver answers.

`make oracles` compares the same on a whole distribution.
"""

from pathlib import Path

import pytest

from benchmarks import dose
from benchmarks.distribution import Distribution, write
from benchmarks.dose import Name
from benchmarks.oracles import (
    Disagreement,
    Ours,
    compare_direct,
    compare_installability,
    compare_resolvability,
)
from tests.fakes.debian import write_archive

pytestmark = pytest.mark.skipif(bool(dose.missing()), reason="this distribution does not package dose")


@pytest.fixture(params=range(6))
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Distribution:
    directory = tmp_path / "distribution"
    directory.mkdir()
    return write(write_archive(tmp_path, request.param), directory, ranked=True)


@pytest.fixture
def ours(made: Distribution, tmp_path: Path) -> Ours:
    return Ours(made, tmp_path / "cache")


def test_the_same_source_packages_cannot_be_solved(made: Distribution, ours: Ours) -> None:
    broken = dose.unresolvable(made)
    assert 0 < len(broken) < made.sources
    assert [*compare_resolvability(ours, broken)] == []


def test_the_same_packages_cannot_be_installed(made: Distribution, ours: Ours) -> None:
    broken = dose.uninstallable(made)
    assert 0 < len(broken) < made.binaries
    assert [*compare_installability(ours, broken)] == []


def test_the_same_source_packages_are_built_with_a_package(made: Distribution, ours: Ours) -> None:
    agreed = 0
    for subject in ("lib0", "lib10", "lib50", "lib100"):
        theirs = dose.direct(made, subject)
        assert [
            item for item in compare_direct(ours, lambda _, found=theirs: found, subject) if not item.explained
        ] == []
        agreed += len(theirs & ours.direct(subject))
    assert agreed


def test_a_disagreement_is_found_and_told(made: Distribution, ours: Ours) -> None:
    invented = Name("source0", "9:9-9")
    told = [*compare_resolvability(ours, [*dose.unresolvable(made), invented])]
    question = "source packages that cannot be solved"
    assert told == [Disagreement(question=question, package="source0-9:9-9", only="dose")]
    assert str(told[0]) == f"{question}: only dose lists source0-9:9-9 (NOT EXPLAINED)"
