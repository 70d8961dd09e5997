"""The steps of one build, from the source to the packages, in the order in which a packager would take them by hand.

Minimal buildroot, SRPM (for a change), BuildRequires, dynamic BuildRequires, rpmbuild. Every step that runs code of
the change or of a package runs in the root.
"""

import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.adapters.jobs.facts import BUILD_DIRECTORY
from bot.adapters.jobs.failing import BuildFailed, refused
from bot.adapters.jobs.sources import fetched
from bot.adapters.sandbox.chamber import Chamber
from bot.adapters.sandbox.host import host_facts
from bot.adapters.sandbox.host_base import version
from bot.adapters.sandbox.job import Job
from bot.adapters.sandbox.root import Step
from bot.adapters.sandbox.source import make_srpm
from bot.adapters.sandbox.staging import bring_in, stage, taken_out
from bot.domain.build import Failed, FailureReason, Phase, TreeSource
from bot.domain.failure import signature_of
from bot.domain.packages import BinaryPackage
from bot.ports.errors import Misconfigured
from bot.ports.resolver import Buildroot, RootSolver, Unsolvable

_DYNAMIC_ROUNDS = 10
_MISSING_BUILDREQUIRES = 11
_TOPDIR = ("--define", f"_topdir {BUILD_DIRECTORY}")
_QUERY = "%{NAME}-%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}.%|SOURCERPM?{%{ARCH}}:{src}|\\n"
"""Prints NEVRAs; a source package is one that was not built from one."""
_SAFE_NAME = re.compile(r"[\w.+~^-]+\.rpm", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a successful build leaves: NEVRAs, and the files in the job's directory."""

    source: str
    binaries: tuple[str, ...]


class Build:
    """One build in its chamber. `installed` can be read at any time, also after a failure."""

    def __init__(self, job: Job, chamber: Chamber, solver: RootSolver) -> None:
        self._job = job
        self._chamber = chamber
        self._solver = solver
        self.installed: tuple[str, ...] = ()
        self._present: set[str] = set()

    def run(self, results: Path) -> Made:
        """Build, and put the packages into `results`. Raises `BuildFailed`, `Stopped`, and what the solver raises."""
        srpm = self._source()
        self._install(self._solved(self._solver.solve_source(str(srpm))))
        spec = self._unpack(srpm)
        self._dynamic(spec)
        command = ["rpmbuild", "-ba", "--noclean", *self._defines(), spec]
        self._say("rpmbuild -ba")
        self._chamber.must(Step(command=command))
        return self._collect(results)

    def _source(self) -> Path:
        source = self._job.source
        if isinstance(source, TreeSource):
            self._install(self._solved(self._solver.solve([])))
            self._say(f"source package of {self._job.package} ({source.package.method.value})")
            srpm = make_srpm(self._chamber, source)
            kept = self._chamber.root.directory / srpm.name
            srpm.rename(kept)  # out of the way of the one that rpmbuild is going to write
            return kept
        return fetched(source, self._solver)

    def _solved(self, answer: Buildroot | Unsolvable) -> Buildroot:
        if isinstance(answer, Buildroot):
            return answer
        self._chamber.console.say(f"the buildroot cannot be made:\n{answer.problem}")
        cause = next((line.strip() for line in answer.problem.splitlines() if line.strip()), "no buildroot can be made")
        raise _unresolvable(cause)

    def _install(self, root: Buildroot) -> None:
        """Install what is not in the root yet, in one transaction, scriptlets included."""
        missing = [package for package in root.packages if str(package.nevra) not in self._present]
        self._check_host(missing)
        if not missing:
            return
        files = [Path(path) for path in self._solver.fetch(missing)]
        binds = [(path, f"/packages/{number}.rpm") for number, path in enumerate(files)]
        self._say(f"installing {len(files)} packages: {' '.join(sorted(str(package.nevra) for package in missing))}")
        command = ["rpm", "--upgrade", "--oldpackage", "--nosignature", *self._host_options()]
        step = Step(command=[*command, *(inside for _, inside in binds)], as_root=True, binds=binds, directory="/")
        if self._chamber.run(step, Phase.BUILDROOT).status != 0:
            raise self._chamber.failure()
        self._present |= {str(package.nevra) for package in missing}
        self.installed = self._query(["rpm", "-qa"])

    def _host_options(self) -> list[str]:
        """Over Debian's rpm, installing has to be insisted on."""
        over_host = self._job.settings.base_root is None
        return ["--force-debian"] if over_host and Path("/etc/debian_version").exists() else []

    def _check_host(self, packages: Iterable[BinaryPackage]) -> None:
        if self._job.settings.base_root is not None:
            return
        for package in packages:
            if package.nevra.name == "host-base" and package.nevra.version != version(host_facts()):
                raise Misconfigured(
                    f"targets.{self._job.target.name}.repositories",
                    f"{package.nevra} was generated from another host, or before this one was updated",
                    "Generate host-base again and rebuild the repository's metadata.",
                )

    def _unpack(self, srpm: Path) -> str:
        staged = stage(self._chamber)
        shutil.copyfile(srpm, staged / "source.src.rpm")
        bring_in(self._chamber, staged, Phase.SRPM)
        inside = f"{BUILD_DIRECTORY}/source.src.rpm"
        unpack = f'rm -rf SPECS SOURCES && rpm -i --nodeps --nosignature --define "_topdir {BUILD_DIRECTORY}" {inside}'
        self._chamber.must(Step(command=["/bin/sh", "-euc", unpack]), Phase.SRPM)
        specs = taken_out(self._chamber, f"{BUILD_DIRECTORY}/SPECS", ".spec")
        if len(specs) != 1:
            raise refused("the source package holds no spec")
        return f"{BUILD_DIRECTORY}/SPECS/{specs[0].name}"

    def _dynamic(self, spec: str) -> None:
        """Install what %generate_buildrequires asks for, until it asks for nothing more."""
        if "%generate_buildrequires" not in self._text(spec):
            return
        for _ in range(_DYNAMIC_ROUNDS):
            self._say("rpmbuild -br")
            ended = self._chamber.run(Step(command=["rpmbuild", "-br", "--noclean", *self._defines(), spec]))
            if ended.status == 0:
                return
            asked = taken_out(self._chamber, f"{BUILD_DIRECTORY}/SRPMS", ".buildreqs.nosrc.rpm")
            if ended.status != _MISSING_BUILDREQUIRES or not asked:
                raise self._chamber.failure()
            before = set(self._present)
            self._install(self._solved(self._solver.solve_source(str(asked[0]))))
            asked[0].unlink()
            if before == self._present:
                raise self._chamber.failure()
        raise _unresolvable(f"%generate_buildrequires asked for more {_DYNAMIC_ROUNDS} times in a row")

    def _text(self, inside: str) -> str:
        return self._chamber.root.path(inside).read_text(errors="replace")

    def _defines(self) -> Sequence[str]:
        own = ("--define", "_buildhost localhost", "--define", f"_smp_build_ncpus {self._job.settings.cpus}")
        return (*_TOPDIR, *own)

    def _collect(self, results: Path) -> Made:
        """Move the packages out of the root and read their names, in the root."""
        sources = taken_out(self._chamber, f"{BUILD_DIRECTORY}/SRPMS", ".src.rpm")
        binaries = taken_out(self._chamber, f"{BUILD_DIRECTORY}/RPMS", ".rpm")
        if len(sources) != 1:
            raise refused(f"one source package was expected, {len(sources)} were made")
        results.mkdir(exist_ok=True)
        names = self._query(["rpm", "-qp", "--nosignature"], [self._inside(path) for path in (*sources, *binaries)])
        if len(names) != 1 + len(binaries) or not all(
            _SAFE_NAME.fullmatch(path.name) for path in (*sources, *binaries)
        ):
            raise refused("the packages that were built cannot be read")
        for path in (*sources, *binaries):
            path.rename(results / path.name)
            os.chown(results / path.name, os.geteuid(), os.getegid())
            (results / path.name).chmod(0o644)
        source = next(name for name in names if name.endswith(".src"))
        return Made(source=source, binaries=tuple(name for name in names if name != source))

    def _inside(self, path: Path) -> str:
        return "/" + str(path.relative_to(self._chamber.root.path("/")))

    def _query(self, command: Sequence[str], files: Sequence[str] = ()) -> tuple[str, ...]:
        answer = self._chamber.output([*command, "--qf", _QUERY, *files])
        return tuple(sorted(line for line in answer.splitlines() if not line.startswith("gpg-pubkey")))

    def _say(self, text: str) -> None:
        self._chamber.console.say(f"\n==> {text}")


def _unresolvable(cause: str) -> BuildFailed:
    signature = signature_of(Phase.BUILDROOT, cause)
    failed = Failed(reason=FailureReason.UNRESOLVABLE, phase=Phase.BUILDROOT, signature=signature, cause=cause)
    return BuildFailed(failed)
