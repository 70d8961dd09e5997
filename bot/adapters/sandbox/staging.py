"""The two ways across the wall between host and root, both safe against links that a build has laid.

In: files are staged outside the root and copied by a step inside it, under the building user, so that no path of the
root is ever followed out here. Out: only plain files are taken, and only where no link lies on their path.
"""

import shutil
from pathlib import Path

from bot.adapters.jobs.facts import BUILD_DIRECTORY
from bot.adapters.sandbox.chamber import Chamber
from bot.adapters.sandbox.root import Step
from bot.domain.build import Phase


def stage(chamber: Chamber) -> Path:
    """Return a new, empty directory to put things for /builddir into."""
    directory = chamber.root.directory / "input"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    return directory


def bring_in(chamber: Chamber, staged: Path, phase: Phase | None = None) -> None:
    """Copy what was staged into /builddir; raise `BuildFailed` where that fails (a full disk)."""
    chamber.root.give_tree(staged)
    command = ["cp", "-R", "--no-dereference", "--preserve=mode,timestamps,links", "--remove-destination"]
    step = Step(command=[*command, "/input/.", f"{BUILD_DIRECTORY}/"], binds=[(staged, "/input")])
    chamber.must(step, phase)
    shutil.rmtree(staged, ignore_errors=True)


def taken_out(chamber: Chamber, directory: str, suffix: str) -> list[Path]:
    """Return the plain files with that suffix below a directory of the root, by name."""
    top = chamber.root.path(directory)
    if top.resolve() != chamber.root.directory.resolve() / top.relative_to(chamber.root.directory):
        return []
    found = [path for path in top.rglob(f"*{suffix}") if not path.is_symlink() and path.is_file()]
    return sorted(path for path in found if path.resolve().is_relative_to(top.resolve()))
