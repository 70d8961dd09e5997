"""Every answer of the resolver is the plain one: on wild distributions, and on small ones that were not so once."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.adapters.hawkey import worker
from bot.adapters.hawkey.impact import impact
from bot.adapters.hawkey.rebuild_order import rebuild_order
from bot.domain.plan import Effect
from tests.fakes.plain_checks import check
from tests.fakes.plainly import Both, load
from tests.fakes.rpmmd import Package, Rpm, Srpm
from tests.fakes.wild import DATA, Repo, Situation, situation

SAMPLE = 24


@pytest.mark.parametrize("seed", range(SAMPLE))
def test_every_answer_is_the_plain_one(tmp_path: Path, seed: int) -> None:
    check(load(tmp_path, situation(seed)))


def checked(directory: Path, base: Sequence[Package], *change: Rpm) -> Both:
    """Load a small situation, compare all answers, and return it."""
    replaces = frozenset(package.source or package.name for package in change)
    both = load(directory, Situation(repos=(Repo(packages=tuple(base)),), change=(change,), replaces=replaces))
    check(both)
    return both


def affected(both: Both) -> dict[str, Effect]:
    return {item.source.name: item.effect for item in impact(both.comparison).affected}


def test_a_namesake_that_comes_with_another_architecture_is_in_the_buildroot(tmp_path: Path) -> None:
    both = checked(
        tmp_path,
        [
            Rpm(name="lib", arch="i686", source="multi", provides=("lib.so.1",)),
            Rpm(name="lib", source="multi", requires=("base",)),
            Rpm(name="base"),
            Srpm(name="app", requires=("lib.so.1",)),
        ],
        Rpm(name="base", release="2"),
    )
    assert affected(both) == {"app": Effect.REBUILD}
    assert [link.provider for link in impact(both.comparison).affected[0].path] == ["lib", "lib", "base"]


def test_packages_of_another_architecture_do_not_allow_each_other(tmp_path: Path) -> None:
    # tool for i686 takes lib for i686, of another version than that for x86_64, only where that is asked for by name.
    both = checked(
        tmp_path,
        [
            Rpm(name="tool", arch="i686", requires=("lib.so", "also")),
            Rpm(name="lib", arch="i686", source="lib32", provides=("lib.so",)),
            Rpm(name="also", requires=("base = 1",)),
            Rpm(name="base", provides=("something",)),
        ],
        Rpm(name="base", requires=("lib = 2",)),
        Rpm(name="lib", version="2", source="base"),
    )
    assert {str(both.before.universe.packages[number]) for number in both.comparison.broken} == {"tool-1-1.i686"}


@pytest.mark.parametrize("wanted", ["(other if chosen else missing)", "(missing if (chosen if other))"])
def test_a_condition_that_is_installed_for_itself_is_in_the_buildroot(tmp_path: Path, wanted: str) -> None:
    base = [Rpm(name="chosen"), Rpm(name="other"), Srpm(name="app", requires=(wanted,))]
    checked(tmp_path, base, Rpm(name="chosen", release="2"))


def test_what_settles_a_conflict_is_in_the_buildroot(tmp_path: Path) -> None:
    both = checked(
        tmp_path,
        [
            Rpm(name="one", conflicts=("(two unless both)",)),
            Rpm(name="two"),
            Rpm(name="both"),
            Srpm(name="app", requires=("one", "two")),
        ],
        Rpm(name="both", release="2"),
    )
    assert affected(both) == {"app": Effect.REBUILD}


def test_a_file_of_an_architecture_that_cannot_be_installed_is_nobodys(tmp_path: Path) -> None:
    both = checked(
        tmp_path,
        [Rpm(name="data", arch="aarch64", files=DATA), Srpm(name="app", requires=(DATA[0], "missing"))],
        Rpm(name="new"),
    )
    assert not both.before.universe.providers(DATA[0])


def test_of_two_epochs_the_one_that_is_named_is_tried(tmp_path: Path) -> None:
    base = [Rpm(name="tool"), Rpm(name="tool", epoch=1, requires=("missing",))]
    both = checked(tmp_path, base, Rpm(name="new"))
    assert worker.try_to_install(both.comparison.after.universe.spec, ["tool-1-1.x86_64"]) == {}


def test_what_a_broken_package_keeps_out_is_not_needed_once_it_is_rebuilt(tmp_path: Path) -> None:
    both = checked(
        tmp_path,
        [
            Rpm(name="lib", provides=("lib.so.1",)),
            Rpm(name="tool", requires=("lib.so.1",), conflicts=("one",)),
            Rpm(name="one", provides=("either",)),
            Rpm(name="two", provides=("either",)),
            Srpm(name="app", requires=("tool", "either")),
            *(Srpm(name=name) for name in ("lib", "tool", "one", "two")),
        ],
        Rpm(name="lib", version="2", provides=("lib.so.2",)),
    )
    assert rebuild_order(both.comparison, ["app", "tool", "one", "two"]).edges == (("app", "tool"), ("app", "two"))
