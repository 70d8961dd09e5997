# ruff: noqa: N802, N803 - the names are Koji's
"""Tasks: asking for builds, looking at what becomes of them, cancelling, their files; hosts and channels."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import koji
import koji.util
from tests.fakes.koji.auth import Sessions
from tests.fakes.koji.model import CANCELED, CLOSED, FAILED, FREE, OPEN, Host, Output, Task
from tests.fakes.koji.values import convert, must_be, queried, text
from tests.fakes.koji.world import World


class TaskExports:
    def __init__(self, world: World, sessions: Sessions) -> None:
        self._world = world
        self._sessions = sessions

    def build(
        self, src: str, target: str, opts: dict[str, Any] | None = None, priority: int | None = None,
        channel: str | None = None,
    ) -> int:  # fmt: skip
        """Ask for a build. Read in kojihub/kojihub.py, RootExports.build (Koji 1.35.3).

        Neither the target nor the source nor the options are looked at: what is wrong with them fails the task.
        """
        user = self._sessions.user()
        must_be(src, str)
        if priority and priority < 0 and not self._sessions.has("admin"):
            raise koji.ActionNotAllowed("only admins may create high-priority tasks")
        task = self._world.add_task(
            "build", [src, target, opts or {}], user, channel or "default",
            priority=koji.PRIO_DEFAULT + (priority or 0), weight=0.2,
        )  # fmt: skip
        self._sessions.changed()
        return task.id

    def getTaskInfo(self, task_id: Any, request: bool = False, strict: bool = False) -> Any:
        """One task, or a list of them. Read in kojihub/kojihub.py, RootExports.getTaskInfo (Koji 1.35.3)."""
        if isinstance(task_id, list | tuple):
            return [self._info(each, request, strict) for each in task_id]
        return self._info(task_id, request, strict)

    def _info(self, task_id: Any, request: bool, strict: bool) -> dict[str, Any] | None:
        number = convert(task_id, int)
        if number not in self._world.tasks and not strict:
            return None
        return task_row(self._world.task(number), request=request)

    def getTaskChildren(self, task_id: Any, request: bool = False, strict: bool = False) -> list[dict[str, Any]]:
        """Subtasks. Read in kojihub/kojihub.py, RootExports.getTaskChildren (Koji 1.35.3)."""
        number = convert(task_id, int)
        if strict:
            self._world.task(number)
        found = self._world.tasks.get(number)
        return [task_row(self._world.tasks[each], request=request) for each in found.children] if found else []

    def getTaskDescendents(self, task_id: Any, request: bool = False) -> dict[str, list[dict[str, Any]]]:
        """Subtasks of all depths, by the text of their parent's id, that of an unknown task too.

        Read in kojihub/kojihub.py, get_task_descendents (Koji 1.35.3).
        """
        rows = self.getTaskChildren(task_id, request)
        found = {str(convert(task_id, int)): rows}
        for row in rows:
            found |= self.getTaskDescendents(row["id"], request)
        return found

    def getTaskRequest(self, taskId: Any) -> list[Any]:
        """What was asked for. Read in kojihub/kojihub.py, Task.getRequest (Koji 1.35.3)."""
        return self._world.task(taskId).request

    def getTaskResult(self, taskId: Any, raise_fault: bool = True) -> Any:
        """What came of it. Read in kojihub/kojihub.py, Task.getResult (Koji 1.35.3).

        A cancelled task raises whatever `raise_fault` is.
        """
        number = convert(taskId, int)
        if number not in self._world.tasks:
            raise koji.GenericError("No such task")
        task = self._world.tasks[number]
        if task.state == CANCELED:
            raise koji.GenericError(f"Task {number} is canceled")
        if task.state not in (CLOSED, FAILED):
            raise koji.GenericError(f"Task {number} is not finished")
        if isinstance(task.result, koji.xmlrpcplus.Fault):
            if raise_fault:
                raise task.result
            return {"faultCode": task.result.faultCode, "faultString": task.result.faultString}
        return task.result

    def taskFinished(self, taskId: Any) -> bool:
        """Whether it has ended. Read in kojihub/kojihub.py, RootExports.taskFinished (Koji 1.35.3)."""
        return self._world.task(taskId).finished

    def listTasks(self, opts: dict[str, Any] | None = None, queryOpts: dict[str, Any] | None = None) -> Any:
        """Tasks that fit. Read in kojihub/kojihub.py, RootExports.listTasks (Koji 1.35.3)."""
        opts = dict(opts or {})
        unknown = set(opts) - {"owner", "method", "state", "not_state", "parent", "decode", "createdAfter", "arch"}
        assert not unknown, f"options of listTasks that are not modelled: {unknown}"
        rows = (task_row(each, request=True) | _ended(each) for each in self._fitting(opts))
        if not opts.get("decode"):
            rows = (row | _encoded(row) for row in rows)
        return queried(rows, queryOpts)

    def _fitting(self, opts: dict[str, Any]) -> Iterable[Task]:
        owner = opts.get("owner")
        if isinstance(owner, int):
            tasks: Iterable[Task] = self._world.tasks_by_owner.get(owner, ())
        else:
            tasks = [t for t in self._world.tasks.values() if owner is None or t.owner.id in owner]
        for task in tasks:
            if (
                opts.get("method", task.method) == task.method
                and task.state in opts.get("state", [task.state])
                and task.state not in opts.get("not_state", [])
                and task.arch in opts.get("arch", [task.arch])
                and opts.get("parent", task.parent) == task.parent
                and task.created > opts.get("createdAfter", 0)
            ):
                yield task

    def cancelTask(self, task_id: Any, recurse: bool = True) -> None:
        """Cancel what has not ended; else do nothing. Read in kojihub/kojihub.py, RootExports.cancelTask (1.35.3)."""
        task = self._world.task(task_id)
        current = self._sessions.current
        if (current is None or current.user is not task.owner) and not self._sessions.has("admin"):
            raise koji.ActionNotAllowed("Cannot cancel task, not owner")
        cancel(self._world, task, recurse=recurse)
        self._sessions.changed()

    def freeTask(self, task_id: Any) -> None:
        """Take a task from its host, so that it begins again. Read in kojihub/kojihub.py, Task.free (Koji 1.35.3)."""
        self._sessions.demand("admin")
        task = self._world.task(task_id)
        if task.finished:
            raise koji.GenericError(f"Cannot free task {task.id}, state is {koji.TASK_STATES[task.state]}")
        task.state, task.host_id, task.waiting = FREE, None, False
        self._world.fresh.append(task)
        self._sessions.changed()

    def resubmitTask(self, taskID: Any) -> int:
        """Ask for the same again, as a new task. Read in kojihub/kojihub.py, RootExports.resubmitTask (Koji 1.35.3)."""
        user = self._sessions.user()
        task = self._world.task(taskID)
        if task.state not in (CANCELED, FAILED):
            raise koji.GenericError("only canceled or failed tasks may be resubmitted")
        if task.parent is not None:
            raise koji.GenericError("only top-level tasks may be resubmitted")
        if user is not task.owner and not self._sessions.has("admin"):
            raise koji.GenericError("only the task owner or an admin may resubmit a task")
        channel = self._world.channels[task.channel_id].name
        again = self._world.add_task(
            task.method, task.request, user, channel, arch=task.arch, priority=task.priority, weight=task.weight
        )
        self._sessions.changed()
        return again.id

    # Files.

    def listTaskOutput(self, taskID: Any, stat: bool = False, all_volumes: bool = False, strict: bool = False) -> Any:
        """Files of a task; none where they were pruned. Read in kojihub/kojihub.py, list_task_output (Koji 1.35.3).

        Sizes are texts.
        """
        found = self._world.tasks.get(convert(taskID, int))
        if found is None and strict:
            raise koji.GenericError("Task doesn't exist")
        output = found.output if found else {}
        if not stat:
            return {name: ["DEFAULT"] for name in output} if all_volumes else list(output)
        ts = self._world.now()
        stats = {
            name: {"st_atime": ts, "st_ctime": ts, "st_mtime": ts, "st_size": str(size_of(what))}
            for name, what in output.items()
        }
        return {name: {"DEFAULT": each} for name, each in stats.items()} if all_volumes else stats

    def downloadTaskOutput(
        self, taskID: Any, fileName: str, offset: Any = 0, size: Any = -1, volume: str | None = None
    ) -> str:
        """A part of a file, as base64. Read in kojihub/kojihub.py, RootExports.downloadTaskOutput (Koji 1.35.3).

        A negative offset that is more than there is, is an OSError of the hub, not all that there is.
        """
        length = convert(size, int)
        if volume not in (None, "", "DEFAULT"):
            raise koji.GenericError(f"No such entry in table volume: {volume}")
        if ".." in fileName:
            raise koji.GenericError(f"Invalid file name: {fileName}")
        task = self._world.tasks.get(convert(taskID, int))
        if task is None or fileName not in task.output:
            raise koji.GenericError(f'no file "{fileName}" output by task {taskID}')
        what = task.output[fileName]
        start = int(offset or 0)
        if start < 0:
            start += size_of(what)
            if start < 0:
                raise OSError(22, "Invalid argument")
        return koji.util.base64encode(_part(what, start, length))

    # Hosts and channels.

    def getChannel(self, channelInfo: Any, strict: bool = False) -> dict[str, Any] | None:
        """A channel. Read in kojihub/kojihub.py, get_channel (Koji 1.35.3)."""
        found = self._world.channel(channelInfo)
        if found is None:
            if strict:
                raise koji.GenericError("query returned no rows")
            return None
        return {
            "id": found.id, "name": found.name, "description": None, "enabled": found.enabled, "comment": None
        }  # fmt: skip

    def listHosts(
        self, arches: Any = None, channelID: Any = None, ready: bool | None = None, enabled: bool | None = None,
        userID: Any = None, queryOpts: dict[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        """Builders. Read in kojihub/kojihub.py, RootExports.listHosts (Koji 1.35.3)."""
        assert userID is None, "hosts of a user are not modelled"
        if arches is not None and not arches:
            raise koji.GenericError("arches option cannot be empty")
        wanted = None if arches is None else {arches} if isinstance(arches, str) else set(arches)
        channel = None if channelID is None else self._world.channel(channelID)
        if channelID is not None and channel is None:
            raise koji.GenericError(f"No such entry in table channels: {channelID}")
        rows = [
            self._host(host)
            for host in self._world.hosts.values()
            if (wanted is None or wanted & set(host.arches.split()))
            and (channel is None or channel.id in host.channels)
            and ready in (None, host.ready)
            and enabled in (None, host.enabled)
        ]
        return queried(rows, queryOpts)

    def _host(self, host: Host) -> dict[str, Any]:
        return {
            "id": host.id, "user_id": host.user.id, "name": host.name, "update_ts": self._world.now(),
            "ready": host.ready, "task_load": host.task_load, "arches": host.arches, "capacity": host.capacity,
            "description": None, "comment": None, "enabled": host.enabled,
        }  # fmt: skip


def cancel(world: World, task: Task, *, recurse: bool) -> bool:
    """Cancel a task, its unfinished build and its subtasks; False where it had ended otherwise.

    Read in kojihub/kojihub.py, Task.cancel and cancel_build (Koji 1.35.3).
    """
    if task.finished:
        return task.state == CANCELED
    task.state, task.completed, task.waiting = CANCELED, world.now(), False
    for build in world.builds_by_task.get(task.id, ()):
        if build.state == koji.BUILD_STATES["BUILDING"]:
            build.state, build.completed = koji.BUILD_STATES["CANCELED"], world.now()
    if recurse:
        for child in task.children:
            cancel(world, world.tasks[child], recurse=True)
    return True


def task_row(task: Task, *, request: bool = False) -> dict[str, Any]:
    """A task as the hub shows it. Read in kojihub/kojihub.py, Task.fields (Koji 1.35.3)."""
    row: dict[str, Any] = {
        "id": task.id, "state": task.state, "create_time": text(task.created), "create_ts": task.created,
        "start_time": text(task.started), "start_ts": task.started, "completion_time": text(task.completed),
        "completion_ts": task.completed, "channel_id": task.channel_id, "host_id": task.host_id,
        "parent": task.parent, "label": task.label, "waiting": task.waiting if task.state == OPEN else None,
        "awaited": None, "owner": task.owner.id, "method": task.method, "arch": task.arch,
        "priority": task.priority, "weight": task.weight,
    }  # fmt: skip
    return row | {"request": task.request} if request else row


def _ended(task: Task) -> dict[str, Any]:
    """What `listTasks` adds; a fault is shown as what it consists of (RootExports._decode_tasks, Koji 1.35.3)."""
    result = task.result
    if isinstance(result, koji.xmlrpcplus.Fault):
        result = {"faultCode": result.faultCode, "faultString": result.faultString}
    elif result is not None:
        result = [result]
    return {"result": result, "owner_name": task.owner.name, "owner_type": koji.USERTYPES["NORMAL"]}


def _encoded(row: dict[str, Any]) -> dict[str, str | None]:
    result = row["result"]
    answer = None if result is None else koji.xmlrpcplus.dumps((result,), methodresponse=True)
    return {"request": koji.xmlrpcplus.dumps(tuple(row["request"]), methodname=row["method"]), "result": answer}


def size_of(what: Output) -> int:
    return what.stat().st_size if isinstance(what, Path) else len(what)


def _part(what: Output, start: int, length: int) -> bytes:
    if isinstance(what, bytes):
        return what[start:] if length < 0 else what[start : start + length]
    with what.open("rb") as file:
        file.seek(start, os.SEEK_SET)
        return file.read(length)
