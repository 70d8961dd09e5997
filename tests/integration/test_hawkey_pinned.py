"""Pinned metadata, written down for a package manager: a repository like any other, whose packages lie elsewhere."""

import asyncio
import gzip
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.adapters.hawkey.metadata import fetch_later, fetch_repository
from bot.adapters.hawkey.pinned import write_pinned
from bot.adapters.hawkey.pins import FILELISTS, PinnedRepository, metadata_directory
from bot.adapters.hawkey.settings import HawkeySettings
from bot.domain.target import Repository
from bot.ports.errors import Transient
from tests.fakes.rpmmd import soname_move, write_repository
from tests.fakes.site import Site, serve

COMPS = "<comps><group><id>build</id><packagelist/></group></comps>\n"
MODULES = "---\ndocument: modulemd-defaults\nversion: 1\ndata: {module: perl, stream: '5.30'}\n...\n"


@dataclass
class Bench:
    """A repository on a server, and a cache in which it is pinned."""

    site: Site
    settings: HawkeySettings
    directory: Path

    async def pin(self, url: str = "") -> PinnedRepository:
        return await asyncio.to_thread(fetch_repository, Repository(url=url or self.site.url("repo")), self.settings)

    def add(self, kind: str, text: str) -> None:
        file = self.directory / f"{kind}.yaml"
        file.write_text(text)
        where = self.site.root / "repo/repodata"
        subprocess.run(["modifyrepo_c", f"--mdtype={kind}", str(file), str(where)], check=True, capture_output=True)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with serve(tmp_path / "site") as site:
        write_repository(site.root / "repo", soname_move())
        yield Bench(
            site, HawkeySettings(cache=tmp_path / "cache", allowed_hosts=(site.host,), allow_file=True), tmp_path
        )


async def test_every_package_says_where_it_is(bench: Bench) -> None:
    pinned = await bench.pin()
    (primary,) = metadata_directory(bench.settings.cache, pinned.digest).glob("primary.*")
    packages = gzip.decompress(primary.read_bytes()).count(b"<location ")

    url = write_pinned(pinned, bench.directory / "pinned", bench.settings)

    assert url == (bench.directory / "pinned").as_uri()
    text = gzip.decompress((bench.directory / "pinned/repodata/primary.xml.gz").read_bytes()).decode()
    assert text.count(f'<location xml:base="{bench.site.url("repo")}/" href="') == packages > 0
    again = await bench.pin(url)  # checksums are held against repomd.xml
    assert metadata_directory(bench.settings.cache, again.digest).is_dir()


async def test_what_says_already_where_it_is_is_left_alone(bench: Bench) -> None:
    here = await bench.pin()
    first = write_pinned(here, bench.directory / "first", bench.settings)
    pinned = await bench.pin(first)
    elsewhere = PinnedRepository(url="https://example.org/other", digest=pinned.digest)

    write_pinned(elsewhere, bench.directory / "second", bench.settings)

    names = [bench.directory / name / "repodata/primary.xml.gz" for name in ("first", "second")]
    assert gzip.decompress(names[0].read_bytes()) == gzip.decompress(names[1].read_bytes())


async def test_groups_modules_and_filelists_come_along(bench: Bench) -> None:
    bench.add("group", COMPS)
    bench.add("modules", MODULES)
    pinned = await bench.pin()
    await asyncio.to_thread(fetch_later, pinned, FILELISTS, bench.settings)

    url = write_pinned(pinned, bench.directory / "pinned", bench.settings)

    kept = metadata_directory(bench.settings.cache, (await bench.pin(url)).digest)
    assert {path.name.partition(".")[0] for path in kept.iterdir()} == {"repomd", "primary", "group", "modules"}
    shown = bench.directory / "pinned/repodata"
    assert gzip.decompress((shown / "group.xml.gz").read_bytes()).decode() == COMPS
    assert gzip.decompress((shown / "modules.yaml.gz").read_bytes()).decode() == MODULES
    assert b"<filelists" in gzip.decompress((shown / "filelists.xml.gz").read_bytes())


async def test_a_repository_of_this_machine_serves_as_long_as_it_is_the_same(bench: Bench) -> None:
    local = (bench.site.root / "repo").as_uri()
    pinned = await bench.pin(local)

    assert write_pinned(pinned, bench.directory / "pinned", bench.settings) == local
    bench.add("group", COMPS)
    with pytest.raises(Transient, match="has moved on since"):
        write_pinned(pinned, bench.directory / "pinned", bench.settings)
    (bench.site.root / "repo/repodata/repomd.xml").unlink()
    with pytest.raises(Transient, match="has moved on since"):
        write_pinned(pinned, bench.directory / "pinned", bench.settings)
