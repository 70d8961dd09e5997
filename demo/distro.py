"""Makes the demo's distribution: every package of `distribution/packages`, built in the sandbox as a real RPM.

A package is built as soon as its buildroot can be solved from what was built before, so there is no list that says in
which order. What was made is kept under the digest of everything that went in; a second run finds it there.
"""

import asyncio
import fcntl
import hashlib
import multiprocessing
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bot.adapters.hawkey.resolver import HawkeyResolver
from bot.adapters.hawkey.root_solver import HawkeyRootSolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.sandbox import LocalBuild, LocalResult, SandboxSettings, build_locally, ensure_host_base
from bot.domain.build import Failed, SrpmSource, Succeeded
from bot.domain.ids import SnapshotId
from bot.domain.target import Repository, Target
from bot.ports.resolver import Buildroot
from demo.sources import DISTRIBUTION, DemoError, fetch_sources

PACKAGES = DISTRIBUTION / "packages"
FAILING = frozenset({"python-pdoc"})
"""Fails to build from source; the distribution has its source package only, as a real one keeps what broke lately."""
BUILDROOT = ("host-base",)
"""What every root of the distribution has."""
_PARALLEL = 2

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Two repositories with metadata, and the names of the source packages in them."""

    binary_repo: Path
    source_repo: Path
    sources: Path
    """Directory of the released source distributions, also those that pull requests bring."""
    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """Where a distribution is being built. Sent to the building processes."""

    directory: Path
    sandbox: SandboxSettings
    hawkey: HawkeySettings
    target: Target


def make_distribution(cache: Path, progress: Progress, state: Path | None = None) -> Distribution:
    """Return the distribution, built where it is not in `cache` yet (some minutes; about a second where it is).

    The sandbox works in `state`, by default in the cache; it must be on a filesystem that overlays can write to.
    Raises `DemoError` where a source cannot be fetched or a package does not come out as it must.
    """
    cache = cache.absolute()
    sources = cache / "sources"
    fetch_sources(sources, progress)
    host_base = ensure_host_base(cache / "host-base")
    kept = cache / f"distribution-{_digest(host_base.digest)}"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two at once would build over each other
        if not kept.is_dir():
            for old in cache.glob("distribution-*"):
                shutil.rmtree(old)
            fresh = cache / ".distribution"
            shutil.rmtree(fresh, ignore_errors=True)
            (fresh / "binary").mkdir(parents=True)
            shutil.copy(host_base.path, fresh / "binary")
            make_source_packages(fresh / "source", sources)
            _build_all(_site(fresh, cache, state or cache / "sandbox"), progress)
            fresh.rename(kept)
    return Distribution(
        binary_repo=kept / "binary", source_repo=kept / "source", sources=sources, packages=package_names()
    )


def package_names() -> tuple[str, ...]:
    """Return the names of the distribution's source packages."""
    return tuple(sorted(path.name for path in PACKAGES.iterdir() if (path / f"{path.name}.spec").is_file()))


def make_source_packages(directory: Path, sources: Path) -> None:
    """Make the SRPM of every package into `directory`, from the source distributions in `sources`, with metadata."""
    directory.mkdir(parents=True)
    for name in package_names():
        _source_package(name, directory, sources)
    _create_metadata(directory)


def package_files(directory: Path, sources: Path) -> Mapping[str, bytes]:
    """Return the files of a repository: what is in `directory`, and the released sources that its spec names."""
    files = {path.name: path.read_bytes() for path in sorted(directory.iterdir()) if path.is_file()}
    spec = next(data for name, data in files.items() if name.endswith(".spec")).decode()
    version = next(line.split()[1] for line in spec.splitlines() if line.startswith("Version:"))
    for line in spec.splitlines():
        if line.startswith("Source") and (name := line.split()[1].replace("%{version}", version)) not in files:
            files[name] = (sources / name).read_bytes()
    return files


def repository_files(package: str, distribution: Distribution, configuration: str) -> Mapping[str, bytes]:
    """Return what the package's git repository holds, with a configuration that names the distribution."""
    return {**package_files(PACKAGES / package, distribution.sources), ".revdeps.yaml": configuration.encode()}


def _source_package(name: str, directory: Path, sources: Path) -> None:
    """The specs are the demo's own: they may be read outside the sandbox."""
    with tempfile.TemporaryDirectory(prefix="revdeps-demo-") as scratch:
        work = Path(scratch)
        for file, data in package_files(PACKAGES / name, sources).items():
            (work / file).write_bytes(data)
        options = {
            "_topdir": scratch, "_sourcedir": scratch, "_srcrpmdir": str(directory), "_buildhost": "localhost",
            "use_source_date_epoch_as_buildtime": "1", "_source_payload": "w1.gzdio", "dist": "%{nil}",
        }  # fmt: skip
        defines = [part for key, value in options.items() for part in ("--define", f"{key} {value}")]
        _run(["rpmbuild", "-bs", "--nodeps", "--quiet", *defines, str(work / f"{name}.spec")])


def _digest(host_base: str) -> str:
    """Return a digest over everything that the packages depend on."""
    digest = hashlib.sha256(host_base.encode() + (DISTRIBUTION / "sources.txt").read_bytes())
    macros = Path(__file__).parents[1] / "bot/adapters/sandbox/data"
    for directory in (PACKAGES, macros):
        for path in sorted(directory.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(directory)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _site(directory: Path, cache: Path, state: Path) -> _Site:
    repositories = (Repository(url=(directory / "binary").as_uri()), Repository(url=(directory / "source").as_uri()))
    return _Site(
        directory=directory,
        sandbox=SandboxSettings(state=state.absolute(), slots=_PARALLEL, cpus=1),
        hawkey=HawkeySettings(cache=cache / "metadata", workers=1, allow_file=True),
        target=Target(
            name="bootstrap",
            arch=platform.machine(),
            backend="sandbox",
            repositories=repositories,
            buildroot=BUILDROOT,
        ),
    )


def _build_all(site: _Site, progress: Progress) -> None:
    """Build in waves: each holds what can be built from the waves before it."""
    waiting = {_name(path): path for path in sorted((site.directory / "source").glob("*.src.rpm"))}
    total = len(waiting)
    pool = ProcessPoolExecutor(max_workers=_PARALLEL, mp_context=multiprocessing.get_context("spawn"))
    with pool:
        while waiting:
            _create_metadata(site.directory / "binary")
            snapshot = asyncio.run(_snapshot(site))
            wave = _buildable(site, snapshot, waiting)
            builds = {name: pool.submit(_build, site, snapshot, name, waiting.pop(name)) for name in wave}
            for name, build in builds.items():
                _take(site, name, build.result())
                done = total - len(waiting) - sum(not other.done() for other in builds.values())
                progress(f"[{done:2}/{total}] {name}{' fails to build, as it should' if name in FAILING else ''}")
    _create_metadata(site.directory / "binary")


def _name(srpm: Path) -> str:
    return srpm.name.rsplit("-", 2)[0]


def _buildable(site: _Site, snapshot: SnapshotId, waiting: Mapping[str, Path]) -> Sequence[str]:
    solver = HawkeyRootSolver(site.hawkey, snapshot, site.target)
    answers = {name: solver.solve_source(str(path)) for name, path in waiting.items()}
    wave = [name for name, answer in answers.items() if isinstance(answer, Buildroot)]
    if not wave:
        problems = "\n".join(f"{name}: {answer}" for name, answer in answers.items())
        raise DemoError(f"no buildroot can be made for what is left of the demo's distribution:\n{problems}")
    return wave


async def _snapshot(site: _Site) -> SnapshotId:
    resolver = HawkeyResolver(site.hawkey)
    try:
        return (await resolver.snapshot(site.target)).id
    finally:
        await resolver.close()


def _build(site: _Site, snapshot: SnapshotId, name: str, srpm: Path) -> LocalResult:
    """Build one package; runs in a process of its own."""
    checksum = "sha256:" + hashlib.sha256(srpm.read_bytes()).hexdigest()
    build = LocalBuild(
        package=name,
        source=SrpmSource(location=srpm.as_uri(), checksum=checksum),
        target=site.target,
        settings=site.sandbox,
        results=site.directory / "results" / name,
    )
    return build_locally(build, HawkeyRootSolver(site.hawkey, snapshot, site.target))


def _take(site: _Site, name: str, result: LocalResult) -> None:
    """Put the packages of a build into the repository; raise `DemoError` where it ended otherwise than it must."""
    if isinstance(result.outcome, Succeeded) == (name in FAILING):
        cause = result.outcome.cause if isinstance(result.outcome, Failed) else "it built, and must not"
        tail = "\n".join(result.log.read_text(errors="replace").splitlines()[-40:]) if result.log.exists() else ""
        raise DemoError(f"{name} of the demo's distribution: {cause}\n{tail}")
    for file in _binaries(result.files):
        file.rename(site.directory / "binary" / file.name)


def _binaries(files: Iterable[Path]) -> Iterable[Path]:
    return (file for file in files if not file.name.endswith(".src.rpm"))


def _create_metadata(directory: Path) -> None:
    _run(["createrepo_c", "--quiet", "--update", str(directory)])


def _run(command: Sequence[str]) -> None:
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise DemoError(f"{command[0]} failed: {answer.stderr.strip() or answer.stdout.strip()}")
