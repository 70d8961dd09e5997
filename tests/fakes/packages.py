"""Packages as the workers of fake build systems know them: real files, or mere names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source package. `file` is None where it was never made for real."""

    name: str
    version: str = "1"
    release: str = "1"
    epoch: int | None = None
    file: Path | None = None
    buildarchs: tuple[str, ...] = ()
    exclusivearch: tuple[str, ...] = ()
    excludearch: tuple[str, ...] = ()

    @property
    def filename(self) -> str:
        return f"{self.name}-{self.version}-{self.release}.src.rpm"

    @property
    def evr(self) -> str:
        """`[epoch:]version-release`."""
        head = f"{self.epoch}:" if self.epoch else ""
        return f"{head}{self.version}-{self.release}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A package that came out. Version and release are the source's unless given."""

    name: str
    arch: str
    version: str = ""
    release: str = ""
    epoch: int | None = None
    file: Path | None = None
    headers: Mapping[str, Any] = field(default_factory=dict)
