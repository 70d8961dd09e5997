"""Random distributions with a change over them, that have in them whatever the metadata of real ones have.

Rich dependencies of every kind, nested ones too, weak dependencies, files that primary metadata tell of and files that
they do not, versioned provides, packages that provide themselves or another's name, conflicts, obsoletes, several
versions, architectures, epochs, tildes and carets, several repositories with priorities and excludes, module streams;
and changes that rename, split, drop and take over. A feature is in some distributions and not in others: with all of
them at once little could be solved.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tests.fakes.rpmmd import Package, Rpm, Srpm

NAMES = tuple(f"p{number}" for number in range(18))
CAPABILITIES = tuple(f"c{number}" for number in range(5))
PROGRAMS = tuple(f"/usr/bin/b{number}" for number in range(3))
DATA = tuple(f"/usr/share/d{number}" for number in range(3))
"""Files of which only filelists tell."""
VERSIONS = ("1", "1", "1", "2", "1.10", "1.9", "1~rc1", "1^git1", "0.9")
_COMPARISONS = (">=", ">=", "=", "<", "<=", ">")
_FEATURES = (
    "rich",
    "nested",
    "weak",
    "files",
    "hidden-files",
    "arches",
    "epochs",
    "versions",
    "conflicts",
    "obsoletes",
    "versioned",
    "oneself",
    "others-names",
    "repositories",
    "modules",
    "build-conflicts",
    "dynamic",
    "srpms",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repo:
    """One repository of a distribution."""

    packages: tuple[Package, ...]
    priority: int = 99
    excludes: tuple[str, ...] = ()
    modules: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A distribution, and a change over it, whose packages may be in several repositories.

    `priority` is what a build system gives the change, or none.
    """

    repos: tuple[Repo, ...]
    change: tuple[tuple[Package, ...], ...]
    replaces: frozenset[str]
    buildroot: tuple[str, ...] = ()
    priority: int | None = None


def situation(seed: int) -> Situation:
    """Return the situation of a seed, always the same one."""
    return _Wild(random.Random(seed)).situation()


class _Wild:
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        share = rng.choice((0.15, 0.3, 0.5, 0.8))
        self._has = frozenset(feature for feature in _FEATURES if rng.random() < share)
        self._per_source = rng.choice((1, 2, 3))

    def situation(self) -> Situation:
        rng = self._rng
        packages = [package for name in NAMES for package in self._versions_of(name)]
        packages += [package for number in range(22) for package in self._sources_named(f"s{number}")]
        if rng.random() < 0.5:
            rng.shuffle(packages)
        named = sorted({_source(package) for package in packages if isinstance(package, Rpm)})
        replaces = frozenset(rng.sample(named, rng.choice((1, 1, 1, 2, 3))))
        priority = rng.choice((None, None, None, 1, 99, 200))
        change = self._change([p for p in packages if isinstance(p, Rpm)], replaces)
        if priority is not None or "repositories" in self._has:
            # What is hidden still makes libsolv think less of a namesake with a worse priority, as in dnf.
            change = [p for p in change if p not in packages] or [self._binary("p0", (0, "3", "1"), "x86_64")]
        if "srpms" in self._has:
            change += [self._source_package(name) for name in sorted(replaces)]
        return Situation(
            repos=self._repositories(packages),
            change=self._apart(change),
            replaces=replaces,
            buildroot=tuple(self._wish() for _ in range(rng.choice((0, 0, 1, 2)))),
            priority=priority,
        )

    # The base.

    def _versions_of(self, name: str) -> list[Rpm]:
        rng = self._rng
        evrs = {self._evr() for _ in range(rng.choice((1, 1, 2, 3)) if "versions" in self._has else 1)}
        arches: tuple[str, ...] = ("x86_64",)
        if "arches" in self._has:
            arches = rng.choice((arches, arches, ("noarch",), ("x86_64", "i686"), ("i686",), ("aarch64",)))
        return [self._binary(name, evr, arch) for evr in sorted(evrs) for arch in arches]

    def _binary(self, name: str, evr: tuple[int, str, str], arch: str) -> Rpm:
        epoch, version, release = evr
        made = Rpm(
            name=name,
            epoch=epoch,
            version=version,
            release=release,
            arch=arch,
            source=f"source{int(name[1:]) // self._per_source}",
        )
        return self._described(made)

    def _described(self, made: Rpm) -> Rpm:
        return replace(
            made,
            requires=self._wishes(made, 0, 2),
            provides=self._provided(made),
            conflicts=self._some("conflicts", 0.15, self._hostile),
            obsoletes=self._some("obsoletes", 0.1, self._simple),
            recommends=self._some("weak", 0.2, self._wish),
            suggests=self._some("weak", 0.2, self._wish),
            supplements=self._some("weak", 0.2, self._wish),
            enhances=self._some("weak", 0.2, self._wish),
            files=(*self._some("files", 0.3, self._program), *self._some("hidden-files", 0.3, self._data)),
        )

    def _provided(self, made: Rpm) -> tuple[str, ...]:
        rng = self._rng
        found = [self._capability() for _ in range(rng.randrange(3))]
        found += self._some("oneself", 0.15, lambda: f"{made.name} = {rng.choice(VERSIONS)}")
        found += self._some("others-names", 0.15, lambda: self._provides(rng.choice(NAMES)))
        found += self._some("files", 0.1, self._program)
        return tuple(dict.fromkeys(found))

    def _sources_named(self, name: str) -> list[Package]:
        again = "versions" in self._has and self._rng.random() < 0.2
        made = self._source_package(name)
        return [made, replace(self._source_package(name), version=f"{made.version}.1")] if again else [made]

    def _source_package(self, name: str) -> Srpm:
        epoch, version, release = self._evr()
        dynamic = self._some("dynamic", 0.2, lambda: "rpmlib(DynamicBuildRequires) <= 4.15.0-1")
        wishes = tuple(dict.fromkeys(self._wish() for _ in range(self._rng.randint(1, 3))))
        return Srpm(
            name=name,
            epoch=epoch,
            version=version,
            release=release,
            requires=(*wishes, *dynamic),
            conflicts=self._some("build-conflicts", 0.3, self._hostile),
        )

    def _repositories(self, packages: Sequence[Package]) -> tuple[Repo, ...]:
        rng = self._rng
        if "repositories" not in self._has:
            return (Repo(packages=tuple(packages), modules=self._modules(packages)),)
        groups: list[list[Package]] = [[], [], []]
        for package in packages:
            for group in rng.sample(groups, rng.choice((1, 1, 1, 1, 2))):
                group.append(package if rng.random() < 0.8 else replace(package, contents="of another repository"))
        return tuple(
            Repo(
                packages=tuple(group),
                priority=rng.choice((99, 99, 50, 10)),
                excludes=(rng.choice(NAMES),) if rng.random() < 0.2 else (),
                modules=self._modules(group) if number == 0 else "",
            )
            for number, group in enumerate(groups)
            if group
        )

    def _modules(self, packages: Sequence[Package]) -> str:
        """Return two streams of a module, the first of them the default one."""
        if "modules" not in self._has or self._rng.random() < 0.5 or not packages:
            return ""
        some = self._rng.sample(packages, min(len(packages), 6))
        streams = "".join(_stream(name, part) for name, part in (("one", some[:3]), ("two", some[3:])))
        return f"{streams}---\ndocument: modulemd-defaults\nversion: 1\ndata: {{module: mod, stream: one}}\n...\n"

    # The change.

    def _apart(self, change: Sequence[Package]) -> tuple[tuple[Package, ...], ...]:
        at = self._rng.randrange(len(change)) if self._rng.random() < 0.3 else 0
        return tuple(tuple(part) for part in (change[:at], change[at:]) if part)

    def _change(self, binaries: Sequence[Rpm], replaces: frozenset[str]) -> list[Package]:
        rng = self._rng
        made: list[Rpm] = []
        for source in sorted(replaces):
            old = [package for package in binaries if package.source == source]
            if rng.random() < 0.7:  # only what is newest is built again
                old = list({(package.name, package.arch): package for package in old}.values())
            made += self._rebuilt(source, old)
        once = {(package.name, package.evr, package.arch): package for package in made}
        return list(once.values()) or [self._binary("p0", (0, "3", "1"), "x86_64")]

    def _rebuilt(self, source: str, old: Sequence[Rpm]) -> list[Rpm]:
        """Build the packages of one source again: mostly in one way, sometimes in several."""
        rng = self._rng
        ways = (
            self._patched,
            self._raised,
            self._raised,
            self._lowered,
            self._asking,
            self._offering,
            self._described,
            self._hostile_now,
            self._wishful,
            self._same,
            self._other_arch,
        )
        new = list(old)
        for way in rng.sample(ways, rng.choice((1, 1, 1, 2, 3))):
            new = [way(package) if rng.random() < 0.9 else package for package in new]
        deed = rng.choice(("", "", "", "", "drop", "rename", "split", "take-over", "move", "namesake"))
        return self._done(deed, source, new) if new else new

    def _done(self, deed: str, source: str, new: list[Rpm]) -> list[Rpm]:
        rng = self._rng
        at = rng.randrange(len(new))
        one = new[at]
        if deed == "drop":
            return new[:at] + new[at + 1 :]
        if deed == "rename":
            obsoletes = (f"{one.name} < 3",) if rng.random() < 0.7 else ()
            provides = (*one.provides, f"{one.name} = {one.evr}") if rng.random() < 0.7 else one.provides
            new[at] = replace(one, name=f"{one.name}-renamed", obsoletes=obsoletes, provides=provides)
        if deed == "split":
            part = replace(one, name=f"{one.name}-part", requires=(), obsoletes=(), conflicts=())
            new[at] = replace(one, provides=(), requires=(*one.requires, f"{part.name} = {part.evr}"))
            new.append(part)
        if deed == "take-over":
            new[at] = replace(one, provides=(*one.provides, self._capability(), self._provides(rng.choice(NAMES))))
        if deed == "move" and len(new) > 1:
            other = (at + 1) % len(new)
            new[other] = replace(new[other], provides=one.provides, files=one.files)
            new[at] = replace(one, provides=(), files=())
        if deed == "namesake":
            new.append(self._described(replace(one, name=rng.choice(NAMES), source=source)))
        return new

    def _same(self, package: Rpm) -> Rpm:
        return package

    def _patched(self, package: Rpm) -> Rpm:
        return replace(package, contents="patched")

    def _raised(self, package: Rpm) -> Rpm:
        """Raise the release, and with it what the packages of one source ask of each other."""
        new = replace(package, release=f"{package.release}.1")
        texts = tuple(
            f"{text}.1" if " = " in text and text.endswith(f"-{package.release}") else text for text in package.requires
        )
        return replace(new, requires=texts)

    def _lowered(self, package: Rpm) -> Rpm:
        return replace(package, epoch=0, version="0.5")

    def _asking(self, package: Rpm) -> Rpm:
        kept = package.requires[self._rng.randrange(2) :]
        return replace(package, requires=tuple(dict.fromkeys((*kept, self._wish()))), contents="asking")

    def _offering(self, package: Rpm) -> Rpm:
        kept = package.provides[self._rng.randrange(2) :]
        return replace(package, provides=tuple(dict.fromkeys((*kept, self._capability()))), contents="offering")

    def _hostile_now(self, package: Rpm) -> Rpm:
        kind = self._rng.choice(("conflicts", "obsoletes"))
        return replace(package, contents="hostile", **{kind: (self._simple(),)})

    def _wishful(self, package: Rpm) -> Rpm:
        kind = self._rng.choice(("recommends", "suggests", "supplements", "enhances"))
        return replace(package, contents="wishful", **{kind: (self._wish(),)})

    def _other_arch(self, package: Rpm) -> Rpm:
        return replace(package, arch="noarch" if package.arch != "noarch" else "x86_64")

    # Dependencies.

    def _some(self, feature: str, chance: float, make: Callable[[], str]) -> tuple[str, ...]:
        return (make(),) if feature in self._has and self._rng.random() < chance else ()

    def _wishes(self, made: Rpm, least: int, most: int) -> tuple[str, ...]:
        rng = self._rng
        found = [self._wish() for _ in range(rng.randint(least, most))]
        if rng.random() < 0.2:  # as subpackages do
            first = int(made.name[1:].partition("-")[0]) // self._per_source * self._per_source
            found.append(f"p{first + rng.randrange(self._per_source)} = {made.evr}")
        found += self._some("oneself", 0.1, lambda: made.name)
        return tuple(dict.fromkeys(found))

    def _wish(self) -> str:
        rng = self._rng
        kind = rng.random()
        if "rich" in self._has and kind < 0.25:
            return self._rich(2 if "nested" in self._has else 1)
        if "files" in self._has and kind < 0.35:
            return self._program()
        if "hidden-files" in self._has and kind < 0.45:
            return self._data()
        return self._simple()

    def _simple(self) -> str:
        rng = self._rng
        name = rng.choice(NAMES) if rng.random() < 0.65 else rng.choice(CAPABILITIES)
        if "arches" in self._has and rng.random() < 0.1:
            return f"{rng.choice(NAMES)}(x86-64)"
        if rng.random() < (0.35 if "versioned" in self._has else 0.08):
            return f"{name} {rng.choice(_COMPARISONS)} {self._evr_text()}"
        return name

    def _hostile(self) -> str:
        if "rich" in self._has and self._rng.random() < 0.15:
            return f"({self._simple()} {self._rng.choice(('or', 'unless', 'with'))} {self._simple()})"
        return self._simple()

    def _rich(self, depth: int) -> str:
        rng = self._rng
        word = rng.choice(("or", "or", "or", "and", "if", "if", "if-else", "unless", "unless-else", "with", "without"))
        if word in {"with", "without"}:
            return f"({self._simple()} {word} {self._simple()})"
        one, other, third = (self._part(depth) for _ in range(3))
        if word in {"and", "or"} and rng.random() < 0.3:
            return f"({one} {word} {other} {word} {third})"
        if word.endswith("-else"):
            return f"({one} {word.partition('-')[0]} {other} else {third})"
        return f"({one} {word} {other})"

    def _part(self, depth: int) -> str:
        if depth > 1 and self._rng.random() < 0.4:
            return self._rich(depth - 1)
        return self._program() if "files" in self._has and self._rng.random() < 0.1 else self._simple()

    def _capability(self) -> str:
        return self._provides(self._rng.choice(CAPABILITIES))

    def _provides(self, name: str) -> str:
        return f"{name} = {self._evr_text()}" if self._rng.random() < 0.4 else name

    def _program(self) -> str:
        return self._rng.choice(PROGRAMS)

    def _data(self) -> str:
        return self._rng.choice(DATA)

    def _evr(self) -> tuple[int, str, str]:
        epoch = self._rng.choice((0, 0, 1)) if "epochs" in self._has else 0
        return epoch, self._rng.choice(VERSIONS), self._rng.choice(("1", "1", "2"))

    def _evr_text(self) -> str:
        epoch, version, release = self._evr()
        text = version if self._rng.random() < 0.5 else f"{version}-{release}"
        return f"{epoch}:{text}" if epoch else text


def _source(package: Rpm) -> str:
    return package.source or package.name


def _stream(name: str, packages: Sequence[Package]) -> str:
    artifacts = [f"{p.name}-{p.epoch}:{p.version}-{p.release}.{p.arch}" for p in packages]
    return (
        f'---\ndocument: modulemd\nversion: 2\ndata:\n  name: mod\n  stream: "{name}"\n  version: 1\n  context: abc\n'
        "  arch: x86_64\n  summary: A module\n  description: A module.\n  license: {module: [MIT]}\n"
        f"  dependencies:\n  - buildrequires: {{platform: [el8]}}\n    requires: {{platform: [el8]}}\n"
        f"  artifacts:\n    rpms: {artifacts!r}\n...\n"
    )
