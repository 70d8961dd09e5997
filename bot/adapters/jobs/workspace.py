"""Workspaces on disk: what a run has published, as repositories that never change once they exist.

A generation points to a tree; a tree is named by what is in it. Publishing the same again finds it there, and a build
that started against an older generation keeps seeing that.
"""

import hashlib
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from bot.adapters.jobs.directory import Result, write_atomically
from bot.domain.ids import BuildRef, WorkspaceRef
from bot.domain.packages import Nevra
from bot.domain.run import PublishedPackage
from bot.ports.builder import RepoState, WorkspaceSpec
from bot.ports.errors import Gone, Rejected, Transient
from bot.ports.resolver import Overlay

_SPEC = TypeAdapter(WorkspaceSpec)
_STATE = TypeAdapter(RepoState)
_REMOVED = ".removed-"


@dataclass(frozen=True, slots=True)
class Published:
    """A successful build and where its packages lie."""

    ref: BuildRef
    result: Result
    packages: Path


class Workspaces:
    """All workspaces below a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def prepare(self, spec: WorkspaceSpec) -> WorkspaceRef:
        """Make a workspace, or find it."""
        readable = re.sub(r"[^\w.-]+", "-", spec.key, flags=re.ASCII)[:60].strip("-.")
        ref = WorkspaceRef(f"{readable}-{hashlib.sha256(spec.key.encode()).hexdigest()[:12]}")
        directory = self._directory / ref
        for name in ("jobs", "trees", "generations"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        if not (directory / "workspace.json").exists():
            write_atomically(directory / "workspace.json", _SPEC.dump_json(spec))
        return ref

    def spec(self, ref: WorkspaceRef) -> WorkspaceSpec:
        """Return what a workspace was made for; raise `Gone` where there is none."""
        try:
            return _SPEC.validate_json((self._path(ref) / "workspace.json").read_bytes())
        except FileNotFoundError:
            raise Gone(f"there is no workspace {ref}") from None

    def overlay(self, ref: WorkspaceRef, generation: int) -> Overlay | None:
        """Return what a build of that generation sees; None where nothing was published by then."""
        numbers = [int(path.stem) for path in (self._path(ref) / "generations").glob("*.json")]
        seen = [number for number in numbers if number <= generation]
        if not seen:
            return None
        state = _STATE.validate_json((self._path(ref) / "generations" / f"{max(seen)}.json").read_bytes())
        return Overlay(
            repository=state.url, replaces=frozenset(Nevra.parse(package.source).name for package in state.packages)
        )

    def publish(self, ref: WorkspaceRef, builds: Sequence[Published], generation: int) -> RepoState:
        """Make the packages of exactly these builds visible as a generation; raise Rejected where none may be."""
        if self.spec(ref).run is None:
            raise Rejected(f"{ref} is the workspace of baselines: nothing may be published into it")
        digest = hashlib.sha256()
        for build in sorted(builds, key=lambda build: build.ref):
            for file in _binaries(build):
                digest.update(f"{build.ref} {file.name} {_checksum(file)}\n".encode())
        tree = self._path(ref) / "trees" / digest.hexdigest()[:32]
        if not tree.is_dir():
            _make_tree(tree, builds)
        state = RepoState(
            url=tree.resolve().as_uri(),
            digest=digest.hexdigest(),
            packages=tuple(
                PublishedPackage(source=build.result.source, binaries=build.result.binaries) for build in builds
            ),
        )
        write_atomically(self._path(ref) / "generations" / f"{generation}.json", _STATE.dump_json(state))
        return state

    def note_job(self, ref: WorkspaceRef, job: BuildRef) -> None:
        """Write down that a build belongs to a workspace, so that it goes with it."""
        (self._path(ref) / "jobs" / job).touch()

    def jobs(self, ref: WorkspaceRef) -> list[BuildRef]:
        """Return the builds of a workspace."""
        return [BuildRef(path.name) for path in (self._path(ref) / "jobs").glob("*")]

    def remove(self, ref: WorkspaceRef) -> None:
        """Remove a workspace; at once for everybody, though the files take their time."""
        doomed = self._directory / f"{_REMOVED}{ref}"
        try:
            self._path(ref).rename(doomed)
        except FileNotFoundError:
            pass
        except OSError:  # a former removal of the same name was cut short
            shutil.rmtree(doomed)
            self._path(ref).rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)

    def all(self) -> Iterator[WorkspaceRef]:
        """Yield every workspace; finish removals that were cut short."""
        for path in sorted(self._directory.glob("*")):
            if path.name.startswith(_REMOVED):
                shutil.rmtree(path, ignore_errors=True)
            elif (path / "workspace.json").exists():
                yield WorkspaceRef(path.name)

    def _path(self, ref: WorkspaceRef) -> Path:
        if "/" in ref or ref.startswith("."):
            raise Gone(f"there is no workspace {ref}")
        return self._directory / ref


def _binaries(build: Published) -> list[Path]:
    return sorted(path for path in build.packages.glob("*.rpm") if not path.name.endswith(".src.rpm"))


def _checksum(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _make_tree(tree: Path, builds: Sequence[Published]) -> None:
    fresh = tree.with_name(f".{tree.name}.{secrets.token_hex(8)}")
    fresh.mkdir(parents=True)
    for build in builds:
        for file in _binaries(build):
            os.link(file, fresh / file.name)
    answer = subprocess.run(["createrepo_c", "--quiet", str(fresh)], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        raise Transient(f"createrepo_c failed: {answer.stderr.strip()}")
    try:
        fresh.rename(tree)
    except OSError:  # another process was quicker; equal names mean equal contents
        shutil.rmtree(fresh, ignore_errors=True)
