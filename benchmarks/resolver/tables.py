"""What was measured of the resolver as Markdown: each figure beside its peer's, with its bar, and whether it holds."""

from collections.abc import Iterator
from typing import Any

_HEAD = ("| | resolver | beside | bar | |", "|---|--:|--:|---|---|")
_NOT_MEASURED = "not measured: {}"

METHOD = """\
- The resolver is measured on a repository made out of the Debian archive (`python -m benchmarks.distribution`), as the
  service has it: two solver processes, asked through the port. The minimal buildroot is what is essential, and
  build-essential. "Warm" has been asked before, "cold" finds an empty cache. Its peers run on the same files, in the
  same run.
- The changes are made of zlib's own metadata. "Extended" has a higher version, and every package provides something
  new; "raised" has only a higher version; "rebuilt" only other contents. "With further requirements" is extended, and
  every package requires something more as well, so that no root can be taken over. At random are changes of the first
  kind to fifty packages, always the same.
- Solving everything twice is hawkey alone in one process, on a sample of the source packages; what the whole would take
  is reckoned from that. One process has one core: two need half of it at best.
"""


def section(found: dict[str, Any]) -> list[str]:
    """Return the lines of the page's section."""
    lines = ["## Resolver", ""]
    if "not_measured" in found:
        lines += [_NOT_MEASURED.format(found["not_measured"]), ""]
    else:
        made = found["distribution"]
        lines += [
            f"{made['binaries']:,} binary and {made['sources']:,} source packages ({made['release']}). Measured at "
            f"{found['measured_at']}, load average {found['load']} at the beginning.",
            "",
        ]
    return [*lines, *_HEAD, *rows(found), ""]


def rows(found: dict[str, Any]) -> Iterator[str]:
    """Yield the rows of the table."""
    if "not_measured" not in found:
        yield from _direct(found)
        yield from _impact(found["impact"])
        yield from _others(found)
    elsewhere = found["openeuler"]
    name = "openEuler whole, before and after a change to zlib"
    if "not_measured" in elsewhere:
        yield _unmeasured(name, "≤ 2 s", elsewhere)
    else:
        yield _row(name, _s(elsewhere["seconds"]), "", "≤ 2 s", elsewhere["seconds"] <= 2)


def _direct(found: dict[str, Any]) -> Iterator[str]:
    load, direct, command = found["load_cold"], found["direct"], found["cli"]
    ours, bare = load["seconds"], load["bare_seconds"]
    yield _ratio("first load, cold, beside hawkey alone", ours, bare, 1.1)
    name = f"direct reverse dependencies of {len(direct['found'])} libraries, in the service, warm, beside hawkey alone"
    yield _ratio(name, direct["seconds"], direct["bare"]["seconds"], 1.3)
    name = f"the same for {command['questions']} of them, a process each, warm caches, beside fedrq"
    if "not_measured" in command:
        yield _unmeasured(name, "≤ 0.7 times", command)
    else:
        yield _ratio(name, command["revdeps"], command["fedrq"], 0.7)


def _impact(found: dict[str, Any]) -> Iterator[str]:
    twice = _s(found["twice"]["whole_seconds"])
    every = found["twice"]["every"]
    for name, key, most in (
        ("zlib extended, cold", "cold", 55),
        ("zlib extended, base known", "base_cached", 30),
        ("zlib raised, base known", "raised", 5),
        ("zlib rebuilt, base known", "rebuilt", 5),
        ("zlib with further requirements, base known", "requiring", 30),
    ):
        row = found[key]
        text = f"exact impact: {name} ({row['affected']:,} of {row['sources']:,} sources affected)"
        peer = f"{twice} (everything twice; 1 in {every} measured)"
        yield _row(text, _s(row["seconds"]), peer, f"≤ {most} s", row["seconds"] <= most)
    memory = max(found[key]["solver_memory_mib"] for key in ("cold", "base_cached", "raised", "rebuilt", "requiring"))
    yield _row("peak memory of a solver process meanwhile", f"{memory:.0f} MiB", "", "≤ 400 MiB", memory <= 400)
    picked = found["random"]
    text = f"exact impact: {picked['packages']} packages at random, median (p90 {_s(picked['p90_seconds'])})"
    yield _row(text, _s(picked["p50_seconds"]), "", "≤ 2 s", picked["p50_seconds"] <= 2)


def _others(found: dict[str, Any]) -> Iterator[str]:
    cone, together = found["cone"], found["together"]
    name = f"whole cone of zlib1g-dev ({cone['found']:,} sources), warm, beside dose-ceve"
    if "not_measured" in cone["dose"]:
        yield _unmeasured(name, "≤ 1/100", cone["dose"])
    else:
        yield _ratio(name, cone["seconds"], cone["dose"]["seconds"], 0.01)
    memory, block = together["summed_memory_mib"], together["longest_block_ms"]
    name = f"{together['targets']} resolutions at once, each on its own target ({_s(together['seconds'])}): all memory"
    yield _row(name, f"{memory:,.0f} MiB", "", "≤ 1,024 MiB", memory <= 1024)
    name = f"longest that the event loop was held meanwhile ({together['longest_block_cpu_ms']:.1f} ms of CPU time)"
    yield _row(name, f"{block:.1f} ms", "", "≤ 20 ms", block <= 20)


def _ratio(name: str, ours: float, theirs: float, most: float) -> str:
    share = ours / theirs
    bar = "≤ 1/100" if most == 0.01 else f"≤ {most} times"
    return _row(f"{name} ({share:.2g} times)", _s(ours), _s(theirs), bar, share <= most)


def _row(name: str, ours: str, theirs: str, bar: str, held: bool) -> str:
    return f"| {name} | {ours} | {theirs} | {bar} | {'holds' if held else '**missed**'} |"


def _unmeasured(name: str, bar: str, found: dict[str, Any]) -> str:
    return f"| {name} | | | {bar} | {_NOT_MEASURED.format(found['not_measured'])} |"


def _s(seconds: float) -> str:
    return f"{seconds:,.1f} s" if seconds >= 1 else f"{1000 * seconds:,.0f} ms"
