"""The operator's targets are held against the backends that there are, when the service starts."""

from pathlib import Path

import pytest

from bot.app.compose import world
from bot.app.settings import Settings
from bot.ports.errors import Misconfigured


async def opened(directory: Path, target: str) -> None:
    """Start with one target."""
    file = directory / "targets.yaml"
    file.write_text(f"rawhide: {{arch: x86_64, repositories: [], {target}}}\n")
    async with world(Settings(state_dir=directory / "state", targets_file=file), forges={}):
        pass


async def test_a_backend_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"rawhide\.backend: there is no backend 'copr'"):
        await opened(tmp_path, "backend: copr")


async def test_a_dist_git_is_for_coprs_alone(tmp_path: Path) -> None:
    dist_git = "dist_git: {url: 'https://src.example.org/rpms/{name}', branch: rawhide}"

    with pytest.raises(Misconfigured, match=r"rawhide\.dist_git: sandbox rebuilds source packages"):
        await opened(tmp_path, f"backend: sandbox, {dist_git}")
