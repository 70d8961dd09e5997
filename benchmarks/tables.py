"""Results as Markdown. The page in docs/ is made by nothing else, so that no figure in it is older than the rest."""

from typing import Any

from benchmarks.resolver import tables as resolver_tables

_METHOD = """\
# Performance

`make bench` measures, and writes this page and `benchmarks/results.json`. The code is in `benchmarks/`.

How it is measured:

- Every side runs as a process of its own on loopback: the service, the load generator, and for the engine's cost the
  engine. The forge is the tests' GitHub server. Every load is bounded in number and in time.
- The service is `revdeps serve` with default settings over SQLite in a file, with `synchronous=FULL`: an answer means
  that the delivery is on the disk. The bare handler is aiohttp, which reads the body, verifies the HMAC and answers.
  Both are measured in turns, three times, and the medians are shown: compare the two rather than either with another
  machine's.
- At a fixed rate a delivery's time counts from when it was due, so that waiting behind a late answer counts.
- "Quiet" deliveries are stored and ask for nothing (another App's checks). Each pull request delivery also has the
  engine read the pull request from the forge. "Mixed" is nine of the first to one of the second.
- Where builds are part of it, they end by the next poll: what is measured is the bot, never a build.
"""


def page(results: dict[str, Any]) -> str:
    """Return docs/performance.md."""
    machine = results["machine"]
    told = (
        f"Measured at {results['measured_at']} on {machine['cores']} cores ({machine['cpu']}), Python "
        f"{machine['python']}, SQLite {machine['sqlite']}; load average {machine['load']} at the beginning"
        + (" (the machine was doing other work too)" if machine["load"] > 1 else "")
        + f", {machine['load_after']} at the end. Flushing 8 KiB to the disk took "
        f"{machine['flush_p50_ms']:.1f} ms (p50) and "
        f"{machine['flush_p99_ms']:.1f} ms (p99): no durable "
        "answer is quicker, and what else writes to the disk shows in p99."
    )
    method = _METHOD + (resolver_tables.METHOD if "resolver" in results else "")
    forge = results["forge"]
    apart = (
        f"First checks and Probot were measured at {forge['measured_at']}, load average {forge['load']} at the "
        "beginning" + (" (the machine was doing other work too)." if forge["load"] > 1 else ".")
    )
    return f"{method}\n{told}\n{apart}\n\n{tables(results)}"


def tables(results: dict[str, Any]) -> str:
    """Return the figures."""
    resolver = resolver_tables.section(results["resolver"]) if "resolver" in results else ()
    koji = _koji(results["backends"]) if "backends" in results else ()
    webhooks = (*_webhooks(results["webhooks"]), *_probot(results["probot"]))
    parts = (webhooks, _first(results["first_check"]), _engine(results["engine"]), koji, resolver)
    return "\n".join(line for part in parts for line in part)


def _webhooks(found: dict[str, Any]) -> list[str]:
    rate, runs = found["rate"], found["active_runs"]
    rows = (
        ("bare handler, HMAC alone", "bare", ""),
        ("service, quiet deliveries", "quiet", "≥ 1,000/s"),
        ("service, all of pull requests", "pull_request", ""),
        (f"service, quiet deliveries, {runs} runs active", "active_quiet", ""),
        (f"bare handler, {rate}/s, mixed", "bare_at_rate", ""),
        (f"service, {rate}/s, mixed", "at_rate", "p99 < 50 ms"),
        (f"service, {rate}/s, mixed, {runs} runs active", "active_at_rate", ""),
    )
    lines = [
        "## Webhooks",
        "",
        "| | deliveries/s | of the bare handler | p50 ms | p99 ms | CPU ms each | goal |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for name, key, goal in rows:
        row = found[key]
        share = f"{100 * row['per_second'] / found['bare']['per_second']:.0f} %" if "rate" not in key else ""
        lines.append(
            f"| {name} | {row['per_second']:,.0f} | {share} | {row['p50_ms']:.1f} | {row['p99_ms']:.1f} | "
            f"{row['cpu_ms_per_delivery']:.2f} | {goal} |"
        )
    text = (
        f"Payloads of {found['payload_bytes']:,} bytes. Peak memory of the service: {found['peak_memory_mib']:.0f} MiB."
    )
    return [*lines, "", text, ""]


def _probot(found: dict[str, Any]) -> list[str]:
    lines = ["## Webhooks beside Probot", ""]
    if "not_measured" in found:
        return [*lines, f"not measured: {found['not_measured']}", ""]
    lines += [
        "Quiet deliveries, every side on the same one core, in turns, three times, medians. Probot 14 has an app that "
        "does nothing.",
        "",
        "| | deliveries/s | beside Probot | p50 ms | p99 ms | CPU ms each | goal |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for name, key, goal in (
        ("Probot", "probot", ""),
        ("service, every delivery durable", "service", "≥ 1 times"),
        ("service's edge, nothing stored", "edge", "≥ 2 times"),
    ):
        row = found[key]
        times = row["per_second"] / found["probot"]["per_second"]
        lines.append(
            f"| {name} | {row['per_second']:,.0f} | {times:.1f} times | {row['p50_ms']:.1f} | {row['p99_ms']:.1f} | "
            f"{row['cpu_ms_per_delivery']:.2f} | {goal} |"
        )
    return [*lines, ""]


def _first(found: dict[str, Any]) -> list[str]:
    lines = [
        "## From a webhook to the first sign",
        "",
        f"The forge takes {found['latency_ms']:.0f} ms for each answer, and holds the service to GitHub's limits. All "
        "at once, the service used "
        f"{found['at_once']['service_cpu_seconds']:.1f} s of CPU time and the forge, which shares the machine, "
        f"{found['at_once']['forge_cpu_seconds']:.1f} s.",
        "",
        "| | webhooks | p50 ms | p99 ms | goal |",
        "|---|--:|--:|--:|---|",
    ]
    for name, key, goal in (
        ("a pull request's first check, one after the other", "one_by_one", ""),
        ("the same, all at once", "at_once", "p99 ≤ 2,000"),
        ("a command's reaction, all at once", "commands", "p99 ≤ 1,000"),
    ):
        row = found[key]
        lines.append(f"| {name} | {row['count']} | {row['p50_ms']:,.0f} | {row['p99_ms']:,.0f} | {goal} |")
    calls = found["calls"]
    text = (
        f"A run that affects {calls['packages']} packages makes {calls['calls']} calls of the forge's API (goal: ≤ 40) "
        f"in {calls['seconds']:.0f} s; what a longer one adds grows with the logarithm of its time."
    )
    return [*lines, "", text, ""]


def _engine(found: dict[str, Any]) -> list[str]:
    return [
        "## Engine",
        "",
        f"One change that affects {found['packages']:,} packages, {found['slots']} builds at once, every twentieth "
        "package regressed:",
        "",
        "| builds | CPU ms per build | wall s | a turn of reconciler and poller, p50 ms | p99 ms | peak memory MiB |",
        "|--:|--:|--:|--:|--:|--:|",
        f"| {found['builds']:,} | {found['cpu_ms_per_build']:.1f} | {found['wall_seconds']:.1f} | "
        f"{found['round_p50_ms']:.0f} | {found['round_p99_ms']:.0f} | {found['peak_memory_mib']:.0f} |",
        "",
    ]


def _koji(found: dict[str, Any]) -> list[str]:
    rows = (
        ("calls of the hub for 100 running builds, each poll", f"{found['calls_per_100_running']:.1f}", "≤ 2"),
        ("the same with a call for each build", "100", ""),
        (
            "calls for one build over its life, logs and what was in its root included",
            f"{found['calls_per_build']:.1f}",
            "",
        ),
        ("CPU ms of the engine per build", f"{found['cpu_ms_per_build']:.1f}", "≤ 5"),
        ("the same of the engine alone, with a backend in memory", f"{found['alone']['cpu_ms_per_build']:.1f}", ""),
        ("peak memory MiB", f"{found['peak_memory_mib']:.0f}", "≤ 300"),
        ("from a build's end to when it is seen, p50 s", f"{found['seen_p50_s']:.1f}", ""),
        ("the same, p99 s", f"{found['seen_p99_s']:.1f}", "one poll"),
        ("between two polls, p50 s", f"{found['gap_p50_s']:.1f}", ""),
        ("the same, p99 s", f"{found['gap_p99_s']:.1f}", ""),
    )
    return [
        "## Builds in Koji",
        "",
        f"{found['runs']} runs with {found['builds']:,} builds on one hub, at most {found['slots']} at once "
        f"({found['most_running']} were), of some seconds each; {found['polls']} polls in "
        f"{found['wall_seconds']:.0f} s. Measured at {found['measured_at']}, load average {found['load']} at the "
        "beginning. The engine's process has "
        "the adapter, Koji's own client and TLS in it; the hub is the tests', in a process of its own on the same "
        "machine.",
        "",
        "| | | goal |",
        "|---|--:|---|",
        *(f"| {name} | {value} | {goal} |" for name, value, goal in rows),
        "",
    ]
