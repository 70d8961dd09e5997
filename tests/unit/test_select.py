"""Which affected packages are rebuilt, and why the others are not."""

import pytest

from bot.domain.config import Config, Depth, ReverseDependencyConfig
from bot.domain.plan import Effect, Impact, RebuildOrder, Selection
from bot.domain.select import Wishes, in_levels, reselect, select, wishes_of, with_order
from tests.fakes.domain import CONFIG, RUN, TARGET, entry, run
from tests.fakes.resolver import affected, uninstallable, unresolvable

S = Selection
PROBLEM = "nothing provides libfoo.so.1"
BAR, FAR = affected("bar", dependents=1), affected("far", distance=3)


def wishes(skip: tuple[str, ...] = (), include: tuple[str, ...] = (), limit: int | None = None, **dependencies: object):  # type: ignore[no-untyped-def]
    config = ReverseDependencyConfig(**dependencies)  # type: ignore[arg-type]
    return Wishes(dependencies=config, skip=skip, include=include, limit=limit)


def chosen(impact: Impact, wanted: Wishes) -> dict[str, Selection]:
    return {item.package: item.selection for item in select(RUN, TARGET.name, impact, wanted)}


RULES = [
    ("everything is planned where nobody says otherwise", {}, {"bar": S.PLANNED, "far": S.PLANNED}),
    ("a skip leaves out", {"skip": ("b*",)}, {"bar": S.SKIPPED, "far": S.PLANNED}),
    ("a skip outweighs an include", {"skip": ("bar",), "include": ("*",)}, {"bar": S.SKIPPED, "far": S.PLANNED}),
    ("an exclude leaves out", {"exclude": ("bar",)}, {"bar": S.EXCLUDED, "far": S.PLANNED}),
    ("include beats exclude", {"exclude": ("*",), "include": ("bar",)}, {"bar": S.PLANNED, "far": S.EXCLUDED}),
    ("the depth leaves out", {"depth": Depth(levels=2)}, {"bar": S.PLANNED, "far": S.TOO_DEEP}),
    ("include beats the depth", {"depth": Depth(levels=2), "include": ("far",)}, {"bar": S.PLANNED, "far": S.PLANNED}),
    ("a static list is the whole list", {"static": ("far",)}, {"bar": S.EXCLUDED, "far": S.PLANNED}),
    ("the nearest are within the limit", {"limit": 1}, {"bar": S.PLANNED, "far": S.OVER_LIMIT}),
    ("an include goes first", {"limit": 1, "include": ("far",)}, {"bar": S.OVER_LIMIT, "far": S.PLANNED}),
    ("an include is never left out", {"limit": 1, "include": ("*",)}, {"bar": S.PLANNED, "far": S.PLANNED}),
    ("what is left out takes no place", {"limit": 1, "skip": ("bar",)}, {"bar": S.SKIPPED, "far": S.PLANNED}),
]  # fmt: skip


@pytest.mark.parametrize(("said", "expected"), [row[1:] for row in RULES], ids=[row[0] for row in RULES])
def test_the_selection(said, expected):
    assert chosen(Impact(affected=(BAR, FAR)), wishes(**said)) == expected


def test_the_configurations_include_counts_like_a_commands():
    assert Wishes(dependencies=ReverseDependencyConfig(include=("a",)), include=("b",)).included == ("b", "a")


def test_within_the_limit_more_dependents_go_first_and_then_the_name():
    impact = Impact(affected=(affected("b"), affected("a"), affected("z", dependents=5)))
    assert chosen(impact, wishes(limit=2)) == {"a": S.PLANNED, "b": S.OVER_LIMIT, "z": S.PLANNED}


@pytest.mark.parametrize("said", [{"limit": 1}, {"depth": Depth(levels=1)}], ids=["the limit", "the depth"])
def test_what_cannot_be_installed_is_left_out_by_nothing_but_a_wish(said):
    broken = (uninstallable("far", PROBLEM), uninstallable("further", PROBLEM))
    impact = Impact(affected=(BAR, FAR, affected("further", distance=4)), uninstallable=broken)
    planned = chosen(impact, wishes(**said))
    assert (planned["far"], planned["further"]) == (S.PLANNED, S.PLANNED)
    assert chosen(impact, wishes(skip=("far",)))["far"] is S.SKIPPED


def test_what_costs_no_build_takes_no_place_within_the_limit():
    impact = Impact(affected=(unresolvable("a", PROBLEM), affected("b", effect=Effect.STILL_UNRESOLVABLE), BAR))
    assert set(chosen(impact, wishes(limit=1)).values()) == {S.PLANNED}


def test_what_only_cannot_be_installed_has_an_entry_too():
    broken = (uninstallable("tool", PROBLEM), uninstallable("tool", PROBLEM, "tool-devel"))
    (only,) = select(RUN, TARGET.name, Impact(affected=(), uninstallable=broken), wishes())
    assert (only.package, only.affected.effect, only.uninstallable) == ("tool", Effect.UNAFFECTED, broken)
    assert not only.buildable


def test_what_cannot_be_resolved_is_not_ready():
    entries = select(RUN, TARGET.name, Impact(affected=(BAR, unresolvable("app", PROBLEM))), wishes())
    assert {item.package: item.ready for item in entries} == {"app": False, "bar": True}


def test_other_wishes_change_the_entries_that_they_concern_alone():
    entries = select(RUN, TARGET.name, Impact(affected=(BAR, FAR)), wishes(limit=1))
    (changed,) = reselect(entries, wishes(limit=1, include=("far",), skip=()))[1:]
    assert (changed.package, changed.selection) == ("far", S.PLANNED)
    assert reselect(entries, wishes(limit=1)) == ()


def test_a_run_brings_its_own_depth_and_limit():
    wanted = wishes_of(run(depth=Depth(levels=1), limit=3, skip=("a",), include=("b",)), CONFIG)
    assert wanted == Wishes(
        dependencies=ReverseDependencyConfig(depth=Depth(levels=1)), skip=("a",), include=("b",), limit=3
    )
    config: Config = CONFIG
    assert wishes_of(run(), config).dependencies == config.reverse_dependencies


def test_in_order_everybody_knows_its_level_and_whom_it_waits_for():
    order = RebuildOrder(levels=(("bar",), ("app",)), edges=(("app", "bar"),))
    placed = with_order((entry("app"), entry("bar"), entry("loner")), order)
    assert [(item.level, item.needs) for item in placed] == [(1, ("bar",)), (0, ()), (0, ())]
    assert [item.ready for item in in_levels(placed)] == [False, True, True]
