"""Graph questions that need no solver: who can reach whom, how far it is, in which order, and where the cycles are.

Nodes are anything hashable; everything is deterministic: ties are broken by the order of the nodes.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from graphlib import TopologicalSorter
from itertools import chain

from bot.domain.plan import Cut, Cycle, RebuildOrder


def shortest_path(
    start: int, goals: Set[int], neighbours: Callable[[int], Set[int]], within: Set[int] | None = None
) -> tuple[int, ...]:
    """Return the nodes of a shortest way from `start` to any goal, both included, breadth-first; empty if none.

    With `within` only those nodes are passed. Of several ways the one with the lowest numbers wins.
    """
    layers: list[set[int]] = [{start}]
    seen = {start}
    while layers[-1]:
        found: set[int] = set().union(*(neighbours(node) for node in layers[-1]))
        found -= seen
        if within is not None:
            found &= within
        if hits := found & goals:
            return _walk_back(min(hits), layers, neighbours)
        seen |= found
        layers.append(found)
    return ()


def _walk_back(goal: int, layers: Sequence[set[int]], neighbours: Callable[[int], Set[int]]) -> tuple[int, ...]:
    way = [goal]
    for layer in reversed(layers):
        way.append(min(node for node in layer if way[-1] in neighbours(node)))
    return tuple(reversed(way))


def order(nodes: Collection[str], needs: Mapping[str, Collection[str]]) -> RebuildOrder:
    """Return levels such that every node comes after what it needs; edges to strangers and to itself are ignored.

    Cycles are the strongly connected components (Tarjan, SIAM J. Comput. 1(2), 1972). In each the edges that are cut
    come from the greedy heuristic of Eades, Lin and Smyth (Inf. Process. Lett. 47(6), 1993), which cuts few and takes
    time linear in the edges: whoever is needed by most and needs fewest goes first, of equals the first by name.
    """
    graph = {node: {other for other in needs.get(node, ()) if other in nodes and other != node} for node in nodes}
    cycles = [
        Cycle(members=tuple(sorted(nodes)), cuts=tuple(_cut(graph, nodes)))
        for nodes in _components(graph)
        if len(nodes) > 1
    ]
    for cycle in cycles:
        for edge in cycle.cuts:
            graph[edge.package].discard(edge.needs)
    return RebuildOrder(
        levels=tuple(_levels(graph)),
        edges=tuple((node, other) for node in sorted(graph) for other in sorted(graph[node])),
        cycles=tuple(sorted(cycles, key=lambda cycle: cycle.members)),
    )


def thinned(found: RebuildOrder) -> RebuildOrder:
    """Leave out the edges that follow from others: who waits for one need not wait for what that one waits for.

    What is left is the least that has the same levels and lets everybody reach whom they reached before.
    """
    needs: dict[str, list[str]] = defaultdict(list)
    for node, other in found.edges:
        needs[node].append(other)
    needed = {other for _, other in found.edges}
    # Only who is needed has a place: of a distribution most are not, and the sets of places, a bit each, stay small.
    place = {
        node: number for number, node in enumerate(node for level in found.levels for node in level if node in needed)
    }
    below: dict[str, int] = {}
    kept = []
    for node in chain.from_iterable(found.levels):
        reached = 0
        for other in sorted(needs[node], key=place.__getitem__, reverse=True):
            if not reached >> place[other] & 1:
                kept.append((node, other))
                reached |= below[other] | 1 << place[other]
        if node in place:
            below[node] = reached
    return replace(found, edges=tuple(sorted(kept)))


def _cut(graph: Mapping[str, Set[str]], cycle: Set[str]) -> Iterator[Cut]:
    """Put the nodes of a cycle in a row and return the edges to what comes later in it."""
    needs: dict[str, set[str]] = {node: set(graph[node] & cycle) for node in sorted(cycle)}
    needed_by: dict[str, set[str]] = {node: set() for node in needs}
    for node, others in needs.items():
        for other in others:
            needed_by[other].add(node)
    every = {node: frozenset(others) for node, others in needed_by.items()}
    while needs:
        first = min(needs, key=lambda node: (len(needs[node]) > 0, len(needs[node]) - len(needed_by[node])))
        later, earlier = needs.pop(first), needed_by.pop(first)
        ways = _ways_back(first, later, every)
        for other in sorted(later):
            needed_by[other].discard(first)
            way = (first, *ways[other])
            yield Cut(package=first, needs=other, way=way, needed_by=len(earlier), needed=len(later))
        for node in earlier:
            needs[node].discard(first)


def _ways_back(goal: str, starts: Set[str], needed_by: Mapping[str, Set[str]]) -> Mapping[str, tuple[str, ...]]:
    """Return a shortest way to `goal` from each of `starts`, both included, found from its end."""
    ways: dict[str, tuple[str, ...]] = {goal: (goal,)}
    frontier = [goal]
    while frontier and not ways.keys() >= starts:
        found: dict[str, tuple[str, ...]] = {}
        for node in frontier:
            for other in sorted(needed_by[node] - ways.keys()):
                found.setdefault(other, (other, *ways[node]))
        ways |= found
        frontier = list(found)
    return ways


def _levels(graph: Mapping[str, Set[str]]) -> Iterator[tuple[str, ...]]:
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    while sorter.is_active():
        ready = sorter.get_ready()
        yield tuple(sorted(ready))
        sorter.done(*ready)


def _components(graph: Mapping[str, Set[str]]) -> list[set[str]]:
    search = _Tarjan(graph)
    for node in sorted(graph):
        if node not in search.index:
            search.visit(node)
    return search.components


class _Tarjan:
    """Tarjan's search, with a stack of its own instead of recursion, because chains can be long."""

    def __init__(self, graph: Mapping[str, Set[str]]) -> None:
        self.graph = graph
        self.index: dict[str, int] = {}
        self.components: list[set[str]] = []
        self._low: dict[str, int] = {}
        self._open: dict[str, None] = {}

    def visit(self, root: str) -> None:
        work = [self._enter(root)]
        while work:
            node, others = work[-1]
            for other in others:
                if other not in self.index:
                    work.append(self._enter(other))
                    break
                if other in self._open:
                    self._low[node] = min(self._low[node], self.index[other])
            else:
                work.pop()
                self._leave(node, work[-1][0] if work else None)

    def _enter(self, node: str) -> tuple[str, Iterator[str]]:
        self.index[node] = self._low[node] = len(self.index)
        self._open[node] = None
        return node, iter(sorted(self.graph[node]))

    def _leave(self, node: str, parent: str | None) -> None:
        if parent is not None:
            self._low[parent] = min(self._low[parent], self._low[node])
        if self._low[node] == self.index[node]:
            component: set[str] = set()
            while node not in component:
                component.add(self._open.popitem()[0])
            self.components.append(component)
