"""The builds by which packages came into a tag, and what was in the roots that they were built in.

A hub has no two builds of one name, and a draft's name says that it is one: so a list of names tells what was there,
as long as all of it came from the hub. What a root is made with besides its packages is set at the tag (macros, the
package manager, the environment), so it counts as well.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import koji

from bot.adapters.koji import tasks
from bot.domain.reuse import LatestBuild

_COMPLETE = koji.BUILD_STATES["COMPLETE"]
_CLOSED = koji.TASK_STATES["CLOSED"]


def latest_builds(session: Any, tag: str, arch: str, packages: Sequence[str]) -> dict[str, LatestBuild]:
    """Return the latest builds of source packages, those that were built in this very tag as it is set now."""
    with session.multicall(batch=tasks.BATCH) as many:
        asked = [many.getLatestBuilds(tag, package=name, draft=False) for name in dict.fromkeys(packages)]
    builds = [build for answer in asked for build in answer.result[:1] if build["state"] == _COMPLETE]
    roots = _unchanged(session, tag, _roots(session, builds, koji.canonArch(arch)))
    infos = {info["id"]: info for info in session.getTaskInfo([root["task_id"] for root in roots.values()])}
    with session.multicall(batch=tasks.BATCH) as many:
        installed = {number: many.listRPMs(componentBuildrootID=root["id"]) for number, root in roots.items()}
    found = {}
    for build in builds:
        if build["id"] in roots:
            info, rpms = infos[roots[build["id"]]["task_id"]], installed[build["id"]].result
            if info["state"] == _CLOSED and not any(rpm["external_repo_id"] or rpm["draft"] for rpm in rpms):
                found[build["name"]] = _told(build, info, rpms)
    return found


def _told(build: Mapping[str, Any], info: Mapping[str, Any], rpms: Iterable[Mapping[str, Any]]) -> LatestBuild:
    return LatestBuild(
        name=build["nvr"],
        source=tasks.parsed({**build, "arch": "src"}),
        installed=tuple(sorted(tasks.parsed(rpm) for rpm in rpms)),
        started_at=datetime.fromtimestamp(info["start_ts"], UTC),
        ended_at=datetime.fromtimestamp(info["completion_ts"], UTC),
    )


def _roots(session: Any, builds: Sequence[Mapping[str, Any]], arch: str) -> dict[int, dict[str, Any]]:
    """Return by build the one root of an architecture that its packages came from; others have several, or none."""
    with session.multicall(batch=tasks.BATCH) as many:
        made = {build["id"]: many.listBuildRPMs(build["id"]) for build in builds}
    numbers = {
        number: sorted({rpm["buildroot_id"] for rpm in answer.result if rpm["buildroot_id"] is not None})
        for number, answer in made.items()
    }
    every = sorted({root for found in numbers.values() for root in found})
    known = {root["id"]: root for root in (session.listBuildroots(buildrootID=every) if every else ())}
    of_arch = {
        number: [known[root] for root in found if known[root]["container_arch"] == arch]
        for number, found in numbers.items()
    }
    return {number: found[0] for number, found in of_arch.items() if len(found) == 1}


def _unchanged(session: Any, tag: str, roots: Mapping[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Return those roots that were made for a tag, which was then set as it is now."""
    mine = {
        number: root
        for number, root in roots.items()
        if root["br_type"] == koji.BR_TYPES["STANDARD"] and root["tag_name"] == tag
    }
    events = {root["repo_create_event_id"] for root in mine.values()}
    with session.multicall(batch=tasks.BATCH) as many:
        now = many.getBuildConfig(tag)
        then = {event: many.getBuildConfig(tag, event=event) for event in sorted(events)}
    extra = now.result["extra"]
    return {
        number: root for number, root in mine.items() if then[root["repo_create_event_id"]].result["extra"] == extra
    }
