"""How repositories are made: the queue of requests, and the task that makes one.

Where the packages of a tag are real files, the repository is real: `repos/<tag>/<id>/<arch>` under the top directory,
with metadata that createrepo_c makes of links to the packages. Read in kojihub/repos.py, check_repo_queue,
repo_done_hook and symlink_if_latest, and in builder/kojid, NewRepoTask (Koji 1.35.3).
"""

import os
import subprocess
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import koji
from tests.fakes.koji.model import CANCELED, FAILED, Repo, Rpm, Task
from tests.fakes.koji.repos import request as request_repo
from tests.fakes.koji.values import name_or_id
from tests.fakes.koji.world import World


class Repositories:
    """Makes repositories. `stuck` and `broken` name tags whose repositories are never finished, or always fail."""

    def __init__(self, world: World, executor: Executor) -> None:
        self._world = world
        self._executor = executor
        self._contents: dict[int, dict[tuple[str, str], Rpm]] = {}
        self.stuck: set[str] = set()
        self.broken: set[str] = set()
        self.by_themselves = False
        """Kojira makes one whenever a tag changes that is built in, as it does before Koji 1.35 (util/kojira)."""
        self.early = False
        """A fault of the hub's: it says that a repository is ready when it is only begun."""

    def queue(self) -> bool:
        """Make tasks of requests, again where one failed, until it has failed too often."""
        moved = False
        for target in self._world.targets.values() if self.by_themselves else ():
            tag = self._world.tags[target.build_tag]
            request_repo(
                self._world,
                tag,
                self._world.last_change(tag),
                next(iter(self._world.users.values())),
                koji.PRIO_DEFAULT,
            )
        for request in self._world.requests.values():
            if not request.active:
                continue
            task = self._world.tasks.get(request.task_id or 0)
            if task is not None and task.state in (FAILED, CANCELED):
                moved = True
                request.updated = self._world.now()
                if (request.tries or 0) > self._world.limits["RepoRetries"]:
                    request.active = False
                    continue
                task = request.task_id = None
            if task is None and self._busy() < self._world.limits["MaxRepoTasks"]:
                spec = {"id": request.tag.id, "name": request.tag.name}
                made = self._world.add_task("newRepo", [spec], request.owner, "createrepo", priority=15, weight=0.1)
                request.task_id, request.tries = made.id, (request.tries or 0) + 1
                moved = True
        return moved

    def _busy(self) -> int:
        tasks = (self._world.tasks.get(each.task_id or 0) for each in self._world.requests.values() if each.active)
        return sum(task is not None and not task.finished for task in tasks)

    def make(self, task: Task) -> Generator[None, None, list[int]]:
        """Make one repository, of the tag as it is when the task begins."""
        tag = self._world.tag(name_or_id(task.request[0]))
        assert tag is not None
        event = self._world.event()
        repo = Repo(id=self._world.id("repo"), tag=tag, create_event=event, created=self._world.now(), task_id=task.id)
        self._world.repos[repo.id] = repo
        if self.early:
            self._ready(repo)
        if tag.name in self.broken:
            repo.state = koji.REPO_PROBLEM
            raise koji.GenericError(f"failed to create repo: createrepo of {tag.name} ended with status 1")
        while tag.name in self.stuck:
            yield
        yield from self._metadata(repo)
        self._ready(repo)
        return [repo.id, event]

    def _ready(self, repo: Repo) -> None:
        repo.state = koji.REPO_READY
        for request in self._world.requests.values():
            if request.active and request.tag is repo.tag and (request.min_event or 0) <= repo.create_event:
                request.repo_id, request.active, request.updated = repo.id, False, self._world.now()

    def contents(self, repo: Repo) -> dict[tuple[str, str], Rpm]:
        """The newest packages in it, by name and architecture."""
        if repo.id not in self._contents:
            found: dict[tuple[str, str], Rpm] = {}
            for _, listing in self._world.tagged(repo.tag, event=repo.create_event, inherit=True, latest=True):
                found |= {(rpm.name, rpm.arch): rpm for rpm in listing.build.rpms if rpm.arch != "src"}
            self._contents[repo.id] = found
        return self._contents[repo.id]

    def finder(self, repo: Repo, arch: str) -> Callable[[str], Rpm | None]:
        """Finds packages of a repository by name."""
        contents = self.contents(repo)
        return lambda name: contents.get((name, arch)) or contents.get((name, "noarch"))

    def directory(self, repo: Repo, arch: str) -> Path | None:
        """Where it lies, if it is real."""
        path = Path(self._world.paths.repo(repo.id, repo.tag.name)) / arch
        return path if path.is_dir() else None

    def _metadata(self, repo: Repo) -> Generator[None, None, Any]:
        real = [rpm for rpm in self.contents(repo).values() if rpm.file is not None]
        if not real:
            return
        base = Path(self._world.paths.repo(repo.id, repo.tag.name))
        for arch in repo.tag.arches.split():
            files = [rpm.file for rpm in real if rpm.file and rpm.arch in (arch, "noarch")]
            making = self._executor.submit(_create_metadata, base / arch, self._world.topdir, files)
            while not making.done():
                yield
            making.result()
        latest = base.parent / "latest"
        latest.unlink(missing_ok=True)
        latest.symlink_to(base.name)


def _create_metadata(directory: Path, topdir: Path, files: list[Path]) -> None:
    directory.mkdir(parents=True)
    (directory / "toplink").symlink_to(os.path.relpath(topdir, directory))
    listed = directory / "pkglist"
    listed.write_text("".join(f"toplink/{file.relative_to(topdir)}\n" for file in files))
    command = ["createrepo_c", "--quiet", "--pkglist", str(listed), str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise koji.GenericError(f"failed to create repo: {done.stderr.strip()}")
