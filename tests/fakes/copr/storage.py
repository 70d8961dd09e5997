"""The results of builds on disk, as the backend lays them out, and the repositories made of them.

Read in backend/copr_backend/background_worker_build.py, job.py and rpmbuild/copr_rpmbuild/automation/rpm_results.py.
What a project's directory has lies in `{owner}/{directory}/{chroot}/{build:08d}-{package}/`.
"""

import gzip
import json
import shutil
import subprocess
from pathlib import Path

from tests.fakes import rpmmd
from tests.fakes.copr.model import Build, Chroot, Project
from tests.fakes.copr.worker import Made, Source, Work


class Storage:
    """Everything below `results/`. `lag`: logs are not compressed until `compress` is called, as happens."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lag = False
        self.broken_metadata = False
        """Metadata are not made anew any more."""
        self._written: dict[Path, bytes] = {}
        self._packages: dict[Path, list[rpmmd.Rpm]] = {}

    def place(self, project: Project, directory: str, chroot: str) -> Path:
        return self.root / project.owner / directory / chroot

    def make(self, project: Project, directory: str) -> None:
        """An empty repository for each chroot (actions_logic.py, send_createrepo)."""
        for chroot in project.chroots:
            self._createrepo(self.place(project, directory, chroot), [])

    def remove(self, project: Project) -> None:
        for directory in project.directories:
            shutil.rmtree(self.root / project.owner / directory, ignore_errors=True)

    def packages(self, repository: Path) -> list[rpmmd.Rpm]:
        return self._packages.get(repository, [])

    def source_log(self, build: Build, log: bytes, *, ended: bool) -> None:
        """Write the live log of a source build."""
        build.source_dir = f"{build.id:08d}"
        place = self.place(build.project, build.directory, "srpm-builds") / build.source_dir
        self._log(place, "builder-live.log", log, ended=ended)
        self._log(place, "backend.log", b"Marking build as starting\n", ended=ended)

    def keep_source(self, build: Build, source: Source) -> Path:
        """Put a source package where it is served."""
        name = f"{source.name}-{source.version}-{source.release}.src.rpm"
        place = self.place(build.project, build.directory, "srpm-builds") / f"{build.id:08d}"
        place.mkdir(parents=True, exist_ok=True)
        if source.file is not None:
            shutil.copy(source.file, place / name)
        else:
            (place / name).write_bytes(b"a source package\n")
        return place / name

    def live_log(self, chroot: Chroot, log: bytes, *, ended: bool) -> None:
        build = chroot.build
        chroot.result_dir = f"{build.id:08d}-{build.package}"
        place = self.results(chroot)
        self._log(place, "builder-live.log", log, ended=ended)
        self._log(place, "backend.log", b"Marking build as starting\n", ended=ended)

    def results(self, chroot: Chroot) -> Path:
        return self.place(chroot.build.project, chroot.build.directory, chroot.name) / chroot.result_dir

    def finish(self, chroot: Chroot, source: Source, work: Work) -> None:
        """Write down what came out, and bring the repository up to date."""
        place = self.results(chroot)
        self.live_log(chroot, work.log, ended=True)
        listed = "".join(f"{name} 1750000000 1024 {'0' * 32} installed\n" for name in work.installed)
        # mock's plug-in package_state; its logs are compressed by the plug-in compress_logs
        (place / "installed_pkgs.log.gz").write_bytes(gzip.compress(listed.encode()))
        if not work.packages:
            return
        chroot.packages = [_nevra(made, source) for made in work.packages]
        chroot.packages.append(_nevra(Made(name=source.name, arch="src"), source))
        (place / "results.json").write_text(json.dumps({"packages": chroot.packages}))
        (place / "success").write_text("done\n")
        for made in work.packages:
            if made.file is not None:
                shutil.copy(made.file, place / made.file.name)
        rpms = [_rpm(made, source) for made in work.packages]
        self._createrepo(place.parent, [*self.packages(place.parent), *rpms])

    def compress(self) -> None:
        """backend/run/copr-compress-live-logs."""
        for path in self.root.rglob("*.log"):
            if path.name in ("builder-live.log", "backend.log"):
                path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
                path.unlink()

    def _log(self, place: Path, name: str, log: bytes, *, ended: bool) -> None:
        plain, packed = place / name, place / f"{name}.gz"
        if plain not in self._written:
            place.mkdir(parents=True, exist_ok=True)
        if ended and not self.lag:
            plain.unlink(missing_ok=True)
            packed.write_bytes(gzip.compress(log))
        elif self._written.get(plain) != log:
            plain.write_bytes(log)
            self._written[plain] = log

    def _createrepo(self, repository: Path, packages: list[rpmmd.Rpm]) -> None:
        if self.broken_metadata:
            return
        self._packages[repository] = packages
        if list(repository.glob("*/*.rpm")):
            command = ["createrepo_c", "--quiet", "--general-compress-type=gz", str(repository)]
            subprocess.run(command, check=True, capture_output=True)
        else:
            rpmmd.write_repository(repository, packages)


def _nevra(made: Made, source: Source) -> dict[str, object]:
    return {
        "name": made.name,
        "epoch": made.epoch or source.epoch or 0,
        "version": made.version or source.version,
        "release": made.release or source.release,
        "arch": made.arch,
    }


def _rpm(made: Made, source: Source) -> rpmmd.Rpm:
    return rpmmd.Rpm(
        name=made.name,
        version=made.version or source.version,
        release=made.release or source.release,
        epoch=made.epoch or source.epoch or 0,
        arch=made.arch,
        source=source.name,
    )
