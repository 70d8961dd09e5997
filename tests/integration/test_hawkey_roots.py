"""What goes into one root, as a build's supervisor asks."""

import asyncio
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.adapters.hawkey.metadata import fetch_metadata
from bot.adapters.hawkey.pins import PinnedRepository, make_pin, write_pin
from bot.adapters.hawkey.root_solver import HawkeyRootSolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.target import Repository, Target
from bot.ports.errors import Misconfigured, Rejected, Transient
from bot.ports.resolver import Buildroot, Overlay, Unsolvable
from tests.fakes.rpmmd import Package, Rpm, location, write_repository

PACKAGES: tuple[Package, ...] = (
    Rpm(name="bash", files=("/usr/bin/bash",)),
    Rpm(name="libfoo", provides=("libfoo.so.1",)),
    Rpm(name="libfoo-devel", source="libfoo", requires=("libfoo = 1-1",), files=("/usr/include/foo.h",)),
    Rpm(name="first", provides=("cap",)),
    Rpm(name="second", provides=("cap",)),
    Rpm(name="weak", recommends=("first",)),
    Rpm(name="file-user", requires=("/usr/include/foo.h",)),
)


@dataclass(frozen=True)
class Place:
    """A directory with a cache and repositories, from which solvers are made."""

    directory: Path
    hosts: tuple[str, ...] = ()

    def write(self, packages: Sequence[Package] = PACKAGES, name: str = "repo") -> str:
        return write_repository(self.directory / name, packages)

    def solver(self, url: str, overlay: Overlay | None = None) -> HawkeyRootSolver:
        settings = HawkeySettings(cache=self.directory / "cache", allowed_hosts=self.hosts, allow_file=True)
        target = Target(
            name="t", arch="x86_64", backend="sandbox", repositories=(Repository(url=url),), buildroot=("bash",)
        )
        pinned = PinnedRepository(url=url, digest=fetch_metadata(url, settings))
        pin = make_pin("x86_64", [pinned], datetime.now(UTC))
        write_pin(settings.cache, target, pin)
        return HawkeyRootSolver(settings, pin.id, target, overlay)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def names(root: Buildroot | Unsolvable) -> list[str]:
    assert isinstance(root, Buildroot), root
    return [package.nevra.name for package in root.packages]


@pytest.mark.parametrize(
    ("requires", "expected"),
    [
        ([], ["bash"]),
        (["libfoo-devel >= 1"], ["bash", "libfoo", "libfoo-devel"]),
        (["(nowhere or first)"], ["bash", "first"]),
        (["(first if libfoo)", "libfoo"], ["bash", "first", "libfoo"]),
        (["(first if nowhere)"], ["bash"]),
        (["(first and second)"], ["bash", "first", "second"]),
        (["/usr/include/foo.h"], ["bash", "libfoo", "libfoo-devel"]),
        (["/usr/bin/bash"], ["bash"]),
        (["file-user"], ["bash", "file-user", "libfoo", "libfoo-devel"]),
        (["weak"], ["bash", "weak"]),
    ],
)
def test_dependencies_of_every_kind_are_solved(place: Place, requires: list[str], expected: list[str]) -> None:
    assert names(place.solver(place.write()).solve(requires)) == expected


@pytest.mark.parametrize(
    ("requires", "problem"),
    [
        (["libfoo >= 2"], "nothing provides requested libfoo >= 2"),
        (["/no/such/file"], "nothing provides requested /no/such/file"),
        (["(first and"], "not a dependency that rpm understands: '(first and'"),
    ],
)
def test_what_cannot_be_solved_says_why(place: Place, requires: list[str], problem: str) -> None:
    assert place.solver(place.write()).solve(requires) == Unsolvable(problem=problem)


def test_a_file_that_no_package_requires_is_found_too(place: Place) -> None:
    url = place.write([package for package in PACKAGES if package.name != "file-user"])
    assert names(place.solver(url).solve(["/usr/include/foo.h"])) == ["bash", "libfoo", "libfoo-devel"]


def test_a_change_hides_what_it_replaces(place: Place) -> None:
    change = place.write([Rpm(name="libfoo", version="2", provides=("libfoo.so.2",))], "change")
    solver = place.solver(place.write(), Overlay(repository=change, replaces=frozenset({"libfoo"})))
    root = solver.solve(["libfoo"])
    assert isinstance(root, Buildroot)
    assert [str(package.nevra) for package in root.packages] == ["bash-1-1.x86_64", "libfoo-2-1.x86_64"]
    assert solver.solve(["libfoo-devel"]) == Unsolvable(problem="nothing provides requested libfoo-devel")


def test_a_digest_covers_contents_and_not_names(place: Place) -> None:
    first = place.solver(place.write()).solve(["libfoo"])
    again = place.solver(place.write(name="copy")).solve(["libfoo"])
    patched = [Rpm(name="libfoo", contents="patched") if package.name == "libfoo" else package for package in PACKAGES]
    other = place.solver(place.write(patched)).solve(["libfoo"])
    assert isinstance(first, Buildroot)
    assert isinstance(again, Buildroot)
    assert isinstance(other, Buildroot)
    assert first.digest == again.digest != other.digest


def test_local_packages_are_used_where_they_lie(place: Place) -> None:
    solver = place.solver(place.write())
    root = solver.solve([])
    assert isinstance(root, Buildroot)
    assert solver.fetch(root.packages) == [str(place.directory / "repo" / location(PACKAGES[0]))]


def test_a_package_that_is_not_what_the_metadata_say_is_not_used(place: Place) -> None:
    solver = place.solver(place.write())
    root = solver.solve([])
    assert isinstance(root, Buildroot)
    path = place.directory / "repo" / location(PACKAGES[0])
    path.write_bytes(b"something else")
    with pytest.raises(Transient, match="is not the package"):
        solver.fetch(root.packages)
    path.unlink()
    with pytest.raises(Transient, match="has moved on"):
        solver.fetch(root.packages)


async def test_packages_are_downloaded_once_and_verified(place: Place) -> None:
    app = web.Application()
    (place.directory / "repo").mkdir()
    app.router.add_static("/", place.directory)
    place.write()
    async with TestServer(app) as server:
        url = str(server.make_url("/repo"))
        solver = await asyncio.to_thread(Place(place.directory, ("127.0.0.1",)).solver, url)
        root = solver.solve(["libfoo"])
        assert isinstance(root, Buildroot)
        paths = await asyncio.to_thread(solver.fetch, root.packages)
        (place.directory / "repo" / location(PACKAGES[1])).write_bytes(b"something else")
        assert await asyncio.to_thread(solver.fetch, root.packages) == paths
        assert Path(paths[1]).is_relative_to(place.directory / "cache" / "packages")
        await asyncio.to_thread(Path(paths[1]).unlink)
        with pytest.raises(Transient):
            await asyncio.to_thread(solver.fetch, root.packages)


def test_metadata_cannot_point_outside_of_their_repository(place: Place) -> None:
    solver = place.solver(place.write())
    root = solver.solve([])
    assert isinstance(root, Buildroot)
    elsewhere = replace(root.packages[0], location="http://example.org/bash.rpm")
    with pytest.raises(Misconfigured, match=r"example\.org"):
        solver.fetch([elsewhere])


def _srpm(directory: Path, lines: str) -> str:
    spec = directory / "app.spec"
    spec.write_text(
        "Name: app\nVersion: 1\nRelease: 1\nSummary: app\nLicense: MIT\n"
        f"{lines}\n%description\napp\n%prep\n%generate_buildrequires\n%build\n"
    )
    subprocess.run(
        ["rpmbuild", "-bs", "--define", f"_topdir {directory}", "--define", f"_dbpath {directory}/db", str(spec)],
        check=True,
        capture_output=True,
    )
    return str(next((directory / "SRPMS").glob("*.src.rpm")))


def test_the_header_of_an_srpm_says_what_its_root_holds(place: Place) -> None:
    lines = "BuildRequires: libfoo-devel >= 1, cap, (first or second)\nBuildConflicts: first"
    solver = place.solver(place.write())
    assert names(solver.solve_source(_srpm(place.directory, lines))) == ["bash", "libfoo", "libfoo-devel", "second"]


@pytest.mark.parametrize("line", ["ExclusiveArch: s390x", "ExcludeArch: x86_64"])
def test_a_package_for_another_architecture_has_no_root(place: Place, line: str) -> None:
    root = place.solver(place.write()).solve_source(_srpm(place.directory, line))
    assert root == Unsolvable(problem="app is not built on x86_64 (ExclusiveArch or ExcludeArch)")


def test_what_is_no_package_is_refused(place: Place) -> None:
    path = place.directory / "odd.src.rpm"
    path.write_bytes(b"no package")
    with pytest.raises(Rejected, match="not an RPM package"):
        place.solver(place.write()).solve_source(str(path))


def test_the_packages_that_a_change_replaces_are_named(place: Place) -> None:
    base = place.write()
    change = place.write((Rpm(name="libfoo", provides=("libfoo.so.2",)),), "change")
    overlay = Overlay(repository=change, replaces=frozenset({"libfoo"}))

    assert place.solver(base, overlay).replaced() == ["libfoo", "libfoo-devel"]
    assert place.solver(base).replaced() == []


def test_a_package_whose_name_a_change_brings_is_replaced_whoever_built_it(place: Place) -> None:
    change = place.write((Rpm(name="libfoo"), Rpm(name="second", source="libfoo")), "change")
    overlay = Overlay(repository=change, replaces=frozenset({"libfoo"}))

    assert place.solver(place.write(), overlay).replaced() == ["libfoo", "libfoo-devel", "second"]


def test_a_change_has_the_priority_of_what_it_replaces(place: Place) -> None:
    base = place.write()
    change = place.write((Rpm(name="libfoo"),), "change")
    overlay = Overlay(repository=change, replaces=frozenset({"libfoo"}))

    assert place.solver(base).change_priority() is None
    assert place.solver(base, overlay).change_priority() == 99
    assert place.solver(base, replace(overlay, priority=1)).change_priority() == 1
