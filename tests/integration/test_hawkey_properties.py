"""What holds in every distribution, on random ones: versions, rich dependencies, conflicts, obsoletes, cycles."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.hawkey.dependents import reverse_dependencies
from bot.adapters.hawkey.direct import direct_dependents
from bot.adapters.hawkey.impact import Comparison, impact
from bot.adapters.hawkey.loading import Layer, UniverseSpec
from bot.adapters.hawkey.metadata import fetch_metadata
from bot.adapters.hawkey.rebuild_order import rebuild_order
from bot.adapters.hawkey.roots import Root, Roots
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.universe import SOURCE_ARCHES, Universe
from bot.domain.config import Depth
from bot.domain.plan import Effect
from bot.ports.resolver import Question, ReverseDependency
from tests.fakes.rpmmd import Package, Rpm, Srpm, write_repository

NAMES = tuple(f"p{number}" for number in range(7))
SOURCES = tuple(f"s{number}" for number in range(6))


def some(values: st.SearchStrategy[str], most: int) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(values, max_size=most, unique=True).map(tuple)


def distributions(capabilities: Sequence[str], operators: Sequence[str]) -> st.SearchStrategy[tuple[Package, ...]]:
    """Return random packages that may provide the capabilities, and rich dependencies with the operators."""
    plain = st.sampled_from((*NAMES, *capabilities))
    wishes = st.one_of(
        plain,
        st.builds("{} >= {}".format, plain, st.sampled_from("12")),
        st.builds("({} {} {})".format, plain, st.sampled_from(operators), plain),
    )
    binaries = (
        st.builds(
            Rpm,
            name=st.just(name),
            version=st.sampled_from("12"),
            source=st.sampled_from(("alpha", "beta", "gamma")),
            requires=some(wishes, 3),
            provides=some(st.sampled_from(capabilities), 2) if capabilities else st.just(()),
            conflicts=some(plain, 1),
            obsoletes=some(st.builds("{} < 2".format, plain), 1),
        )
        for name in NAMES
    )
    sources = (
        st.builds(Srpm, name=st.just(name), requires=some(wishes, 3), conflicts=some(plain, 1)) for name in SOURCES
    )
    return st.tuples(*binaries, *sources)


DISTRIBUTIONS = distributions(("c0", "c1", "c2"), ("or", "and", "if"))
WITHOUT_CHOICES = distributions((), ("and", "if"))
"""Every capability has one provider, so that nothing is ever chosen."""
CHANGED = st.sampled_from(("alpha", "beta", "gamma"))
few = settings(max_examples=25)


@contextmanager
def compared(base: Sequence[Package], change: Sequence[Package], *replaces: str) -> Iterator[Comparison]:
    """Load a distribution with and without a change over it."""
    with TemporaryDirectory() as scratch:
        fetching = HawkeySettings(cache=Path(scratch) / "cache", allow_file=True)

        def layer(name: str, packages: Sequence[Package]) -> Layer:
            url = write_repository(Path(scratch) / name, packages)
            return Layer(url=url, digest=fetch_metadata(url, fetching))

        before = UniverseSpec(cache=fetching.cache, arch="x86_64", base=(layer("base", base),))
        after = replace(before, change=(layer("change", change),), replaces=frozenset(replaces))
        yield Comparison(Roots(Universe(before)), Roots(Universe(after)))


def resolvable(roots: Roots) -> set[str]:
    """Return the packages that have a root, binary and source."""
    return {
        str(package)
        for number, package in roots.universe.packages.items()
        if isinstance(roots.of_source(number) if package.arch in SOURCE_ARCHES else roots.of_binary(number), Root)
    }


@few
@given(DISTRIBUTIONS, st.sampled_from(NAMES))
def test_removing_a_package_never_makes_anything_resolvable(base: Sequence[Package], name: str) -> None:
    # Also with conflicts and `if`: they speak of what is installed and not of what there is, so that whatever could be
    # installed without the package still can with it, by leaving it out.
    without = [package for package in base if package.name != name]
    with compared(base, []) as whole, compared(without, []) as rest:
        assert resolvable(rest.before) <= resolvable(whole.before)


@few
@given(DISTRIBUTIONS, CHANGED)
def test_a_change_with_the_contents_of_the_base_changes_nothing(base: Sequence[Package], source: str) -> None:
    same = [package for package in base if isinstance(package, Rpm) and package.source == source]
    with compared(base, same, source) as comparison:
        found = impact(comparison)
        assert (found.affected, found.uninstallable) == ((), ())


@few
@given(WITHOUT_CHOICES, CHANGED)
def test_other_contents_at_an_equal_nevra_are_a_rebuild_wherever_they_are(base: Sequence[Package], source: str) -> None:
    old = [package for package in base if isinstance(package, Rpm) and package.source == source]
    with compared(base, [replace(package, contents="patched") for package in old], source) as comparison:
        before = comparison.before
        touched = {
            name
            for name, number in before.universe.sources.items()
            if isinstance(root := before.of_source(number), Root) and comparison.removed & set(root.numbers)
        }
        rebuilt = {item.source.name for item in impact(comparison).affected if item.effect is Effect.REBUILD}
        assert rebuilt == touched


@few
@given(DISTRIBUTIONS, CHANGED)
def test_other_contents_are_a_rebuild_also_where_there_are_choices(base: Sequence[Package], source: str) -> None:
    old = [package for package in base if isinstance(package, Rpm) and package.source == source]
    with compared(base, [replace(package, contents="patched") for package in old], source) as comparison:
        before, after = comparison.before, comparison.after
        rebuilt = {item.source.name for item in impact(comparison).affected if item.effect is Effect.REBUILD}
        for name, number in comparison.sources.items():
            was, becomes = before.of_source(number), after.of_source(number)
            assert isinstance(was, Root) == isinstance(becomes, Root)  # whatever is chosen, a way there is
            if isinstance(was, Root) and comparison.removed & set(was.numbers):
                assert name in rebuilt


@few
@given(DISTRIBUTIONS, st.sampled_from(NAMES))
def test_every_link_of_a_chain_holds(base: Sequence[Package], subject: str) -> None:
    with compared(base, []) as comparison:
        universe = comparison.before.universe
        for item in reverse_dependencies(comparison.before, Question(subject=subject, binary=True)):
            assert_chain(universe, item, subject)


@few
@given(DISTRIBUTIONS, st.sampled_from(NAMES), st.booleans())
def test_a_command_comes_to_the_same_direct_dependents(base: Sequence[Package], name: str, everywhere: bool) -> None:
    with compared(base, []) as comparison:
        spec = comparison.before.universe.spec
        universe = Universe(replace(spec, buildroot=("p0",) if everywhere else ()))
        subject = Question(subject=name, depth=Depth(levels=1), binary=True)
        roots = Roots(universe)
        assert direct_dependents(universe, subject) == reverse_dependencies(roots, subject)
        for source in universe.binaries:
            question = Question(subject=source, depth=Depth(levels=1))
            assert direct_dependents(universe, question) == reverse_dependencies(roots, question)


def assert_chain(universe: Universe, item: ReverseDependency, subject: str) -> None:
    """Check that each link is required by the one and provided by the other, and that they lead to the subject."""
    assert item.path[0].package == item.source.name
    assert item.path[-1].provider == subject
    assert len(item.path) == item.distance
    for link, following in pairwise(item.path):
        assert link.provider == following.package
    for link in item.path:
        needy = universe.sources.get(link.package, min(universe.binary_names.get(link.package, {-1})))
        assert link.capability in universe.requirements(needy)
        assert set(universe.binary_names[link.provider]) & universe.providers(link.capability)


@few
@given(DISTRIBUTIONS, CHANGED)
def test_an_order_names_everybody_once_and_after_what_it_needs(base: Sequence[Package], source: str) -> None:
    named = [*base, *(Srpm(name=name, requires=NAMES[:2]) for name in ("alpha", "beta", "gamma"))]
    old = [package for package in base if isinstance(package, Rpm) and package.source == source]
    wanted = [name for name in (*SOURCES, "alpha", "beta", "gamma") if name != source]
    with compared(named, [replace(package, version="3") for package in old], source) as comparison:
        found = rebuild_order(comparison, wanted)
    level = {name: number for number, names in enumerate(found.levels) for name in names}
    assert sorted(name for names in found.levels for name in names) == sorted(wanted)
    assert all(level[needed] < level[name] for name, needed in found.edges)
