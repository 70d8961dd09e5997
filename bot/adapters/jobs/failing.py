"""How the steps of a build say that it cannot go on."""

from bot.domain.build import Failed, FailureReason, Phase
from bot.domain.failure import signature_of


class BuildFailed(Exception):
    """The build ended without packages."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.cause)
        self.failed = failed


class Stopped(Exception):
    """Somebody cancelled the build."""


def refused(cause: str) -> BuildFailed:
    """Return the error for a source package that cannot be made."""
    signature = signature_of(Phase.SRPM, cause)
    return BuildFailed(Failed(reason=FailureReason.SRPM, phase=Phase.SRPM, signature=signature, cause=cause))
