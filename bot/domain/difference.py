"""What differs between two buildroots: of a package that failed, and of its last good build.

Packages are given as NEVRA texts, as backends report them. Several versions and several architectures of one name may
be in one root; each of them is told of by itself.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import zip_longest

from bot.domain.build import Build, Failed, FailureReason
from bot.domain.evidence import Judged, TargetView
from bot.domain.ids import BuildKey, RunId
from bot.domain.packages import Nevra
from bot.domain.verdict import Judgement

MAX_KEPT = 100
"""Changes of one root that are kept, the nearest first: of a distribution that moved in a month, hundreds differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RootChange:
    """One package of a buildroot that differs: with both EVRs it was replaced, else it was added or dropped."""

    name: str
    old: str | None = None
    """EVR; None where it was not there before."""
    new: str | None = None
    """EVR; None where it is not there any more."""
    arch: str = ""
    """Of the new one, or of the one that was dropped."""
    old_arch: str = ""
    """Only where another architecture took its place."""
    distance: int | None = None
    """1: a BuildRequires (or the minimal buildroot) is met by it; None where it is not known."""
    ours: bool = False
    """It was published by the run: a package of the change, or one that was rebuilt for it."""

    @property
    def before(self) -> str | None:
        """NEVRA of what was there before."""
        return None if self.old is None else _nevra(self.name, self.old, self.old_arch or self.arch)

    @property
    def after(self) -> str | None:
        """NEVRA of what is there now."""
        return None if self.new is None else _nevra(self.name, self.new, self.arch)


class Basis(Enum):
    """What a failed build's root was compared with."""

    GOOD_BUILD = "good-build"
    """The root of the package's last good build."""
    SOLVED = "solved"
    """No good build is known: both sides are as the resolver solves them, without and with the change."""
    NOTHING = "nothing"
    """No good build is known, and the buildroot cannot be solved on one side, or nobody could be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RootDifference:
    """What differs in a failed build's root, kept with the run for the report."""

    run: RunId
    target: str
    package: str
    build: BuildKey
    """The failed build."""
    basis: Basis
    good: BuildKey | None = None
    good_at: datetime | None = None
    """When the last good build ended, aware UTC."""
    with_change: bool = False
    """The last good build was made with this change or an earlier commit of it."""
    changes: tuple[RootChange, ...] = ()
    """The first `MAX_KEPT`."""
    total: int = 0
    """How many packages differ."""


def differences(
    before: Collection[str],
    after: Collection[str],
    distances: Mapping[str, int],
    ours: Collection[str] = (),
) -> tuple[RootChange, ...]:
    """Return what turns one root into the other: the change's own packages first, then by distance, then by name.

    `distances` go by package name. `ours` are the NEVRAs that the run published.
    """
    published = {_parts(nevra)[0] for nevra in ours}
    was, becomes = {_parts(nevra) for nevra in before}, {_parts(nevra) for nevra in after}
    old, new = _by_name(was - becomes), _by_name(becomes - was)
    found = [
        _change(name, gone, come, distances.get(name), name in published)
        for name in old.keys() | new.keys()
        for gone, come in _pairs(old.get(name, ()), new.get(name, ()))
    ]
    return in_order(found)


def moved(before: Collection[str], after: Collection[str], ours: Collection[str]) -> frozenset[str]:
    """Return the names of packages by which two roots differ, apart from those that the run published.

    A root of which nothing is known differs by nothing.
    """
    if not before or not after:
        return frozenset()
    return frozenset(change.name for change in differences(before, after, {}, ours) if not change.ours)


def is_outdated(package: str, strange: Collection[str], expected: Mapping[str, Collection[str]]) -> bool:
    """Whether its roots differ by more than the solver expects of the change; not where that cannot be told."""
    return package in expected and not frozenset(strange) <= frozenset(expected[package])


def in_order(changes: Iterable[RootChange]) -> tuple[RootChange, ...]:
    """Return the change's own packages first, then the nearest ones, of equals by name."""
    return tuple(sorted(changes, key=_nearest_first))


def uncompared(
    view: TargetView, judged: Mapping[str, Judged], known: Collection[RootDifference]
) -> tuple[BuildKey, ...]:
    """Return the failed builds whose roots are to be compared: the last of each package that there is a verdict on.

    With the verdict there is the build without the change, which is the last good one where it passed.
    """
    compared = {difference.build for difference in known}
    last = (view.candidates(name)[-1:] for name, result in judged.items() if isinstance(result, Judgement))
    return tuple(build.key for builds in last for build in builds if is_fault(build) and build.key not in compared)


def is_fault(build: Build) -> bool:
    """Whether a build failed for the package's own reasons, so that its root may tell something."""
    return isinstance(build.outcome, Failed) and build.outcome.reason is not FailureReason.INFRASTRUCTURE


def _change(
    name: str, old: tuple[str, str] | None, new: tuple[str, str] | None, distance: int | None, ours: bool
) -> RootChange:
    arch = (new or old or ("", ""))[1]
    return RootChange(
        name=name,
        old=old[0] if old else None,
        new=new[0] if new else None,
        arch=arch,
        old_arch=old[1] if old and old[1] != arch else "",
        distance=distance,
        ours=ours,
    )


def _pairs(
    old: Sequence[tuple[str, str]], new: Sequence[tuple[str, str]]
) -> Iterable[tuple[tuple[str, str] | None, tuple[str, str] | None]]:
    """Pair what went with what came, within an architecture first."""
    left, right = list(old), list(new)
    for gone in old:
        come = next((other for other in right if other[1] == gone[1]), None)
        if come is not None:
            left.remove(gone)
            right.remove(come)
            yield gone, come
    yield from zip_longest(left, right)


def _by_name(packages: Iterable[tuple[str, str, str]]) -> Mapping[str, Sequence[tuple[str, str]]]:
    grouped: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, evr, arch in sorted(packages):
        grouped[name].append((evr, arch))
    return grouped


def _parts(nevra: str) -> tuple[str, str, str]:
    """Return name, EVR and architecture; a text that is no NEVRA is a name."""
    try:
        parsed = Nevra.parse(nevra)
    except ValueError:
        return nevra, "", ""
    return parsed.name, parsed.evr, parsed.arch


def _nevra(name: str, evr: str, arch: str) -> str:
    return f"{name}-{evr}.{arch}" if evr else name


def _nearest_first(change: RootChange) -> tuple[bool, bool, int, str, str, str]:
    unknown = change.distance is None
    return (not change.ours, unknown, change.distance or 0, change.name, change.after or "", change.before or "")
