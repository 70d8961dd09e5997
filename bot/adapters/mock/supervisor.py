"""The process beside one build in mock: it outlives the service, and `result.json` is all it has to say in the end.

Every build has a root of its own, made anew, which mock removes in the end: a root is named by its configuration and by
the slot of whoever builds in it. The package manager sees the target's repositories as they were pinned, and that of
the change with the priority that the plan was made with; what the change replaces is taken out of those.
"""

import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from bot.adapters.jobs.console import Console
from bot.adapters.jobs.directory import JobDirectory, Result
from bot.adapters.jobs.failing import BuildFailed, Stopped
from bot.adapters.jobs.sources import fetched
from bot.adapters.jobs.supervising import StopSign, attend, cpu_of_children
from bot.adapters.mock.caches import extension, in_use, keep_bound
from bot.adapters.mock.config import chroot
from bot.adapters.mock.job import FORMAT, Job
from bot.adapters.mock.outcome import Made, collect, failure, installed
from bot.adapters.mock.pinned import pinned
from bot.adapters.mock.process import Mock
from bot.adapters.mock.source import make_srpm
from bot.domain.build import Failed, TreeSource
from bot.domain.failure import infrastructure
from bot.domain.target import Repository
from bot.ports.errors import RevdepsError
from bot.ports.resolver import RootSolver

SolverFor = Callable[[Job], RootSolver]
"""Makes the solver for a job's target, snapshot and overlay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """How an attempt ended."""

    kind: Literal["succeeded", "failed", "cancelled"]
    failed: Failed | None = None
    made: Made | None = None
    installed: tuple[str, ...] = ()


def supervise(job_dir: Path, solver_for: SolverFor) -> None:
    """Do the job in the directory and write its result; return at once where it has one or somebody works on it.

    Waits for a free slot first. SIGTERM, or the job's `cancel` file, end the build as cancelled.
    """
    job = FORMAT.read(JobDirectory(job_dir))

    def work(directory: JobDirectory, slot: int, sign: StopSign) -> None:
        started = directory.mark_started()
        with suppress(OSError):  # on a full disk the build says so itself
            directory.reserve()
        spent = cpu_of_children()
        end = _attempt(directory, job, slot, sign, solver_for)
        directory.finish(
            Result(
                kind=end.kind,
                failed=end.failed,
                started_at=started,
                ended_at=datetime.now(UTC),
                installed=end.installed,
                source=end.made.source if end.made else "",
                binaries=end.made.binaries if end.made else (),
                cpu_seconds=round(cpu_of_children() - spent, 2),
            )
        )
        keep_bound(job.settings)

    attend(job_dir, job.settings.state / "slots", job.settings.slots, work)


def _attempt(directory: JobDirectory, job: Job, slot: int, sign: StopSign, solver_for: SolverFor) -> _End:
    """Build once and tell how it ended. What is not the build's own end is an infrastructure failure."""
    settings = job.settings
    work = directory.path / "work"
    results = work / "results"
    directory.log.unlink(missing_ok=True)
    shutil.rmtree(work, ignore_errors=True)
    shutil.rmtree(directory.packages, ignore_errors=True)
    work.mkdir()
    try:
        with Console(directory.log, settings.log) as console:
            solver = solver_for(job)
            places = pinned(settings, job.snapshot, solver)
            shown = chroot(job.target, settings, solver.replaced(), places, _change(job, solver))
            mock = Mock(
                settings=settings,
                config=shown.write(work),
                extension=extension(settings, slot),
                console=console,
                stop=sign,
                deadline=time.monotonic() + (job.timeout + settings.preparation).total_seconds(),
                options=_options(job),
            )
            with in_use(settings, chroot(job.target, settings)):
                return _built(mock, job, solver, results, directory.packages)
    except BuildFailed as failed:
        return _End(kind="failed", failed=failed.failed, installed=installed(results))
    except Stopped:
        return _End(kind="cancelled", installed=installed(results))
    except (RevdepsError, OSError) as error:
        return _End(kind="failed", failed=infrastructure(str(error)), installed=installed(results))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _built(mock: Mock, job: Job, solver: RootSolver, results: Path, packages: Path) -> _End:
    source = job.source
    srpm = make_srpm(mock, source, results.parent) if isinstance(source, TreeSource) else fetched(source, solver)
    ended = mock.run(["--rebuild", str(srpm)], results)
    if ended.status != 0:
        raise BuildFailed(failure(ended))
    return _End(kind="succeeded", made=collect(results, packages), installed=installed(results))


def _options(job: Job) -> tuple[str, ...]:
    """What every call of mock's gets: no network, the time, and what is to be written down."""
    return (
        "--isolation",
        job.settings.isolation,
        "--cleanup-after",
        "--config-opts",
        "rpmbuild_networking=False",
        "--rpmbuild_timeout",
        str(max(1, int(job.timeout.total_seconds()))),
        "--define",
        "_buildhost localhost",
        "--enable-plugin",
        "package_state",
        # A packed root has what others saw: their change, or repositories that were pinned at another time.
        "--disable-plugin",
        "root_cache",
    )


def _change(job: Job, solver: RootSolver) -> Repository | None:
    """Return the repository of what the run has published so far; packages of modules do not hide what is in it."""
    priority = solver.change_priority()
    if job.overlay is None or priority is None:
        return None
    return Repository(url=job.overlay.repository, priority=priority, module_hotfixes=True)
