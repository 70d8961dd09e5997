"""The builders: they carry every build on by a step whenever `advance` is called. No time passes here by itself.

A source is made, imported, and only then are its chroots let go, so that a build is pending twice. Read in
backend/copr_backend/background_worker_build.py, frontend/coprs_frontend/coprs/logic/builds_logic.py
(update_state_from_dict, get_pending_build_tasks) and logic/complex_logic.py (generate_build_config).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tests.fakes.copr.model import FINISHED, Build, Chroot
from tests.fakes.copr.projects import Projects
from tests.fakes.copr.storage import Storage
from tests.fakes.copr.worker import Job, Repo, Source, SourceJob, Work, Worker

_ENOUGH = 10_000
TIMED_OUT = b" !! Copr timeout => sending INT\n"
"""rpmbuild/copr_rpmbuild/helpers.py, GentlyTimeoutedPopen."""


class Farm:
    """Carries builds on. `slots`: how much runs at once; `per_owner`: of one owner's projects, the rest stays pending
    (backend/copr_backend/daemons/build_dispatcher.py has such limits).
    """

    def __init__(self, projects: Projects, storage: Storage, worker: Worker, now: Callable[[], float]) -> None:
        self._projects = projects
        self._storage = storage
        self._now = now
        self._sources: dict[int, Source] = {}
        self.worker = worker
        self.slots = 1000
        self.per_owner = 1000
        self.distribution: dict[str, str] = {}
        """NEVRAs by name of what every chroot's own repositories hold."""
        self.scratch: Path = storage.root.parent / "scratch"

    def advance(self) -> bool:
        """Take every build a step further; False where nothing moved."""
        moved = False
        busy = Counter(build.project.owner for build in self._projects.builds.values() if _running(build))
        for build in self._queue():
            moved |= self._advance(build, busy)
        return moved

    def run(self) -> None:
        """Advance until nothing moves any more."""
        for _ in range(_ENOUGH):
            if not self.advance():
                return
        raise AssertionError("the builders do not come to rest")

    def _queue(self) -> Iterator[Build]:
        """Those in the background come last (builds_logic.py, get_pending_build_tasks)."""
        living = [each for each in self._projects.builds.values() if not each.finished or _is_imported(each)]
        return iter(sorted(living, key=lambda build: (build.background, build.id)))

    def _advance(self, build: Build, busy: Counter[str]) -> bool:
        if build.batch is not None and build.batch.blocked:
            return False
        if build.source_state == "pending":
            if not self._room(build, busy):
                return False
            build.source_state = "running"
            self._storage.source_log(build, b"", ended=False)
            return True
        if build.source_state == "running":
            return self._make_source(build)
        if build.source_state == "importing":
            build.source_state = "succeeded"
            for chroot in build.chroots:
                chroot.state = "pending" if chroot.state == "waiting" else chroot.state
            return True
        moved = [self._advance_chroot(chroot, busy) for chroot in build.chroots]
        return any(moved)

    def _room(self, build: Build, busy: Counter[str]) -> bool:
        if busy.total() >= self.slots or busy[build.project.owner] >= self.per_owner:
            return False
        busy[build.project.owner] += 1
        return True

    def _make_source(self, build: Build) -> bool:
        directory = self.scratch / str(build.id)
        directory.mkdir(parents=True, exist_ok=True)
        work = self.worker.make_source(
            SourceJob(build_id=build.id, kind=build.kind, source=build.source, directory=directory)
        )
        self._storage.source_log(build, work.log, ended=work.done)
        if not work.done:
            return False
        if work.source is None:
            build.source_state = "failed"
            for chroot in build.chroots:
                self._end(chroot, "failed")
                chroot.started = chroot.ended
            return True
        self._sources[build.id] = work.source
        build.package, build.version = work.source.name, work.source.evr
        path = self._storage.keep_source(build, work.source)
        build.srpm_url = build.srpm_url or path.name
        if not build.chroots:
            build.chroots = [Chroot(name, build) for name in self._projects.active(build.project)]
        build.source_state = "importing" if build.chroots else "failed"
        for chroot in build.chroots:
            self._skip(chroot, work.source)
        return True

    def _skip(self, chroot: Chroot, source: Source) -> None:
        """builds_logic.py, update_state_from_dict: excluded architectures."""
        arch = chroot.name.rpartition("-")[2]
        excluded = (source.exclusivearch and arch not in source.exclusivearch) or arch in source.excludearch
        if excluded:
            self._end(chroot, "skipped")
            chroot.started = chroot.ended

    def _advance_chroot(self, chroot: Chroot, busy: Counter[str]) -> bool:
        if chroot.state in FINISHED:
            return False
        if chroot.state == "pending":
            if not self._room(chroot.build, busy):
                return False
            chroot.state, chroot.started = "starting", int(self._now())
            return True
        if chroot.state == "starting":
            chroot.state = "running"
            self._storage.live_log(chroot, b"", ended=False)
            return True
        work = self.worker.look(self.job(chroot))
        build = chroot.build
        if not work.done and chroot.started is not None and self._now() - chroot.started >= build.timeout:
            self.worker.stop(build.id)
            work = Work(log=work.log + TIMED_OUT, ok=False)
        if not work.done:
            self._storage.live_log(chroot, work.log, ended=False)
            return False
        self._storage.finish(chroot, self._sources[build.id], work)
        if work.claimed_failed:
            chroot.packages = []
        self._end(chroot, "succeeded" if work.ok and not work.claimed_failed else "failed")
        return True

    def _end(self, chroot: Chroot, state: str) -> None:
        chroot.state, chroot.ended = state, int(self._now())

    def cancel(self, build: Build) -> None:
        """The builder is told; its log stays as far as it came."""
        self.worker.stop(build.id)
        for chroot in build.chroots:
            if chroot.state not in FINISHED:
                chroot.ended = int(self._now())

    def job(self, chroot: Chroot) -> Job:
        """Say what a root of the chroot sees now: the project, the build's directory, what the project adds."""
        build = chroot.build
        project = build.project
        priority = int(project.options["repo_priority"] or 99)
        names = [project.name, *([build.directory] if build.directory != project.name else [])]
        repos = [Repo(directory=self._storage.place(project, name, chroot.name), priority=priority) for name in names]
        urls = []
        for url in project.repos:
            parts = urlsplit(url)
            if parts.scheme != "copr":
                urls.append(url.replace("$chroot", chroot.name))
                continue
            given = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
            place = self._storage.root / parts.netloc / parts.path.split("/")[1] / chroot.name
            repos.append(Repo(directory=place, priority=int(given.get("priority", 99))))
        directory = self.scratch / f"{build.id}-{chroot.name}"
        return Job(
            build_id=build.id,
            source=self._sources[build.id],
            chroot=chroot.name,
            arch=chroot.name.rpartition("-")[2],
            repos=tuple(repos),
            urls=tuple(urls),
            find=lambda name: self._find(name, repos),
            timeout=build.timeout,
            directory=directory,
        )

    def _find(self, name: str, repos: list[Repo]) -> str | None:
        """The package of the repository that comes first by priority, the distribution's last."""
        for repo in sorted(repos, key=lambda each: each.priority):
            for rpm in reversed(self._storage.packages(repo.directory)):
                if rpm.name == name:
                    return f"{rpm.name}-{rpm.evr}.{rpm.arch}"
        return self.distribution.get(name)

    def forget(self, number: int) -> None:
        """Drop what is kept for a build of a project that is gone."""
        self.worker.stop(number)
        self._sources.pop(number, None)


def _is_imported(build: Build) -> bool:
    """builds_logic.py, get_build_importing_queue: an import goes on although all chroots are skipped."""
    return build.source_state == "importing" and not build.canceled


def _running(build: Build) -> bool:
    at_work = build.source_state == "running" or any(
        chroot.state in ("starting", "running") for chroot in build.chroots
    )
    return at_work and not build.finished
