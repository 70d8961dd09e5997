"""What mock does, command by command. Read in mock/py/mock.py (`run_command`), mockbuild/backend.py and rebuild.py."""

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import rpm

from tests.fakes.mock.buildroot import HOME, Buildroot
from tests.fakes.mock.config import expanded, repositories
from tests.fakes.mock.errors import SOURCE, MockError, NotModelled
from tests.fakes.mock.worker import Worker, matching

_KEPT = {"root_cache": "root_cache/cache.tar.gz", "yum_cache": "dnf_cache/packages.rpm"}
"""What plug-ins keep between builds (mockbuild/plugins/root_cache.py, yum_cache.py)."""


class Commands:
    """The commands over one root."""

    def __init__(self, stage: dict[str, Any], opts: dict[str, Any], options: argparse.Namespace) -> None:
        self.stage = stage
        self.opts = opts
        self.options = options
        self.buildroot = Buildroot(opts)
        self.built = False

    def run(self, arguments: Sequence[str]) -> int:
        """Do what was asked for and return the status."""
        if self.options.print_root_path:
            print(self.buildroot.path)
            return 0
        known: dict[str, Callable[[list[str]], int]] = {
            "init": self._init,
            "clean": self._clean,
            "rebuild": self._rebuild,
            "buildsrpm": self._buildsrpm,
            "chroot": self._chroot,
            "copyin": self._copyin,
            "copyout": self._copyout,
            "orphanskill": self._orphanskill,
        }
        if self.options.mode not in known:
            raise NotModelled(f"--{self.options.mode}")
        return known[self.options.mode](list(arguments))

    def _init(self, arguments: list[str]) -> int:
        if self.opts["clean"]:
            self.buildroot.delete()
        self._make()
        return 0

    def _clean(self, arguments: list[str]) -> int:
        """`--clean` removes the root; `--scrub` with `all` its caches and the bootstrap root as well."""
        scrub = self.options.scrub
        if not scrub or {"all", "chroot"} & set(scrub):
            self.buildroot.delete()
        if {"all", "cache"} & set(scrub):
            shutil.rmtree(self.buildroot.cache, ignore_errors=True)
        if {"all", "bootstrap"} & set(scrub):
            name = self.buildroot.basedir.name.replace(
                self.buildroot.shared_name, f"{self.buildroot.shared_name}-bootstrap", 1
            )
            shutil.rmtree(self.buildroot.basedir.with_name(name), ignore_errors=True)
        return 0

    def _make(self) -> None:
        """Make the root, or use the one that is there; afterwards its lock is shared."""
        root = self.buildroot
        root.open_logs()
        root.log("state", "Start: chroot init")
        root.lock(exclusive=True)
        if not (root.path / ".initialized").exists():
            self._repos()
            root.make_home()
            root.cache.mkdir(parents=True, exist_ok=True)
            for plugin, place in _KEPT.items():
                if self.opts["plugin_conf"][f"{plugin}_enable"]:
                    (root.cache / place).parent.mkdir(exist_ok=True)
                    (root.cache / place).write_bytes(b"0" * self.stage.get("cache_bytes", 0))
            (root.path / ".initialized").touch()
        if self.opts["use_bootstrap"]:
            extension = root.basedir.name.removeprefix(root.shared_name)
            (root.basedir.parent / f"{root.shared_name}-bootstrap{extension}").mkdir(exist_ok=True)
        root.lock(exclusive=False)
        root.log("state", "Finish: chroot init")

    def _repos(self) -> list[Any]:
        """Read the repositories' metadata; what goes wrong stands in root.log."""
        try:
            return repositories(self.opts, self.options.addrepo)
        except MockError as error:
            self.buildroot.log("root", str(error))
            raise

    def _worker(self) -> Worker:
        state = self.stage.get("sandbox")
        return Worker(
            rules=self.stage.get("rules", ()),
            state=Path(state) if state else None,
            buildroot=self.buildroot,
            repos=self._repos(),
            timeout=int(self.opts["rpmbuild_timeout"]),
        )

    def _cleaned(self, work: Callable[[], None]) -> int:
        """Do work in a clean root and remove it afterwards, where the results are kept elsewhere."""
        if self.opts["clean"]:
            self.buildroot.delete()
        try:
            self._make()
            work()
        except MockError:
            if self.buildroot.separate_results and self.opts["cleanup_on_failure"]:
                self.buildroot.delete()
            raise
        if self.buildroot.separate_results and self.opts["cleanup_on_success"]:
            self.buildroot.delete()
        return 0

    def _rebuild(self, arguments: list[str]) -> int:
        if not arguments:
            print("CRITICAL: No package specified to rebuild command.", file=sys.stderr)
            return 50
        for argument in arguments:
            _check_srpm(Path(argument))
        for argument in arguments:
            self._cleaned(lambda argument=argument: self._build(Path(argument)))  # type: ignore[misc]
        return 0

    def _build(self, srpm: Path) -> None:
        root, worker = self.buildroot, self._worker()
        root.log("state", f"Start: build phase for {srpm.name}")
        try:
            worker.rebuild(srpm)
        finally:
            if self.opts["plugin_conf"]["package_state_enable"] and worker.installed:
                lines = [f"{nevra} 1700000000 100 installed\n" for nevra in worker.installed]
                (root.results / "installed_pkgs.log").write_text("".join(lines))
            root.log("state", f"Finish: build phase for {srpm.name}")

    def _buildsrpm(self, arguments: list[str]) -> int:
        spec, sources = Path(self.options.spec), self.options.sources
        if not spec.is_file():
            raise MockError(f"Input specfile does not exist: {spec}", 5)
        if sources and not Path(sources).exists():
            raise MockError(f"Input sources directory or file does not exist: {sources}", 5)
        return self._cleaned(lambda: self._make_srpm(spec, sources))

    def _make_srpm(self, spec: Path, sources: str | None) -> None:
        root, build = self.buildroot, self.buildroot.home / "build"
        rule = matching(self.stage.get("rules", ()), spec.name)
        if rule is not None:
            worker = self._worker()
            worker.play(rule)
            if rule.status:
                raise MockError("Command failed", rule.status)
        shutil.copy(spec, build / "SPECS")
        if sources:
            shutil.rmtree(build / "SOURCES")
            shutil.copytree(Path(sources).resolve(), build / "SOURCES", symlinks=not self.options.symlink_dereference)
        topdir = ["--define", f"_topdir {HOME}/build"]
        status, said = root.run(["rpmbuild", "-bs", "--nodeps", *topdir, f"{HOME}/build/SPECS/{spec.name}"])
        root.log("build", said)
        if status:
            raise MockError(f"Command failed: rpmbuild -bs\n{said}", status)
        made = sorted((build / "SRPMS").glob("*src.rpm"))
        if len(made) != 1:
            raise MockError(f"Expected to find single rebuilt srpm, found {len(made)}", SOURCE)
        shutil.copy(made[0], root.results)

    def _chroot(self, arguments: list[str]) -> int:
        """One argument is a line for the shell, several are a command."""
        if not arguments:
            return 50
        self._make()
        command = ["/bin/sh", "-c", arguments[0]] if len(arguments) == 1 else arguments
        status, said = self.buildroot.run(command, self.options.cwd or "/")
        sys.stdout.write(said)
        return status

    def _copyin(self, arguments: list[str]) -> int:
        if len(arguments) < 2:
            return 50
        self._make()
        *sources, destination = arguments
        for source in sources:
            target = self.buildroot.path / destination.lstrip("/")
            if not os.path.lexists(source):
                return 50
            if Path(source).is_dir():
                target = target / Path(source).name if target.exists() else target
                if target.exists():
                    return 50
                shutil.copytree(source, target)
            else:
                shutil.copy(source, target)
        return 0

    def _copyout(self, arguments: list[str]) -> int:
        """Patterns are looked up in the root; several files need a directory to go to. Links stay links."""
        if len(arguments) < 2:
            return 50
        *patterns, destination = arguments
        sources = [path for pattern in patterns for path in sorted(self.buildroot.path.glob(pattern.lstrip("/")))]
        if not sources or (len(sources) > 1 and not Path(destination).is_dir()):
            return 50
        for source in sources:
            if source.is_dir():
                shutil.copytree(source, destination, symlinks=True)
            elif source.is_symlink():
                Path(destination).symlink_to(source.readlink())
            else:
                shutil.copy(source, destination)
        return 0

    def _orphanskill(self, arguments: list[str]) -> int:
        """Kill what runs in the root."""
        if self.buildroot.basedir.exists():
            (self.buildroot.basedir / "killed").touch()
        if self.stage.get("sandbox"):
            for job in Path(self.stage["sandbox"], "local").glob("*"):
                (job / "cancel").touch()
        return 0


def _check_srpm(path: Path) -> None:
    transaction = rpm.TransactionSet()
    transaction.setVSFlags(rpm._RPMVSF_NOSIGNATURES | rpm._RPMVSF_NODIGESTS)
    try:
        with path.open("rb") as file:
            header = transaction.hdrFromFdno(file.fileno())
    except (OSError, rpm.error) as error:
        raise MockError(f"Cannot find/open srpm: {path}. Error: {error}") from error
    if header["sourcepackage"] != 1:
        raise MockError(f"File is not an srpm: {path}.")


def check_templates(opts: dict[str, Any]) -> None:
    """Fill every text in once, as mock does when it logs its configuration."""
    for key, value in opts.items():
        if isinstance(value, str):
            expanded(opts, key)
