"""Who really builds: a `Worker` gets a source and a repository, and is asked how far it is. `Scripted` only says so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import koji
from tests.fakes.koji.model import Rpm
from tests.fakes.packages import Made, Source

CAUSE = b"bad.c:1:1: error: no good\n"


class BuilderError(Exception):
    """Something that a builder did not foresee: the fault has number 1, and tells where in its program it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A package to build for one architecture. `repository` is a directory with metadata, where there is one."""

    task_id: int
    source: Source
    arch: str
    root_arch: str
    tag: str
    find: Callable[[str], Rpm | None]
    """The newest binary package of a name that the repository holds."""
    repository: Path | None
    scratch: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """How far a job is. `error` is what the builder raises: BuildError, BuildrootError, or anything else."""

    done: bool = True
    logs: Mapping[str, bytes] = field(default_factory=dict)
    error: Exception | None = None
    rpms: tuple[Made, ...] = ()
    installed: tuple[str, ...] = ()
    """NEVRAs in the root."""


class Worker(Protocol):
    def checkout(self, url: str) -> Source | None:
        """Make the source package of an SCM URL; None while that goes on. Raises what the task is to fail with."""
        ...

    def look(self, job: Job) -> Work:
        """Begin with a job when first asked, then say how far it is."""
        ...

    def stop(self, task_id: int) -> None:
        """Drop a job, if there is one."""
        ...


def mock_failure(status: int, arch: str = "x86_64") -> Exception:
    """What a builder says when mock ends with a status. Read in builder/kojid, BuildRoot._mockResult (Koji 1.35.3)."""
    log = {1: "build.log or root.log", 10: "build.log"}.get(status, "root.log")
    told = f"mock exited with status {status}; see {log} for more information"
    if status == 20:
        return koji.BuildrootError(f"could not init mock buildroot, {told}")
    return koji.BuildError(f"error building package (arch {arch}), {told}")


def built(job: Job, *requires: str) -> Work:
    """A success: one package of the source's name; what it requires was in the root, if the repository holds it."""
    found = [job.find(name) for name in ("host-base", *requires)]
    arch = "noarch" if job.arch == "noarch" else job.arch
    return Work(
        logs={"build.log": b"+ make\nWrote: it\n", "root.log": b"root is ready\n", "state.log": b"done\n"},
        rpms=(Made(name=job.source.name, arch=arch),),
        installed=tuple(rpm.nvra for rpm in found if rpm),
    )


def failed(job: Job, status: int = 1, log: bytes = CAUSE) -> Work:
    """A failure of mock, with what the build's log says."""
    work = built(job)
    return replace(work, rpms=(), error=mock_failure(status, job.arch), logs=dict(work.logs) | {"build.log": log})


def going(log: bytes = b"still at it\n") -> Work:
    """A build that goes on."""
    return Work(done=False, logs={"build.log": log, "root.log": b"root is ready\n"})


@dataclass(slots=True)
class Scripted:
    """Says at once what a table says: by package name, else `otherwise`. `sources` are those of SCM URLs."""

    table: dict[str, Callable[[Job], Work]] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    otherwise: Callable[[Job], Work] = built
    stopped: list[int] = field(default_factory=list)

    def checkout(self, url: str) -> Source | None:
        if url not in self.sources:
            raise koji.BuildError(f"Unable to check out {url}")
        return self.sources[url]

    def look(self, job: Job) -> Work:
        return self.table.get(job.source.name, self.otherwise)(job)

    def stop(self, task_id: int) -> None:
        self.stopped.append(task_id)
