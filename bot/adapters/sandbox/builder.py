"""The sandbox as a backend: jobs on this machine, with the sandbox's supervisor beside each."""

import platform
from collections.abc import Sequence

from bot.adapters.jobs.builder import Backend, JobBuilder
from bot.adapters.sandbox.job import FORMAT
from bot.adapters.sandbox.settings import SandboxSettings
from bot.ports.builder import WorkspaceSpec
from bot.ports.errors import Misconfigured


class SandboxBuilder(JobBuilder):
    """Implements `bot.ports.builder.Builder`. `supervisor_command` is run with the job's directory as last argument."""

    def __init__(self, settings: SandboxSettings, supervisor_command: Sequence[str]) -> None:
        super().__init__(
            Backend(
                name="the sandbox",
                state=settings.state,
                slots=settings.slots,
                supervisor=tuple(supervisor_command),
                check=_check,
                describe=FORMAT.writer(settings),
            )
        )


def _check(spec: WorkspaceSpec) -> None:
    if spec.target.arch not in (platform.machine(), "noarch"):
        raise Misconfigured(
            f"targets.{spec.target.name}.arch",
            f"the sandbox builds for {platform.machine()} on this machine, not for {spec.target.arch}",
            "Change the target's arch, or give it another backend.",
        )
