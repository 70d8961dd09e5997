"""The direct question of a command, which ends with its answer: asked of hawkey's queries, nothing worked out first.

A solver process that goes on answers from the index of its base instead (`dependents`); both come to the same.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bot.adapters.hawkey.access import check_allowed
from bot.adapters.hawkey.architectures import check_architecture, check_binaries
from bot.adapters.hawkey.filelists import wants_filelists
from bot.adapters.hawkey.koji_tags import pin_repository
from bot.adapters.hawkey.pins import make_pin
from bot.adapters.hawkey.rich import is_plain
from bot.adapters.hawkey.roots import Root, Roots
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.stack import fetch_filelists, stack
from bot.adapters.hawkey.subjects import subject_of
from bot.adapters.hawkey.universe import SOURCE_ARCHES, Universe, UniverseSpec
from bot.domain.packages import Link
from bot.domain.target import Target
from bot.ports.resolver import Question, ReverseDependency

if TYPE_CHECKING:
    from bot.adapters.hawkey.known import KnownRoots

_MANY = 100
"""From so many source packages on that have to be solved it is worth looking up what was solved before."""


def ask_directly(settings: HawkeySettings, target: Target, question: Question) -> Sequence[ReverseDependency] | None:
    """Return who requires the subject itself, by name; None where the repositories have no source packages.

    Reads the repositories as `Snapshots` does, and raises what it and `reverse_dependencies` raise.
    """
    universe = Universe(_spec(settings, target))
    if not universe.query().filter(arch=[*SOURCE_ARCHES]):
        return None
    check_architecture(target, universe.only_for())
    check_binaries(target, there=bool(universe.query().filter(arch__neq=[*SOURCE_ARCHES])))
    return direct_dependents(universe, question)


def _spec(settings: HawkeySettings, target: Target) -> UniverseSpec:
    for repository in target.repositories:
        check_allowed(repository.url, settings)
    pinned = [pin_repository(repository, target.arch, settings) for repository in target.repositories]
    pin = make_pin(target.arch, pinned, datetime.now(UTC))
    spec = stack(settings, pin, target)
    if not spec.files and wants_filelists(spec):
        fetch_filelists(settings, pin)
        spec = stack(settings, pin, target)
    return spec


def direct_dependents(universe: Universe, question: Question) -> tuple[ReverseDependency, ...]:
    """Return the source packages that have the subject in their buildroot because they require it, by name.

    What nobody but a single package of the subject provides is certain, and needs no solving.
    """
    subject = subject_of(universe, question)
    packages = _packages(universe, question)
    names = {hash(package): package.name for package in packages}
    wanted = _Wanted(universe, packages)
    found: list[tuple[Any, Link]] = []
    unsure = []
    for package in _candidates(universe, question, subject):
        needs = wanted.of(package)
        link = _certain(package, needs, names)
        if link is not None:
            found.append((package, link))
        elif needs:
            unsure.append((package, needs))
    found += _solved(universe, unsure, names)
    found.sort(key=lambda item: item[1].package)
    return tuple(
        ReverseDependency(source=universe.described(package), distance=1, path=(link,)) for package, link in found
    )


def _candidates(universe: Universe, question: Question, subject: Set[int]) -> list[Any]:
    """Return the source packages that require something of the subject; of every name the one that counts."""
    sources = universe.query().filter(arch=[*SOURCE_ARCHES])
    if not any(universe.providers(text) & subject for text in universe.spec.buildroot):
        requiring = universe.query().filter(arch=[*SOURCE_ARCHES]).filter(requires=_packages(universe, question))
        sources = sources.filter(name=[*{package.name for package in requiring}])
    named: dict[str, list[Any]] = {}
    for package in sources:
        named.setdefault(package.name, []).append(package)
    itself = None if question.binary else question.subject
    return [
        same[0] if len(same) == 1 else universe.preferred_package(same)
        for name, same in named.items()
        if name != itself
    ]


def _packages(universe: Universe, question: Question) -> Any:
    if question.binary:
        return universe.query().filter(name=question.subject, arch__neq=[*SOURCE_ARCHES])
    return [universe.packages[number] for number in universe.binaries.get(question.subject, ())]


class _Wanted:
    """What source packages require of the subject. Most requirements are told apart by their first word."""

    def __init__(self, universe: Universe, subject: Iterable[Any]) -> None:
        self._universe = universe
        self._subject = frozenset(map(hash, subject))
        self._words = {str(provided).partition(" ")[0] for package in subject for provided in package.provides}

    def of(self, package: Any) -> Mapping[str, Set[int]]:
        """Return what a source package and the target require that the subject meets, with all providers."""
        return {
            text: providers
            for text in self._universe.required(package)
            if (text[0] in "(/" or text.partition(" ")[0] in self._words)
            and (providers := self._universe.providers(text)) & self._subject
        }


def _certain(package: Any, wanted: Mapping[str, Set[int]], names: Mapping[int, str]) -> Link | None:
    """Return by what a source package is certain to need the subject: nobody but one package of that provides it."""
    alone = [min(providers) for text, providers in wanted.items() if len(providers) == 1 and is_plain(text)]
    return _link(package, wanted, min(alone), names) if alone else None


def _link(package: Any, wanted: Mapping[str, Set[int]], provider: int, names: Mapping[int, str]) -> Link:
    texts = [text for text, providers in wanted.items() if provider in providers]
    capability = min(texts, key=lambda text: (len(text), text))
    return Link(package=package.name, capability=capability, provider=names[provider])


def _solved(
    universe: Universe, unsure: Sequence[tuple[Any, Mapping[str, Set[int]]]], names: Mapping[int, str]
) -> Iterator[tuple[Any, Link]]:
    """Solve the rest, and yield those that have in their buildroot what they require of the subject."""
    known = _known(universe) if len(unsure) >= _MANY else None
    roots = Roots(universe)
    for package, wanted in unsure:
        root = known.of_source(hash(package)) if known is not None else roots.of_package(package)
        there = frozenset[int]().union(*wanted.values()) & names.keys()
        if isinstance(root, Root):
            there &= frozenset(root.numbers)
        if there:
            yield package, _link(package, wanted, min(there), names)
    if known is not None:
        known.save(_MANY)


def _known(universe: Universe) -> "KnownRoots":
    from bot.adapters.hawkey.known import KnownRoots

    known = KnownRoots(universe)
    known.refresh()
    return known
