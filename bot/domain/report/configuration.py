"""The answer to `/revdeps config`: which configuration applies to a pull request, and where it comes from."""

from collections.abc import Iterable, Sequence

from bot.domain.config import Config, PackageConfig, SourceMethod
from bot.domain.parlance import PULL_REQUESTS, Parlance
from bot.domain.report.escape import block, code, prose
from bot.domain.report.pieces import NAME
from bot.domain.report.words import duration
from bot.domain.run import Run, RunState
from bot.domain.selection import CONFIG_FILE
from bot.domain.target import Target

_SHOWN = 10

_NONE = f"""There is no `{CONFIG_FILE}` on the base branch, so nothing is tested here. Add one at the top of the \
repository; the least there can be is:

```yaml
version: 1
targets:
  - repositories: [https://repositories.example.org/rawhide/x86_64/]
```

Where the service's operator has set up targets, their names do: `targets: [rawhide]`. \
`revdeps config check {CONFIG_FILE}` shows what is wrong with it on your machine."""


def answer_config(run: Run, proposal: str = "", parlance: Parlance = PULL_REQUESTS) -> str:
    """Return where the run's configuration comes from, its effective values, and what commands changed of them.

    Where there is none the answer is the `proposal` (YAML), or the least that there can be.
    """
    if run.config_problems:
        listed = [
            f"- {code(f'{each.path}:{each.line}:{each.column}')}: {prose(each.message)}"
            for each in run.config_problems[:_SHOWN]
        ]
        rest = len(run.config_problems) - _SHOWN
        more = [f"- and {rest:,} more"] if rest > 0 else []
        return "\n".join([f"{_origin(run, parlance)} cannot be used:\n", *listed, *more])
    if run.config is None:
        if run.state is not RunState.FINISHED:
            return "The configuration is not read yet; ask again in a moment."
        return _proposed(proposal, parlance) if proposal else _NONE
    lines = [f"- {key}: {value}" for key, value in (*_values(run.config), *_by_commands(run)) if value]
    return "\n".join([f"{_origin(run, parlance)} applies. With its defaults it says:\n", *lines])


def _proposed(proposal: str, parlance: Parlance) -> str:
    return (
        f"There is no `{CONFIG_FILE}` on the base branch, so nothing is tested here. This one is made from the specs "
        f"of this {parlance.change}: put in what its remarks ask for, and commit it at the top of the repository.\n\n"
        f"{block(proposal, 'yaml')}"
    )


def _origin(run: Run, parlance: Parlance) -> str:
    if run.config_from_head:
        return f"`{CONFIG_FILE}` of this {parlance.change}'s commit {code(run.head_sha[:10])}"
    note = f" (this {parlance.change}'s own version of it does not count)" if run.config_changed else ""
    when = f"as it was at {run.created_at:%Y-%m-%d %H:%M} UTC"
    return f"`{CONFIG_FILE}` of the base branch {code(run.base_branch, NAME)}, {when}{note},"


def _values(config: Config) -> Sequence[tuple[str, str]]:
    dependencies = config.reverse_dependencies
    limit = "none" if dependencies.limit is None else f"{dependencies.limit:,}"
    return (
        ("packages", _listed(_package(package) for package in config.packages)),
        ("targets", _listed(_target(target) for target in config.targets)),
        ("mode", f"`{config.mode.value}`"),
        ("baseline", f"`{config.baseline.value}`"),
        ("reverse-dependencies", f"depth `{dependencies.depth}`, limit {limit}"),
        ("always tested", _listed(code(glob, NAME) for glob in dependencies.include)),
        ("never tested", _listed(code(glob, NAME) for glob in dependencies.exclude)),
        ("only these, without a solver", _listed(code(name, NAME) for name in dependencies.static)),
        ("min-coverage", f"{config.min_coverage} %"),
        ("timeout", f"{duration(config.timeout)} for the run, {duration(config.build_timeout)} for one build"),
        ("comment", f"`{config.comment.value}`"),
        ("drafts", f"`{config.drafts.value}`"),
        ("labels", _listed(code(label, NAME) for label in config.labels)),
    )


def _by_commands(run: Run) -> Sequence[tuple[str, str]]:
    """Return what commands said for this run, or for this pull request, and that goes before the file."""
    return (
        ("limit, by a command", "" if run.limit is None else f"{run.limit:,}"),
        ("depth, by a command", "" if run.depth is None else f"`{run.depth}`"),
        ("targets, by a command", _listed(code(name, NAME) for name in run.only_targets)),
        ("tested too, by a command", _listed(code(name, NAME) for name in run.include)),
        ("skipped, by a command", _listed(code(name, NAME) for name in run.skip)),
    )


def _package(package: PackageConfig) -> str:
    method = "" if package.method is SourceMethod.SPEC else f", source `{package.method.value}`"
    return f"{code(package.name or package.spec, NAME)} ({code(package.spec)}{method})"


def _target(target: Target) -> str:
    other = f", else {code(target.fallback, NAME)}" if target.fallback else ""
    commits = f", dependents from {code(target.dist_git.url)}" if target.dist_git else ""
    return f"{code(target.name, NAME)} ({code(target.arch)}, built by {code(target.backend, NAME)}{other}{commits})"


def _listed(parts: Iterable[str]) -> str:
    each = list(parts)
    rest = len(each) - _SHOWN
    return ", ".join(each[:_SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")
