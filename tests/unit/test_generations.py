"""What becomes of a plan in a later generation: what was rebuilt repairs some of it, and may break more."""

from collections.abc import Mapping, Sequence

import pytest

from bot.domain.config import ReverseDependencyConfig
from bot.domain.generations import Generation, Plan, in_order_after, looked_at_again, newly_broken
from bot.domain.packages import PackageChange
from bot.domain.plan import Affected, Effect, Impact, PlanEntry, RebuildOrder, Selection, Uninstallable
from bot.domain.select import Wishes
from tests.fakes.domain import NOW, RUN, TARGET, entry, published
from tests.fakes.resolver import affected, uninstallable, unresolvable

PROBLEM = "nothing provides libfoo.so.1 needed by bar-1-1.x86_64"
MOVED = "nothing provides libbar.so.1, needed by app-1-1.x86_64"
BAR = entry("bar", uninstallable=(uninstallable("bar", PROBLEM),))
APP = entry("app")
UNTOUCHED = entry(affected("idle", effect=Effect.UNAFFECTED), uninstallable=(uninstallable("idle", PROBLEM),))
EVERYTHING = Wishes(dependencies=ReverseDependencyConfig())


def generation(
    *items: Affected,
    rebuilt: Sequence[str] = ("bar",),
    broken: Sequence[Uninstallable] = (),
    brought: Sequence[Uninstallable] = (),
    changes: Sequence[PackageChange] = (),
    built_in: Mapping[str, int] | None = None,
) -> Generation:
    """The generation in which `rebuilt` lie beside libfoo."""
    return Generation(
        number=2,
        published={name: published(name) for name in ("libfoo", *rebuilt)},
        impact=Impact(affected=items, uninstallable=tuple(broken), changes=tuple(changes)),
        brought=brought,
        built_in=built_in or {},
    )


def again(before: PlanEntry, found: Generation, wishes: Wishes = EVERYTHING) -> PlanEntry:
    """Return how an entry stands in a generation in whose plan BAR is too."""
    first, *_ = looked_at_again([before, BAR], found, wishes)
    return first


def added(found: Generation, *known: PlanEntry, wishes: Wishes = EVERYTHING) -> dict[str, PlanEntry]:
    plan = Plan(run=RUN, target=TARGET.name, wishes=wishes, now=NOW)
    return {new.package: new for new in newly_broken(known or [BAR], found, plan)}


def test_a_rebuild_that_can_be_installed_has_repaired_its_package():
    assert again(BAR, generation()).repaired is True


def test_of_a_rebuild_that_cannot_be_installed_it_is_told_what_is_wrong_now():
    other = uninstallable("bar", "nothing provides libbaz")
    found = again(BAR, generation(brought=[other]))
    assert (found.repaired, found.uninstallable, found.broken_by) == (False, (other,), ())


def test_what_could_not_be_installed_before_the_change_either_does_not_spoil_a_rebuild():
    old = Uninstallable(package="bar-extra-1-1.x86_64", source="bar", problem="nothing provides nobody", still=True)
    assert again(BAR, generation(brought=[old])).repaired is True


def test_what_is_still_to_be_rebuilt_stays_open_unless_others_repaired_it():
    found = generation(rebuilt=["other"], broken=[uninstallable("bar", PROBLEM)])
    assert again(BAR, found).repaired is None
    assert again(BAR, generation(rebuilt=["other"])).repaired is True


@pytest.mark.parametrize("broken", [True, False])
def test_what_has_no_rebuild_of_its_own_is_repaired_by_others(broken: bool):
    found = generation(broken=[uninstallable("idle", PROBLEM)] if broken else [])
    assert again(UNTOUCHED, found).repaired is not broken


def test_what_a_rebuild_breaks_is_built_anew_and_names_it():
    moved = uninstallable("app", MOVED)
    changes = [PackageChange(package="bar", removed=("libbar.so.1",)), PackageChange(package="libfoo")]
    found = again(APP, generation(broken=[moved], changes=changes))
    assert (found.uninstallable, found.repaired, found.generation) == ((moved,), None, 2)
    assert found.broken_by == ("bar",)


def test_what_a_rebuild_breaks_of_what_is_published_is_broken_for_good():
    bad = uninstallable("app", "package app-1-1.x86_64 conflicts with bar provided by bar-1-1.x86_64")
    found = again(APP, generation(rebuilt=["bar", "app"], brought=[bad]))
    assert (found.uninstallable, found.repaired, found.generation) == ((bad,), False, 0)


@pytest.mark.parametrize(
    ("before", "built_in", "rebuilt_again"),
    [
        (APP, {"app": 0, "bar": 0}, True),
        (APP, {"app": 1, "bar": 0}, False),
        (entry("app", uninstallable=(uninstallable("app", PROBLEM),)), {"app": 1, "bar": 1}, True),
        (entry("app", uninstallable=(uninstallable("app", PROBLEM),)), {"app": 1, "bar": 0}, False),
        (entry("app", uninstallable=(uninstallable("app", MOVED),), generation=2), {"app": 1, "bar": 1}, True),
        (entry("app", uninstallable=(uninstallable("app", MOVED),), broken_by=("bar",)), {"app": 1, "bar": 1}, False),
        (entry(affected("app", effect=Effect.UNAFFECTED)), {"bar": 1}, False),
    ],
    ids=["beside it", "with it", "broken before, beside it", "broken before, with it", "is to come", "once", "never"],
)
def test_what_is_published_is_built_again_where_it_was_not_built_with_what_broke_it(
    before: PlanEntry, built_in: Mapping[str, int], rebuilt_again: bool
):
    moved = uninstallable("app", MOVED)
    changes = [PackageChange(package="bar", removed=("libbar.so.1",))]
    found = again(before, generation(rebuilt=["bar", "app"], brought=[moved], changes=changes, built_in=built_in))
    assert (found.uninstallable, found.repaired) == ((moved,), None if rebuilt_again else False)
    assert found.generation == (2 if rebuilt_again else before.generation)


def test_where_the_solver_names_nobody_the_last_rebuilds_are_to_blame():
    found = generation(rebuilt=["bar", "old"], broken=[uninstallable("app", "no")])
    old, bar = entry("old"), entry("bar", generation=1)
    assert looked_at_again([APP, old, bar], found, EVERYTHING)[0].broken_by == ("bar",)


def test_what_a_rebuild_makes_unresolvable_cannot_be_built():
    found = again(APP, generation(unresolvable("app", MOVED)))
    assert (found.affected.effect, found.affected.problem, found.ready) == (Effect.UNRESOLVABLE, MOVED, False)
    assert found.broken_by == ("bar",)
    waiting = entry(unresolvable("app", PROBLEM), ready=False)
    assert again(waiting, generation(unresolvable("app", MOVED))) == waiting


@pytest.mark.parametrize(
    ("before", "wished", "after"),
    [
        (Selection.OVER_LIMIT, {}, Selection.PLANNED),
        (Selection.TOO_DEEP, {}, Selection.PLANNED),
        (Selection.OVER_LIMIT, {"exclude": ("app",)}, Selection.EXCLUDED),
        (Selection.SKIPPED, {}, Selection.SKIPPED),
    ],
)
def test_no_limit_leaves_out_what_a_rebuild_broke(
    before: Selection, wished: dict[str, tuple[str, ...]], after: Selection
):
    wishes = Wishes(dependencies=ReverseDependencyConfig(**wished), limit=1)  # type: ignore[arg-type]
    found = generation(broken=[uninstallable("app", MOVED)])
    assert again(entry("app", selection=before), found, wishes).selection is after


def test_what_is_broken_and_in_no_plan_comes_into_it():
    broken = [uninstallable("idle", MOVED), uninstallable("bar", PROBLEM)]
    found = added(generation(unresolvable("stuck", MOVED), affected("fine"), affected("idle"), broken=broken))
    assert sorted(found) == ["idle", "stuck"]
    assert {new.generation for new in found.values()} == {2}
    assert found["idle"].affected.effect is Effect.REBUILD
    assert found["idle"].broken_by == found["stuck"].broken_by == ("bar",)
    assert not found["stuck"].ready


def test_what_comes_into_a_plan_is_selected_as_at_first():
    wishes = Wishes(dependencies=ReverseDependencyConfig(exclude=("id*",)), limit=0)
    found = added(generation(broken=[uninstallable("idle", MOVED), uninstallable("other", MOVED)]), wishes=wishes)
    assert {name: new.selection for name, new in found.items()} == {
        "idle": Selection.EXCLUDED,
        "other": Selection.PLANNED,
    }


def test_a_rebuild_may_break_what_the_change_brings():
    found = added(generation(brought=[uninstallable("libfoo", "no", binary="foo-tools")]))
    assert (found["libfoo"].own, found["libfoo"].broken_by) == (True, ("bar",))
    assert added(generation(brought=[uninstallable("libfoo", "no")]), BAR, found["libfoo"]) == {}


def test_what_broke_later_is_rebuilt_after_what_is_published():
    order = RebuildOrder(levels=(("tool",), ("app",)), edges=(("app", "tool"),))
    entries = (BAR, entry("tool"), entry("app"))
    placed = in_order_after(entries, order, {"tool", "app"}, first=3)
    assert [(item.level, item.needs) for item in placed] == [(0, ()), (3, ()), (4, ("tool",))]
