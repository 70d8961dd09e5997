"""The operator's settings: environment variables `REVDEPS_…`, secrets as files. docs/operating.md lists them all."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.app.invalid import matching, said
from bot.domain.systemic import MOST
from bot.domain.wording import did_you_mean
from bot.ports.errors import Misconfigured

Names = Annotated[tuple[str, ...], NoDecode]
"""Several words separated by commas or spaces."""


_LEVELS = "one of DEBUG, INFO, WARNING and ERROR"
_PREFIX = "REVDEPS_"


class Settings(BaseSettings):
    """Everything that an operator can set. Each field is the variable `REVDEPS_` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="ignore")

    state_dir: Path = Path("/var/lib/revdeps")
    """Checkouts, metadata, workspaces, logs, and the database where it is embedded."""
    database_url: str = ""
    """`sqlite:///path` or `postgresql://…`; empty: SQLite in the state directory."""
    public_url: str = ""
    """Where people reach the pages; without it reports have no links."""
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    allowed_hosts: Names = ()
    """Hosts that repositories and sources may be on; `localhost` allows `file:` repositories."""
    trusted_apps: Names = ()
    """Logins of Apps and bots whose pull requests run by themselves."""
    targets_file: Path | None = None
    """YAML, targets by name, to which `.revdeps.yaml` may refer."""
    build_systems_file: Path | None = None
    """YAML, Koji hubs and Coprs by name, whose repositories `.revdeps.yaml` may name."""
    forges_file: Path | None = None
    """YAML, GitLabs and Forgejos by name, that are served beside GitHub."""
    public_pages: bool = True
    """Whether the pages are for everybody who reaches the service."""
    github_app_id: int | None = None
    github_private_key_file: Path | None = None
    github_webhook_secret_file: Path | None = None
    github_api_url: str = "https://api.github.com"
    github_web_url: str = "https://github.com"
    github_limits: bool = True
    """Whether GitHub has the secondary limits of github.com."""
    sandbox_slots: int = Field(default_factory=lambda: max(1, os.cpu_count() or 1), ge=1)
    """Builds at once."""
    sandbox_base_root: Path | None = None
    """A directory, or a tarball, with an installed system to build over, instead of the host."""
    sandbox_memory_mib: int = Field(default=4096, ge=64)
    solver_workers: int = Field(default=2, ge=1)
    solver_mib: int = Field(default=512, ge=100)
    workers: int = Field(default=4, ge=1)
    """Changes that are checked out, planned or prepared at once."""
    systemic_failures: int = Field(default=MOST, ge=0)
    """So many first rebuilds of a run that fail with one signature pause it; 0: none do."""
    quotas: Mapping[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    """Globs over `owner/name`, and how many builds of each such repository run at once on a backend."""
    poll_seconds: float = Field(default=1.0, gt=0)
    tick_seconds: float = Field(default=30.0, gt=0)
    lease_seconds: float = Field(default=60.0, ge=5)
    """How long after a process has died another one takes up what that worked on."""
    check_seconds: float = Field(default=10.0, ge=0)
    """Least time between two progress updates of a check."""
    comment_seconds: float = Field(default=60.0, ge=0)
    retention_days: float = Field(default=3.0, ge=0)
    log_days: float = Field(default=30.0, ge=0)
    metadata_gib: float = Field(default=20.0, ge=0)
    """Bound of the cache of metadata and packages; what runs need is kept beyond it."""
    metadata_file_mib: int = Field(default=4096, ge=1)
    """Bound of one metadata file, unpacked."""
    serve_stale: bool = False
    """Whether the last good metadata of a repository serve while it cannot be reached."""
    log_level: Annotated[str, AfterValidator(matching("(?i:debug|info|warning|error)", _LEVELS))] = "INFO"

    def __init__(self, **values: object) -> None:
        super().__init__(**{key: _split(key, value) for key, value in {**_listed(), **values}.items()})  # type: ignore[arg-type]

    @property
    def database(self) -> str:
        """The database's address."""
        return self.database_url or f"sqlite:///{self.state_dir.absolute()}/revdeps.db"

    @property
    def embedded(self) -> bool:
        """Whether the database is our own file, whose schema we keep up by ourselves."""
        return self.database.startswith("sqlite")


_LISTS = ("allowed_hosts", "trusted_apps")


def _listed() -> dict[str, object]:
    """Return the list variables of the environment, to be split at commas and spaces."""
    found = {name: os.environ.get(_variable(name)) for name in _LISTS}
    return {name: value for name, value in found.items() if value is not None}


def _split(key: str, value: object) -> object:
    if key in _LISTS and isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    return value


def load_settings() -> Settings:
    """Read the environment; raise Misconfigured with every variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(f"{_variable(str(problem['loc'][0]))}: {said(problem)}" for problem in error.errors())
        raise Misconfigured("environment", wrong, "docs/operating.md lists the settings.") from None


def unknown_variables(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables that look like settings and are none, each with a " Did you mean" or nothing."""
    known = [_variable(name) for name in Settings.model_fields]
    strange = sorted(name for name in environment if name.startswith(_PREFIX) and name not in known)
    return {name: did_you_mean(name, known) for name in strange}


def _variable(field: str) -> str:
    return f"{_PREFIX}{field.upper()}"


def secret(path: Path | None, variable: str) -> str:
    """Read a secret from its file, without the line's end; raise Misconfigured where it cannot be read."""
    if path is None:
        raise Misconfigured("environment", f"{variable} is not set", "Name a file that holds the secret.")
    try:
        text = path.read_text().strip()
    except OSError as error:
        mend = "Name a file that is there, and that the service's user can read."
        raise Misconfigured(variable, f"{path} cannot be read: {error.strerror}", mend) from None
    except UnicodeDecodeError:
        raise Misconfigured(variable, f"{path} is no text", "Name the file that holds the secret.") from None
    if not text:
        raise Misconfigured(variable, f"{path} is empty", "Write the secret into it.")
    return text
