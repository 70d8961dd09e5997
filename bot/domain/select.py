"""From the resolver's findings to a plan: what is rebuilt, what is left out, and by which rule.

The rule, where a limit leaves packages out (it is shown with them): what cannot be installed after the change first,
then what somebody asked to include, then by weight (`bot.domain.priority`: distance, dependents, previous state, age,
boost), and at equal weight by name. Neither the limit nor the depth ever leaves out what cannot be installed: that is
known without a build.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.config import Config, ReverseDependencyConfig, matches
from bot.domain.history import NEVER, Previous
from bot.domain.ids import RunId
from bot.domain.packages import Nevra, SourcePackage
from bot.domain.plan import (
    Affected,
    Effect,
    Impact,
    PlanEntry,
    RebuildOrder,
    Selection,
    Uninstallable,
    does_not_install,
)
from bot.domain.priority import Weight, boost_of, weigh
from bot.domain.run import PublishedPackage, Run

_COSTS_A_BUILD = frozenset({Effect.REBUILD, Effect.NOW_RESOLVABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the configuration and the pull request's commands say about the selection; globs are over source names."""

    dependencies: ReverseDependencyConfig
    skip: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    limit: int | None = None

    @property
    def included(self) -> tuple[str, ...]:
        """Everything that is never left out."""
        return self.include + self.dependencies.include

    @property
    def most(self) -> int | None:
        """How many packages may be rebuilt, None for all of them."""
        return self.limit if self.limit is not None else self.dependencies.limit


def wishes_of(run: Run, config: Config) -> Wishes:
    """Return what the configuration and the commands so far say about the selection."""
    dependencies = config.reverse_dependencies
    if run.depth is not None:
        dependencies = replace(dependencies, depth=run.depth)
    return Wishes(dependencies=dependencies, skip=run.skip, include=run.include, limit=run.limit)


def select(
    run: RunId, target: str, impact: Impact, wishes: Wishes, previous: Mapping[str, Previous], now: datetime
) -> tuple[PlanEntry, ...]:
    """Return an entry for every affected package, by name, each planned or with the reason why it is not.

    `previous` is how packages stood before, by name; it matters only where there is a limit.
    """
    broken = _by_source(impact.uninstallable)
    affected = [*impact.affected, *_broken_but_unaffected(impact, broken)]
    entries = [
        PlanEntry(
            run=run,
            target=target,
            affected=item,
            selection=_selection(item, wishes, broken=item.source.name in broken),
            uninstallable=broken.get(item.source.name, ()),
            ready=item.effect is not Effect.UNRESOLVABLE,
            weight=_weight(item, wishes, previous.get(item.source.name, NEVER), now),
        )
        for item in affected
    ]
    return tuple(sorted(_within_limit(entries, wishes), key=lambda entry: entry.package))


def own_entries(
    run: RunId, target: str, published: Mapping[str, PublishedPackage], broken: Sequence[Uninstallable]
) -> tuple[PlanEntry, ...]:
    """Return an entry for every package of the change of which something cannot be installed, by name.

    It is no dependent: no wish leaves it out, and there is nothing to rebuild of it. What could not be installed before
    the change either makes it one that fails as before.
    """
    return tuple(
        PlanEntry(
            run=run,
            target=target,
            affected=Affected(
                source=SourcePackage(nevra=Nevra.parse(published[name].source), location="", checksum=""),
                effect=Effect.STILL_UNRESOLVABLE if any(item.still for item in items) else Effect.UNAFFECTED,
                distance=0,
                problem=does_not_install(item for item in items if item.still),
            ),
            selection=Selection.PLANNED,
            uninstallable=tuple(item for item in items if not item.still),
            own=True,
        )
        for name, items in sorted(_by_source(broken).items())
    )


def with_remedies(entries: Sequence[PlanEntry]) -> tuple[PlanEntry, ...]:
    """Return the entries, of which each that is not rebuilt itself names those whose rebuild may repair it.

    These are packages that the solver names as a reason why it cannot be installed, and that cannot be themselves.
    """
    rebuilds = {each.package: entry for entry in entries if entry.rebuilt for each in entry.uninstallable}

    def with_needs(entry: PlanEntry) -> PlanEntry:
        if entry.rebuilt or not entry.uninstallable:
            return entry
        words = {word.strip(",;") for each in entry.uninstallable for word in each.problem.split()}
        needs = tuple(sorted({rebuilds[word].package for word in words & rebuilds.keys()}))
        return entry if needs == entry.needs else replace(entry, needs=needs)

    return tuple(map(with_needs, entries))


def selected_although_broken(entry: PlanEntry, wishes: Wishes) -> Selection:
    """Return the selection of a package that turned out to be uninstallable later: no limit and no depth counts."""
    if entry.selection not in {Selection.OVER_LIMIT, Selection.TOO_DEEP}:
        return entry.selection
    return _selection(entry.affected, wishes, broken=True)


def reselect(entries: Sequence[PlanEntry], wishes: Wishes) -> tuple[PlanEntry, ...]:
    """Return those entries that are others under changed wishes: selected or not, or left out by another mark."""
    plain = [
        replace(
            entry,
            selection=_selection(entry.affected, wishes, broken=bool(entry.uninstallable)),
            least_chosen=None,
        )
        for entry in entries
        if not entry.own
    ]
    chosen = {entry.package: entry for entry in _within_limit(plain, wishes)}
    return tuple(chosen[entry.package] for entry in entries if chosen.get(entry.package, entry) != entry)


def with_order(entries: Sequence[PlanEntry], order: RebuildOrder) -> tuple[PlanEntry, ...]:
    """Return the entries with their level and with the packages that they wait for.

    Only what cannot be resolved as it is waits for what is left out.
    """
    levels = {package: number for number, level in enumerate(order.levels) for package in level}
    planned = {entry.package for entry in entries if entry.planned}
    unresolvable = {entry.package for entry in entries if entry.affected.effect is Effect.UNRESOLVABLE}
    needs: dict[str, list[str]] = defaultdict(list)
    for package, needed in order.edges:
        if needed in planned or package in unresolvable:
            needs[package].append(needed)
    return tuple(
        replace(entry, level=levels.get(entry.package, 0), needs=tuple(sorted(needs[entry.package])))
        for entry in entries
    )


def in_levels(entries: Sequence[PlanEntry]) -> tuple[PlanEntry, ...]:
    """Return the entries of a chained run: whoever needs another's rebuild waits for it."""
    return tuple(replace(entry, ready=entry.ready and not entry.needs) for entry in entries)


def _selection(item: Affected, wishes: Wishes, *, broken: bool) -> Selection:
    name = item.source.name
    if matches(name, wishes.skip):
        return Selection.SKIPPED
    if item.source.elsewhere:
        return Selection.ARCHITECTURE
    if matches(name, wishes.included):
        return Selection.PLANNED
    dependencies = wishes.dependencies
    if dependencies.static and name not in dependencies.static:
        return Selection.EXCLUDED
    if matches(name, dependencies.exclude):
        return Selection.EXCLUDED
    if not broken and not dependencies.depth.covers(item.distance):
        return Selection.TOO_DEEP
    return Selection.PLANNED


def _weight(item: Affected, wishes: Wishes, previous: Previous, now: datetime) -> Weight | None:
    if wishes.most is None:
        return None
    boost = boost_of(item.source.name, wishes.dependencies.boost)
    return weigh(distance=item.distance, dependents=item.dependents, previous=previous, boost=boost, now=now)


def _within_limit(entries: Sequence[PlanEntry], wishes: Wishes) -> list[PlanEntry]:
    if wishes.most is None:
        return list(entries)
    costly = [entry for entry in entries if entry.planned and entry.affected.effect in _COSTS_A_BUILD]
    optional = [entry for entry in costly if not entry.uninstallable and not matches(entry.package, wishes.included)]
    places = max(0, wishes.most - (len(costly) - len(optional)))
    optional.sort(key=lambda entry: (-_total(entry), entry.package))
    least = min((_total(entry) for entry in optional[:places]), default=None)
    over = {entry.package for entry in optional[places:]}
    return [
        replace(entry, selection=Selection.OVER_LIMIT, least_chosen=least) if entry.package in over else entry
        for entry in entries
    ]


def _total(entry: PlanEntry) -> int:
    return entry.weight.total if entry.weight else 0


def _by_source(broken: Sequence[Uninstallable]) -> Mapping[str, tuple[Uninstallable, ...]]:
    grouped: dict[str, list[Uninstallable]] = defaultdict(list)
    for item in broken:
        grouped[item.source].append(item)
    return {source: tuple(items) for source, items in grouped.items()}


def _broken_but_unaffected(impact: Impact, broken: Mapping[str, tuple[Uninstallable, ...]]) -> list[Affected]:
    """Sources whose buildroot is the same, but whose binaries cannot be installed any more: no rebuild helps them."""
    known = {item.source.name for item in impact.affected}
    return [
        Affected(
            source=SourcePackage(
                nevra=replace(Nevra.parse(items[0].package), name=source, arch="src"), location="", checksum=""
            ),
            effect=Effect.UNAFFECTED,
            distance=1,
        )
        for source, items in broken.items()
        if source not in known
    ]
