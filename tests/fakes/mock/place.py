"""A machine with mock, our adapter on it, and a target whose repository has what the machine offers."""

import sys
from pathlib import Path
from typing import Any

from bot.adapters.mock import MockBuilder, MockSettings
from bot.adapters.sandbox import ensure_host_base
from bot.domain.target import Repository, Target
from tests.fakes.mock.stage import Stage

SUPERVISOR = (sys.executable, "-m", "tests.fakes.mock.supervisor")


class MockPlace:
    """mock's stage and a builder. With `real` the packages are built in the sandbox, else by a table or simply."""

    def __init__(self, directory: Path, repository: Path | None = None, *, real: bool = False, **settings: Any) -> None:
        facts = {"sandbox": str(directory / "sandbox")} if real else {}
        self.stage = Stage(directory / "mock", **facts)
        self.repository = repository or directory / "repository"
        if repository is None:
            ensure_host_base(self.repository)
        self.settings = MockSettings(
            state=directory / "state",
            command=str(self.stage.command),
            roots=self.stage.roots,
            caches=self.stage.caches,
            **settings,
        )
        self.target = Target(
            name="here",
            arch="x86_64",
            backend="mock",
            repositories=(Repository(url=self.repository.as_uri()),),
            buildroot=("host-base",),
        )

    def builder(self) -> MockBuilder:
        """A builder that knows nothing of a former one."""
        return MockBuilder(self.settings, SUPERVISOR)
