"""What a run is going to rebuild, and what the resolver found out about it before the first build."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from bot.domain.ids import BuildKey, RunId
from bot.domain.packages import Link, PackageChange, SourcePackage
from bot.domain.priority import Weight


class Effect(Enum):
    """What the change does to a source package's buildroot, as solved before and after."""

    UNAFFECTED = "unaffected"
    """Equal contents: nothing to test."""
    REBUILD = "rebuild"
    """The buildroot differs."""
    UNRESOLVABLE = "unresolvable"
    """Could be solved before, cannot after."""
    STILL_UNRESOLVABLE = "still-unresolvable"
    NOW_RESOLVABLE = "now-resolvable"


WITHOUT_A_BUILD = frozenset({Effect.UNAFFECTED, Effect.STILL_UNRESOLVABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Uninstallable:
    """A binary package of the distribution, or of the change, that cannot be installed after the change."""

    package: str
    """NEVRA of the binary package."""
    source: str
    """Name of the source package it was built from."""
    problem: str
    """The solver's own text."""
    still: bool = False
    """The package of that name could not be installed before the change either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """A source package whose build would be different if the change were merged."""

    source: SourcePackage
    effect: Effect
    distance: int
    """1: a BuildRequires of it is provided by the subject; d: through d - 1 other packages."""
    path: tuple[Link, ...] = ()
    """From the package's BuildRequires to a binary package of the subject."""
    problem: str = ""
    """The solver's text where the buildroot cannot be solved after the change."""
    dependents: int = 0
    """How many other affected packages have it (a binary of it) in their buildroot."""
    contains: tuple[str, ...] = ()
    """Names of the other affected source packages that have a binary in its buildroot after the change, sorted."""
    buildroot_before: str = ""
    """Digest of the solved buildroot without the change; empty where it cannot be solved."""
    buildroot_after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """The resolver's whole answer about a change on one target."""

    affected: tuple[Affected, ...]
    uninstallable: tuple[Uninstallable, ...] = ()
    sources: int = 0
    """How many source packages were looked at."""
    changes: tuple[PackageChange, ...] = ()
    """What the change's packages offer that those which they replace do not, and the other way round, by name."""


def does_not_install(packages: Iterable[Uninstallable]) -> str:
    """Return what the solver says of packages that cannot be installed, one line a problem."""
    return "\n".join(dict.fromkeys(each.problem or f"{each.package} does not install" for each in packages))


class Selection(Enum):
    """Whether an affected package is rebuilt, and if not, why."""

    PLANNED = "planned"
    SKIPPED = "skipped"
    """By a `skip` command."""
    EXCLUDED = "excluded"
    """By the configuration."""
    OVER_LIMIT = "over-limit"
    TOO_DEEP = "too-deep"
    ARCHITECTURE = "architecture"


@dataclass(frozen=True, slots=True, kw_only=True)
class AloneImpact:
    """What one of several changes does to a package by itself, as solved before any build."""

    part: int
    """The change's place among the run's parts."""
    effect: Effect
    uninstallable: bool = False
    """A binary package of it cannot be installed any more."""
    buildroot: str = ""
    """Digest of the solved buildroot with that change alone; empty where it cannot be solved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A dist-git does not say from which commit a package is to be built."""

    since: datetime
    again: datetime | None
    """When it is asked the next time. None: it is asked no more, and the package is built from its source package."""
    why: str
    """What it said instead, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanEntry:
    """An affected package of a run on a target: the resolver's findings and what was decided about it.

    Or a package of the change itself of which something cannot be installed (`own`): nothing is rebuilt of it.
    """

    run: RunId
    target: str
    affected: Affected
    selection: Selection
    uninstallable: tuple[Uninstallable, ...] = ()
    repaired: bool | None = None
    """Whether its binaries can be installed with what was rebuilt so far; None until its own rebuild is published,
    where the rebuilds of others do not repair it."""
    level: int = 0
    """Rebuild order: packages of level n wait for packages of level n - 1. 0 waits for nothing."""
    needs: tuple[str, ...] = ()
    """Names of the affected packages that must be rebuilt before this one."""
    generation: int = 0
    """Generation of the workspace in which it was found to be solvable, raised by chained rebuilds."""
    ready: bool = True
    """Solvable in the workspace as it is now; a package that waits for another's rebuild is not."""
    baselines: int = 0
    """So many builds without the change somebody asked for; 0: as many as a verdict needs."""
    held: tuple[BuildKey, ...] = ()
    """Baselines that passed before it failed with the change, and in the same root but for what the change brings."""
    outdated: tuple[BuildKey, ...] = ()
    """Baselines that passed in another root, since when the distribution has moved."""
    weight: Weight | None = None
    """By what it was chosen or left out; None where there is no limit."""
    least_chosen: int | None = None
    """For what is over the limit: the weight of the last package that was chosen by its weight, None without any."""
    alone: tuple[AloneImpact, ...] = ()
    """Of a package that regressed: what each of several changes does to it by itself, as far as that was asked."""
    own: bool = False
    """It is a package of the change itself, and no dependent."""
    broken_by: tuple[str, ...] = ()
    """Packages whose rebuild broke it; empty for what the change itself breaks."""
    unanswered: Unanswered | None = None
    """Of what is built from a dist-git: it gave no answer so far, and nothing is built before it does."""

    def __hash__(self) -> int:
        # Of all fields, it would cost more than what is looked up by it.
        return hash((self.run, self.target, self.affected.source.nevra.name))

    @property
    def package(self) -> str:
        """The source package's name."""
        return self.affected.source.name

    @property
    def planned(self) -> bool:
        """Whether it is part of what is to be tested."""
        return self.selection is Selection.PLANNED

    @property
    def rebuilt(self) -> bool:
        """Whether there is anything to rebuild of it, now or later."""
        return self.affected.effect not in WITHOUT_A_BUILD

    @property
    def waits(self) -> bool:
        """Whether what becomes of it is up to the rebuilds of others."""
        return not self.ready or (bool(self.needs) and not self.rebuilt)

    @property
    def asks_at(self) -> datetime | None:
        """When the dist-git is asked again from which commit it is built, None where nothing waits for that."""
        return None if self.unanswered is None else self.unanswered.again

    @property
    def buildable(self) -> bool:
        """Whether a build can tell something about it now."""
        return self.planned and self.ready and self.rebuilt


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """An edge that was dropped to break a cycle: `package` is rebuilt before `needs`, although it needs it."""

    package: str
    needs: str
    way: tuple[str, ...]
    """A shortest cycle that the edge closed: from `package` over `needs` back to `package`, each needing the next."""
    needed_by: int
    """How many of the packages of the cycle that were not in a row yet needed `package` when it was chosen."""
    needed: int
    """How many of them `package` needed: the edges to all of these are cut."""

    @property
    def reason(self) -> str:
        """Why the cycle is cut here and not elsewhere, for people."""
        return (
            f"{self.package} goes first: of what was left of the cycle {self.needed_by} "
            f"{'needs' if self.needed_by == 1 else 'need'} it and it needs {self.needed}, and nobody was better"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """Packages that all need each other, directly or through others, sorted, and where that was cut."""

    members: tuple[str, ...]
    cuts: tuple[Cut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildOrder:
    """Levels of packages: those of one level need only earlier ones."""

    levels: tuple[tuple[str, ...], ...]
    edges: tuple[tuple[str, str], ...] = ()
    """(package, the package whose rebuild it needs)."""
    cycles: tuple[Cycle, ...] = ()
    """The cycles that were broken, with the edges dropped for that and the reasons, by their first members."""
