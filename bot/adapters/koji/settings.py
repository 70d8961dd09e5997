"""What an operator says about one Koji hub."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Log in with a client certificate: `file` holds key and certificate; `authority` is who vouches for the hub."""

    file: Path
    authority: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Keytab:
    """Log in with Kerberos."""

    principal: str
    file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class KojiSettings:
    """A hub, by the name under which targets speak of it. `hub` is where it answers, `topurl` where its files are."""

    name: str
    hub: str
    topurl: str
    state: Path
    """Where is written down which side tag stands for which workspace."""
    credentials: Certificate | Keytab
    max_running: int = 20
    """How many tasks of ours may be there at once."""
    busy: float = 0.5
    """Nothing is submitted while more than this part of the builders' capacity is taken."""
    priority: int = 5
    """Added to a task's priority; people's builds have 0, and lower goes first."""
    timeout: timedelta = timedelta(seconds=60)
    """For one answer of the hub."""
    patience: timedelta = timedelta(seconds=60)
    """For how long `publish` waits for a repository before it asks to be called again."""
    pause: timedelta = timedelta(seconds=5)
    """Between two looks at what `publish` waits for, and before a call is tried for the third time."""
