"""Reads tasks: states of all in one call, and in a few more, for all together, what those that have ended came to."""

import math
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import koji

from bot.adapters.koji.logs import LOGS, MANY, Logs, sizes, tails
from bot.adapters.koji.refusals import refusal
from bot.domain.build import BuildState, Cancelled, Outcome, Succeeded
from bot.domain.failure import BuildEnd, classify, of_koji
from bot.domain.packages import Nevra
from bot.ports.builder import BuildStatus

KEY = "revdeps"
"""Where our build key stands in a task's `custom_user_metadata`."""
LIMIT = "revdeps-seconds"
"""And there, for how many seconds a build may go on."""
BATCH = 100
"""How many calls go in one request where the answers are long."""
_METHODS = ("buildArch", "rebuildSRPM", "buildSRPMFromSCM")
_NEARLY = 0.95
"""The hub's clock and ours may differ."""
_FINISHED = {koji.TASK_STATES[name] for name in ("CLOSED", "CANCELED", "FAILED")}


@dataclass(frozen=True, slots=True)
class Build:
    """A build task as the hub tells of it, and the subtask whose log tells most."""

    info: Mapping[str, Any]
    children: Sequence[Mapping[str, Any]]
    result: Mapping[str, Any]

    @property
    def told_by(self) -> Mapping[str, Any] | None:
        """The subtask that failed, else the one that built last."""
        own = _building(self.children)
        lost = [child for child in own if child["state"] == koji.TASK_STATES["FAILED"]]
        chosen = lost or sorted(own, key=lambda child: int(child["id"]))
        return chosen[-1] if chosen else None

    @property
    def is_well(self) -> bool:
        """Whether it succeeded."""
        return _is_well(self.info)

    @property
    def timed_out(self) -> bool:
        """Whether a subtask had, when it ended, all the time that it may have."""
        most = _NEARLY * limit(self.info)
        return any(seconds >= most for child in _building(self.children) if (seconds := _seconds(child, 0)))


def metadata(request: Sequence[Any]) -> Mapping[str, Any]:
    """Return what of ours stands in what was asked for."""
    told = request[2].get("custom_user_metadata") if len(request) > 2 and isinstance(request[2], dict) else None
    return told if isinstance(told, dict) else {}


def limit(info: Mapping[str, Any]) -> float:
    """Return for how many seconds a build may go on."""
    told = metadata(info["request"]).get(LIMIT)
    return float(told) if isinstance(told, int) else math.inf


def overdue(session: Any, tasks: Sequence[Mapping[str, Any]], now: float) -> list[int]:
    """Return those that have been building for too long; waiting for a builder does not count. `now` is in seconds."""
    late = [info for info in tasks if (_seconds(info, now) or 0) > limit(info)]
    with session.multicall(batch=BATCH) as many:
        asked = [(info, many.getTaskChildren(info["id"])) for info in late]
    return [
        int(info["id"])
        for info, children in asked
        if any((_seconds(child, now) or 0) > limit(info) for child in _building(children.result))
    ]


def _building(children: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the subtasks that build; others wait for repositories, or tag."""
    return [child for child in children if child["method"] in _METHODS]


def _seconds(info: Mapping[str, Any], now: float) -> float | None:
    """Return for how long a task has been worked on; None for one that was not begun."""
    return None if info["start_ts"] is None else (info["completion_ts"] or now) - info["start_ts"]


def ids(refs: Sequence[str]) -> list[int]:
    """Return the numbers of tasks that references can stand for."""
    return [int(ref) for ref in dict.fromkeys(refs) if ref.isdecimal() and 0 < int(ref) < 1 << 31]


def infos(
    session: Any, numbers: Sequence[int], known: MutableMapping[int, dict[str, Any]]
) -> dict[int, dict[str, Any]]:
    """Return what is known of build tasks, those that exist, in one call, and another where some may have ended.

    `known` is what was told of tasks before, or asked for with them, and is brought up to date. Of one that was begun
    it is asked whether it has ended, and no more: what is told of a task is twenty times as long, and stays the same
    until then. What was asked for with a task is the larger part of that, and is told once.
    """
    begun = [each for each in numbers if each in known and known[each]["start_ts"] is not None]
    waiting = [each for each in numbers if each in known and known[each]["start_ts"] is None]
    fresh = [each for each in numbers if each not in known]
    with session.multicall() as many:
        finished = {each: many.taskFinished(each) for each in begun}
        asked = [many.getTaskInfo(fresh, request=True)] if fresh else []
        asked += [many.getTaskInfo(waiting)] if waiting else []
    over = [each for each, answer in finished.items() if _may_have_ended(answer)]
    told = [info for answer in asked for info in answer.result] + (session.getTaskInfo(over) if over else [])
    found = {info["id"]: info for info in told if info and info["method"] == "build"}
    for number, info in found.items():
        info["request"] = known[number]["request"] if number in known else info["request"]
    found |= {each: known[each] for each in set(begun) - set(over)}
    known.update(found)
    return found


def _may_have_ended(answer: Any) -> bool:
    """A task that is not there (any more) is told of with a fault, and looked at."""
    try:
        return bool(answer.result)
    except koji.GenericError:
        return True


def running(info: Mapping[str, Any]) -> BuildStatus:
    """Return the status of a task that has not ended."""
    started = _time(info["start_ts"])
    return BuildStatus(state=BuildState.RUNNING if started else BuildState.QUEUED, started_at=started)


def has_ended(info: Mapping[str, Any]) -> bool:
    """Whether a task is done."""
    return info["state"] in _FINISHED


def ended(session: Any, tasks: Sequence[Mapping[str, Any]]) -> dict[int, tuple[BuildStatus, Logs | None]]:
    """Return the status of tasks that have ended, and their logs, None where there is no subtask that has any."""
    builds = {build.info["id"]: build for build in _read(session, tasks)}
    told = {number: int(build.told_by["id"]) for number, build in builds.items() if build.told_by}
    with session.multicall(batch=MANY) as many:
        roots = {number: many.listBuildroots(taskID=child) for number, child in told.items()}
        files = {
            number: many.listTaskOutput(child, stat=True) for number, child in told.items() if builds[number].is_well
        }
    # The builder of a subtask that was cut off may still be sending what it wrote.
    logs = {
        number: Logs(child, sizes(files[number].result) if number in files else None) for number, child in told.items()
    }
    installed = _installed(session, {number: answer.result for number, answer in roots.items()})
    ends = tails(session, [child for number, child in told.items() if not builds[number].is_well])
    return {
        number: (_status(build, installed.get(number, ()), ends), logs.get(number)) for number, build in builds.items()
    }


def logs_of(session: Any, numbers: Sequence[int]) -> dict[str, Logs]:
    """Return by build, as it is referred to, the logs of the subtask that tells most; others are left out."""
    with session.multicall(batch=MANY) as many:
        asked = {number: many.getTaskChildren(number) for number in numbers}
    told = {str(number): Build({}, answer.result, {}).told_by for number, answer in asked.items()}
    return {ref: Logs(int(child["id"])) for ref, child in told.items() if child}


def _status(build: Build, installed: tuple[str, ...], tails: Mapping[tuple[int, str], str]) -> BuildStatus:
    started, over = _time(build.info["start_ts"]), _time(build.info["completion_ts"])
    return BuildStatus(
        state=BuildState.DONE, started_at=started, ended_at=over, installed=installed, outcome=_outcome(build, tails)
    )


def _outcome(build: Build, tails: Mapping[tuple[int, str], str]) -> Outcome:
    child = build.told_by
    if build.info["state"] == koji.TASK_STATES["CANCELED"]:
        if not build.timed_out or child is None:
            return Cancelled()
        told = f"the time limit of {limit(build.info):.0f} s is over"
        return classify(BuildEnd(tail=tails.get((child["id"], LOGS[0]), ""), timed_out=True, limit=told))
    if build.is_well:
        return Succeeded()
    code, text = int(build.result.get("faultCode", 0)), str(build.result.get("faultString", ""))
    if refused := refusal(code, text):
        return refused
    if child is None:
        return of_koji(code, text, method="build")
    build_log, root_log = (tails.get((child["id"], name), "") for name in LOGS)
    return of_koji(code, text, method=child["method"], build_log=build_log, root_log=root_log)


def _read(session: Any, tasks: Sequence[Mapping[str, Any]]) -> list[Build]:
    with session.multicall(batch=MANY) as many:
        children = [many.getTaskChildren(info["id"]) for info in tasks]
        # Of what went well it tells what there is to download, which nobody asks for.
        results = {
            info["id"]: many.getTaskResult(info["id"], raise_fault=False) for info in tasks if not _is_well(info)
        }
    return [
        Build(info, answer.result, _result(results[info["id"]]) if info["id"] in results else {})
        for info, answer in zip(tasks, children, strict=True)
    ]


def _is_well(info: Mapping[str, Any]) -> bool:
    return bool(info["state"] == koji.TASK_STATES["CLOSED"])


def _result(answer: Any) -> Mapping[str, Any]:
    """A cancelled task has no result, and says so with a fault."""
    try:
        result = answer.result
    except koji.GenericError:
        return {}
    return result if isinstance(result, dict) else {}


def _installed(session: Any, roots: Mapping[int, Sequence[Mapping[str, Any]]]) -> dict[int, tuple[str, ...]]:
    """Return what was in the last of the roots of each build; those without one are left out.

    A task that a host lost has one root there and another where it was begun again, and a hub lists them in no order
    (kojihub.py, query_buildroots).
    """
    with session.multicall(batch=BATCH) as many:
        listed = {
            number: many.listRPMs(componentBuildrootID=max(root["id"] for root in found))
            for number, found in roots.items()
            if found
        }
    return {number: tuple(sorted(nevra(rpm) for rpm in answer.result)) for number, answer in listed.items()}


def parsed(rpm: Mapping[str, Any]) -> Nevra:
    """Return what a package is called, as the hub tells of it."""
    return Nevra(
        name=rpm["name"],
        epoch=rpm["epoch"] or 0,
        version=rpm["version"],
        release=rpm["release"],
        arch=rpm["arch"],
    )


def nevra(rpm: Mapping[str, Any]) -> str:
    """Return the name of a package in one word."""
    return str(parsed(rpm))


def _time(ts: float | None) -> datetime | None:
    return None if ts is None else datetime.fromtimestamp(ts, UTC)
