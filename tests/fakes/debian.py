"""Small archives in Debian's format, made up at random: closed under nothing, so that some of it is broken."""

import random
from pathlib import Path

from benchmarks.debian.archive import Indexes

_BUILD_ESSENTIAL = "Package: build-essential\nVersion: 1\nArchitecture: amd64\nSource: source0 (1.0)\n"
_VIRTUAL = ("mail-agent", "editor", "x-server")


def write_archive(directory: Path, seed: int, binaries: int = 200, sources: int = 100) -> Indexes:
    """Write `Packages.all` and `Sources.all`; equal seeds make equal archives."""
    chance = random.Random(seed)
    names = [f"lib{number}" for number in range(binaries)]
    # Debian's tools take build-essential and what is essential for a part of every buildroot.
    packages = [_BUILD_ESSENTIAL, *(_binary(chance, name, names[:number]) for number, name in enumerate(names))]
    built = [_source(chance, f"source{number}", names) for number in range(sources)]
    (directory / "Packages.all").write_text("\n".join(packages))
    (directory / "Sources.all").write_text("\n".join(built))
    return Indexes(release="made-up", packages=directory / "Packages.all", sources=directory / "Sources.all")


def _binary(chance: random.Random, name: str, earlier: list[str]) -> str:
    lines = [f"Package: {name}", f"Version: {_version(chance)}", f"Architecture: {chance.choice(('amd64', 'all'))}"]
    lines.append("Source: source0 (1.0)")
    if depends := [_clause(chance, earlier) for _ in range(chance.randrange(4)) if earlier]:
        lines.append(f"Depends: {', '.join(depends)}")
    if chance.random() < 0.2:
        version = f" (= {_version(chance)})" if chance.random() < 0.5 else ""
        lines.append(f"Provides: {chance.choice(_VIRTUAL)}{version}")
    if earlier and chance.random() < 0.15:
        lines.append(f"{chance.choice(('Conflicts', 'Breaks'))}: {_atom(chance, earlier)}")
    return "\n".join((*lines, ""))


def _source(chance: random.Random, name: str, names: list[str]) -> str:
    lines = [f"Package: {name}", f"Version: {_version(chance)}", "Binary: lib0", "Architecture: any"]
    lines.append(f"Build-Depends: {', '.join(_clause(chance, names) for _ in range(chance.randrange(1, 5)))}")
    if chance.random() < 0.15:
        lines.append(f"Build-Conflicts: {_atom(chance, names)}")
    return "\n".join((*lines, ""))


def _clause(chance: random.Random, names: list[str]) -> str:
    return " | ".join(_atom(chance, names) for _ in range(chance.choice((1, 1, 1, 2))))


def _atom(chance: random.Random, names: list[str]) -> str:
    drawn = chance.random()
    if drawn < 0.02:
        return "nowhere"
    name = chance.choice(_VIRTUAL) if drawn < 0.15 else chance.choice(names)
    if chance.random() < 0.75:
        return name
    return f"{name} ({chance.choice(('>=', '>=', '>=', '<<', '<=', '>>', '='))} {_version(chance)})"


def _version(chance: random.Random) -> str:
    return (
        f"{chance.choice(('', '', '1:'))}{chance.randrange(3)}.{chance.randrange(3)}{chance.choice(('', '~rc', '-1'))}"
    )
