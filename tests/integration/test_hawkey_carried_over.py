"""Roots that follow from the base's are those that the solver finds: everything is solved twice, and compared."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.hawkey.certainty import Certainty
from bot.adapters.hawkey.impact import Comparison, impact
from bot.adapters.hawkey.known import KnownRoots
from bot.adapters.hawkey.loading import Layer, UniverseSpec
from bot.adapters.hawkey.metadata import fetch_metadata
from bot.adapters.hawkey.roots import Root, Roots
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.hawkey.universe import SOURCE_ARCHES, Universe
from tests.fakes.rpmmd import Package, Rpm, Srpm, write_repository

NAMES = [f"p{number}" for number in range(16)]
CAPABILITIES = [f"c{number}" for number in range(5)]


def _wish(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.5:
        return rng.choice(NAMES)
    if kind < 0.75:
        return rng.choice(CAPABILITIES)
    if kind < 0.85:
        return f"{rng.choice(NAMES)} >= {rng.choice('12')}"
    operator = rng.choice(("or", "or", "or", "if", "and"))
    return f"({rng.choice(NAMES + CAPABILITIES)} {operator} {rng.choice(NAMES + CAPABILITIES)})"


def _wishes(rng: random.Random, least: int, most: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_wish(rng) for _ in range(rng.randint(least, most))))


def _capability(rng: random.Random) -> str:
    name = rng.choice(CAPABILITIES)
    return f"{name} = {rng.choice('12')}" if rng.random() < 0.5 else name


def _binary(rng: random.Random, name: str, version: str) -> Rpm:
    return Rpm(
        name=name,
        version=version,
        source=f"source{int(name[1:]) // 2}",
        requires=_wishes(rng, 0, 2),
        provides=tuple(dict.fromkeys(_capability(rng) for _ in range(rng.randrange(3)))),
        conflicts=(rng.choice(NAMES),) if rng.random() < 0.12 else (),
        obsoletes=(f"{rng.choice(NAMES)} < 2",) if rng.random() < 0.06 else (),
        recommends=(rng.choice(NAMES),) if rng.random() < 0.05 else (),
    )


def _distribution(rng: random.Random) -> list[Package]:
    packages: list[Package] = [
        _binary(rng, name, version)
        for name in NAMES
        for version in rng.choice((("1",), ("1",), ("1",), ("2",), ("1", "2")))
    ]
    packages += [
        Srpm(
            name=f"s{number}",
            requires=_wishes(rng, 1, 3),
            conflicts=(rng.choice(NAMES),) if rng.random() < 0.1 else (),
        )
        for number in range(30)
    ]
    if rng.random() < 0.5:
        rng.shuffle(packages)
    return packages


def _exclusive(rng: random.Random) -> list[Package]:
    """Three groups of packages that stand in for one another and mostly exclude each other, over a plain rest."""
    names = rng.sample(NAMES, len(NAMES))
    groups = [names[start : start + rng.choice((2, 2, 3, 4))] for start in (0, 4, 8)]
    plain = names[12:]

    def wish() -> str:
        kind = rng.random()
        if kind < 0.45:
            return rng.choice(plain)
        if kind < 0.85:
            return rng.choice(CAPABILITIES[:3])
        return rng.choice(names) if kind < 0.92 else f"({rng.choice(names)} or {rng.choice(names)})"

    packages: list[Package] = []
    for name in NAMES:
        others = [(group, capability) for group, capability in zip(groups, CAPABILITIES, strict=False) if name in group]
        requires = [wish() for _ in range(rng.choice((0, 0, 1, 2)))]
        if rng.random() < 0.3:
            requires.append(f"p{int(name[1:]) ^ 1} = 1-1")
        packages += [
            Rpm(
                name=name,
                version=version,
                source=f"source{int(name[1:]) // 2}",
                requires=tuple(text for text in dict.fromkeys(requires) if text != name),
                provides=tuple(capability for _, capability in others),
                conflicts=tuple(
                    other for group, _ in others for other in group if other != name and rng.random() < 0.7
                ),
            )
            for version in rng.choice((("1",), ("1",), ("1",), ("1", "2")))
        ]
    packages += [Srpm(name=f"s{number}", requires=tuple({wish(): None, wish(): None})) for number in range(30)]
    return packages


def _changed(rng: random.Random, packages: Sequence[Rpm]) -> list[Rpm]:
    """Rebuild packages: as they were, with another release, other requirements, or other provides and one less."""
    kind = rng.choice(("same", "release", "requires", "provides"))
    changed = [replace(package, contents="rebuilt") for package in packages]
    if kind == "release":
        raised = {
            f"{package.name} = {package.version}-1": f"{package.name} = {package.version}-2" for package in changed
        }
        return [
            replace(package, release="2", requires=tuple(raised.get(text, text) for text in package.requires))
            for package in changed
        ]
    if kind == "requires":
        return [replace(package, requires=(*package.requires, "p3")) for package in changed]
    if kind == "provides":
        return [replace(package, provides=("c1",)) for package in changed[rng.randrange(2) :]]
    return changed


def _compared(directory: Path, seed: int) -> tuple[UniverseSpec, UniverseSpec]:
    rng = random.Random(seed)
    base = _exclusive(rng) if seed % 3 == 2 else _distribution(rng)
    source = f"source{rng.randrange(8)}"
    change = _changed(rng, [package for package in base if isinstance(package, Rpm) and package.source == source])
    fetching = HawkeySettings(cache=directory / "cache", allow_file=True)

    def layer(name: str, packages: Sequence[Package]) -> Layer:
        url = write_repository(directory / name, packages)
        return Layer(url=url, digest=fetch_metadata(url, fetching))

    before = UniverseSpec(
        cache=fetching.cache,
        arch="x86_64",
        base=(layer("base", base),),
        buildroot=("p1",) if rng.random() < 0.5 else (),
    )
    priority = 1 if seed % 5 == 4 else None  # as in a Copr, which prefers the change to everything else
    return before, replace(before, change=(layer("change", change),), replaces=frozenset({source}), priority=priority)


def _solved_before(spec: UniverseSpec) -> KnownRoots:
    """Let another process solve the base."""
    roots = KnownRoots(Universe(spec))
    for number in roots.universe.sources.values():
        roots.solved(number)
    roots.save()
    known = KnownRoots(Universe(spec))
    known.refresh()
    assert all(known.peek(number) for number in known.universe.sources.values())
    return known


@pytest.mark.parametrize("seed", range(90))
def test_an_impact_is_what_solving_everything_twice_says(tmp_path: Path, seed: int) -> None:
    before, after = _compared(tmp_path, seed)
    comparison = Comparison(_solved_before(before), Roots(Universe(after)))
    found = {item.source.name: item for item in impact(comparison).affected}
    plain_before, plain_after = Roots(Universe(before)), Roots(Universe(after))
    for name, number in plain_before.universe.sources.items():
        was, becomes = plain_before.of_source(number), plain_after.of_source(number)
        digests = tuple(
            side.digest(root) if isinstance(root, Root) else ""
            for side, root in ((plain_before, was), (plain_after, becomes))
        )
        if name in found:
            assert (found[name].buildroot_before, found[name].buildroot_after) == digests
        else:
            assert digests[0] == digests[1]
    assert set(comparison.broken) == {
        number
        for number, package in plain_before.universe.packages.items()
        if package.arch not in SOURCE_ARCHES
        and number in plain_after.universe.packages
        and isinstance(plain_before.of_binary(number), Root)
        and not isinstance(plain_after.of_binary(number), Root)
    }


def _load(directory: Path, base: Sequence[Package], change: Sequence[Package], *replaces: str) -> Comparison:
    fetching = HawkeySettings(cache=directory / "cache", allow_file=True)
    first, second = (write_repository(directory / name, some) for name, some in (("b", base), ("c", change)))
    layers = [Layer(url=url, digest=fetch_metadata(url, fetching)) for url in (first, second)]
    before = UniverseSpec(cache=fetching.cache, arch="x86_64", base=(layers[0],))
    after = replace(before, change=(layers[1],), replaces=frozenset(replaces))
    return Comparison(_solved_before(before), Roots(Universe(after)))


def _carried(comparison: Comparison) -> set[str]:
    found = set()
    for name, number in comparison.sources.items():
        solved = comparison.known.solved(number)
        assert isinstance(solved.root, Root)
        if comparison.replacement.is_carried_over(number, solved.root.numbers, solved.course):
            found.add(name)
    return found


def _alternatives() -> list[Package]:
    """An application whose library needs one of two servers, which exclude each other."""
    return [
        Rpm(name="zlib"),
        Rpm(name="postfix", provides=("smtp",), conflicts=("exim",), requires=("zlib",)),
        Rpm(name="exim", provides=("smtp", "mta = 1"), obsoletes=("mta < 1",), requires=("zlib",)),
        Rpm(name="third", provides=("smtp", "mta = 2")),
        Rpm(name="libmail", requires=("smtp",)),
        Srpm(name="app", requires=("libmail", "zlib")),
    ]


@pytest.mark.parametrize("wished", [(), ("exim",)])
def test_alternatives_that_exclude_each_other_are_no_reason_to_solve_again(
    tmp_path: Path, wished: tuple[str, ...]
) -> None:
    change = [Rpm(name="zlib", contents="rebuilt")]
    base = [*_alternatives(), Rpm(name="wishing", recommends=wished)]
    comparison = _load(tmp_path, base, change, "zlib")
    assert len(comparison.known.solved(comparison.sources["app"]).course.tried) > 1
    assert _carried(comparison) == {"app"}


def test_what_is_not_taken_is_of_account_where_it_may_be_ruled_out(tmp_path: Path) -> None:
    lonely = Rpm(name="lonely")
    base = [
        *(replace(one, requires=("lonely",)) if one.name == "third" else one for one in _alternatives()),
        lonely,
        Srpm(name="picky", requires=("libmail", "zlib"), conflicts=("third",)),
    ]
    comparison = _load(tmp_path / "1", base, [Rpm(name="zlib", contents="rebuilt")], "zlib")
    assert _carried(comparison) == {"app"}
    for name, change, carried in (
        ("2", replace(lonely, contents="rebuilt"), {"app"}),
        ("3", replace(lonely, conflicts=("libmail",)), set()),
    ):
        comparison = _load(tmp_path / name, base, [change], "lonely")
        number = {str(package.name): number for number, package in comparison.before.universe.packages.items()}
        root = comparison.known.solved(comparison.sources["app"]).root
        assert isinstance(root, Root)
        assert not {number["third"], number["lonely"]} & {*root.numbers}
        assert _carried(comparison) == carried


@pytest.mark.parametrize(("needed", "carried"), [("postfix", True), ("exim", False)])
def test_one_that_is_needed_for_itself_cannot_be_stood_in_for(tmp_path: Path, needed: str, carried: bool) -> None:
    """Which of several is taken first is no matter only where it is the one that would be taken among all of them."""
    queues = [Rpm(name=name, provides=("queue",), requires=(needed,)) for name in ("one", "two")]
    base = [*_alternatives(), *queues, Srpm(name="other", requires=("libmail", "queue"))]
    comparison = _load(tmp_path, base, [Rpm(name="zlib", contents="rebuilt")], "zlib")
    assert _carried(comparison) == ({"app", "other"} if carried else {"app"})


def test_subpackages_that_require_each_others_release_succeed_those_before(tmp_path: Path) -> None:
    def packages(release: str) -> list[Rpm]:
        library = Rpm(name="zlib", release=release)
        return [library, Rpm(name="zlib-devel", release=release, source="zlib", requires=(f"zlib = 1-{release}",))]

    def base(*requires: str) -> list[Package]:
        return [*packages("1"), Rpm(name="pinned", requires=requires), Srpm(name="app", requires=("zlib-devel",))]

    pinned = Srpm(name="other", requires=("pinned",))
    comparison = _load(tmp_path / "1", [*base("zlib"), pinned], packages("2"), "zlib")
    assert len(comparison.replacement.successors) == 2
    assert _carried(comparison) == {"app", "other"}
    comparison = _load(tmp_path / "2", [*base("zlib = 1-1"), pinned], packages("2"), "zlib")
    assert _carried(comparison) == {"app"}
    assert {str(comparison.after.universe.packages[number].name) for number in comparison.broken} == {"pinned"}


@pytest.mark.parametrize("release", ["1", "2"])
def test_what_another_package_supplements_decides_between_alternatives(tmp_path: Path, release: str) -> None:
    base: list[Package] = [
        Rpm(name="zlib"),
        Rpm(name="one", provides=("either",)),
        Rpm(name="two", provides=("either",), supplements=(f"zlib = 1-{release}",)),
        Srpm(name="app", requires=("zlib", "either")),
    ]
    comparison = _load(tmp_path, base, [Rpm(name="zlib", release="2")], "zlib")
    assert _carried(comparison) == set()
    (app,) = impact(comparison).affected
    root = comparison.after.of_source(comparison.sources["app"])
    assert isinstance(root, Root)
    assert app.buildroot_after == comparison.after.digest(root)
    assert ("two" in str([comparison.after.universe.packages[number] for number in root.numbers])) is (release == "2")


@pytest.mark.parametrize("kind", ["obsoletes", "conflicts", "recommends"])
@pytest.mark.parametrize("text", ["gone", "lonely", "either"])
def test_what_a_change_says_of_nobody_that_matters_does_not(tmp_path: Path, kind: str, text: str) -> None:
    base = [
        Rpm(name="zlib"),
        Rpm(name="lonely"),
        Rpm(name="one", provides=("either",)),
        Rpm(name="two", provides=("either",)),
        Srpm(name="app", requires=("zlib", "either")),
        Srpm(name="plain", requires=("zlib", "lonely")),
    ]
    change = Rpm(name="zlib", release="2")
    comparison = _load(tmp_path, base, [replace(change, **{kind: (text,)})], "zlib")
    wished_in_vain = text == "gone" or (text == "lonely" and kind == "recommends")
    assert _carried(comparison) == ({"app", "plain"} if wished_in_vain else set())


def test_a_file_that_others_have_too_is_a_choice(tmp_path: Path) -> None:
    base = [
        Rpm(name="zlib"),
        Rpm(name="bash", provides=("/bin/sh",)),
        Rpm(name="ash", files=("/bin/sh",), conflicts=("bash",)),
        Rpm(name="tool", requires=("/bin/sh",)),
        Rpm(name="alone", requires=("zlib", "/bin/own"), files=("/bin/own",)),
        Srpm(name="app", requires=("tool", "zlib")),
        Srpm(name="other", requires=("alone",)),
    ]
    comparison = _load(tmp_path, base, [Rpm(name="zlib", contents="rebuilt")], "zlib")
    plain = Roots(comparison.before.universe)
    certainty = Certainty(plain.universe, plain.index)
    app, other = (comparison.sources[name] for name in ("app", "other"))
    assert certainty.unchosen(app) is None
    root = plain.of_source(other)
    assert isinstance(root, Root)
    assert certainty.unchosen(other) == list(root.numbers)
    for number in (app, other):
        assert comparison.known.solved(number).root == plain.of_source(number)


def test_some_roots_are_carried_over_and_some_are_not(tmp_path: Path) -> None:
    carried = []
    for seed in range(8):
        before, after = _compared(tmp_path / str(seed), seed)
        comparison = Comparison(_solved_before(before), Roots(Universe(after)))
        for number in comparison.sources.values():
            solved = comparison.known.solved(number)
            if isinstance(solved.root, Root):
                carried.append(comparison.replacement.is_carried_over(number, solved.root.numbers, solved.course))
    assert any(carried)
    assert not all(carried)


def test_files_that_are_not_whole_are_solved_anew(tmp_path: Path) -> None:
    before, _ = _compared(tmp_path, 1)
    whole = _solved_before(before)
    for path in (tmp_path / "cache" / "worked-out").glob("*/*"):
        for file in [path] if path.is_file() else path.iterdir():
            file.write_bytes(file.read_bytes()[:-3])
    again = KnownRoots(Universe(before))
    again.refresh()
    for number in whole.universe.sources.values():
        assert again.peek(number) is None
        assert again.solved(number).digest == whole.solved(number).digest
