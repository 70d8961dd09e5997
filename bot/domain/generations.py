"""What becomes of a plan once packages were rebuilt and published: what they repair, and what they break themselves.

A rebuilt package offers other things than the one before it: it may have moved its own soname, or lost a capability.
Whatever cannot be installed or resolved since then, and could be before the change, comes into the plan if it is not in
it, and is judged as what the change itself breaks. What is built with a rebuilt package and merely would come out
otherwise does not: see docs/decisions/0016.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from bot.domain.ids import RunId
from bot.domain.packages import Nevra
from bot.domain.plan import Affected, Effect, Impact, PlanEntry, RebuildOrder, Uninstallable, does_not_install
from bot.domain.run import PublishedPackage
from bot.domain.select import Wishes, own_entries, select, selected_although_broken, with_order


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Whose plan it is, and what was asked for."""

    run: RunId
    target: str
    wishes: Wishes
    now: datetime


@dataclass(frozen=True, kw_only=True)
class Generation:
    """What the resolver says of a target with all that was published so far."""

    number: int
    published: Mapping[str, PublishedPackage]
    """By the names of the source packages."""
    impact: Impact
    """Of all that is published on all that is not."""
    brought: Sequence[Uninstallable] = ()
    """What cannot be installed of what is published."""
    built_in: Mapping[str, int] = field(default_factory=dict)
    """The generation that the published build of each source package has seen; this one where it is not told."""

    @cached_property
    def broken(self) -> Mapping[str, tuple[Uninstallable, ...]]:
        """What cannot be installed now and could be before the change, by source package."""
        found: dict[str, list[Uninstallable]] = defaultdict(list)
        for item in (*self.impact.uninstallable, *self.brought):
            if not item.still:
                found[item.source].append(item)
        return {source: tuple(items) for source, items in found.items()}

    @cached_property
    def unresolvable(self) -> Mapping[str, Affected]:
        """What can be resolved no more, by source package."""
        return self._with(Effect.UNRESOLVABLE)

    @cached_property
    def resolvable(self) -> Mapping[str, Affected]:
        """What can be resolved now and could not be before the change, by source package."""
        return self._with(Effect.NOW_RESOLVABLE)

    def has_rebuilt(self, entry: PlanEntry) -> bool:
        """Whether a rebuild of an entry is published that was made since something broke it."""
        return entry.package in self.published and self._seen_by(entry.package) >= entry.generation

    def is_older(self, package: str, others: Collection[str]) -> bool:
        """Whether the published build of a package has not seen that of one of the others, which is published too."""
        seen = self._seen_by(package)
        return any(self.built_in.get(other, -1) >= seen for other in others if other != package)

    def _seen_by(self, package: str) -> int:
        return self.built_in.get(package, self.number)

    def _with(self, effect: Effect) -> Mapping[str, Affected]:
        return {item.source.name: item for item in self.impact.affected if item.effect is effect}


def looked_at_again(entries: Sequence[PlanEntry], found: Generation, wishes: Wishes) -> tuple[PlanEntry, ...]:
    """Return the entries as they stand in a new generation: repaired, still broken, or broken by it."""
    guilty = _Guilty(found, entries)
    current = (_resolvable(entry, found) for entry in entries)
    return tuple(_resolved(_installed(entry, found, wishes, guilty), found, guilty) for entry in current)


def newly_broken(entries: Sequence[PlanEntry], found: Generation, plan: Plan) -> tuple[PlanEntry, ...]:
    """Return entries for what is in no plan yet and cannot be installed or resolved since others were rebuilt."""
    known = {entry.package for entry in entries}
    fresh = {name: items for name, items in found.broken.items() if name not in known}
    others = Impact(
        affected=tuple(
            item
            for item in found.impact.affected
            if item.source.name not in known and (item.source.name in fresh or item.effect is Effect.UNRESOLVABLE)
        ),
        uninstallable=tuple(each for name, items in fresh.items() if name not in found.published for each in items),
    )
    own = [each for name, items in fresh.items() if name in found.published for each in items]
    guilty = _Guilty(found, entries)
    return tuple(
        replace(
            entry,
            generation=found.number,
            broken_by=guilty.of(entry.affected.problem, does_not_install(entry.uninstallable)),
        )
        for entry in (
            *select(plan.run, plan.target, others, plan.wishes, {}, plan.now),
            *own_entries(plan.run, plan.target, found.published, own),
        )
    )


def in_order_after(
    entries: Sequence[PlanEntry], order: RebuildOrder, packages: Collection[str], first: int
) -> tuple[PlanEntry, ...]:
    """Return the entries with the levels, from `first` on, and the needs of some of them."""
    ordered = {entry.package: entry for entry in with_order(entries, order)}
    return tuple(
        replace(entry, level=first + ordered[entry.package].level, needs=ordered[entry.package].needs)
        if entry.package in packages
        else entry
        for entry in entries
    )


def _resolvable(entry: PlanEntry, found: Generation) -> PlanEntry:
    """Return an entry that is broken and could never be resolved as one that is rebuilt, where by now it can be."""
    item = found.resolvable.get(entry.package)
    if item is None or entry.affected.effect is not Effect.STILL_UNRESOLVABLE or not entry.uninstallable:
        return entry
    affected = replace(entry.affected, effect=item.effect, problem="", buildroot_after=item.buildroot_after)
    return replace(entry, affected=affected, generation=found.number)


def _installed(entry: PlanEntry, found: Generation, wishes: Wishes, guilty: "_Guilty") -> PlanEntry:
    broken = found.broken.get(entry.package, ())
    if not broken:
        return replace(entry, repaired=True) if entry.uninstallable else entry
    done = not entry.rebuilt or found.has_rebuilt(entry)
    problem = does_not_install(broken)
    # Once for each: of two that nothing repairs each would else be built again with the other one for ever.
    fresh = guilty.named(problem) - frozenset(entry.broken_by)
    again = done and entry.rebuilt and found.is_older(entry.package, fresh)
    if entry.uninstallable and not again:
        # Its own rebuild may still be to come.
        return replace(entry, repaired=False if done else None, uninstallable=broken)
    # What was built of it before knows nothing of what broke it, so it is built in this generation; but for what is
    # published in it as it is, and was built with that.
    over = done and not again
    return replace(
        entry,
        selection=selected_although_broken(entry, wishes),
        uninstallable=broken,
        repaired=False if over else None,
        generation=entry.generation if over else found.number,
        broken_by=tuple(sorted({*entry.broken_by, *fresh})) if again else guilty.of(problem),
    )


def _resolved(entry: PlanEntry, found: Generation, guilty: "_Guilty") -> PlanEntry:
    item = found.unresolvable.get(entry.package)
    if item is None or not entry.ready:
        return entry
    affected = replace(entry.affected, effect=Effect.UNRESOLVABLE, problem=item.problem, buildroot_after="")
    return replace(entry, affected=affected, ready=False, broken_by=guilty.of(item.problem))


class _Guilty:
    """Whose rebuild is to blame for what the solver says of a generation."""

    def __init__(self, found: Generation, entries: Sequence[PlanEntry]) -> None:
        rebuilt = {entry.package: entry for entry in entries if entry.package in found.published and not entry.own}
        self._lost: dict[str, set[str]] = {name: set(found.published[name].binaries) for name in rebuilt}
        sources = {_name(nevra): name for name, words in self._lost.items() for nevra in words}
        for change in found.impact.changes:
            if change.package in sources:
                self._lost[sources[change.package]].update(change.removed)
        last = max((entry.generation for entry in rebuilt.values()), default=0)
        self._last = tuple(sorted(name for name, entry in rebuilt.items() if entry.generation == last))

    def of(self, *problems: str) -> tuple[str, ...]:
        """Return those that the problems name, or that lack what is missing; else all of the last generation."""
        return tuple(sorted(self.named(*problems))) or self._last

    def named(self, *problems: str) -> frozenset[str]:
        """Return those alone that the problems name, or that lack what is missing."""
        words = {word.strip(",;") for problem in problems for word in problem.split()}
        return frozenset(name for name, lost in self._lost.items() if lost & words)


def _name(nevra: str) -> str:
    return Nevra.parse(nevra).name
