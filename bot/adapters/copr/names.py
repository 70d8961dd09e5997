"""What things are called in a Copr: projects after workspaces, directories after build keys.

A directory keeps its name, so a build is found again by its key; and what lies in one is seen by no other.
"""

import hashlib
import re
from dataclasses import dataclass

from bot.domain.ids import BuildKey, BuildRef, WorkspaceRef
from bot.domain.target import Target
from bot.ports.errors import Gone

_READABLE = 40
_DIGITS = 12
_KEY_DIGITS = 32
_ARCHES = {"i686": "i386", "armv7hl": "armhfp"}
"""What the chroots of architectures are called that rpm calls otherwise."""


@dataclass(frozen=True, slots=True)
class Place:
    """A workspace: a project with its one chroot."""

    project: str
    chroot: str

    @property
    def ref(self) -> WorkspaceRef:
        """How the engine calls it."""
        return WorkspaceRef(f"{self.project}/{self.chroot}")

    @classmethod
    def parse(cls, ref: WorkspaceRef) -> "Place":
        """Read a reference; raise Gone for one that is none of ours."""
        project, _, chroot = ref.partition("/")
        if not project or not chroot:
            raise Gone(f"there is no workspace {ref}")
        return cls(project, chroot)

    def directory(self, key: BuildKey) -> str:
        """The directory of a build: letters and digits between colons, as Copr wants them."""
        return f"{self.project}:custom:{hashlib.sha256(key.encode()).hexdigest()[:_KEY_DIGITS]}"


def project_of(prefix: str, key: str) -> str:
    """Return the project's name for a workspace's key: readable, and unique by its last part."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", key)[:_READABLE].strip("-")
    return f"{prefix}-{readable}-{hashlib.sha256(key.encode()).hexdigest()[:_DIGITS]}"


def chroot_of(target: Target) -> str:
    """Return the chroot of a target: what it names, or its name and architecture."""
    return target.chroot or f"{target.name}-{_ARCHES.get(target.arch, target.arch)}"


def build_ref(project: str, number: int) -> BuildRef:
    """Return how the engine calls a build."""
    return BuildRef(f"{project}/{number}")


def split_ref(ref: BuildRef) -> tuple[str, int] | None:
    """Return the project and the number of a build, None for what is no build of a Copr."""
    project, _, number = ref.rpartition("/")
    return (project, int(number)) if project and number.isdecimal() else None
