"""What the operator decides about resolving: where metadata are kept, and from where they may come."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class HawkeySettings:
    """Settings of the resolver. Sent to the solver processes, so everything in it is a plain value."""

    cache: Path
    """Directory for pinned metadata, `.solv` files and downloaded packages; made where it is missing."""
    workers: int = 2
    """Number of solver processes; 0: this process answers, in a thread."""
    allowed_hosts: tuple[str, ...] = ()
    """Hosts from which repositories may be read, as in `bot.domain.hosts`; empty: none."""
    allow_file: bool = False
    """Whether a target may name a `file:` repository."""
    serve_stale: bool = False
    """Whether the last good metadata serve, marked as stale, while a repository cannot be reached."""
    universes: int = 6
    """How many loaded package sets a solver process keeps (some 80 MB each for a whole distribution)."""
    solver_bytes: int = 512 << 20
    """Memory of a solver process from which on it is replaced by a new one when it has answered."""
    connect_timeout: int = 15
    """Seconds."""
    stall_timeout: int = 30
    """Seconds without progress after which a download is given up."""
    metadata_bytes: int = 4 << 30
    """How long one metadata file may be, unpacked. The longest of Fedora's, its filelists, has some 900 MB."""
    cache_bytes: int = 20 << 30
    """How much of the cache is kept by `prune`, beside what is in use."""
