"""How builds come into the hub: by a task that builds them, or as what was there before a test began."""

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import koji
from tests.fakes.koji.model import BUILDING, CLOSED, COMPLETE, Build, Buildroot, Host, Repo, Rpm, Tag, Task, User
from tests.fakes.koji.worker import Made, Source
from tests.fakes.koji.world import World

_RECYCLED = frozenset({koji.BUILD_STATES["FAILED"], koji.BUILD_STATES["CANCELED"]})


class Imports:
    """Makes builds and their packages."""

    def __init__(self, world: World) -> None:
        self._world = world

    def begin(self, task: Task, source: Source, opts: dict[str, Any], origin: str) -> Build:
        """Note that a build is under way. Read in kojihub/kojihub.py, new_build and recycle_build (Koji 1.35.3)."""
        extra: dict[str, Any] = {"source": {"original_url": origin}}
        if opts.get("custom_user_metadata"):
            extra["custom_user_metadata"] = opts["custom_user_metadata"]
        nvr = f"{source.name}-{source.version}-{source.release}"
        known, draft = self._world.builds_by_nvr.get(nvr), bool(opts.get("draft"))
        mine = [each for each in self._world.builds_by_task.get(task.id, ()) if each.state == BUILDING]
        if mine:
            return mine[0]
        if known is not None:
            if draft:
                raise koji.GenericError(f"Target build already exists: {known.nvr} (id={known.id})")
            if known.state == BUILDING:
                raise koji.GenericError(f"Build already in progress (task {known.task_id})")
            if known.state not in _RECYCLED:
                state = koji.BUILD_STATES[known.state]
                raise koji.GenericError(f"Build already exists (id={known.id}, state={state}): {nvr!r}")
            return self._recycle(known, task, extra, origin)
        return self._add(source, task.owner, draft=draft, task_id=task.id, source=origin, extra=extra)

    def _recycle(self, build: Build, task: Task, extra: dict[str, Any], origin: str) -> Build:
        self._world.builds_by_task[build.task_id or 0].remove(build)
        self._world.builds_by_task[task.id].append(build)
        build.state, build.task_id, build.owner, build.completed = BUILDING, task.id, task.owner, None
        build.started, build.extra, build.source, build.event = self._world.now(), extra, origin, self._world.event()
        return build

    def _add(self, described: Source, owner: User, *, draft: bool = False, **more: Any) -> Build:
        number = self._world.id("build")
        release = koji.gen_draft_release(described.release, number) if draft else described.release
        build = Build(
            id=number, package_id=self._world.package_id(described.name), name=described.name,
            version=described.version, release=release, epoch=described.epoch, owner=owner,
            event=self._world.event(), created=self._world.now(), state=BUILDING, draft=draft,
            started=self._world.now(), **more,
        )  # fmt: skip
        self._world.builds[build.id] = self._world.builds_by_nvr[build.nvr] = build
        if build.task_id is not None:
            self._world.builds_by_task[build.task_id].append(build)
        return build

    def complete(self, build: Build, source: Source, results: dict[int, Any]) -> None:
        """Import what subtasks built. Read in kojihub/kojihub.py, import_build (Koji 1.35.3).

        A package without architecture counts once, whichever subtask made it.
        """
        made: dict[str, tuple[Made, int | None]] = {"src": (Made(name=source.name, arch="src", file=source.file), None)}
        for number, result in results.items():
            for each in self._world.made[number]:
                made.setdefault(f"{each.name}.{each.arch}", (each, result["brootid"]))
        self._finish(build, source, made)

    def _finish(self, build: Build, source: Source, made: dict[str, tuple[Made, int | None]]) -> None:
        if build.state != BUILDING:
            raise koji.GenericError(f"Unable to complete build: state is {koji.BUILD_STATES[build.state]}")
        for each, root in made.values():
            self._rpm(build, source, each, root)
        build.state, build.completed = COMPLETE, self._world.now()

    def _rpm(self, build: Build, source: Source, made: Made, root: int | None) -> None:
        number = self._world.id("rpm")
        rpm = Rpm(
            id=number, name=made.name, version=made.version or source.version, release=made.release or source.release,
            arch=made.arch, epoch=made.epoch if made.epoch is not None else source.epoch, build=build,
            buildroot_id=root, payloadhash=hashlib.md5(f"{number}".encode()).hexdigest(), headers=made.headers,
            buildtime=int(self._world.now()),
        )  # fmt: skip
        if made.file is not None:
            rpm.file = self._keep(build, rpm, made.file)
            rpm.size = rpm.file.stat().st_size
        self._world.add_rpm(rpm)

    def _keep(self, build: Build, rpm: Rpm, file: Path) -> Path:
        row = {"name": build.name, "version": build.version, "release": build.release, "volume_name": "DEFAULT"}
        kept = Path(self._world.paths.build(row)) / rpm.arch / f"{rpm.nvra}.rpm"
        kept.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file, kept)
        except OSError:
            shutil.copyfile(file, kept)
        return kept

    def add(self, source: Source, owner: User, made: list[Made]) -> Build:
        """Put a finished build into the hub."""
        build = self._add(source, owner)
        rpms = [*made, Made(name=source.name, arch="src", file=source.file, headers=_headers(source))]
        self._finish(build, source, {f"{each.name}.{each.arch}": (each, None) for each in rpms})
        return build

    def add_root(self, build: Build, tag: Tag, host: Host, installed: Iterable[str], arch: str = "x86_64") -> Buildroot:
        """Say that a build's packages came from a root of a tag, in which these packages were (NEVRAs)."""
        world = self._world
        task = world.add_task("buildArch", [], build.owner, "default", arch=arch)
        world.fresh.remove(task)
        task.state, task.started, task.completed = CLOSED, world.now(), world.now()
        event = world.event()
        repo = Repo(id=world.id("repo"), tag=tag, create_event=event, created=world.now(), state=koji.REPO_EXPIRED)
        world.repos[repo.id] = repo
        root = Buildroot(
            id=world.id("buildroot"), task_id=task.id, host=host, repo=repo, arch=arch, event=event,
            created=world.now(), state=koji.BR_STATES["EXPIRED"], retired=world.now(),
            rpms=[self.known_or_external(nevra) for nevra in installed],
        )  # fmt: skip
        world.buildroots[root.id] = root
        world.buildroots_by_task[task.id].append(root)
        for rpm in build.rpms:
            rpm.buildroot_id = None if rpm.arch == "src" else root.id
        return root

    def known_or_external(self, nevra: str) -> Rpm:
        """The package of that name, else one that came from outside, noted now."""
        parts = koji.parse_NVRA(nevra)
        version = parts["version"].partition(":")[2] or parts["version"]
        known = self._world.rpms_by_nvra.get(f"{parts['name']}-{version}-{parts['release']}.{parts['arch']}")
        if known:
            return known[-1]
        return self._world.add_rpm(
            Rpm(
                id=self._world.id("rpm"),
                name=parts["name"],
                version=version,
                release=parts["release"],
                arch=parts["arch"],
            )
        )


def _headers(source: Source) -> dict[str, Any]:
    return {
        "buildarchs": list(source.buildarchs), "exclusivearch": list(source.exclusivearch),
        "excludearch": list(source.excludearch),
    }  # fmt: skip
