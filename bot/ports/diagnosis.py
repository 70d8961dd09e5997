"""What a look at one of the service's connections finds, for the operator: `revdeps doctor`."""

from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """How a connection is."""

    OK = "ok"
    DOUBTFUL = "doubtful"
    """It works, and the operator may want to know something about it."""
    SILENT = "silent"
    """It could not be found out now: the far side does not answer."""
    WRONG = "wrong"
    """Somebody has to mend something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One line: `about` names the connection, `what` says how it is, `mend` what to do where it is not well."""

    about: str
    state: State
    what: str
    mend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookWish:
    """The webhooks that a forge is to have: where they go, in which repositories (`owner/name`; none: in all of ours).

    With a `secret` those that are missing or wrong are set up with it; without one they are only looked at.
    """

    url: str
    repositories: tuple[str, ...] = ()
    secret: str | None = field(default=None, repr=False)


def well(about: str, what: str) -> Diagnosis:
    """Return that something is as it should be."""
    return Diagnosis(about=about, state=State.OK, what=what)


def wrong(about: str, what: str, mend: str) -> Diagnosis:
    """Return that something has to be mended."""
    return Diagnosis(about=about, state=State.WRONG, what=what, mend=mend)


def doubtful(about: str, what: str, mend: str = "") -> Diagnosis:
    """Return that something works, but not as one might think."""
    return Diagnosis(about=about, state=State.DOUBTFUL, what=what, mend=mend)
