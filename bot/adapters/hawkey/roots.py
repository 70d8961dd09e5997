"""Solves roots: what gets installed for a source package, for a list of dependencies, or for a binary package.

Every problem gets a new Goal: a libsolv solver that is used again for thousands of problems was seen to hang. Weak
dependencies are off, as in mock's and Koji's buildroots.
"""

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bot.adapters.hawkey import fingerprints
from bot.adapters.hawkey.index import Index
from bot.adapters.hawkey.rich import is_foreign
from bot.adapters.hawkey.universe import SOURCE_ARCHES, Universe
from bot.ports.resolver import Buildroot, Unsolvable

_UNPROVIDED = re.compile(
    r"package (?P<package>\S+) requires (?P<capability>.+), but none of the providers can be installed"
)
_HIDDEN = re.compile(r"package \S+ is filtered out by exclude filtering")
_EMPTY_PHRASE = "conflicting requests"
_BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a root is solved for; `conflicts` must stay out of it."""

    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Root:
    """The numbers of a root's packages, sorted; compact, because a universe keeps one for every source package."""

    numbers: "array[int]"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there is no root: the solver's text, one line a problem."""

    text: str


class Roots:
    """The solved roots of one universe, each source package's remembered."""

    def __init__(self, universe: Universe) -> None:
        import hawkey

        self.universe = universe
        self._hawkey = hawkey
        self._solved: dict[int, Root | Problem] = {}
        self.fingerprints = fingerprints.Fingerprints(universe)

    @cached_property
    def index(self) -> Index:
        """Who requires what and who provides it, here."""
        return Index.of(self.universe)

    def of_source(self, number: int) -> Root | Problem:
        """Solve the buildroot of a source package: the target's minimal one, its BuildRequires, its BuildConflicts."""
        if number not in self._solved:
            self._solved[number] = self._of_source(number)
        return self._solved[number]

    def _of_source(self, number: int) -> Root | Problem:
        return self.of_package(self.universe.packages[number])

    def of_package(self, package: Any) -> Root | Problem:
        """Solve the buildroot of a source package that a query found; nothing is remembered."""
        conflicts = tuple(str(conflict) for conflict in package.conflicts)
        return self._solve(Wish(requires=self.universe.spec.buildroot, conflicts=conflicts), [package])

    def of_wish(self, wish: Wish) -> Root | Problem:
        """Solve a root for dependency strings, on top of the target's minimal one."""
        return self._solve(Wish(requires=(*self.universe.spec.buildroot, *wish.requires), conflicts=wish.conflicts), [])

    def of_binary(self, number: int) -> Root | Problem:
        """Solve what has to be installed with one binary package."""
        return self._solve(Wish(), [self.universe.packages[number]])

    def uninstallable(self, numbers: Iterable[int]) -> dict[int, str]:
        """Return the problems of those binary packages that cannot be installed, by number, in order.

        Packages that can be installed together can each be installed alone, so that one solve usually settles a whole
        batch; a batch that fails is halved until the culprits stand alone. Those of another architecture are tried by
        themselves: who asks for one allows it to all that come with it, whatever there is for this one.
        """
        proven: set[int] = set()
        problems: dict[int, str] = {}
        for several in self._batches(sorted(numbers)):
            work = [[number for number in several if number not in proven]]
            while work:
                batch = work.pop()
                root = self._solve(Wish(), [self.universe.packages[number] for number in batch])
                if isinstance(root, Root):
                    proven.update(root.numbers)
                elif len(batch) == 1:
                    problems[batch[0]] = root.text
                else:
                    half = len(batch) // 2
                    work += [batch[:half], batch[half:]]
        return dict(sorted(problems.items()))

    def _batches(self, numbers: Sequence[int]) -> Iterator[Sequence[int]]:
        packages, arch = self.universe.packages, self.universe.spec.arch
        native = [number for number in numbers if not is_foreign(packages[number], arch)]
        yield from (native[start : start + _BATCH] for start in range(0, len(native), _BATCH))
        yield from ([number] for number in numbers if is_foreign(packages[number], arch))

    def buildroot(self, root: Root | Problem) -> Buildroot | Unsolvable:
        """Describe a root for the outside."""
        if isinstance(root, Problem):
            return Unsolvable(problem=root.text)
        packages = sorted((self.universe.binary(number) for number in root.numbers), key=lambda package: package.nevra)
        return Buildroot(packages=tuple(packages), digest=self.digest(root))

    def digest(self, root: Root) -> str:
        """Return the digest of what a root's packages are: NEVRAs and checksums, or a change's contents."""
        return fingerprints.digest(self.fingerprints.total(root.numbers))

    def _solve(self, wish: Wish, packages: Sequence[Any]) -> Root | Problem:
        goal = self._hawkey.Goal(self.universe.sack)
        for package in packages:
            goal.install(package)
        for requirement in wish.requires:
            try:
                goal.install(select=self._selector(requirement))
            except self._hawkey.ValueException:
                return Problem(f"not a dependency that rpm understands: {requirement!r}")
        for conflict in wish.conflicts:
            self._keep_out(goal, conflict)
        if not goal.run(ignore_weak_deps=True):
            return Problem(self._text(goal, wish))
        chosen = set(map(hash, goal.list_installs()))
        # Nobody provides anything with a source package: only those that were asked for can be among them.
        chosen.difference_update(hash(package) for package in packages if package.arch in SOURCE_ARCHES)
        return Root(array("I", sorted(chosen)))

    def _selector(self, requirement: str) -> Any:
        selector = self._hawkey.Selector(self.universe.sack)
        selector.set(provides=requirement)
        if requirement.startswith("/") and not self.universe.query().filter(provides=requirement):
            # A file that no package of the repositories requires is no capability yet for libsolv.
            query = self.universe.query().filter(file=requirement)
            if query:
                selector = self._hawkey.Selector(self.universe.sack)
                selector.set(pkg=query)
        return selector

    def _keep_out(self, goal: Any, conflict: str) -> None:
        try:
            selector = self._selector(conflict)
        except self._hawkey.ValueException:
            return  # what rpm does not understand it cannot forbid
        if selector.matches():
            goal.erase(select=selector)

    def _text(self, goal: Any, wish: Wish) -> str:
        lines: dict[str, None] = {}
        for rule in goal.problem_rules():
            lines.update(dict.fromkeys(self._explain(line) for line in rule))
        for empty in ("", _EMPTY_PHRASE):
            lines.pop(empty, None)
        if not lines:  # libsolv has no words for a job that only hidden packages could do
            lines = {
                f"nothing provides requested {requirement}": None
                for requirement in wish.requires
                if not self.universe.providers(requirement)
            }
        if not lines:
            out = f" (BuildConflicts: {', '.join(wish.conflicts)})" if wish.conflicts else ""
            return f"{_EMPTY_PHRASE}{out}"
        return "\n".join(sorted(lines))

    def _explain(self, line: str) -> str:
        """Say of a package that the change replaced what libsolv says of one that never was."""
        if _HIDDEN.fullmatch(line):
            return ""
        found = _UNPROVIDED.fullmatch(line)
        if found and not self.universe.providers(found["capability"]):
            return f"nothing provides {found['capability']} needed by {found['package']}"
        return line
