"""What an operator says about one Koji hub."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from pathlib import Path


class SourceOrigin(Enum):
    """Where a hub gets the source package of a change from."""

    UPLOAD = "upload"
    """It is made here and sent to the hub, which has to allow builds from source packages."""
    SCM = "scm"
    """The hub's builders check the commit out, and the hub has to allow that. Nothing is added to its release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Log in with a client certificate: `file` holds key and certificate; `authority` is who vouches for the hub."""

    file: Path
    authority: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Keytab:
    """Log in with Kerberos: `file` holds the principal's keys; `authority` is who vouches for the hub."""

    principal: str
    file: Path
    authority: Path | None = None


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
    suffix: str | None = None
    """How the names of side tags end, where the hub allows that one."""
    source: SourceOrigin = SourceOrigin.UPLOAD
    clone_urls: Mapping[str, str] = field(default_factory=dict)
    """By forge, where its repositories are cloned from, with `{repository}` for `owner/name`."""
    load_interval: timedelta = timedelta(seconds=30)
    """For how long is believed what the hub said of its load."""

    @property
    def authority(self) -> str | None:
        """Who vouches for the hub, where that is none of the machine's own authorities."""
        known = self.credentials.authority
        return str(known) if known else None
