"""What is asked of a spec, inside a root: `%(…)` and Lua in a spec are programs of its author."""

import re

from bot.ports.sources import SpecFacts

BUILD_DIRECTORY = "/builddir"
"""The building user's home, in the sandbox as in mock."""
_MARK = "revdeps-spec-facts"
_SOURCE = re.compile(r"(?i)^(?:Source|Patch)\d*[ \t]*:[ \t]*(\S+)")


def query_command(spec: str) -> list[str]:
    """Return the command that prints what `parse_facts` reads; it fails, with rpm's message, where the spec does."""
    query = f"{_MARK}\\t%{{NAME}}\\t%{{VERSION}}\\t%{{RELEASE}}\\n"
    define = f"--define '_topdir {BUILD_DIRECTORY}' --define '_sourcedir {BUILD_DIRECTORY}/checkout'"
    script = f'rpmspec {define} -q --srpm --qf "{query}" "$1" && rpmspec {define} -P "$1"'
    return ["/bin/sh", "-euc", script, "spec", spec]


def parse_facts(output: str) -> SpecFacts | None:
    """Read the output of `query_command`; None where it holds no facts."""
    lines = output.splitlines()
    found = [line.split("\t") for line in lines if line.startswith(f"{_MARK}\t")]
    if not found or len(found[0]) != 4:
        return None
    _, name, version, release = found[0]
    return SpecFacts(name=name, version=version, release=release, sources=tuple(_sources(lines)))


def _sources(lines: list[str]) -> list[str]:
    found = []
    listed = False
    for line in lines:
        if line.startswith("%"):
            listed = line.strip() in ("%sourcelist", "%patchlist")
        elif listed and line.strip():
            found.append(line.strip())
        elif match := _SOURCE.match(line):
            found.append(match.group(1))
    return found
