"""What a change alters in other packages' buildroots: who was replaced, came, or went."""

from collections.abc import Mapping, Sequence
from functools import cache

from bot.adapters.hawkey.impact import Comparison
from bot.adapters.hawkey.roots import Root
from bot.adapters.hawkey.subjects import source_number
from bot.domain import difference
from bot.domain.difference import RootChange


def differences(comparison: Comparison, names: Sequence[str]) -> Mapping[str, tuple[RootChange, ...]]:
    """Return what differs in the buildroot of each of these source packages, the change's own packages first.

    Source packages that cannot be solved on both sides are left out. Raises Rejected where there is no such package.
    """
    before, after = comparison.before, comparison.after

    @cache  # most buildroots differ by the same few packages
    def told(gone: frozenset[int], come: frozenset[int]) -> tuple[RootChange, ...]:
        return _told(comparison, gone, come)

    found = {}
    for name in names:
        number = source_number(before.universe, name)
        was, becomes = before.of_source(number), after.of_source(number)
        if isinstance(was, Root) and isinstance(becomes, Root):
            old, new = frozenset(was.numbers), frozenset(becomes.numbers)
            found[name] = told(old - new, new - old)
    return found


def _told(comparison: Comparison, gone: frozenset[int], come: frozenset[int]) -> tuple[RootChange, ...]:
    before, after = comparison.before.universe, comparison.after.universe
    old = {str(before.packages[number]): number for number in gone}
    new = {str(after.packages[number]): number for number in come}
    ours = frozenset(str(after.packages[number]) for number in come & comparison.brought)
    other_contents = tuple(
        RootChange(
            name=nevra.name,
            old=nevra.evr,
            new=nevra.evr,
            arch=nevra.arch,
            ours=text in ours,
        )
        for text in sorted(old.keys() & new.keys())
        if before.identity(old[text]) != after.identity(new[text])
        for nevra in [after.binary(new[text]).nevra]
    )
    return (*other_contents, *difference.differences(old.keys(), new.keys(), {}, ours))
