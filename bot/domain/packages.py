"""What RPM calls its packages: NEVRA, EVR, source packages, and the packages that a change touches.

Comparing two EVRs needs rpm's own rules and is left to the resolver; here they are only named and printed.
"""

import re
from dataclasses import dataclass, replace
from typing import Self

_NEVRA = re.compile(r"(?P<name>.+)-(?:(?P<epoch>\d+):)?(?P<version>[^-:]+)-(?P<release>[^-]+)\.(?P<arch>[^.-]+)")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Nevra:
    """Name, epoch, version, release and architecture of one package; `src` is the architecture of a source package."""

    name: str
    epoch: int = 0
    version: str
    release: str
    arch: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name-[epoch:]version-release.arch`, with or without a trailing `.rpm`; raise ValueError otherwise."""
        found = _NEVRA.fullmatch(text.removesuffix(".rpm"))
        if not found:
            raise ValueError(f"not a NEVRA (name-[epoch:]version-release.arch): {text!r}")
        parts = found.groupdict()
        return cls(
            name=parts["name"],
            epoch=int(parts["epoch"] or 0),
            version=parts["version"],
            release=parts["release"],
            arch=parts["arch"],
        )

    @property
    def evr(self) -> str:
        """`[epoch:]version-release`, the epoch only where it is not 0, as dnf prints it."""
        return f"{self.epoch}:{self.version}-{self.release}" if self.epoch else f"{self.version}-{self.release}"

    def __str__(self) -> str:
        return f"{self.name}-{self.evr}.{self.arch}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePackage:
    """A source package of a repository: what is rebuilt.

    `location` is a `file:` or `http(s):` URL of the SRPM; `checksum` is `algorithm:hex` of the file, as in the
    metadata. One that is made from a commit of a dist-git has `git+URL#commit` and `git:commit`.

    `dynamic` tells that `%generate_buildrequires` may ask for more than the recorded BuildRequires, `elsewhere` that it
    is known not to be built on the target's architecture (ExclusiveArch, ExcludeArch).
    """

    nevra: Nevra
    location: str
    checksum: str
    dynamic: bool = False
    elsewhere: bool = False

    @property
    def name(self) -> str:
        """The source package's name, by which people and configuration speak of it."""
        return self.nevra.name

    @property
    def from_dist_git(self) -> bool:
        """Whether it is made from a commit."""
        return self.location.startswith("git+")

    def at_commit(self, url: str, commit: str) -> "SourcePackage":
        """Return it as it is made from a commit of its repository in a dist-git."""
        return replace(self, location=f"git+{url}#{commit}", checksum=f"git:{commit}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryPackage:
    """A binary package as a repository offers it: what is installed into a buildroot."""

    nevra: Nevra
    location: str
    checksum: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChange:
    """How a binary package of a change differs from the one it replaces: its Provides, sonames, files."""

    package: str
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One step of a dependency path: `package` has the requirement `capability`, which the next package provides."""

    package: str
    capability: str
    provider: str

    def __str__(self) -> str:
        return f"{self.package} needs {self.capability}, provided by {self.provider}"
