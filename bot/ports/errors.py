"""The error tree that adapters raise and the engine understands.

`RevdepsError`
├── `Transient`      try again later: the far side is down, busy or slow
│   └── `Postponed`  nobody waits for it, and what may still be asked for is kept for what somebody does
├── `Rejected`       the far side will not do it, and why is for the user to see
└── `Misconfigured`  the operator or the repository's owner has to mend something
    └── `LoginRefused`   the far side does not let the service in
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from bot.domain.build import Failed


class RevdepsError(Exception):
    """Base of everything that an adapter raises on purpose."""


class Transient(RevdepsError):
    """Worth trying again. `retry_after` is the far side's own wish, None where it has none."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Postponed(Transient):
    """Not asked for now: nobody waits for it, and what may still be asked for is kept for what somebody waits for.

    Nothing is wrong, and nothing else has to wait. `wait` says how long it has to.
    """

    def __init__(self, message: str, retry_after: timedelta) -> None:
        super().__init__(message, retry_after)
        self.wait = retry_after


class Rejected(RevdepsError):
    """Refused for a reason that will not go away by itself; the text is shown to the user as it is."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Gone(Rejected):
    """What was asked for does not exist (any more), or may not be seen."""


class NoSource(Rejected):
    """The source package of the change cannot be made: that is the change's own failure, and no backend's."""

    def __init__(self, failed: "Failed") -> None:
        super().__init__(failed.cause)
        self.failed = failed


class Misconfigured(RevdepsError):
    """A setting is wrong: `where` it stands, `what` is wrong with it, `mend` says what to do."""

    def __init__(self, where: str, what: str, mend: str) -> None:
        super().__init__(f"{where}: {what}. {mend}")
        self.where = where
        self.what = what
        self.mend = mend

    def __reduce__(self) -> tuple[type[Self], tuple[str, str, str]]:
        """Let it cross processes: an exception is otherwise made anew from its one message."""
        return type(self), (self.where, self.what, self.mend)


_FAULT = "This service is at fault, and nothing is wrong with the change. For whoever runs this service: "


class LoginRefused(Misconfigured):
    """The far side does not let the service in: nothing is wrong with what it was asked for."""

    @property
    def operators_mend(self) -> str:
        """What to do, for the operator, who need not be told whose fault it is."""
        return self.mend.removeprefix(_FAULT)


def login_refused(where: str, what: str, mend: str) -> LoginRefused:
    """Return the error for a far side that does not let the service in: people whose changes wait learn whose fault."""
    return LoginRefused(where, what, f"{_FAULT}{mend}")
