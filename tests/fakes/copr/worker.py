"""Who really builds: a `Worker` makes source packages and packages, and is asked how far it is. `Scripted` says so."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from tests.fakes.packages import Made, Source

CAUSE = b"bad.c:1:1: error: no good\n"
_PREP = b"INFO: mock.py version 6.3 starting\nExecuting(%prep): /bin/sh -e /var/tmp/rpm-tmp.1\n+ exit 0\n"
_BUILD = b"Executing(%build): /bin/sh -e /var/tmp/rpm-tmp.2\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceJob:
    """A source package to make."""

    build_id: int
    kind: str
    source: Mapping[str, Any]
    directory: Path
    """For the worker to work in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceWork:
    """How far a source package is; one that is done has a `source`, or failed."""

    done: bool = True
    log: bytes = b"Running: rpmbuild -bs\n"
    source: Source | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repo:
    """A repository that a root sees: its directory with metadata."""

    directory: Path
    priority: int = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A package to build for one chroot."""

    build_id: int
    source: Source
    chroot: str
    arch: str
    repos: Sequence[Repo]
    """The project's own and additional ones, those of the distribution left out."""
    urls: Sequence[str]
    """The additional ones elsewhere."""
    find: Callable[[str], str | None]
    """The NEVRA of the newest binary package of a name in these repositories, or in the distribution."""
    timeout: int
    directory: Path

    @property
    def key(self) -> str:
        return f"{self.build_id}-{self.chroot}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """How far a job is. `claimed_failed`: Copr calls it failed although it has packages, which happens after a build
    when signing or the repository's metadata fail (backend_worker_build.py, build).
    """

    done: bool = True
    log: bytes = b""
    ok: bool = True
    claimed_failed: bool = False
    packages: tuple[Made, ...] = ()
    installed: tuple[str, ...] = ()
    """NEVRAs in the root."""


class Worker(Protocol):
    def make_source(self, job: SourceJob) -> SourceWork:
        """Begin with a source package when first asked, then say how far it is."""
        ...

    def look(self, job: Job) -> Work:
        """Begin with a job when first asked, then say how far it is."""
        ...

    def stop(self, build_id: int) -> None:
        """Drop what is done for a build, if there is anything."""
        ...


def built(job: Job, *requires: str) -> Work:
    """A success: one package of the source's name; what it requires was in the root, if a repository holds it."""
    found = [job.find(name) for name in ("host-base", *requires)]
    return Work(
        log=_PREP + _BUILD + b"+ make\n+ exit 0\nWrote: it\n",
        packages=(Made(name=job.source.name, arch="noarch"),),
        installed=tuple(name for name in found if name),
    )


def failed(job: Job, log: bytes = CAUSE) -> Work:
    """A failure in %build."""
    told = _PREP + _BUILD + log + b"error: Bad exit status from /var/tmp/rpm-tmp.2 (%build)\n"
    return replace(built(job), ok=False, packages=(), log=told)


def going(log: bytes = b"still at it\n") -> Work:
    """A build that goes on."""
    return Work(done=False, log=_PREP + _BUILD + log * 10)


def source_of(job: SourceJob) -> Source:
    """Guess the source package from what was submitted, as one that only pretends to make it has to."""
    source = job.source
    if job.kind in ("link", "upload"):
        file = unquote(urlsplit(str(source["url"])).path).rpartition("/")[2].removesuffix(".src.rpm")
        name, version, release = file.rsplit("-", 2)
        return Source(name=name, version=version, release=release)
    if job.kind == "distgit":
        return Source(name=str(source["clone_url"]).rpartition("/")[2])
    if job.kind == "scm":
        return Source(name=Path(str(source["spec"]) or str(source["clone_url"])).stem)
    spec = re.search(r"([\w.+-]+)\.spec", str(source["script"]))
    suffix = re.search(r"(?m)^suffix=(\S*)$", str(source["script"]))
    return Source(name=spec[1] if spec else "unknown", release=f"1{suffix[1].strip(chr(39)) if suffix else ''}")


@dataclass(slots=True)
class Scripted:
    """Says at once what a table says: by package name, else `otherwise`. A source that is None fails."""

    table: dict[str, Callable[[Job], Work]] = field(default_factory=dict)
    otherwise: Callable[[Job], Work] = built
    sources: Callable[[SourceJob], Source | None] = source_of
    source_log: bytes = b"Running: rpmbuild -bs\n"
    jobs: list[Job] = field(default_factory=list)
    stopped: list[int] = field(default_factory=list)

    def make_source(self, job: SourceJob) -> SourceWork:
        return SourceWork(log=self.source_log, source=self.sources(job))

    def look(self, job: Job) -> Work:
        self.jobs.append(job)
        return self.table.get(job.source.name, self.otherwise)(job)

    def stop(self, build_id: int) -> None:
        self.stopped.append(build_id)
