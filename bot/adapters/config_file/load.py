"""The whole way of a `.revdeps.yaml`: bytes, tree, schema, meaning, and either a configuration or all its problems."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.adapters.config_file.check import check, schema, targets_schema
from bot.adapters.config_file.copr_only import check_methods
from bot.adapters.config_file.packages import packages
from bot.adapters.config_file.reading import Offer, Reading, text, texts
from bot.adapters.config_file.targets import named_targets, targets
from bot.adapters.config_file.tree import START, Flaw, Node, read
from bot.domain.config import (
    BaselinePolicy,
    CommentPolicy,
    Config,
    ConfigProblem,
    Depth,
    Draft,
    Mode,
    PackageConfig,
    ReverseDependencyConfig,
)
from bot.domain.target import Target

MAX_PROBLEMS = 50
"""So many are told at once; a forge takes as many annotations in one request."""

_EMPTY = (
    "the file is empty; the least that works is a line `version: 1`, a line `targets:` "
    "and a line `  - repositories: [https://…]`"
)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def load(
    content: bytes, path: str, specs: Sequence[str], offer: Offer | None = None
) -> Config | tuple[ConfigProblem, ...]:
    """Read a configuration.

    `path` is how problems name the file. `specs` are the paths of the repository's spec files; the only one is the
    package where the file names none, and a glob among them stands for files that are not known yet. Whatever the
    content, nothing is raised: what is wrong is returned, in the order of lines.
    """
    root, flaws = read(content)
    if root is None or root.kind is type(None):
        return _problems(path, flaws or [Flaw(START, _EMPTY)])
    found, wrong = check(root, schema())
    reading = Reading(root=root, wrong=wrong, specs=tuple(specs), offer=offer or Offer(), flaws=[*flaws, *found])
    if root.kind is not dict:
        return _problems(path, reading.flaws)
    chosen = packages(reading), targets(reading)
    check_methods(reading, *chosen)
    durations = _durations(reading)
    if reading.flaws:
        return _problems(path, reading.flaws)
    return _config(root, *chosen, durations)


def load_targets(content: bytes, path: str, offer: Offer) -> Mapping[str, Target] | tuple[ConfigProblem, ...]:
    """Read the operator's targets, which stand under their names, and else as in `.revdeps.yaml`.

    Nothing is raised here either; an empty file has none.
    """
    root, flaws = read(content)
    if root is None or root.kind is type(None):
        return _problems(path, flaws) if flaws else {}
    found, wrong = check(root, targets_schema())
    reading = Reading(root=root, wrong=wrong, specs=(), offer=offer, flaws=[*flaws, *found])
    named = named_targets(reading)
    return _problems(path, reading.flaws) if reading.flaws else named


def _problems(path: str, flaws: Sequence[Flaw]) -> tuple[ConfigProblem, ...]:
    unique = sorted(set(flaws), key=lambda flaw: (flaw.place.line, flaw.place.column, flaw.message))
    problems = [
        ConfigProblem(path=path, line=flaw.place.line, column=flaw.place.column, message=flaw.message)
        for flaw in unique[:MAX_PROBLEMS]
    ]
    if len(unique) > MAX_PROBLEMS:
        left = f"and {len(unique) - MAX_PROBLEMS} more problems; mend these first"
        problems.append(replace(problems[-1], message=left))
    return tuple(problems)


def _durations(reading: Reading) -> tuple[timedelta, timedelta]:
    """Return how long a run and a build may take; a build has no longer than its run."""
    run, build = (_duration(reading, key) for key in ("timeout", "build-timeout"))
    whole = run or timedelta(hours=12)
    if build is not None and build > whole:
        reading.complain(
            reading.root.items["build-timeout"].place,
            f"`build-timeout` is longer than `timeout` ({_hours(whole)}), which ends the whole run; lengthen that too",
        )
    return whole, build or min(timedelta(hours=5), whole)


def _duration(reading: Reading, key: str) -> timedelta | None:
    written = text(reading.root.items.get(key)) if reading.sound((key,)) else None
    return None if written is None else timedelta(**{_UNITS[written[-1]]: int(written[:-1])})


def _hours(duration: timedelta) -> str:
    return f"{duration.total_seconds() / 3600:g} hours"


def _config(
    root: Node, chosen: tuple[PackageConfig, ...], built_for: tuple[Target, ...], durations: tuple[timedelta, timedelta]
) -> Config:
    """Return the configuration; what the file leaves out keeps the default of `Config`."""
    config = Config(packages=chosen, targets=built_for, timeout=durations[0], build_timeout=durations[1])
    items = root.items
    coverage = items["min-coverage"].scalar if "min-coverage" in items else None
    return replace(
        config,
        reverse_dependencies=_dependencies(items.get("reverse-dependencies")),
        mode=Mode(text(items.get("mode")) or config.mode.value),
        baseline=BaselinePolicy(text(items.get("baseline")) or config.baseline.value),
        min_coverage=config.min_coverage if coverage is None else int(coverage),
        comment=CommentPolicy(text(items.get("comment")) or config.comment.value),
        drafts=Draft(text(items.get("drafts")) or config.drafts.value),
        labels=texts(items.get("labels")),
    )


def _dependencies(node: Node | None) -> ReverseDependencyConfig:
    if node is None:
        return ReverseDependencyConfig()
    limit = node.items["limit"].scalar if "limit" in node.items else None
    boost = node.items["boost"].items if "boost" in node.items else {}
    return ReverseDependencyConfig(
        depth=Depth.parse(text(node.items.get("depth")) or "transitive"),
        include=texts(node.items.get("include")),
        exclude=texts(node.items.get("exclude")),
        static=texts(node.items.get("static")),
        limit=None if limit is None else int(limit),
        boost=tuple((str(glob), int(str(points.scalar))) for glob, points in boost.items()),
    )
