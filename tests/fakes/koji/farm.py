"""The builders: they take tasks as their hosts have room, and carry each on by a step whenever `advance` is called.

No time passes here by itself. What a task does stands in handlers.py, one generator for each method; it yields when it
has to wait. Read in kojihub/scheduler.py and koji/tasks.py, BaseTaskHandler (Koji 1.35.3).
"""

import heapq
import traceback
from collections import defaultdict
from collections.abc import Generator
from typing import Any

import koji
from tests.fakes.koji.handlers import Handlers
from tests.fakes.koji.model import CLOSED, FAILED, FREE, OPEN, Host, Task
from tests.fakes.koji.worker import BuilderError
from tests.fakes.koji.world import World

_ENOUGH = 10_000


class Farm:
    """Carries tasks on. `stuck` and `broken` name tags whose repositories are never finished, or fail."""

    def __init__(self, world: World, handlers: Handlers) -> None:
        self._world = world
        self._handlers = handlers
        self._waiting: dict[tuple[int, str], list[tuple[int, int]]] = defaultdict(list)
        self._running: dict[int, tuple[Generator[None, None, Any], Host]] = {}
        self._weighing: set[int] = set()
        """Tasks that count for their host's load: those that are not waiting for others."""
        self.starts = 0

    def advance(self) -> bool:
        """Take every task a step further; False where nothing was made, began or ended."""
        before = self._made()
        moved = self._handlers.queue_repositories()
        moved |= self._assign()
        for number in list(self._running):
            moved |= self._step(self._world.tasks[number])
        return moved or self._made() != before

    def _made(self) -> tuple[int, ...]:
        return len(self._world.tasks), len(self._world.requests), len(self._world.repos)

    def run(self) -> None:
        """Advance until nothing begins or ends any more."""
        for _ in range(_ENOUGH):
            if not self.advance():
                return
        raise AssertionError("the builders do not come to rest")

    def _assign(self) -> bool:
        for task in self._world.fresh:
            heapq.heappush(self._waiting[task.channel_id, task.arch], (task.priority, task.id))
        self._world.fresh.clear()
        moved = False
        for (channel, arch), queue in self._waiting.items():
            while queue:
                task = self._world.tasks[queue[0][1]]
                if task.state == FREE and task.id not in self._running:
                    host = self._host(channel, arch)
                    if host is None:
                        break
                    self._start(task, host)
                    moved = True
                elif task.state == FREE:
                    break  # it was freed: what it was at must be dropped first
                heapq.heappop(queue)
        return moved

    def _host(self, channel: int, arch: str) -> Host | None:
        fitting = [
            host
            for host in self._world.hosts.values()
            if host.enabled
            and host.ready
            and channel in host.channels
            and (arch == "noarch" or arch in host.arches.split())
            and host.task_load < host.capacity
        ]
        return min(fitting, key=lambda host: host.task_load / host.capacity, default=None)

    def _start(self, task: Task, host: Host) -> None:
        task.state, task.host_id, task.started = OPEN, host.id, self._world.now()
        self._running[task.id] = (self._handlers.handle(task, host), host)
        self._weigh(task, host, counts=True)
        self.starts += 1

    def _step(self, task: Task) -> bool:
        if task.state != OPEN:
            self._drop(task)
            return True
        work, host = self._running[task.id]
        try:
            next(work)
        except StopIteration as end:
            self._end(task, CLOSED, end.value)
            return True
        except koji.GenericError as error:
            self._end(task, FAILED, koji.xmlrpcplus.Fault(error.faultCode, str(error)))
            return True
        except BuilderError as error:
            self._end(task, FAILED, koji.xmlrpcplus.Fault(1, "".join(traceback.format_exception(error))))
            return True
        return self._weigh(task, host, counts=not task.waiting)

    def _weigh(self, task: Task, host: Host, *, counts: bool) -> bool:
        """Let a task count for its host's load, or not; whether that is new."""
        if counts == (task.id in self._weighing):
            return False
        self._weighing ^= {task.id}
        host.task_load = round(host.task_load + (task.weight if counts else -task.weight), 6)
        return True

    def _drop(self, task: Task) -> None:
        """Let go of a task that was cancelled or freed."""
        self._handlers.worker.stop(task.id)
        self._leave(task)

    def _end(self, task: Task, state: int, result: Any) -> None:
        self._leave(task)
        task.state, task.result, task.completed, task.waiting = state, result, self._world.now(), False

    def _leave(self, task: Task) -> None:
        work, host = self._running.pop(task.id)
        work.close()
        self._weigh(task, host, counts=False)
