"""The operator's build systems: a YAML file with Koji hubs and Coprs by name. docs/operating.md shows an example."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from bot.adapters.copr import DIST_GITS
from bot.adapters.koji import SourceOrigin
from bot.app.invalid import matching, problems, unreadable
from bot.domain.target import DistGitInstance, KojiHub
from bot.ports.errors import Misconfigured

VARIABLE = "REVDEPS_BUILD_SYSTEMS_FILE"
_STRICT = ConfigDict(extra="forbid")
_PLAIN = r"^[A-Za-z0-9][A-Za-z0-9._+-]*$"
NAMESPACE = r"[A-Za-z0-9@][A-Za-z0-9@._+-]*(/[A-Za-z0-9@][A-Za-z0-9@._+-]*)*"
Name = Annotated[str, AfterValidator(matching(_PLAIN, "a name of letters, digits and . _ + -"))]
"""What `.revdeps.yaml` calls a build system."""
Address = Annotated[
    str, AfterValidator(matching(r"^https?://[^\s]+[^\s/]$", "an http: or https: address without a slash at its end"))
]
"""Of a server, without a slash at its end."""
RepositoryAddress = Annotated[
    str,
    AfterValidator(
        matching(
            r"^https?://[^\s/{}]+/([^\s{}]*/)?(\{namespace\}/([^\s{}]*/)?)?\{name\}(\.git)?$",
            "an http: or https: address that ends with {name}, maybe after {namespace}/",
        )
    ),
]
"""Of each package's repository in a dist-git, with `{name}` for the package's name, and maybe `{namespace}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KojiLogin:
    """How the service shows a hub who it is: a keytab and its principal, or a certificate. Secrets stay in files."""

    __pydantic_config__ = _STRICT
    keytab: Path | None = None
    principal: str | None = None
    certificate: Path | None = None
    authority: Path | None = None
    """Certificates of who vouches for the hub, where the machine's own do not."""

    def __post_init__(self) -> None:
        if (self.keytab is None) == (self.certificate is None):
            raise ValueError("give either a keytab or a certificate")
        if (self.keytab is None) != (self.principal is None):
            raise ValueError("a keytab and a principal go together")

    @property
    def files(self) -> tuple[Path, ...]:
        """What the service's user has to be able to read."""
        return tuple(path for path in (self.keytab, self.certificate, self.authority) if path is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class KojiSystem(KojiHub):
    """A hub: read for its repositories, and built in where there is a `login`."""

    __pydantic_config__ = _STRICT
    hub: Address
    topurl: Address
    login: KojiLogin | None = None
    max_running: Annotated[int, Field(ge=1)] = 20
    """Tasks of ours at once."""
    busy: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Nothing is submitted while more than this part of the builders' capacity is taken."""
    priority: Annotated[int, Field(ge=0)] = 5
    """Added to a task's priority: people's builds have 0, and lower goes first; below 0 is for admins."""
    suffix: Name | None = None
    """How the names of side tags end, one of the hub's `allowed_suffixes`."""
    source: SourceOrigin = SourceOrigin.UPLOAD
    """Where the source package of a change comes from: made here and uploaded, or checked out by the hub's builders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DistGitSystem(DistGitInstance):
    """A dist-git with a namespace that is meant where a target names none; it may be empty."""

    __pydantic_config__ = _STRICT
    url: RepositoryAddress
    namespace: Annotated[str, Field(pattern=rf"^({NAMESPACE})?$")]

    def __post_init__(self) -> None:
        if not self.has_namespaces:
            raise ValueError("a `namespace` is for addresses with {namespace} in them")


@dataclass(frozen=True, slots=True, kw_only=True)
class CoprSystem:
    """A Copr: `results` is where its repositories are; it is built in as well, by whom `login` says."""

    __pydantic_config__ = _STRICT
    results: Address
    login: Path
    """The file that the Copr's own page /api/ shows: login, token, user and address."""
    owner: str | None = None
    """The user, or `@group`, to whom our projects belong; None: whose login it is."""
    prefix: Name = "revdeps"
    """How the names of our projects begin: another for each service that shares an account."""
    max_running: Annotated[int, Field(ge=1)] = 20
    """Builds of ours at once."""
    delete_after_days: Annotated[int, Field(ge=1, le=720)] = 14
    """After how many days the Copr removes a project that nobody has removed."""
    source_chroot: str = "fedora-latest-x86_64"
    """Where the source package of a change is made."""
    source_packages: tuple[str, ...] = ("make", "packit")
    """What a package's `command` finds there."""
    dist_gits: Mapping[Name, RepositoryAddress | DistGitSystem] = field(default_factory=dict)
    """Further dist-gits that the Copr knows, by its names for them."""
    upload: bool = False
    """Whether source packages are made here and uploaded, where the Copr cannot fetch a change."""

    @property
    def all_dist_gits(self) -> Mapping[str, DistGitInstance]:
        """Every dist-git that the Copr knows, by its name for it."""
        return {**DIST_GITS, **{name: _instance(said) for name, said in self.dist_gits.items()}}


@dataclass(frozen=True, slots=True, kw_only=True)
class MockSystem:
    """mock on the service's machine."""

    __pydantic_config__ = _STRICT
    slots: Annotated[int, Field(ge=1)] = 1
    """Builds at once, each in a root of its own."""
    gib: Annotated[float, Field(gt=0)] = 20.0
    """Bound of the roots and caches that stay between builds."""
    isolation: Literal["auto", "nspawn", "simple"] = "auto"
    roots: Path = Path("/var/lib/mock")
    caches: Path = Path("/var/cache/mock")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSystems:
    """The Koji hubs and the Coprs, by name. A Copr that is only read is the address of its results."""

    __pydantic_config__ = _STRICT
    koji: Mapping[Name, KojiSystem] = field(default_factory=dict)
    copr: Mapping[Name, str | CoprSystem] = field(default_factory=dict)
    mock: MockSystem | None = None
    """None: not used."""

    @property
    def backends(self) -> tuple[str, ...]:
        """The names of what can be built in with these systems, the sandbox among it."""
        hubs = [f"koji:{name}" for name, hub in self.koji.items() if hub.login is not None]
        coprs = [f"copr:{name}" for name, copr in self.copr.items() if isinstance(copr, CoprSystem)]
        return ("sandbox", *hubs, *coprs, *(["mock"] if self.mock else []))

    @property
    def dist_gits(self) -> Mapping[str, Mapping[str, DistGitInstance]]:
        """The dist-gits that each Copr knows, by the name of its backend and by their own."""
        built_in = {name: copr for name, copr in self.copr.items() if isinstance(copr, CoprSystem)}
        return {f"copr:{name}": copr.all_dist_gits for name, copr in built_in.items()}

    @property
    def copr_results(self) -> Mapping[str, str]:
        """Where each Copr's repositories are."""
        return {name: copr if isinstance(copr, str) else copr.results for name, copr in self.copr.items()}


def _instance(said: str | DistGitSystem) -> DistGitInstance:
    return DistGitInstance(url=said) if isinstance(said, str) else said


def build_systems(path: Path | None) -> BuildSystems:
    """Read the file; raise Misconfigured with everything that is wrong with it."""
    if path is None:
        return BuildSystems()
    try:
        content = yaml.safe_load(path.read_bytes()) or {}
        return TypeAdapter(BuildSystems).validate_python(content)
    except ValidationError as error:
        raise _refused(path, problems(error)) from None
    except (OSError, yaml.YAMLError) as error:
        raise _refused(path, unreadable(error)) from None


def _refused(path: Path, what: str) -> Misconfigured:
    return Misconfigured(VARIABLE, f"{path}: {what}", "docs/operating.md shows an example.")
