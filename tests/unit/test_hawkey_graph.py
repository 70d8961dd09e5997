"""Graph questions that need no solver."""

from collections.abc import Collection, Mapping
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.hawkey.graph import order, shortest_path, thinned

NAMES = st.sampled_from("abcdefgh")
GRAPHS = st.dictionaries(NAMES, st.frozensets(NAMES))


def test_a_path_is_as_short_as_can_be_and_stays_inside() -> None:
    graph: Mapping[int, set[int]] = {0: {1, 2}, 1: {9}, 2: {3}, 3: {9}, 9: set()}
    assert shortest_path(0, {9}, graph.__getitem__) == (0, 1, 9)
    assert shortest_path(0, {9}, graph.__getitem__, {2, 3, 9}) == (0, 2, 3, 9)
    assert shortest_path(0, {9}, graph.__getitem__, {2, 9}) == ()


def test_a_package_comes_after_what_it_needs() -> None:
    found = order(["app", "lib", "base"], {"app": ["lib", "stranger"], "lib": ["base", "lib"]})
    assert found.levels == (("base",), ("lib",), ("app",))
    assert found.edges == (("app", "lib"), ("lib", "base"))
    assert found.cycles == ()


def test_a_cycle_is_cut_where_it_costs_least_and_the_cut_is_named() -> None:
    found = order(["a", "b", "hub"], {"a": ["hub", "b"], "b": ["hub"], "hub": ["a"]})
    assert found.levels == (("hub",), ("b",), ("a",))
    ((cut,),) = (cycle.cuts for cycle in found.cycles)
    assert (cut.package, cut.needs) == ("hub", "a")
    assert "2 need it and it needs 1" in cut.reason


def test_a_cycle_is_told_with_the_edge_that_was_cut_and_why() -> None:
    (cycle,) = order("abc", {"a": ["b"], "b": ["c"], "c": ["a"]}).cycles
    assert cycle.members == ("a", "b", "c")
    (cut,) = cycle.cuts
    assert (cut.package, cut.needs, cut.way) == ("a", "b", ("a", "b", "c", "a"))
    assert cut.reason == "a goes first: of what was left of the cycle 1 needs it and it needs 1, and nobody was better"


@given(GRAPHS)
def test_every_cut_edge_closed_the_cycle_that_is_told(needs: Mapping[str, frozenset[str]]) -> None:
    found = order("abcdefgh", needs)
    for cycle in found.cycles:
        for cut in cycle.cuts:
            assert cut.way[:2] == (cut.package, cut.needs)
            assert cut.way[-1] == cut.package
            assert set(cut.way) <= set(cycle.members)
            assert all(other in needs[node] for node, other in pairwise(cut.way))


@given(GRAPHS)
def test_an_order_keeps_every_edge_but_the_cut_ones_and_breaks_none(needs: Mapping[str, frozenset[str]]) -> None:
    found = order("abcdefgh", needs)
    level = {node: number for number, nodes in enumerate(found.levels) for node in nodes}
    assert sorted(level) == list("abcdefgh")
    assert all(level[other] < level[node] for node, other in found.edges)
    wanted = {(node, other) for node, others in needs.items() for other in others if node != other}
    cuts = {(cut.package, cut.needs) for cycle in found.cycles for cut in cycle.cuts}
    assert set(found.edges) | cuts == wanted
    assert not set(found.edges) & cuts


@given(GRAPHS)
def test_nothing_is_cut_where_there_is_no_cycle(needs: Mapping[str, frozenset[str]]) -> None:
    downwards = {node: {other for other in others if other < node} for node, others in needs.items()}
    assert order("abcdefgh", downwards).cycles == ()


@given(GRAPHS)
def test_a_thinned_order_has_the_same_levels_and_leads_everywhere_it_led(needs: Mapping[str, frozenset[str]]) -> None:
    found = order("abcdefgh", needs)
    thin = thinned(found)
    assert (thin.levels, thin.cycles) == (found.levels, found.cycles)
    assert set(thin.edges) <= set(found.edges)
    assert _reached(thin.edges) == _reached(found.edges)
    assert order("abcdefgh", _grouped(thin.edges)).levels == found.levels


@given(GRAPHS)
def test_no_edge_of_a_thinned_order_follows_from_others(needs: Mapping[str, frozenset[str]]) -> None:
    edges = thinned(order("abcdefgh", needs)).edges
    assert all(_reached(set(edges) - {edge}) != _reached(edges) for edge in edges)


def _grouped(edges: Collection[tuple[str, str]]) -> Mapping[str, list[str]]:
    return {node: [other for one, other in edges if one == node] for node in "abcdefgh"}


def _reached(edges: Collection[tuple[str, str]]) -> Mapping[str, set[str]]:
    """Return whom everybody reaches, by as many steps as it takes."""
    near, reached = _grouped(edges), {node: {node} for node in "abcdefgh"}
    for _ in reached:
        reached = {node: far.union(*(near[one] for one in far)) for node, far in reached.items()}
    return reached
