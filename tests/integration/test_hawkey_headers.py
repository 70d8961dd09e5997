"""What a build system made of a change is told by headers, read over HTTP from where the packages lie."""

import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from bot.adapters.hawkey.headers import Header, fetch_headers, within_bounds
from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.ids import SnapshotId
from bot.domain.target import Repository, Target
from bot.ports.resolver import Buildroot, Overlay
from tests.fakes.rpmmd import Rpm, Srpm, write_repository
from tests.fakes.site import Site, serve

SPEC = """\
Name: libfoo
Version: 1
Release: 1{suffix}
Summary: Nothing
License: MIT
BuildArch: noarch
Source0: padding
%package data
Summary: Nothing
%description
Nothing.
%description data
Nothing.
%install
mkdir -p %{{buildroot}}/usr/share/foo
echo {text} > %{{buildroot}}/usr/share/foo/marker
cp %{{SOURCE0}} %{{buildroot}}/usr/share/foo/padding
%files
/usr/share/foo/marker
%files data
/usr/share/foo/padding
"""


@dataclass
class Place:
    """A distribution in which `user` needs what the change makes, and a server with what was made."""

    directory: Path
    site: Site
    resolver: HawkeyResolver
    target: Target
    snapshot: SnapshotId

    def make(self, commit: str, text: str = "one") -> str:
        """Build a commit of the change and put it where it is served; the repository's address."""
        directory, suffix = self.site.root / commit, f".rd{commit}"
        directory.mkdir()
        (directory / "padding").write_bytes(b"x" * 100_000)
        (directory / "libfoo.spec").write_text(SPEC.format(suffix=suffix, text=text))
        defines = (f"_topdir {self.directory / 'top'}", f"_rpmdir {directory}", f"_sourcedir {directory}")
        command = ["rpmbuild", "-bb", "--quiet", *(part for define in defines for part in ("--define", define))]
        command += ["--define", "_binary_payload w.ufdio"]
        subprocess.run([*command, str(directory / "libfoo.spec")], check=True, capture_output=True)
        subprocess.run(["createrepo_c", "--quiet", str(directory)], check=True, capture_output=True)
        return self.site.url(commit)

    async def digest(self, url: str, *replaces: str) -> str:
        """The digest of the root that `user` has with the change."""
        overlay = Overlay(repository=url, replaces=frozenset(replaces or ("libfoo",)))
        root = (await self.resolver.buildroots(self.snapshot, self.target, ["user"], overlay))["user"]
        assert isinstance(root, Buildroot), root
        return root.digest

    async def planned(self, url: str) -> str:
        """The digest that a plan notes for `user`."""
        overlay = Overlay(repository=url, replaces=frozenset({"libfoo"}))
        impact = await self.resolver.impact(self.snapshot, self.target, overlay)
        return impact.affected[0].buildroot_after

    @property
    def headers(self) -> list[Path]:
        """The headers that were kept."""
        return sorted(self.directory.glob("cache/packages/*/*/*"))


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    packages = [
        Rpm(name="libfoo", arch="noarch"),
        Rpm(name="libfoo-data", arch="noarch", source="libfoo"),
        Srpm(name="libfoo"),
        Srpm(name="user", requires=("libfoo", "libfoo-data")),
    ]
    base = write_repository(tmp_path / "base", packages)
    target = Target(name="here", arch="x86_64", backend="copr", repositories=(Repository(url=base),))
    async with serve(tmp_path / "site") as site:
        resolver = HawkeyResolver(HawkeySettings(cache=tmp_path / "cache", workers=0, allow_file=True))
        snapshot = await resolver.snapshot(target)
        yield Place(tmp_path, site, resolver, target, snapshot.id)
        await resolver.close()


async def test_two_commits_that_make_the_same_make_the_same_root(place: Place) -> None:
    first = await place.planned(place.make("a1b2c3d"))

    assert await place.planned(place.make("9f8e7d6")) == first
    assert await place.planned(place.make("1234567", text="two")) != first
    assert await place.digest(place.site.url("a1b2c3d")) == first


async def test_headers_are_read_in_parts_and_once(place: Place) -> None:
    url = place.make("a1b2c3d")
    first = await place.digest(url)
    asked = [path for path in place.site.asked if path.endswith(".rpm")]

    assert len(asked) == len(place.headers) == 2
    assert place.site.statuses.count(206) == 2
    assert max(path.stat().st_size for path in place.headers) < 20_000
    await place.resolver.close()
    settings = HawkeySettings(cache=place.directory / "cache", workers=0, allow_file=True)
    place.resolver = HawkeyResolver(settings)
    assert await place.digest(url) == first
    assert [path for path in place.site.asked if path.endswith(".rpm")] == asked


async def test_a_server_without_ranges_is_read_no_further(place: Place) -> None:
    first = await place.digest(place.make("a1b2c3d"))
    place.site.ranges = False

    assert await place.digest(place.make("9f8e7d6")) == first
    assert place.site.statuses.count(206) == 2
    assert len(place.headers) == 4
    assert max(path.stat().st_size for path in place.headers) < 20_000


async def test_what_the_change_does_not_bring_goes_by_its_checksum(place: Place) -> None:
    first = await place.digest(place.make("a1b2c3d"), "other")

    assert await place.digest(place.make("9f8e7d6"), "other") != first
    assert place.headers == []


def _status(site: Site, path: str) -> None:
    site.fail(path, 503)


def _another_part(site: Site, path: str) -> None:
    headers = {"Content-Range": "bytes 96-200/100000"}
    site.answers[f"/{path}"] = lambda _request: web.Response(status=206, body=b"x" * 105, headers=headers)


def _too_little(site: Site, path: str) -> None:
    site.send(path, b"too little")


def _elsewhere(site: Site, path: str) -> None:
    site.redirect(path, "http://127.0.0.1:9/libfoo.rpm")


@pytest.mark.parametrize("broken", [_status, _another_part, _too_little, _elsewhere])
async def test_without_its_header_a_package_goes_by_its_checksum(
    place: Place, broken: Callable[[Site, str], None], caplog: pytest.LogCaptureFixture
) -> None:
    first = await place.digest(place.make("a1b2c3d"))
    url = place.make("9f8e7d6")
    for path in (place.site.root / "9f8e7d6").glob("noarch/*.rpm"):
        broken(place.site, f"9f8e7d6/noarch/{path.name}")

    assert await place.digest(url) != first
    assert len(place.headers) == 2
    assert "the header of a package cannot be had" in caplog.text


async def test_what_is_no_header_is_not_taken_for_one(place: Place) -> None:
    first = await place.digest(place.make("a1b2c3d"))
    url = place.make("9f8e7d6")
    for path in (place.site.root / "9f8e7d6").glob("noarch/*.rpm"):
        place.site.send(f"9f8e7d6/noarch/{path.name}", b"x" * 100_000)

    assert await place.digest(url) != first


def test_a_header_is_only_fetched_from_where_packages_may_come(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    header = Header(location="http://127.0.0.1:9/libfoo.rpm", checksum="sha256:00", length=10)
    fetch_headers([header], ["http://other.example.org/"], HawkeySettings(cache=tmp_path))
    assert "not among the allowed hosts" in caplog.text


def test_headers_are_bounded_each_and_together() -> None:
    lengths = [0, 1 << 20, 33 << 20, *[32 << 20] * 9, 2 << 20]
    wanted = [Header(location="", checksum="", length=length) for length in lengths]
    assert [header.length for header in within_bounds(wanted)] == [1 << 20, *[32 << 20] * 7, 2 << 20]
