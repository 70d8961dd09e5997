"""Who builds: a table of what is to happen, or the sandbox for real."""

import asyncio
import fnmatch
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.adapters.hawkey.root_solver import HawkeyRootSolver
from bot.adapters.hawkey.settings import HawkeySettings
from bot.adapters.jobs.directory import JobDirectory, ref_of
from bot.adapters.sandbox import LocalBuild, SandboxSettings, build_locally
from bot.domain.build import Cancelled, Failed, FailureReason, SrpmSource
from bot.domain.ids import BuildKey
from bot.domain.target import Repository, Target
from tests.fakes.local_builds import snapshot_of
from tests.fakes.mock.buildroot import HOME, Buildroot
from tests.fakes.mock.config import Repo
from tests.fakes.mock.errors import PACKAGES, MockError

_TIMEOUT = 11
_KILLED = 247
"""rpmbuild's status -9, as a program's."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What happens to packages whose SRPM's name (`--rebuild`) or spec's name (`--buildsrpm`) matches."""

    name: str
    status: int = 0
    build_log: str = ""
    root_log: str = ""
    installed: Sequence[str] = ()
    until: str = ""
    """A file for which the build waits, once its logs are written."""
    deaf: bool = False
    """SIGTERM does nothing, as where the service may not signal a program of root's."""
    locked: int = 0
    """So often the root is held by somebody else."""


def matching(rules: Sequence[Mapping[str, Any]], name: str) -> Rule | None:
    """Return the first rule for a name."""
    return next((Rule(**rule) for rule in rules if fnmatch.fnmatch(name, rule["name"])), None)


@dataclass
class Worker:
    """Builds SRPMs in a root. `state` is where the sandbox works; None: a table says what happens."""

    rules: Sequence[Mapping[str, Any]]
    state: Path | None
    buildroot: Buildroot
    repos: Sequence[Repo]
    timeout: int
    installed: list[str] = field(default_factory=list)

    def rebuild(self, srpm: Path) -> None:
        """Build, put the packages into the results; raise where it fails."""
        rule = matching(self.rules, srpm.name)
        if self.state is not None and rule is None:
            self._really(srpm, self.state)
            return
        played = rule or Rule(name="*")
        self.play(played)
        self.installed = list(played.installed)
        if played.status:
            raise MockError("Command failed", played.status)
        self._simply(srpm)

    def play(self, rule: Rule) -> None:
        """Write the logs of a rule, and wait as long as it says."""
        if rule.deaf:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if rule.root_log:
            self.buildroot.log("root", rule.root_log)
        if rule.build_log:
            self.buildroot.log("build", rule.build_log)
        deadline = time.monotonic() + self.timeout if self.timeout else None
        while rule.until and not Path(rule.until).exists():
            if (self.buildroot.basedir / "killed").exists():
                raise MockError("Command failed: killed", _KILLED)
            if deadline is not None and time.monotonic() > deadline:
                raise MockError(f"Timeout({self.timeout}) expired for command: rpmbuild", _TIMEOUT)
            time.sleep(0.02)

    def _simply(self, srpm: Path) -> None:
        """Build over the machine, without any BuildRequires."""
        build = self.buildroot.home / "build"
        shutil.copy(srpm, build / "originals")
        inside = f"{HOME}/build/originals/{srpm.name}"
        topdir = ["--define", f"_topdir {HOME}/build"]
        status, said = self.buildroot.run(["rpmbuild", "--rebuild", "--nodeps", *topdir, inside])
        self.buildroot.log("build", said)
        if status:
            raise MockError(f"Command failed: rpmbuild\n{said}", status)
        for package in (*build.glob("RPMS/**/*.rpm"), srpm):
            shutil.copy(package, self.buildroot.results)

    def _really(self, srpm: Path, state: Path) -> None:
        target = self._target()
        with tempfile.TemporaryDirectory(dir=self.buildroot.basedir) as scratch:
            build = LocalBuild(
                package=f"{self.buildroot.opts['root']}",
                source=SrpmSource(location=os.fspath(srpm), checksum=""),
                target=target,
                settings=SandboxSettings(state=state, cpus=1),
                results=Path(scratch, "results"),
                timeout=timedelta(seconds=self.timeout or 3600),
            )
            live = JobDirectory(state / "local" / ref_of(BuildKey(f"local/{build.package}"))).log
            with _followed(live, self.buildroot.results / "build.log"):
                done = build_locally(build, self._solver(target, state))
            self.installed = list(done.installed)
            if isinstance(done.outcome, Cancelled):
                sys.exit(128 + signal.SIGTERM)
            if isinstance(done.outcome, Failed):
                self._fail(done.outcome)
            for file in done.files:
                shutil.copy(file, self.buildroot.results)

    def _fail(self, outcome: Failed) -> None:
        status = {FailureReason.UNRESOLVABLE: PACKAGES, FailureReason.TIMEOUT: _TIMEOUT}.get(outcome.reason, 1)
        if status == PACKAGES:
            self.buildroot.log("root", f"Error: {outcome.cause}")
        raise MockError(f"Command failed: {outcome.cause}", status)

    def _target(self) -> Target:
        command = self.buildroot.opts["chroot_setup_cmd"]
        words = command.split() if isinstance(command, str) else list(command)
        repositories = (
            Repository(url=repo.directory.as_uri(), excludes=repo.excludes, priority=repo.priority)
            for repo in self.repos
        )
        return Target(
            name="mock",
            arch=os.uname().machine,
            backend="mock",
            repositories=tuple(repositories),
            buildroot=tuple(words[1:]),
        )

    def _solver(self, target: Target, state: Path) -> HawkeyRootSolver:
        """As the package manager sees them: the change is in a repository like the others."""
        settings = HawkeySettings(
            cache=state / "metadata", workers=0, allow_file=True, allowed_hosts=("127.0.0.1", "localhost")
        )
        return HawkeyRootSolver(settings, asyncio.run(snapshot_of(target, settings)), target)


@contextmanager
def _followed(source: Path, target: Path) -> Iterator[None]:
    """Append to a log what another one gets, while it grows."""
    end = threading.Event()

    def follow() -> None:
        at = 0
        while True:
            last = end.wait(0.02)
            data = source.read_bytes()[at:] if source.exists() else b""
            at += len(data)
            with target.open("ab") as file:
                file.write(data)
            if last:
                return

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
