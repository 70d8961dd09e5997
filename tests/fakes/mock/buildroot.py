"""mock's root on disk: where it lies, who holds it, which logs are written where.

Read in mock/py/mockbuild/buildroot.py (`make_chroot_path`, `_lock_buildroot`, `delete`, `resetLogging`) and
mockbuild/state.py. A root here is a directory with a /builddir; commands run over the machine's own /usr.
"""

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.fakes.mock.config import expanded
from tests.fakes.mock.errors import LOCKED, RESULTS, MockError
from tests.fakes.mock.options import VERSION

HOME = "/builddir"


class Buildroot:
    """One root, by its name and its extension."""

    def __init__(self, opts: dict[str, Any]) -> None:
        self.opts = opts
        self.shared_name = opts["root"]
        if "unique-ext" in opts:
            opts["root"] = f"{opts['root']}-{opts['unique-ext']}"
        self.basedir = Path(opts["basedir"], opts["root"])
        self.path = Path(opts.get("rootdir") or self.basedir / "root")
        self.cache = Path(opts["cache_topdir"], self.shared_name)
        self.results = Path(expanded(opts, "resultdir"))
        self._lock: int | None = None

    @property
    def home(self) -> Path:
        """What the root has as /builddir."""
        return self.path / HOME.lstrip("/")

    @property
    def separate_results(self) -> bool:
        """Whether results lie outside the root's directory: only then it is cleaned up afterwards."""
        return not self.results.is_relative_to(self.basedir)

    def lock(self, *, exclusive: bool) -> None:
        """Take the lock, without waiting."""
        if self._lock is None:
            self.basedir.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.basedir / "buildroot.lock", os.O_RDWR | os.O_CREAT, 0o664)
        try:
            fcntl.lockf(self._lock, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except OSError:
            raise MockError("Build root is locked by another process.", LOCKED) from None

    def unlock(self) -> None:
        """Let go of it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def delete(self) -> None:
        """Remove the root, unless somebody is in it."""
        if self.basedir.exists():
            self.lock(exclusive=True)
            self.unlock()
            shutil.rmtree(self.basedir)

    def open_logs(self) -> None:
        """Begin the logs in the results' directory."""
        self.basedir.mkdir(parents=True, exist_ok=True)
        try:
            self.results.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            words = f"Could not create output directory for built rpms: {self.results}"
            raise MockError(words, RESULTS) from error
        for name in ("state", "build", "root"):
            self.log(name, f"Mock Version: {VERSION}")

    def log(self, name: str, text: str) -> None:
        """Append to `state.log`, `build.log` or `root.log`, in its format."""
        if name == "state":
            text = f"{time.strftime('%Y-%m-%d %H:%M:%S')},000 - {text}"
        if name == "root":
            text = "\n".join(f"DEBUG util.py:459:  {line}" for line in text.splitlines())
        with (self.results / f"{name}.log").open("a") as file:
            file.write(text if text.endswith("\n") else f"{text}\n")

    def make_home(self) -> None:
        """Make /builddir as mock leaves it."""
        for name in ("SPECS", "SOURCES", "SRPMS", "RPMS", "BUILD", "BUILDROOT", "originals"):
            (self.home / "build" / name).mkdir(parents=True, exist_ok=True)

    def run(
        self, command: Sequence[str], cwd: str = "/", environment: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """Run a command in the root and return its status and what it wrote."""
        binds = ["--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc", "--proc", "/proc", "--dev", "/dev"]
        links = [part for name in ("bin", "sbin", "lib", "lib64") for part in ("--symlink", f"usr/{name}", f"/{name}")]
        home = ["--bind", os.fspath(self.home), HOME, "--tmpfs", "/tmp", "--dir", "/var/tmp", "--unshare-net"]
        whole = ["bwrap", *binds, *links, *home, "--die-with-parent", "--chdir", cwd, *command]
        env = {"PATH": "/usr/bin:/bin", "HOME": HOME, "LANG": "C.UTF-8", **(environment or {})}
        answer = subprocess.run(whole, capture_output=True, text=True, errors="replace", check=False, env=env)
        return answer.returncode, answer.stdout + answer.stderr
