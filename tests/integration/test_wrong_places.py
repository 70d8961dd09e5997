"""A directory that cannot be written and an address that is taken are told in one line, before any work is done."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def revdeps(directory: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **settings}
    command = [sys.executable, "-m", "bot", *arguments]
    return subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "option"),
    [(["resolve", "zlib", "--repo", ".", "--cache"], "--cache"), (["check", "--output"], "--output")],
)
def test_a_directory_that_cannot_be_made(tmp_path: Path, arguments: list[str], option: str) -> None:
    (tmp_path / "file").write_text("")
    done = revdeps(tmp_path, *arguments, str(tmp_path / "file" / "below"))
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith(f"revdeps: {option}: ")


@pytest.mark.rpm
def test_an_address_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = revdeps(tmp_path, "serve", REVDEPS_STATE_DIR=str(tmp_path), REVDEPS_PORT=port)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"revdeps: REVDEPS_HOST, REVDEPS_PORT: 127.0.0.1:{port}: ")
    assert "Traceback" not in done.stderr
