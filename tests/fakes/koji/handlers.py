"""What a builder does with each kind of task: a generator that yields while it has to wait.

Read in builder/kojid (BuildTask, BuildArchTask, RebuildSRPM, BuildSRPMFromSCMTask, TagBuildTask), koji/tasks.py
(WaitrepoTask) and koji/util.py (RepoWatcher), Koji 1.35.3. Left out: the subtasks of newRepo, notifications, reading
package configuration and comps.
"""

import re
from collections.abc import Generator, Iterator
from typing import Any

import koji
import koji.daemon
from tests.fakes.koji import files, repos, rules
from tests.fakes.koji.imports import Imports
from tests.fakes.koji.model import FAILED, Build, Buildroot, Host, Repo, Tag, Task
from tests.fakes.koji.policies import Policies
from tests.fakes.koji.repositories import Repositories
from tests.fakes.koji.tasks import cancel
from tests.fakes.koji.worker import BuilderError, Job, Source, Work, Worker
from tests.fakes.koji.world import World

Steps = Generator[None, None, Any]
_WEIGHTS = {"buildArch": 1.5, "rebuildSRPM": 1.0, "buildSRPMFromSCM": 1.0, "tagBuild": 1.0, "waitrepo": 0.2}
_PATIENCE = 120 * 60
"""Seconds for which a task waits for a repository (koji/tasks.py, WaitrepoTask.TIMEOUT)."""


class Handlers:
    """The builders' program."""

    def __init__(self, world: World, policies: Policies, worker: Worker, repositories: Repositories) -> None:
        self._world = world
        self._policies = policies
        self.worker = worker
        self.rules: Any = rules
        """What they go by; a mutant has others."""
        self._repositories = repositories
        self._imports = Imports(world)

    def queue_repositories(self) -> bool:
        return self._repositories.queue()

    def handle(self, task: Task, host: Host) -> Steps:
        """Begin with a task."""
        match task.method:
            case "build":
                return self._build(task)
            case "buildArch":
                return self._build_arch(task, host)
            case "rebuildSRPM" | "buildSRPMFromSCM":
                return self._source(task, host)
            case "waitrepo":
                return self._wait_for_repo(task)
            case "newRepo":
                return self._repositories.make(task)
            case "tagBuild":
                return self._tag_build(task)
        raise AssertionError(f"no builder knows {task.method}")

    # build

    def _build(self, task: Task) -> Steps:
        src, target, opts = task.request
        self._look_at(opts)
        found = self._world.target(target) if target else None
        if found is None:
            raise koji.GenericError(f"unknown build target: {target}")
        build_tag, dest_tag = self._world.tags[found.build_tag], self._world.tags[found.dest_tag]
        self._may(task, src, found.name, build_tag, dest_tag)
        repo = yield from self._repo(task, build_tag, opts.get("wait_builds") or [], wait=bool(opts.get("wait_repo")))
        path, origin = yield from self._srpm(task, src, build_tag, repo)
        source = files.source(self._world, path)
        if not opts.get("scratch") and not opts.get("skip_tag"):
            blocked = self._world.package_listed(dest_tag, source.name)
            if blocked is not False:
                what = "not in list" if blocked is None else "is blocked"
                raise koji.BuildError(f"package {source.name} {what} for tag {dest_tag.name}")
        arches = rules.arches(build_tag, source, opts)
        build = None if opts.get("scratch") else self._imports.begin(task, source, opts, origin)
        try:
            results = yield from self._arch_builds(task, path, build_tag, arches, repo)
            if build is not None:
                self._imports.complete(build, source, results)
        except koji.GenericError:
            if build is not None:
                build.state, build.completed = koji.BUILD_STATES["FAILED"], self._world.now()
            raise
        if build is not None and not opts.get("skip_tag"):
            child = self._child(task, "tagBuild", [dest_tag.id, build.id, False, None, True], "tag")
            yield from self._wait(task, [child])

    def _look_at(self, opts: dict[str, Any]) -> None:
        if opts.get("arch_override") and not opts.get("scratch"):
            raise koji.BuildError("arch_override is only allowed for scratch builds")
        assert opts.get("repo_id") is None, "builds with a given repository are not modelled"
        metadata = opts.get("custom_user_metadata")
        if metadata and not isinstance(metadata, dict):
            raise koji.BuildError("custom_user_metadata must be serializable to a JSON object")

    def _may(self, task: Task, src: str, target: str, build_tag: Tag, dest_tag: Tag) -> None:
        opts = task.request[2]
        from_scm = koji.daemon.SCM.is_scm_url(src)
        data = {
            "user_id": task.owner.id, "source": src, "task_id": task.id, "build_tag": build_tag.id,
            "skip_tag": bool(opts.get("skip_tag")), "scratch": opts.get("scratch"), "draft": opts.get("draft"),
            "from_scm": from_scm, "repo_id": None, "target": target,
        }  # fmt: skip
        if not opts.get("skip_tag"):
            data["tag"] = dest_tag.id
        if not from_scm and not opts.get("scratch"):
            self._policies.demand("build_from_srpm", dict(data))
        self._policies.demand("build_rpm", dict(data))

    def _srpm(self, task: Task, src: str, tag: Tag, repo: Repo) -> Generator[None, None, tuple[str, str]]:
        """Make or find the source package; where it comes from, as the build will say."""
        opts = task.request[2]
        scm = koji.daemon.SCM.is_scm_url(src)
        if not scm:
            rebuild = tag.extra.get("rebuild_srpm", True)
            if opts.get("scratch") and opts.get("rebuild_srpm") is not None:
                rebuild = opts["rebuild_srpm"]
            if not rebuild:
                return src, src
        method = "buildSRPMFromSCM" if scm else "rebuildSRPM"
        request = [src, tag.id, {"repo_id": repo.id, "scratch": opts.get("scratch")}]
        child = self._child(task, method, request, "srpm")
        (result,) = yield from self._wait(task, [child])
        return result["srpm"], result["source"]["source"]

    def _arch_builds(self, task: Task, path: str, tag: Tag, arches: list[str], repo: Repo) -> Steps:
        children = []
        for number, arch in enumerate(arches):
            request = [path, tag.id, arch, number == 0, {"repo_id": repo.id}]
            children.append(self._child(task, "buildArch", request, arch, arch=rules.canonical(arch)))
        results = yield from self._wait(task, children)
        return dict(zip([child.id for child in children], results, strict=True))

    # buildArch, rebuildSRPM, buildSRPMFromSCM

    def _build_arch(self, task: Task, host: Host) -> Steps:
        path, tag, arch, keep_srpm, opts = task.request
        source, repo = files.source(self._world, path), self._world.repos[opts["repo_id"]]
        root_arch = host.arches.split()[0] if arch == "noarch" else rules.canonical(arch)
        root = self._root(task, host, repo, root_arch)
        job = Job(
            task_id=task.id, source=source, arch=arch, root_arch=root_arch, tag=self._world.tags[tag].name,
            find=self._repositories.finder(repo, root_arch), scratch=bool(self._parent(task).request[2].get("scratch")),
            repository=self._repositories.directory(repo, root_arch),
        )  # fmt: skip
        while not (work := self.worker.look(job)).done:
            task.output.update(work.logs)
            yield
        task.output.update(work.logs)
        self._fill(root, work)
        if isinstance(work.error, koji.GenericError):
            raise work.error
        if work.error is not None:
            raise BuilderError from work.error
        self._world.made[task.id] = work.rpms
        return files.results(task, source, work, root.id, keep_srpm=keep_srpm)

    def _source(self, task: Task, host: Host) -> Steps:
        src, _, opts = task.request
        if task.method == "buildSRPMFromSCM":
            self._may_check_out(task, src)
        root = self._root(task, host, self._world.repos[opts["repo_id"]], host.arches.split()[0])
        if task.method == "rebuildSRPM":
            source: Source | None = files.source(self._world, src)
        else:
            while (source := self.worker.checkout(src)) is None:
                yield
        assert source is not None
        task.output |= {"root.log": b"root is ready\n", "build.log": f"Wrote: {source.filename}\n".encode()}
        root.state = koji.BR_STATES["EXPIRED"]
        return files.source_result(self._world, task, source, root.id, src)

    def _may_check_out(self, task: Task, url: str) -> None:
        scm = koji.daemon.SCM(url)
        data = {re.sub("^(scm_?)?", "scm_", key): value for key, value in scm.get_info().items()}
        action = self._policies.evaluate("build_from_scm", data | {"user_id": task.owner.id, "channel": "default"})
        verdict, _, reason = (action or "deny").partition(" ")
        if verdict.lower() != "allow":
            told = f"SCM: {scm.host}:{scm.repository} is not allowed"
            raise koji.BuildError(told + (f", reason: {reason}" if reason else ""))

    def _root(self, task: Task, host: Host, repo: Repo, arch: str) -> Buildroot:
        root = Buildroot(
            id=self._world.id("buildroot"), task_id=task.id, host=host, repo=repo, arch=arch,
            event=len(self._world.events), created=self._world.now(), state=koji.BR_STATES["BUILDING"],
        )  # fmt: skip
        self._world.buildroots[root.id] = root
        self._world.buildroots_by_task[task.id].append(root)
        return root

    def _fill(self, root: Buildroot, work: Work) -> None:
        root.rpms = [self._imports.known_or_external(nevra) for nevra in work.installed]
        root.state, root.retired = koji.BR_STATES["EXPIRED"], self._world.now()

    # repositories and tags

    def _repo(self, task: Task, tag: Tag, nvrs: list[str], *, wait: bool) -> Generator[None, None, Repo]:
        """Find a repository that will do, or let a subtask wait for one. Read in koji/tasks.py, getRepo (1.35.3)."""
        self._exists(tag)
        least = self._world.last_change(tag) if wait else None
        if self.rules.tagged_all(self._world, tag, nvrs, None):
            wanted = repos.default_min_event(self._world, tag) if least is None else least
            answer = repos.request(self._world, tag, wanted, task.owner, koji.PRIO_DEFAULT)
            if answer["repo"] and self.rules.tagged_all(self._world, tag, nvrs, answer["repo"]["create_event"]):
                return self._world.repos[answer["repo"]["id"]]
            if least is None and answer["request"]:
                least = answer["request"]["min_event"]
        child = self._child(task, "waitrepo", [tag.name, None, nvrs, least], None)
        (found,) = yield from self._wait(task, [child])
        return self._world.repos[found["id"]]

    def _wait_for_repo(self, task: Task) -> Steps:
        name, _, nvrs, least = task.request
        tag = self._world.tag(name)
        assert tag is not None
        until = self._world.now() + _PATIENCE
        while True:
            self._exists(tag)
            if self.rules.tagged_all(self._world, tag, nvrs, None):
                if nvrs:
                    least = self._world.last_change(tag)
                wanted = repos.default_min_event(self._world, tag) if least is None else least
                answer = repos.request(self._world, tag, wanted, task.owner, koji.PRIO_DEFAULT)
                repo = answer["repo"]
                if answer["request"]:
                    repo = yield from self._requested(answer["request"]["id"], name, until)
                if repo and self.rules.tagged_all(self._world, tag, nvrs, repo["create_event"]):
                    return repo
            elif self._world.now() > until:
                told = f"for {koji.util.printList(nvrs)} to appear in the {name} repo"
                raise koji.GenericError(f"Unsuccessfully waited 120:00 {told}")
            yield

    def _requested(self, number: int, tag: str, until: float) -> Steps:
        request = self._world.requests[number]
        while request.repo_id is None:
            if self._world.now() > until:
                raise koji.GenericError(f"Unsuccessfully waited 120:00 for a new {tag} repo")
            if not request.active:
                raise koji.GenericError("Repo request no longer active")
            yield
        return repos.repo_row(self._world, self._world.repos[request.repo_id])

    def _exists(self, tag: Tag) -> None:
        if tag.deleted:
            raise koji.GenericError(f"No such tagInfo: {tag.name!r}")

    def _tag_build(self, task: Task) -> Iterator[None]:
        tag, build = self._world.tag(task.request[0]), self._world.builds[task.request[1]]
        assert tag is not None
        data = {"user_id": task.owner.id, "tag": tag.id, "operation": "tag", "draft": build.draft}
        self._policies.demand("tag", data)
        self._check_tagging(tag, build)
        self._world.list_build(tag, build)
        yield from ()

    def _check_tagging(self, tag: Tag, build: Build) -> None:
        if build.state != koji.BUILD_STATES["COMPLETE"]:
            raise koji.TagError(f"build {build.nvr} not complete: state {koji.BUILD_STATES[build.state]}")
        if any(one.build is build and one.holds(None) for one in tag.listings.get(build.name, ())):
            raise koji.TagError(f"build {build.nvr} already tagged ({tag.name})")

    # subtasks

    def _parent(self, task: Task) -> Task:
        return self._world.tasks[task.parent or 0]

    def _child(self, task: Task, method: str, request: list[Any], label: str | None, arch: str = "noarch") -> Task:
        channel = self._world.channels[task.channel_id].name
        return self._world.add_task(
            method, request, task.owner, channel, parent=task.id, label=label, arch=arch,
            priority=task.priority - 1, weight=_WEIGHTS[method],
        )  # fmt: skip

    def _wait(self, task: Task, children: list[Task]) -> Generator[None, None, list[Any]]:
        """Wait for subtasks; the first that fails takes the others with it. Read in koji/tasks.py, wait (1.35.3)."""
        task.waiting = True
        while not all(child.finished for child in children):
            if any(child.state in rules.LOST for child in children):
                break
            yield
        task.waiting = False
        for child in children:
            if child.state in rules.LOST:
                for one in children:
                    cancel(self._world, one, recurse=True)
                if child.state == FAILED:
                    raise rules.as_error(child.result)
                raise koji.GenericError(f"Task {child.id} is canceled")
        return [child.result for child in children]
