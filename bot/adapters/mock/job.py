"""What mock's supervisor needs to know: the job, and the settings that held when it was submitted."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from bot.adapters.jobs import directory
from bot.adapters.jobs.directory import JobDirectory
from bot.adapters.mock.settings import MockSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(directory.Job):
    """A build in mock."""

    settings: MockSettings


_JOB = TypeAdapter(Job)


def described(job: Job) -> bytes:
    """Return the job as `read_job` reads it."""
    return _JOB.dump_json(job)


def read_job(job_directory: JobDirectory) -> Job:
    """Read what is to be done."""
    return _JOB.validate_json(job_directory.job())
