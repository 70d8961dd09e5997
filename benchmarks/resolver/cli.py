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
    """Ask for who requires each library, one process a question, in turns; each was asked once before.

    fedrq's `wrsrc` is asked for the source, of which it takes all binary packages.
    """
    ours = [sys.executable, "-m", "bot", "resolve", "--binary", "--depth", "direct", "--arch", "x86_64", "--json"]
    ours += ["--repo", made.directory, "--cache", str(work / "cli")]
    # Without `-l all` a source package is hidden by a binary package of its name that was rebuilt since.
    theirs = [str(_FEDRQ), "wrsrc", "--backend", "dnf", "--branch", "rawhide", "--latest", "all", "--src"]
    theirs += ["--repos", f"@baseurl:{made.url}", "--formatter", "name"]
    private = {"XDG_CACHE_HOME": str(work / "fedrq-cache"), "XDG_CONFIG_HOME": str(work / "fedrq-config")}
    peer = _FEDRQ.is_file()
    for name in libraries:
        whole_process([*ours, name])
    if peer:
        shutil.rmtree(work / "fedrq-cache", ignore_errors=True)
        whole_process([*theirs, _SHOWN], **private)
    seconds = {"revdeps": 0.0, "fedrq": 0.0}
    found = {"revdeps": 0, "fedrq": 0}
    for name, source in libraries.items():
        took, output = whole_process([*ours, name])
        seconds["revdeps"] += took
        found["revdeps"] += output.count('"nevra"')
        if peer:
            took, output = whole_process([*theirs, source], **private)
            seconds["fedrq"] += took
            found["fedrq"] += len(set(output.split()))
    if not peer:
        return {"questions": len(libraries), "revdeps": seconds["revdeps"], "not_measured": "fedrq is not installed"}
    return {"questions": len(libraries), **seconds, "found": found}
