"""Metadata that are too long, cut short, or not what they say: what they may not do to us."""

import bz2
import gzip
import lzma
import re
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.hawkey.pins import metadata_directory
from bot.domain.target import RepositoryKind
from bot.ports.errors import Transient
from tests.fakes.bench import Bench, primary_of
from tests.fakes.site import serve


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        sites = [await stack.enter_async_context(serve(tmp_path / name)) for name in ("first", "second")]
        yield Bench(tmp_path, *sites)


async def test_a_bomb_is_not_unpacked_further_than_it_says(bench: Bench) -> None:
    bench.replace_primary(gzip.compress(b"<metadata>" + b" " * 50_000_000))
    problem = await bench.refused()
    assert re.search(r"primary metadata are longer than the \d+ bytes of repomd.xml", problem.what)


async def test_a_bomb_that_does_not_say_how_long_it_is(bench: Bench) -> None:
    bench.settings = replace(bench.settings, metadata_bytes=1_000_000)
    bench.replace_primary(lzma.compress(b"<metadata>" + b" " * 50_000_000), packing="xz")
    bench.mend_repomd(r"<open-size>\d+</open-size>", "")
    problem = await bench.refused()
    assert "primary metadata are longer than 1000000 bytes" in problem.what
    assert "REVDEPS_METADATA_FILE_MIB" in problem.mend


@pytest.mark.parametrize("size", ["size", "open-size"])
async def test_what_is_too_long_by_its_own_word_is_not_even_asked_for(bench: Bench, size: str) -> None:
    bench.mend_repomd(rf"<{size}>\d+", f"<{size}>{5 << 30}")
    assert "longer than" in (await bench.refused()).what
    assert bench.first.asked == ["/repo/repodata/repomd.xml"]


@pytest.mark.parametrize(("packing", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
async def test_metadata_that_are_cut_short_are_refused(
    bench: Bench, packing: str, pack: Callable[[bytes], bytes]
) -> None:
    plain = gzip.decompress(primary_of(bench.first).read_bytes())
    bench.replace_primary(pack(plain)[:-100], packing=packing)
    problem = await bench.refused()
    assert "primary metadata" in problem.what
    assert "cut short" in problem.what or "cannot be unpacked" in problem.what


def zck(plain: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "plain").write_bytes(plain)
        subprocess.run(["zck", "-o", "packed", "plain"], cwd=home, check=True)
        return (Path(home) / "packed").read_bytes()


def only_zck(bench: Bench, change: Callable[[bytes], bytes] = bytes) -> bytes:
    """Let primary be there as zchunk alone, changed; return what was in it."""
    plain = gzip.decompress(primary_of(bench.first).read_bytes())
    bench.replace_primary(change(zck(plain)), packing="zck")
    bench.mend_repomd('type="primary"', 'type="primary_zck"')
    return plain


async def test_zchunk_is_kept_as_what_every_solver_reads(bench: Bench) -> None:
    plain = only_zck(bench)
    kept = metadata_directory(bench.settings.cache, (await bench.read()).digest)
    assert gzip.decompress((kept / "primary.xml.gz").read_bytes()) == plain
    assert not list(kept.glob("*.zck"))


async def test_zchunk_that_is_cut_short_is_refused(bench: Bench) -> None:
    only_zck(bench, lambda packed: packed[:-100])
    assert "primary metadata cannot be unpacked" in (await bench.refused()).what


async def test_a_bomb_of_zchunk_is_not_unpacked_further_than_it_says(bench: Bench) -> None:
    only_zck(bench, lambda _: zck(b" " * 10_000_000))
    assert "primary metadata are longer than" in (await bench.refused()).what


async def test_what_is_longer_than_it_was_said_to_be_is_not_read_to_its_end(bench: Bench) -> None:
    path = primary_of(bench.first)
    wanted = path.stat().st_size
    bench.first.send(f"repo/repodata/{path.name}", path.read_bytes() + b"x" * 1_000_000)
    with pytest.raises(Transient, match=f"is longer than {wanted} bytes"):
        await bench.read()


async def test_a_file_of_another_size_than_repomd_says_is_not_taken(bench: Bench) -> None:
    bench.mend_repomd(r"<size>\d+</size>", "<size>7</size>")
    with pytest.raises(Transient, match="longer than 7 bytes"):
        await bench.read()


async def test_an_endless_repomd_is_not_read_to_its_end(bench: Bench) -> None:
    bench.first.send("repo/repodata/repomd.xml", b" " * (17 << 20))
    with pytest.raises(Transient, match=r"repomd\.xml is longer than"):
        await bench.read()


@pytest.mark.parametrize(
    ("pattern", "to", "what"),
    [
        (r'href="[^"]*"', 'href="../../secret"', "not within the repository"),
        (r'href="[^"]*"', 'href="/etc/passwd"', "not within the repository"),
        (r'href="[^"]*"', 'href="file:///etc/passwd"', "not within the repository"),
        (r"<location [^>]*/>", "", "has no location"),
        (r"<checksum [^/]*</checksum>", "", "no checksum"),
        (r'<checksum type="sha256"', '<checksum type="crc32"', "unknown type"),
        (r"<size>\d+", "<size>-1", "no number"),
        (r"<open-size>\d+", "<open-size>1e9", "no number"),
    ],
)
async def test_a_repomd_that_makes_no_sense_is_for_its_owner(bench: Bench, pattern: str, to: str, what: str) -> None:
    bench.mend_repomd(pattern, to)
    problem = await bench.refused()
    assert "its repomd.xml is corrupt" in problem.what
    assert what in problem.what


async def test_a_repomd_without_primary_is_for_its_owner(bench: Bench) -> None:
    bench.mend_repomd('type="primary"', 'type="other"')
    assert "names no primary" in (await bench.refused()).what


@pytest.mark.parametrize("sites", [1, 2])
async def test_no_repository_anywhere_is_said_to_be_none(bench: Bench, sites: int) -> None:
    bases = [bench.first.url("nothing"), bench.second.url("nothing")][:sites]
    (bench.first.root / "list").write_text("\n".join(bases))
    problem = await bench.refused("list", kind=RepositoryKind.MIRRORLIST)
    assert "there is no repository" in problem.what
