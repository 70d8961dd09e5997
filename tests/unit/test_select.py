"""Which affected packages are rebuilt, and why the others are not."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.config import Config, Depth, ReverseDependencyConfig
from bot.domain.history import Known, Previous
from bot.domain.plan import Affected, Effect, Impact, PlanEntry, RebuildOrder, Selection, Uninstallable
from bot.domain.select import Wishes, in_levels, own_entries, reselect, select, wishes_of, with_order, with_remedies
from tests.fakes.domain import CONFIG, NOW, RUN, TARGET, entry, published, run
from tests.fakes.resolver import affected, uninstallable, unresolvable

S = Selection
PROBLEM = "nothing provides libfoo.so.1"
BAR, FAR = affected("bar", dependents=1), affected("far", distance=3)


def wishes(skip: tuple[str, ...] = (), include: tuple[str, ...] = (), limit: int | None = None, **dependencies: object):  # type: ignore[no-untyped-def]
    config = ReverseDependencyConfig(**dependencies)  # type: ignore[arg-type]
    return Wishes(dependencies=config, skip=skip, include=include, limit=limit)


def planned(impact: Impact, wanted: Wishes, previous: Mapping[str, Previous] | None = None) -> tuple[PlanEntry, ...]:
    return select(RUN, TARGET.name, impact, wanted, previous or {}, NOW)


def chosen(impact: Impact, wanted: Wishes, previous: Mapping[str, Previous] | None = None) -> dict[str, Selection]:
    return {item.package: item.selection for item in planned(impact, wanted, previous)}


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


def test_what_is_not_built_on_the_architecture_is_left_out_even_where_it_is_asked_for():
    elsewhere = replace(BAR, source=replace(BAR.source, elsewhere=True))
    assert chosen(Impact(affected=(elsewhere,)), wishes()) == {"bar": S.ARCHITECTURE}
    assert chosen(Impact(affected=(elsewhere,)), wishes(include=("bar",))) == {"bar": S.ARCHITECTURE}
    assert chosen(Impact(affected=(elsewhere,)), wishes(skip=("bar",))) == {"bar": S.SKIPPED}


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
    (only,) = planned(Impact(affected=(), uninstallable=broken), wishes())
    assert (only.package, only.affected.effect, only.uninstallable) == ("tool", Effect.UNAFFECTED, broken)
    assert not only.buildable


def test_what_cannot_be_resolved_is_not_ready():
    entries = planned(Impact(affected=(BAR, unresolvable("app", PROBLEM))), wishes())
    assert {item.package: item.ready for item in entries} == {"app": False, "bar": True}


def test_what_newly_failed_goes_before_what_is_nearer_and_passed():
    impact = Impact(affected=(affected("near"), affected("shaky", distance=2)))
    lately = {
        "near": Previous(known=Known.PASSED, ended_at=NOW - timedelta(hours=6)),
        "shaky": Previous(known=Known.NEWLY_FAILED, ended_at=NOW - timedelta(hours=6)),
    }
    assert chosen(impact, wishes(limit=1), lately) == {"near": S.OVER_LIMIT, "shaky": S.PLANNED}


def test_a_boost_puts_forward_and_back():
    impact = Impact(affected=(affected("a-docs"), affected("b"), affected("python-c", distance=3)))
    boost = (("python-*", 200), ("*-docs", -200))
    assert chosen(impact, wishes(limit=2, boost=boost)) == {
        "a-docs": S.OVER_LIMIT,
        "b": S.PLANNED,
        "python-c": S.PLANNED,
    }


def test_what_is_left_out_knows_the_weight_of_the_last_that_was_chosen():
    near, far = planned(Impact(affected=(BAR, FAR)), wishes(limit=1))
    assert (near.weight and near.weight.total, near.least_chosen) == (256 + 16 + 256, None)
    assert (far.weight and far.weight.total, far.least_chosen) == (85 + 256, 256 + 16 + 256)


def test_where_nothing_is_chosen_by_weight_there_is_no_mark_to_reach():
    (_, far) = planned(Impact(affected=(BAR, FAR)), wishes(limit=1, include=("bar",)))
    assert (far.selection, far.least_chosen) == (S.OVER_LIMIT, None)


def test_without_a_limit_nothing_is_weighed():
    assert [item.weight for item in planned(Impact(affected=(BAR, FAR)), wishes())] == [None, None]


IMPACTS = st.builds(
    lambda sizes, broken: Impact(
        affected=tuple(
            affected(f"p{number}", distance=distance, dependents=dependents)
            for number, (distance, dependents) in enumerate(sizes)
        ),
        uninstallable=tuple(uninstallable(f"p{number}", PROBLEM) for number in sorted(broken) if number < len(sizes)),
    ),
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 300)), max_size=12),
    st.sets(st.integers(0, 11), max_size=3),
)


@given(IMPACTS, st.integers(1, 15), st.sets(st.integers(0, 11), max_size=3))
def test_the_limit_is_kept_and_used_up_and_the_best_are_chosen(impact, limit, included):
    wanted = wishes(limit=limit, include=tuple(f"p{number}" for number in included))
    entries = planned(impact, wanted)
    kept = {item.package for item in entries if item.uninstallable or item.package in wanted.include}
    picked = {item.package for item in entries if item.planned}
    assert kept <= picked
    assert len(picked) == max(len(kept), min(limit, len(entries)))
    by_weight = [item.weight.total for item in entries if item.package in picked - kept and item.weight]
    left_out = [item.weight.total for item in entries if item.package not in picked and item.weight]
    assert not by_weight or not left_out or min(by_weight) >= max(left_out)


def at_every_boost(package: Affected, others: Impact, limit: int) -> list[bool]:
    impact = Impact(affected=(*others.affected, package), uninstallable=others.uninstallable)
    name = package.source.name
    return [
        chosen(impact, wishes(limit=limit, boost=((name, points),)))[name] is S.PLANNED
        for points in (-1000, -100, -1, 0, 1, 100, 1000)
    ]


@given(IMPACTS, st.integers(1, 12), st.integers(1, 9))
def test_more_boost_never_leaves_a_package_out(impact, limit, distance):
    states = at_every_boost(affected("me", distance=distance), impact, limit)
    assert states == sorted(states)


def test_other_wishes_change_the_entries_that_they_concern_alone():
    entries = planned(Impact(affected=(BAR, FAR)), wishes(limit=1))
    (changed,) = reselect(entries, wishes(limit=1, include=("far",), skip=()))[1:]
    assert (changed.package, changed.selection) == ("far", S.PLANNED)
    assert reselect(entries, wishes(limit=1)) == ()


def test_what_stays_left_out_is_told_of_the_new_mark():
    entries = planned(Impact(affected=(BAR, FAR, affected("further", distance=4))), wishes(limit=2))
    changed = {item.package: item for item in reselect(entries, wishes(limit=2, skip=("bar",)))}
    assert {name: item.selection for name, item in changed.items()} == {"bar": S.SKIPPED, "further": S.PLANNED}
    more = {item.package: item for item in reselect(entries, wishes(limit=1))}
    assert (more["far"].least_chosen, more["further"].least_chosen) == (528, 528)


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


def test_only_what_cannot_be_resolved_waits_for_what_is_left_out():
    order = RebuildOrder(levels=(("bar",), ("app", "top")), edges=(("app", "bar"), ("top", "bar")))
    entries = (entry("bar", selection=S.SKIPPED), entry(unresolvable("app", PROBLEM), ready=False), entry("top"))
    placed = with_order(entries, order)
    assert [item.needs for item in placed] == [(), ("bar",), ()]


def own(*broken: Uninstallable) -> tuple[PlanEntry, ...]:
    return own_entries(RUN, TARGET.name, {name: published(name) for name in ("libfoo", "libbar")}, broken)


def test_a_package_of_the_change_is_in_the_plan_only_where_something_is_wrong_with_it():
    assert own() == ()
    (found,) = own(uninstallable("libfoo", PROBLEM, binary="foo-tools"))
    assert (found.package, found.own, found.planned, found.buildable) == ("libfoo", True, True, False)
    assert str(found.affected.source.nevra) == "libfoo-1-1.src"
    assert [each.package for each in found.uninstallable] == ["foo-tools-1-1.x86_64"]


def test_what_could_not_be_installed_before_either_is_told_of_and_no_fault():
    old = replace(uninstallable("libfoo", PROBLEM), still=True)
    (found,) = own(old)
    assert (found.affected.effect, found.affected.problem, found.uninstallable) == (
        Effect.STILL_UNRESOLVABLE,
        PROBLEM,
        (),
    )
    (both,) = own(old, uninstallable("libfoo", "new", binary="foo-tools"))
    assert [each.problem for each in both.uninstallable] == ["new"]


def test_no_wish_leaves_out_what_is_changed_itself():
    found = own(uninstallable("libfoo", PROBLEM))
    assert reselect(found, wishes(skip=("*",), exclude=("*",), limit=0)) == ()


def test_whose_rebuild_may_repair_what_is_not_rebuilt_is_read_from_what_the_solver_says():
    because = "package app-1-1.x86_64 requires libbar.so.1, but none of the providers can be installed"
    bar = entry("bar", uninstallable=(uninstallable("bar", PROBLEM),))
    idle = replace(
        entry(affected("idle", effect=Effect.UNAFFECTED)),
        uninstallable=(uninstallable("idle", f"{because}\n{PROBLEM} needed by bar-1-1.x86_64"),),
    )
    alone = replace(
        idle, affected=affected("alone", effect=Effect.UNAFFECTED), uninstallable=(uninstallable("alone", PROBLEM),)
    )
    found = {item.package: item for item in with_remedies((bar, idle, alone, entry("fine")))}
    assert {name: item.needs for name, item in found.items()} == {"bar": (), "idle": ("bar",), "alone": (), "fine": ()}
    assert found["idle"].waits
    assert not found["alone"].waits
    assert with_remedies(tuple(found.values())) == tuple(found.values())
