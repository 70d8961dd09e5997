# ruff: noqa: N802, N803, A002 - the names are Koji's
"""Builds, their packages, what stands in their headers, and what was in the roots that they were built in."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import koji
from tests.fakes.koji.auth import Sessions
from tests.fakes.koji.model import Build, Buildroot, Rpm
from tests.fakes.koji.tags import build_row
from tests.fakes.koji.values import convert, queried, text
from tests.fakes.koji.world import World

_DEPENDENCIES = ("REQUIRE", "PROVIDE", "CONFLICT", "OBSOLETE", "SUGGEST", "ENHANCE", "SUPPLEMENT", "RECOMMEND")


class BuildExports:
    def __init__(self, world: World, sessions: Sessions) -> None:
        self._world = world
        self._sessions = sessions

    def getBuild(self, buildInfo: Any, strict: bool = False) -> dict[str, Any] | None:
        """A build. Read in kojihub/kojihub.py, get_build (Koji 1.35.3)."""
        found = self._world.build(buildInfo, strict=strict)
        return None if found is None else build_row(found)

    def listBuilds(
        self, packageID: Any = None, userID: Any = None, taskID: int | None = None, prefix: str | None = None,
        state: int | None = None, volumeID: int | None = None, source: str | None = None, createdBefore: Any = None,
        createdAfter: Any = None, completeBefore: Any = None, completeAfter: Any = None, type: str | None = None,
        typeInfo: Any = None, queryOpts: dict[str, Any] | None = None, pattern: str | None = None, cgID: Any = None,
        draft: bool | None = None,
    ) -> Any:  # fmt: skip
        """Builds that fit. Read in kojihub/kojihub.py, RootExports.listBuilds (Koji 1.35.3)."""
        given = (
            volumeID,
            source,
            createdBefore,
            createdAfter,
            completeBefore,
            completeAfter,
            type,
            typeInfo,
            pattern,
            cgID,
        )
        assert set(given) == {None}, "filters of listBuilds that are not modelled"
        owner = None if userID is None else self._world.user(userID, strict=False)
        if userID is not None and owner is None:
            return []
        package = self._world.packages.get(packageID) if isinstance(packageID, str) else packageID
        if packageID is not None and package is None:
            return []
        some: Iterable[Build] = self._world.builds.values()
        if taskID is not None:
            some = self._world.builds_by_task.get(taskID, ())
        rows = [
            build_row(each)
            for each in some
            if package in (None, each.package_id)
            and owner in (None, each.owner)
            and state in (None, each.state)
            and draft in (None, each.draft)
            and each.name.lower().startswith((prefix or "").lower())
        ]
        return queried(rows, queryOpts)

    def getRPM(self, rpminfo: Any, strict: bool = False, multi: bool = False) -> Any:
        """A package by id or by name; of equal names that of a real build, or the newest draft's.

        Read in kojihub/kojihub.py, get_rpm (Koji 1.35.3).
        """
        found = self._rpms(rpminfo)
        if multi:
            return [rpm_row(each) for each in found]
        if not found:
            if strict:
                raise koji.GenericError(f"No such rpm: {rpminfo!r}")
            return None
        return rpm_row(_preferred(found))

    def _rpms(self, info: Any) -> list[Rpm]:
        if isinstance(info, int):
            return [self._world.rpms[info]] if info in self._world.rpms else []
        if isinstance(info, dict):
            info = "{name}-{version}-{release}.{arch}".format(**info)
        if not isinstance(info, str):
            raise koji.GenericError(f"Invalid type for argument: {type(info)!r}")
        return self._world.rpms_by_nvra.get(info.removesuffix(".rpm"), [])

    def listRPMs(
        self, buildID: int | None = None, buildrootID: int | None = None, imageID: Any = None,
        componentBuildrootID: int | None = None, hostID: Any = None, arches: Any = None,
        queryOpts: dict[str, Any] | None = None, draft: bool | None = None,
    ) -> Any:  # fmt: skip
        """Packages of a build, from a root, or in a root. Read in kojihub/kojihub.py, list_rpms (Koji 1.35.3)."""
        assert (imageID, hostID) == (None, None), "images and packages of a host are not modelled"
        if arches is not None and not isinstance(arches, str | list | tuple):
            raise koji.GenericError(f'Invalid type for "arches" parameter: {type(arches)}')
        wanted = [arches] if isinstance(arches, str) else arches
        more: dict[str, Any] = {}
        some: Iterable[Rpm] = self._world.rpms.values()
        if buildID is not None:
            build = self._world.builds.get(buildID)
            some = build.rpms if build else ()
        if componentBuildrootID is not None:
            root = self._world.buildroots.get(componentBuildrootID)
            some = root.rpms if root else ()
            more = {"component_buildroot_id": componentBuildrootID, "is_update": False}
        rows = [
            rpm_row(each) | more
            for each in some
            if buildrootID in (None, each.buildroot_id)
            and (wanted is None or each.arch in wanted)
            and (draft is None or draft == bool(each.build and each.build.draft))
        ]
        return queried(rows, queryOpts)

    def listBuildRPMs(self, build: Any) -> Any:
        """Packages of a build. Read in kojihub/kojihub.py, RootExports.listBuildRPMs (Koji 1.35.3)."""
        if not isinstance(build, int):
            found = self._world.build(build, strict=True)
            assert found is not None
            build = found.id
        return self.listRPMs(buildID=build)

    def listTaggedRPMS(
        self, tag: Any, event: int | None = None, inherit: bool = False, latest: int | bool = False,
        package: str | None = None, arch: Any = None, rpmsigs: bool = False, owner: Any = None, type: str | None = None,
        strict: bool = True, extra: bool = True, draft: bool | None = None,
    ) -> Any:  # fmt: skip
        """Packages in a tag, and their builds. Read in kojihub/kojihub.py, readTaggedRPMS (Koji 1.35.3)."""
        assert (rpmsigs, owner, type) == (False, None, None), "filters of listTaggedRPMS that are not modelled"
        found = self._world.tag(tag, strict=strict, event=event)
        if found is None:
            return []
        wanted = [arch] if isinstance(arch, str) else arch
        rpms, builds = [], []
        tagged = self._world.tagged(found, event=event, inherit=inherit, latest=latest, package=package)
        for where, listing in tagged:
            build = listing.build
            if draft not in (None, build.draft):
                continue
            builds.append(build_row(build) | {"tag_id": where.id, "tag_name": where.name})
            rpms += [rpm_row(each) for each in build.rpms if wanted is None or each.arch in wanted]
        if not extra:
            rpms = [{key: value for key, value in row.items() if key != "extra"} for row in rpms]
        return [rpms, builds]

    def getRPMDeps(
        self, rpmID: Any, depType: int | None = None, queryOpts: dict[str, Any] | None = None, strict: bool = False
    ) -> Any:
        """What a package requires, provides and so on. Read in kojihub/kojihub.py, RootExports.getRPMDeps (1.35.3)."""
        found = self._rpms(rpmID)
        if not found and strict:
            raise koji.GenericError(f"No such rpm: {rpmID!r}")
        rows = []
        for name in _DEPENDENCIES if found else ():
            kind = getattr(koji, f"DEP_{name}")
            if depType in (None, kind):
                names, versions, flags = (
                    _field(_preferred(found), name + part) for part in ("NAME", "VERSION", "FLAGS")
                )
                rows += [
                    {"name": each[0], "version": each[1], "flags": each[2], "type": kind}
                    for each in zip(names, versions, flags, strict=True)
                ]
        return queried(rows, queryOpts)

    def getRPMHeaders(
        self, rpmID: Any = None, taskID: Any = None, filepath: str | None = None, headers: list[str] | None = None,
        strict: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """Fields of a package's header. Read in kojihub/kojihub.py, RootExports.getRPMHeaders (Koji 1.35.3)."""
        if rpmID:
            found = self._rpms(rpmID)
            if not found:
                if strict:
                    raise koji.GenericError(f"No such rpm: {rpmID!r}")
                return {}
            rpm = _preferred(found)
            return koji.fixEncodingRecurse({name: _field(rpm, name) for name in headers or []})
        if not taskID:
            raise koji.GenericError("either rpmID or taskID and filepath must be specified")
        if not filepath:
            raise koji.GenericError("filepath must be specified with taskID")
        task = self._world.tasks.get(convert(taskID, int))
        file = task.output.get(filepath) if task else None
        if not isinstance(file, Path):
            if strict:
                raise koji.GenericError(f"Missing rpm file: {filepath}")
            return {}
        return koji.fixEncodingRecurse(koji.get_header_fields(str(file), headers))

    def listBuildroots(
        self, hostID: Any = None, tagID: Any = None, state: Any = None, rpmID: Any = None, archiveID: Any = None,
        taskID: Any = None, buildrootID: Any = None, repoID: Any = None, queryOpts: dict[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        """Roots of a task, in no order that anybody promises: here the last one comes first.

        Read in kojihub/kojihub.py, query_buildroots (Koji 1.35.3).
        """
        assert {hostID, tagID, state, rpmID, archiveID, repoID} == {None}, "only roots by task or id are modelled"
        if taskID is not None:
            some = self._world.buildroots_by_task.get(convert(taskID, int), [])
        else:
            wanted = buildrootID if isinstance(buildrootID, list | tuple) else [buildrootID]
            some = [self._world.buildroots[each] for each in wanted if each in self._world.buildroots]
        return queried((_root(each) for each in reversed(some)), queryOpts)


def rpm_row(rpm: Rpm) -> dict[str, Any]:
    """A package as the hub shows it. Read in kojihub/kojihub.py, list_rpms (Koji 1.35.3)."""
    return {
        "id": rpm.id, "name": rpm.name, "version": rpm.version, "release": rpm.release,
        "nvr": f"{rpm.name}-{rpm.version}-{rpm.release}", "arch": rpm.arch, "epoch": rpm.epoch,
        "draft": None if rpm.build is None else rpm.build.draft, "payloadhash": rpm.payloadhash, "size": rpm.size,
        "buildtime": rpm.buildtime, "build_id": rpm.build.id if rpm.build else None, "buildroot_id": rpm.buildroot_id,
        "external_repo_id": 0 if rpm.build else 1, "external_repo_name": "INTERNAL" if rpm.build else "external",
        "metadata_only": False, "extra": None,
    }  # fmt: skip


def _preferred(rpms: list[Rpm]) -> Rpm:
    real = [each for each in rpms if each.build and not each.build.draft]
    drafts = [each for each in rpms if each.build and each.build.draft]
    return (real or drafts[-1:] or rpms)[-1]


def _field(rpm: Rpm, name: str) -> Any:
    if rpm.file is not None:
        return koji.get_header_fields(str(rpm.file), [name])[name]
    known: Mapping[str, Any] = rpm.headers | {
        "name": rpm.name, "version": rpm.version, "release": rpm.release, "arch": rpm.arch, "epoch": rpm.epoch,
    }  # fmt: skip
    return known.get(name.lower(), [])


def _root(root: Buildroot) -> dict[str, Any]:
    return {
        "id": root.id, "br_type": koji.BR_TYPES["STANDARD"], "cg_id": None, "cg_name": None, "cg_version": None,
        "container_arch": root.arch, "arch": root.arch, "container_type": "chroot", "host_os": None,
        "host_arch": root.arch, "extra": None, "state": root.state, "task_id": root.task_id, "host_id": root.host.id,
        "host_name": root.host.name, "repo_id": root.repo.id, "repo_state": root.repo.state,
        "tag_id": root.repo.tag.id, "tag_name": root.repo.tag.name, "create_event_id": root.event,
        "create_event_time": text(root.created), "create_ts": root.created, "retire_event_id": None,
        "retire_event_time": text(root.retired), "retire_ts": root.retired,
        "repo_create_event_id": root.repo.create_event, "repo_create_event_time": text(root.repo.created),
    }  # fmt: skip
