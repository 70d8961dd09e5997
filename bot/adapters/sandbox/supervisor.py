"""The process beside one build: it outlives the service, and `result.json` is all that it has to say in the end.

A crash of the supervisor leaves no result; whoever polls then starts another, a few times, and the build begins anew:
nothing of a half-made root is ever used.
"""

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from bot.adapters.jobs.console import Console
from bot.adapters.jobs.directory import JobDirectory, Result
from bot.adapters.jobs.failing import BuildFailed, Stopped
from bot.adapters.jobs.supervising import StopSign, attend, cpu_of_children
from bot.adapters.sandbox.build import Build, Made
from bot.adapters.sandbox.chamber import Chamber
from bot.adapters.sandbox.job import FORMAT, Job
from bot.adapters.sandbox.layers import layers
from bot.adapters.sandbox.limits import control_groups
from bot.adapters.sandbox.process import Watch
from bot.adapters.sandbox.root import Root
from bot.adapters.sandbox.settings import SandboxSettings
from bot.domain.build import Failed
from bot.domain.failure import infrastructure
from bot.ports.errors import RevdepsError
from bot.ports.resolver import RootSolver

SolverFor = Callable[[Job], RootSolver]
"""Makes the solver for a job's target, snapshot and overlay."""


def supervise(job_dir: Path, solver_for: SolverFor) -> None:
    """Do the job in the directory and write its result; return at once where it has one or somebody works on it.

    Waits for a free slot first. SIGTERM, or the job's `cancel` file, end the build as cancelled.
    """
    job = FORMAT.read(JobDirectory(job_dir))

    def work(directory: JobDirectory, slot: int, sign: StopSign) -> None:
        _work(directory, job, slot, sign, solver_for)

    attend(job_dir, job.settings.state / "slots", job.settings.slots, work)


def _work(directory: JobDirectory, job: Job, slot: int, sign: StopSign, solver_for: SolverFor) -> None:
    started = directory.mark_started()
    with suppress(OSError):  # on a full disk the build says so itself
        directory.reserve()
    spent = cpu_of_children()
    root = Root(directory.root, layers(job.settings), job.settings.first_uid + slot)
    kind, failed, made, installed = _attempt(directory, job, root, sign, solver_for)
    root.remove()  # before the result is written: it may be what the disk is full of
    directory.finish(
        Result(
            kind=kind,
            failed=failed,
            started_at=started,
            ended_at=datetime.now(UTC),
            installed=installed,
            source=made.source if made else "",
            binaries=made.binaries if made else (),
            cpu_seconds=round(cpu_of_children() - spent, 2),
        )
    )


_Attempt = tuple[Literal["succeeded", "failed", "cancelled"], Failed | None, Made | None, tuple[str, ...]]


def _attempt(directory: JobDirectory, job: Job, root: Root, sign: StopSign, solver_for: SolverFor) -> _Attempt:
    """Build once and tell how it ended. What is not the build's own end is an infrastructure failure."""
    build: Build | None = None
    directory.log.unlink(missing_ok=True)
    limits = job.settings.limits
    watch = Watch(
        deadline=time.monotonic() + job.timeout.total_seconds(), limits=limits, written=root.uppers(), stop=sign
    )
    try:
        with (
            control_groups(_group(job.settings, root), limits) as groups,
            Console(directory.log, limits.log) as console,
        ):
            root.create()
            chamber = Chamber(root=root, console=console, watch=watch, groups=groups)
            build = Build(job, chamber, solver_for(job))
            return "succeeded", None, build.run(directory.packages), build.installed
    except BuildFailed as failure:
        return "failed", failure.failed, None, build.installed if build else ()
    except Stopped:
        return "cancelled", None, None, build.installed if build else ()
    except (RevdepsError, OSError) as error:
        return "failed", infrastructure(str(error)), None, build.installed if build else ()


def _group(settings: SandboxSettings, root: Root) -> str:
    """Name the control group of a slot; several state directories may be in use on one machine."""
    return f"revdeps-{hashlib.sha256(bytes(settings.state)).hexdigest()[:10]}-{root.uid}"
