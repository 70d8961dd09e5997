"""The typed form of `.revdeps.yaml`. Reading and checking the file is `bot.adapters.config_file`'s."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from fnmatch import fnmatchcase
from typing import Self

from bot.domain.target import Target


class SourceMethod(Enum):
    """How the SRPM of the change is made."""

    SPEC = "spec"
    """The spec and its sources are in the repository."""
    LOOKASIDE = "lookaside"
    """A dist-git `sources` file names them; they are fetched from its lookaside cache."""
    URLS = "urls"
    """The spec's `Source:` URLs, fetched by the service from allowed hosts and checked."""
    ARCHIVE = "archive"
    """The repository itself, archived, is Source0 (upstream projects)."""
    RPMAUTOSPEC = "rpmautospec"
    """As `spec`, with %autorelease and %autochangelog filled in from the history."""
    COMMAND = "command"
    """A command that writes the SRPM into `$RESULTDIR`, run in the sandbox."""
    PACKIT = "packit"
    """packit makes it, as the repository's `.packit.yaml` says, with the network."""
    RPKG = "rpkg"
    """rpkg makes it out of a spec that may be a template."""
    TITO = "tito"
    """tito makes it out of the commit."""
    MAKE_SRPM = "make-srpm"
    """`make srpm` in the repository's `.copr/Makefile` makes it, as root and with the network."""


COPRS_OWN = frozenset({SourceMethod.RPKG, SourceMethod.TITO, SourceMethod.MAKE_SRPM})
"""Methods of a Copr itself, in which nobody has a say: nothing is appended to the release."""

NEED_A_COPR = COPRS_OWN | {SourceMethod.PACKIT}
"""Methods that no other backend offers: what they run wants the network."""


class Mode(Enum):
    """How the change and its dependents are built: each alone, in order, or in order where it must be."""

    ISOLATED = "isolated"
    CHAINED = "chained"
    AUTO = "auto"


class BaselinePolicy(Enum):
    """When the unchanged side is built: for what failed, for everything, never (a failure is then a regression)."""

    ON_FAILURE = "on-failure"
    ALWAYS = "always"
    OFF = "off"


class CommentPolicy(Enum):
    """When the summary comment is written."""

    OFF = "off"
    ON_FAILURE = "on-failure"
    ALWAYS = "always"


class Draft(Enum):
    """What is done on a draft pull request."""

    RUN = "run"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How far reverse dependencies are followed: 1 is direct, None is all of them (transitive)."""

    levels: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `direct`, `transitive` or a number from 1 to 99; raise ValueError otherwise."""
        words = {"direct": 1, "transitive": None}
        if text in words:
            return cls(levels=words[text])
        if not re.fullmatch(r"[1-9][0-9]?", text):
            raise ValueError(f"not a depth (direct, transitive or a number from 1 to 99): {text!r}")
        return cls(levels=int(text))

    def __str__(self) -> str:
        words = {1: "direct", None: "transitive"}
        return words.get(self.levels) or str(self.levels)

    def covers(self, distance: int) -> bool:
        """Whether a package at `distance` (1 is a direct BuildRequires) is asked for."""
        return self.levels is None or distance <= self.levels


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageConfig:
    """A package of the repository. `name` is None where it is to be read from the spec.

    `checksums` maps a source's file name to `algorithm:hex` for `SourceMethod.URLS`; `lookaside` is an address with
    `{name}`, `{filename}`, `{hashtype}` and `{hash}`.
    """

    spec: str
    name: str | None = None
    method: SourceMethod = SourceMethod.SPEC
    lookaside: str | None = None
    checksums: tuple[tuple[str, str], ...] = ()
    command: str | None = None
    paths: tuple[str, ...] = ()
    """Globs of files whose change means that the package changed; empty: everything in the spec's directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseDependencyConfig:
    """Which dependents are rebuilt. `include` and `exclude` are globs over source package names."""

    depth: Depth = field(default_factory=Depth)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    """Where it is not empty these packages, and no solver, say what is rebuilt."""
    limit: int | None = None
    boost: tuple[tuple[str, int], ...] = ()
    """(glob, points): what is added to the weight of the packages that match, where a limit has to choose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A repository's `.revdeps.yaml`, complete with its defaults."""

    packages: tuple[PackageConfig, ...]
    targets: tuple[Target, ...]
    reverse_dependencies: ReverseDependencyConfig = field(default_factory=ReverseDependencyConfig)
    mode: Mode = Mode.AUTO
    baseline: BaselinePolicy = BaselinePolicy.ON_FAILURE
    min_coverage: int = 90
    """Percent of the planned packages that must come to a conclusive verdict."""
    timeout: timedelta = timedelta(hours=12)
    """For the whole run."""
    build_timeout: timedelta = timedelta(hours=5)
    """For one build."""
    comment: CommentPolicy = CommentPolicy.ON_FAILURE
    drafts: Draft = Draft.RUN
    labels: tuple[str, ...] = ()
    """Where it is not empty, only pull requests with one of these labels are run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigProblem:
    """One thing that is wrong with a configuration file; lines and columns count from 1."""

    path: str
    line: int
    column: int
    message: str
    """What is wrong and what was expected, with a "did you mean" where there is one."""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.message}"


def matches(package: str, globs: tuple[str, ...]) -> bool:
    """Whether any of the globs matches the whole package name, case-sensitively."""
    return any(fnmatchcase(package, glob) for glob in globs)
