"""The direct question as whole processes: `revdeps resolve` beside fedrq, both with warm caches."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.distribution import CACHE, Distribution
from benchmarks.resolver.place import whole_process

_FEDRQ = CACHE / "fedrq" / "bin" / "fedrq"
_SHOWN = "zlib"


def measure(made: Distribution, work: Path, libraries: Mapping[str, str]) -> dict[str, Any]:
    """Ask for who requires any binary package of each library's source, one process a question, in turns."""
    sources = sorted(set(libraries.values()))
    ours = [sys.executable, "-m", "bot", "resolve", "--depth", "direct", "--arch", "x86_64", "--json"]
    ours += ["--repo", made.directory, "--cache", str(work / "cli")]
    # Without `-l all` a source package is hidden by a binary package of its name that was rebuilt since.
    theirs = [str(_FEDRQ), "wrsrc", "--backend", "dnf", "--branch", "rawhide", "--latest", "all", "--src"]
    theirs += ["--repos", f"@baseurl:{made.url}", "--formatter", "name"]
    private = {"XDG_CACHE_HOME": str(work / "fedrq-cache"), "XDG_CONFIG_HOME": str(work / "fedrq-config")}
    peer = _FEDRQ.is_file()
    whole_process([*ours, _SHOWN])
    if peer:
        shutil.rmtree(work / "fedrq-cache", ignore_errors=True)
        whole_process([*theirs, _SHOWN], **private)
    seconds = {"revdeps": 0.0, "fedrq": 0.0}
    found = {"revdeps": 0, "fedrq": 0}
    for source in sources:
        took, output = whole_process([*ours, source])
        seconds["revdeps"] += took
        found["revdeps"] += output.count('"nevra"')
        if peer:
            took, output = whole_process([*theirs, source], **private)
            seconds["fedrq"] += took
            found["fedrq"] += len(set(output.split()))
    if not peer:
        return {"questions": len(sources), "revdeps": seconds["revdeps"], "not_measured": "fedrq is not installed"}
    return {"questions": len(sources), **seconds, "found": found}
