"""Logs on disk: whole, compressed, read by parts, gone when they are old."""

import gzip
import hashlib
import os
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.adapters.log_files import LogFiles
from bot.domain.ids import BuildKey

KEY = BuildKey("c/run1/rawhide/bar/change/0/1")
BASELINE = BuildKey("b/0123456789/1")


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def whole(logs: LogFiles, key: BuildKey) -> bytes:
    return b"".join([chunk async for chunk in logs.read(key)])


@pytest.fixture
def logs(tmp_path: Path) -> LogFiles:
    return LogFiles(tmp_path)


async def test_a_log_comes_back_as_it_was(logs: LogFiles) -> None:
    assert await logs.save(KEY, pieces(b"one\n", b"\x00\xff\x1b[31m", b"two\n")) == 15
    assert await whole(logs, KEY) == b"one\n\x00\xff\x1b[31mtwo\n"
    assert await logs.tail(KEY, 4) == b"two\n"


async def test_saving_again_replaces_the_log(logs: LogFiles) -> None:
    await logs.save(KEY, pieces(b"half"))
    await logs.save(KEY, pieces(b"whole"))
    assert await whole(logs, KEY) == b"whole"


async def test_what_is_not_there_is_nothing(logs: LogFiles) -> None:
    assert await logs.tail(KEY, 10) is None
    assert await whole(logs, KEY) == b""


async def test_a_log_that_breaks_off_while_it_is_saved_leaves_the_earlier_one(logs: LogFiles, tmp_path: Path) -> None:
    await logs.save(KEY, pieces(b"whole"))

    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise OSError("the backend went away")

    with pytest.raises(OSError, match="went away"):
        await logs.save(KEY, broken())
    assert await whole(logs, KEY) == b"whole"
    assert await logs.tail(KEY, 10) == b"whole"
    assert {path.suffix for path in tmp_path.glob("*/*")} == {".gz"}


async def test_the_tail_of_a_long_log_alone_is_kept_uncompressed(logs: LogFiles, tmp_path: Path) -> None:
    long, short = b"begins\n" + b"x" * 2**16, b"y" * 2**16
    for text, suffixes in ((long, {".gz", ".tail"}), (short, {".gz"}), (long, {".gz", ".tail"})):
        await logs.save(KEY, pieces(text))
        assert {path.suffix for path in tmp_path.glob("*/*")} == suffixes
        assert await logs.tail(KEY, 2**20) == text[-(2**16) :]
        assert await logs.tail(KEY, 3) == text[-3:]


async def test_logs_are_compressed(logs: LogFiles, tmp_path: Path) -> None:
    await logs.save(KEY, pieces(b"the same line\n" * 100_000))
    (file,) = tmp_path.rglob("*.gz")
    assert file.stat().st_size < 100_000
    assert gzip.decompress(file.read_bytes())[:14] == b"the same line\n"


async def test_only_old_logs_are_pruned(logs: LogFiles, tmp_path: Path) -> None:
    other = BuildKey("c/run2/rawhide/bar/change/0/1")
    for key in (KEY, other):
        await logs.save(key, pieces(b"log"))
    for path in tmp_path.glob("*/*"):
        os.utime(path, (1000, 1000))
    await logs.save(BASELINE, pieces(b"log"))
    await logs.save(other, pieces(b"anew"))
    assert await logs.prune(datetime.fromtimestamp(2000, UTC)) == 1
    assert [await whole(logs, key) for key in (KEY, other, BASELINE)] == [b"", b"anew", b"log"]
    assert await logs.tail(KEY, 10) is None
    assert len(list(tmp_path.iterdir())) == 2
    assert await logs.prune(datetime.fromtimestamp(2000, UTC)) == 0


async def test_a_huge_log_never_lies_in_memory_as_a_whole(logs: LogFiles) -> None:
    piece = b"gcc -O2 -c a.c -o a.o\n" * 12_000
    count = 2**26 // len(piece)

    async def huge() -> AsyncIterator[bytes]:
        for _ in range(count):
            yield piece

    tracemalloc.start()
    try:
        size = await logs.save(KEY, huge())
        read = 0
        async for chunk in logs.read(KEY):
            read += len(chunk)
        last = await logs.tail(KEY, 22)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (size, read, last) == (count * len(piece), count * len(piece), piece[-22:])
    assert peak < 2**22


async def test_of_a_log_whose_file_was_cut_off_the_beginning_is_read(logs: LogFiles, tmp_path: Path) -> None:
    text = b"".join(hashlib.sha256(bytes([number % 256, number // 256])).digest() for number in range(20_000))
    await logs.save(KEY, pieces(text))
    (file,) = tmp_path.rglob("*.gz")
    file.write_bytes(file.read_bytes()[:200_000])
    read = await whole(logs, KEY)
    assert 0 < len(read) < len(text)
    assert text.startswith(read)


async def test_a_file_that_is_no_log_is_read_as_none(logs: LogFiles, tmp_path: Path) -> None:
    await logs.save(KEY, pieces(b"log"))
    (file,) = tmp_path.rglob("*.gz")
    file.write_bytes(b"not compressed")
    assert await whole(logs, KEY) == b""
