"""A job together with the settings that held when it was submitted: what its supervisor, another process, goes by."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Generic, TypeVar

from pydantic import TypeAdapter

from bot.adapters.jobs.directory import Job, JobDirectory

_S = TypeVar("_S")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledJob(Job, Generic[_S]):
    """A build, and the settings of the backend that does it."""

    settings: _S


class Format(Generic[_S]):
    """How jobs are written down for one kind of settings."""

    def __init__(self, settings: type[_S]) -> None:
        self._jobs: TypeAdapter[SettledJob[_S]] = TypeAdapter(SettledJob[settings])  # type: ignore[valid-type]

    def writer(self, settings: _S) -> Callable[[Job], bytes]:
        """Return what writes a job down as `read` reads it."""

        def describe(job: Job) -> bytes:
            facts = {field.name: getattr(job, field.name) for field in fields(job)}
            return self._jobs.dump_json(SettledJob(**facts, settings=settings))

        return describe

    def read(self, job_directory: JobDirectory) -> SettledJob[_S]:
        """Read what is to be done."""
        return self._jobs.validate_json(job_directory.job())
