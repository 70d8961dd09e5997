"""mock as a backend: jobs on this machine, with mock's supervisor beside each."""

import os
import subprocess
from collections.abc import Sequence
from functools import partial

from bot.adapters.jobs.builder import Backend, JobBuilder
from bot.adapters.mock.caches import extension
from bot.adapters.mock.config import chroot
from bot.adapters.mock.job import FORMAT
from bot.adapters.mock.process import environment
from bot.adapters.mock.settings import MockSettings
from bot.ports.builder import WorkspaceSpec
from bot.ports.errors import Misconfigured, Transient

_PATIENCE = 60
_HINTS = (
    ("Must be member of", "the service's user is not in the group mock", "`usermod -a -G mock` and start it again."),
    ("will not run from the root", "mock does not run as root", "Run the service as a user of its own."),
)
_CONFIGURATION = 3


class MockBuilder(JobBuilder):
    """Implements `bot.ports.builder.Builder`. `supervisor_command` is run with the job's directory as last argument."""

    def __init__(self, settings: MockSettings, supervisor_command: Sequence[str]) -> None:
        super().__init__(
            Backend(
                name="mock",
                state=settings.state,
                slots=settings.slots,
                supervisor=tuple(supervisor_command),
                check=partial(_check, settings),
                describe=FORMAT.writer(settings),
            )
        )


def _check(settings: MockSettings, spec: WorkspaceSpec) -> None:
    """Let mock read the target's configuration and say where its root would be; raise Misconfigured where it cannot."""
    directory = settings.state / "checks"
    directory.mkdir(parents=True, exist_ok=True)
    config = chroot(spec.target, settings).write(directory)
    command = [settings.command, "-r", os.fspath(config), "--uniqueext", extension(settings, 0), "--print-root-path"]
    try:
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_PATIENCE,
            env=environment(),
        )
    except FileNotFoundError:
        raise Misconfigured(
            "mock", f"there is no program {settings.command} on this machine", "Install the package mock."
        ) from None
    except subprocess.TimeoutExpired:
        raise Transient(f"mock did not answer within {_PATIENCE} seconds") from None
    if answer.returncode != 0:
        raise _explained(answer.returncode, answer.stderr, spec)


def _explained(status: int, said: str, spec: WorkspaceSpec) -> Misconfigured:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = lines[-1] if lines else f"it exited with status {status}"
    for words, what, mend in _HINTS:
        if words in said:
            return Misconfigured("mock", f"{what} ({last})", mend)
    if status == _CONFIGURATION:
        where = f"targets.{spec.target.name}.chroot"
        return Misconfigured(where, last, "Name a chroot that `mock --list-chroots` shows.")
    return Misconfigured("mock", f"it refuses to work ({last})", "Try `mock --print-root-path` as the service's user.")
