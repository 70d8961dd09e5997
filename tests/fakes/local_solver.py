"""A root solver for directories of RPMs, so that the sandbox can be tested without the real one.

It follows Requires to Provides by name, newest build first, and knows neither versions nor rich dependencies. Run as a
program it is a supervisor: `python -m tests.fakes.local_solver JOB_DIRECTORY`.
"""

import hashlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import rpm

from bot.adapters.jobs.directory import Job
from bot.adapters.sandbox.supervisor import supervise
from bot.domain.packages import BinaryPackage, Nevra
from bot.ports.resolver import Buildroot, Unsolvable


@dataclass(frozen=True, slots=True)
class _Package:
    path: Path
    nevra: Nevra
    source: str
    provides: frozenset[str]
    requires: tuple[str, ...]


def _read(path: Path) -> _Package:
    transaction = rpm.TransactionSet()
    transaction.setVSFlags(rpm._RPMVSF_NOSIGNATURES | rpm._RPMVSF_NODIGESTS)
    with path.open("rb") as file:
        header = transaction.hdrFromFdno(file.fileno())
    source = header["sourcerpm"]
    nevra = Nevra(
        name=header["name"],
        epoch=header["epoch"] or 0,
        version=header["version"],
        release=header["release"],
        arch=header["arch"] if source else "src",
    )
    provides = {*header["providename"], *header["filenames"]}
    requires = tuple(name for name in header["requirename"] if not name.startswith("rpmlib("))
    return _Package(path, nevra, Nevra.parse(source).name if source else "", frozenset(provides), requires)


class LocalSolver:
    """Implements `bot.ports.resolver.RootSolver` over directories; `base` is in every root."""

    def __init__(self, directories: Iterable[Path], hidden_sources: frozenset[str] = frozenset()) -> None:
        overlay, *rest = [[_read(path) for path in sorted(directory.glob("*.rpm"))] for directory in directories]
        base = [package for packages in rest for package in packages if package.source not in hidden_sources]
        self._packages = [*overlay, *base]
        self._replaced = {
            package.nevra.name for packages in rest for package in packages if package.source in hidden_sources
        }
        self.base: tuple[str, ...] = ("host-base",)
        self.urls: tuple[str, ...] = ()
        self.priority: int | None = None

    def solve(self, requires: Sequence[str]) -> Buildroot | Unsolvable:
        chosen: dict[str, _Package] = {}
        pending = [*self.base, *(requirement.split()[0] for requirement in requires)]
        while pending:
            wanted = pending.pop()
            if any(wanted in package.provides for package in chosen.values()):
                continue
            found = next((package for package in self._packages if wanted in package.provides), None)
            if found is None:
                return Unsolvable(problem=f"nothing provides {wanted}")
            chosen[str(found.nevra)] = found
            pending += found.requires
        packages = tuple(
            BinaryPackage(nevra=chosen[name].nevra, location=chosen[name].path.as_uri(), checksum="")
            for name in sorted(chosen)
        )
        return Buildroot(packages=packages, digest=hashlib.sha256(repr(packages).encode()).hexdigest())

    def solve_source(self, srpm: str) -> Buildroot | Unsolvable:
        return self.solve(_read(Path(srpm)).requires)

    def fetch(self, packages: Sequence[BinaryPackage]) -> Sequence[str]:
        return [unquote(urlsplit(package.location).path) for package in packages]

    def replaced(self) -> Sequence[str]:
        return sorted(self._replaced)

    def change_priority(self) -> int | None:
        return self.priority

    def repositories(self, directory: str) -> Sequence[str]:
        return self.urls


def solver_for(job: Job) -> LocalSolver:
    """Solve over the repositories of the job's target, with the published change before them."""
    urls = [job.overlay.repository] if job.overlay else ["file:/nonexistent"]
    urls += [repository.url for repository in job.target.repositories]
    hidden = job.overlay.replaces if job.overlay else frozenset()
    solver = LocalSolver([Path(unquote(urlsplit(url).path)) for url in urls], hidden)
    solver.urls = tuple(urls[1:])
    solver.priority = min(repository.priority for repository in job.target.repositories) if job.overlay else None
    return solver


if __name__ == "__main__":
    supervise(Path(sys.argv[1]), solver_for)
