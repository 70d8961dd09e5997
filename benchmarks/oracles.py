"""`python -m benchmarks.oracles`: the resolver's answers beside those of Debian's own tools, on a whole distribution.

Versions are replaced by their ranks, so the two have to agree exactly. Every disagreement is listed; the exit code is 1
where one is not explained by a rule that is checked for that very package (docs/resolver.md, "Beside other tools").
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks import dose
from benchmarks.debian import control, convert
from benchmarks.debian.archive import NoArchiveError
from benchmarks.distribution import CACHE, Distribution, distribution
from benchmarks.dose import Name
from bot.adapters.hawkey.dependents import reverse_dependencies
from bot.adapters.hawkey.metadata import fetch_metadata
from bot.adapters.hawkey.roots import Problem, Roots
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.universe import Layer, Universe, UniverseSpec
from bot.domain.config import Depth
from bot.ports.resolver import Question

MOST_USED, PICKED = 20, 20
"""How many packages the direct sets are compared of: those with most users, and others at random."""
_SEED = 20_261_121
_AT_ONCE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """What one side says and the other does not. `explained` is empty where nothing explains it."""

    question: str
    package: str
    only: str
    explained: str = ""

    def __str__(self) -> str:
        reason = self.explained or "NOT EXPLAINED"
        return f"{self.question}: only {self.only} lists {self.package} ({reason})"


class Ours:
    """The resolver over a distribution with ranks, in this process.

    Essential packages and build-essential are in every buildroot, as they are for dose.
    """

    def __init__(self, made: Distribution, cache: Path) -> None:
        settings = HawkeySettings(cache=cache, allow_file=True)
        layer = Layer(url=made.url, digest=fetch_metadata(made.url, settings))
        self.universe = Universe(UniverseSpec(cache=cache, arch="x86_64", base=(layer,), buildroot=made.buildroot))
        self.roots = Roots(self.universe)

    def direct(self, subject: str) -> frozenset[str]:
        """Return the source packages that have the subject in their buildroot for a BuildRequires."""
        question = Question(subject=subject, depth=Depth(levels=1), binary=True)
        return frozenset(item.source.name for item in reverse_dependencies(self.roots, question))

    def meets_otherwise(self, source: str, subject: str) -> bool:
        """Whether what a source package requires of the subject is met in its buildroot, which has not the subject."""
        number, versions = self.universe.sources[source], self._versions(subject)
        root = self.roots.of_source(number)
        if isinstance(root, Problem) or not versions.isdisjoint(root.numbers):
            return False
        texts = self.universe.requirements(number)
        meeting = [found for text in texts if versions & (found := self.universe.providers(text))]
        return bool(meeting) and not any(providers.isdisjoint(root.numbers) for providers in meeting)

    def requires(self, number: int, subject: str) -> bool:
        """Whether a BuildRequires of a source package is met by the subject, among others perhaps."""
        return not self._versions(subject).isdisjoint(self.universe.neighbours(number))

    def only_earlier_requires(self, source: str, subject: str) -> bool:
        """Whether earlier versions of a source package require the subject, but not the latest."""
        latest = self.universe.sources[source]
        versions = (hash(package) for package in self.universe.query().filter(name=source, arch="src"))
        return not self.requires(latest, subject) and any(self.requires(number, subject) for number in versions)

    def _versions(self, binary: str) -> frozenset[int]:
        return frozenset(self.universe.binary_names[binary])

    def unresolvable(self) -> frozenset[str]:
        """Return the source packages, `name-version-release`, that cannot be solved."""
        numbers = (number for number, package in self.universe.packages.items() if package.arch == "src")
        return frozenset(self._name(number) for number in numbers if isinstance(self.roots.of_source(number), Problem))

    def uninstallable(self) -> frozenset[str]:
        """Return the names of the binary packages that cannot be installed."""
        numbers = [number for number, package in self.universe.packages.items() if package.arch != "src"]
        return frozenset(str(self.universe.packages[number].name) for number in self.roots.uninstallable(numbers))

    def _name(self, number: int) -> str:
        package = self.universe.packages[number]
        return f"{package.name}-{package.epoch}:{package.version}-{package.release}"


def compare_direct(ours: Ours, theirs: Callable[[str], frozenset[str]], subject: str) -> Iterator[Disagreement]:
    """Compare the direct reverse build dependencies of one binary package."""
    mine, other = ours.direct(subject), theirs(subject)
    question = f"direct reverse dependencies of {subject}"
    for name in sorted(mine - other):
        yield Disagreement(question=question, package=name, only="the resolver")
    for name in sorted(other - mine):
        reason = ""
        if ours.only_earlier_requires(name, subject):
            reason = "only an earlier version of it requires that"
        elif ours.meets_otherwise(name, subject):
            reason = "its buildroot meets that BuildRequires with something else"
        yield Disagreement(question=question, package=name, only="dose", explained=reason)


def compare_resolvability(ours: Ours, theirs: Iterable[Name]) -> Iterator[Disagreement]:
    """Compare which source packages cannot be solved, of all."""
    listed = {f"{found.name}-{_evr(found.version)}" for found in theirs}
    yield from _compare("source packages that cannot be solved", ours.unresolvable(), listed)


def compare_installability(ours: Ours, theirs: Iterable[Name]) -> Iterator[Disagreement]:
    """Compare which binary packages cannot be installed, of all."""
    yield from _compare("packages that cannot be installed", ours.uninstallable(), {found.name for found in theirs})


def _compare(question: str, mine: frozenset[str], other: set[str]) -> Iterator[Disagreement]:
    for name in sorted(mine ^ other):
        yield Disagreement(question=question, package=name, only="the resolver" if name in mine else "dose")


def _evr(version: str) -> str:
    epoch, number, release = convert.readable_evr(version)
    return f"{epoch}:{number}-{release}"


def subjects(made: Distribution) -> Sequence[str]:
    """Return which packages to compare the direct sets of: some that many are built with, and some at random."""
    used: Counter[str] = Counter()
    with made.sources_index.open() as lines:
        for stanza, _ in control.stanzas(lines):
            used.update({atom.name for clause in control.clauses(stanza, *control.BUILD_FIELDS) for atom in clause})
    with made.packages_index.open() as lines:
        real = {stanza["Package"] for stanza, _ in control.stanzas(lines)}
    known = [name for name, _ in used.most_common() if name in real]
    libraries = [name for name in known if name.startswith("lib") and name.endswith("-dev")][:MOST_USED]
    others = random.Random(_SEED).sample(sorted({*known} - {*libraries, *made.buildroot}), PICKED - 1)
    return ["zlib1g-dev", *libraries, *others]


def compare(made: Distribution, cache: Path) -> list[Disagreement]:
    """Compare everything; dose runs beside the resolver."""
    names = subjects(made)
    with ThreadPoolExecutor(_AT_ONCE) as running:
        unresolvable = running.submit(dose.unresolvable, made)
        uninstallable = running.submit(dose.uninstallable, made)
        sets = {name: running.submit(dose.direct, made, name) for name in names}
        ours = Ours(made, cache)
        found = _told(f"resolvability of {made.sources}", compare_resolvability(ours, unresolvable.result()))
        found += _told(f"installability of {made.binaries}", compare_installability(ours, uninstallable.result()))
        for name in names:
            found += _told(f"direct: {name}", compare_direct(ours, lambda subject: sets[subject].result(), name))
    return found


def _told(question: str, disagreements: Iterable[Disagreement]) -> list[Disagreement]:
    """List the disagreements as they are found: the whole takes its time."""
    found = list(disagreements)
    print(f"{question}: {len(found)} disagreements", flush=True)
    for item in found:
        print(f"  {item}", flush=True)
    return found


def main() -> int:
    """Compare, list, and return the exit code."""
    if absent := dose.missing():
        print(f"oracles: {', '.join(absent)} not found: run scripts/setup on Debian", file=sys.stderr)
        return 2
    begun = time.monotonic()
    try:
        made = distribution(ranked=True)
    except NoArchiveError as error:
        print(f"oracles: {error}", file=sys.stderr)
        return 2
    found = compare(made, CACHE / "oracles")
    unexplained = sum(not item.explained for item in found)
    print(f"{len(found)} disagreements, {unexplained} not explained ({time.monotonic() - begun:.0f} s)")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
