"""The peer of the resolver: hawkey itself, asked in a loop, with nothing around it.

Its questions: `load REPOSITORY CACHE`, `direct REPOSITORY CACHE NAME…`, `libraries REPOSITORY CACHE COUNT`, and
`twice REPOSITORY CACHE CHANGE SOURCE EVERY ROOT…`.
"""

import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hawkey

from benchmarks.memory import peak_memory_mib
from benchmarks.statistics import percentile

ROUNDS = 5


def load(repository: Path, cache: Path, change: Path | None = None) -> Any:
    """Load a repository, and a change's before it."""
    cache.mkdir(parents=True, exist_ok=True)
    sack = hawkey.Sack(cachedir=str(cache), arch="x86_64")
    for name, directory in (("base", repository), ("change", change)):
        if directory is not None:
            repo = hawkey._hawkey.Repo(name)
            repo.repomd_fn = str(directory / "repodata" / "repomd.xml")
            repo.primary_fn = str(directory / "repodata" / "primary.xml.gz")
            repo.priority = 99 if name == "base" else 0
            sack.load_repo(repo, build_cache=name == "base")
    return sack


def _count(repository: Path, cache: Path) -> dict[str, Any]:
    begun = time.perf_counter()
    sack = load(repository, cache)
    sources = sum(package.arch == "src" for package in hawkey.Query(sack))
    return {"seconds": time.perf_counter() - begun, "sources": sources}


def _libraries(repository: Path, cache: Path, count: int) -> dict[str, Any]:
    """Name the development packages of libraries that most source packages build with, and their sources."""
    sack = load(repository, cache)
    used: Counter[str] = Counter()
    for package in hawkey.Query(sack).filter(arch="src"):
        names = {str(requirement).split()[0] for requirement in package.requires}
        used.update(name for name in names if name.endswith("-dev") and "lib" in name[:4])
    found: dict[str, str] = {}
    for name, _ in used.most_common():
        for package in hawkey.Query(sack).filter(name=name, arch__neq="src"):
            found[name] = str(package.sourcerpm).rsplit("-", 2)[0]
        if len(found) == count:
            break
    return {"libraries": found}


def _direct(repository: Path, cache: Path, names: Sequence[str]) -> dict[str, Any]:
    sack = load(repository, cache)

    def ask() -> dict[str, int]:
        found = {}
        for name in names:
            providers = hawkey.Query(sack).filter(name=name, arch__neq="src")
            found[name] = len([str(package) for package in hawkey.Query(sack).filter(requires=providers, arch="src")])
        return found

    counts = ask()
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        ask()
        times.append(time.perf_counter() - begun)
    return {"seconds": percentile(times, 50), "found": counts}


def _twice(
    repository: Path, cache: Path, change: Path, source: str, every: int, roots: Sequence[str]
) -> dict[str, Any]:
    """Solve every so-manieth source package before and after a change."""
    begun, solved = time.perf_counter(), 0
    for side in (None, change):
        sack = load(repository, cache, side)
        if side is not None:
            of_source = [
                package
                for package in hawkey.Query(sack).filter(reponame="base", arch__neq="src")
                if str(package.sourcerpm).rsplit("-", 2)[0] == source
            ]
            sack.add_excludes(hawkey.Query(sack).filter(pkg=of_source))
        for package in list(hawkey.Query(sack).filter(arch="src"))[::every]:
            goal = hawkey.Goal(sack)
            goal.install(package)
            for root in roots:
                selector = hawkey.Selector(sack)
                selector.set(provides=root)
                goal.install(select=selector)
            if goal.run(ignore_weak_deps=True):
                goal.list_installs()
            solved += 1
    return {"seconds": time.perf_counter() - begun, "solved": solved, "every": every}


def main(question: str, repository: str, cache: str, *arguments: str) -> dict[str, Any]:
    """Ask one of the questions."""
    answer = _ask(question, repository, cache, *arguments)
    return answer | {"peak_memory_mib": peak_memory_mib(os.getpid())}


def _ask(question: str, repository: str, cache: str, *arguments: str) -> dict[str, Any]:
    places = Path(repository), Path(cache)
    if question == "load":
        return _count(*places)
    if question == "libraries":
        return _libraries(*places, int(arguments[0]))
    if question == "direct":
        return _direct(*places, arguments)
    change, source, every, *roots = arguments
    return _twice(*places, Path(change), source, int(every), roots)
