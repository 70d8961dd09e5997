"""What `/revdeps logs` and `/revdeps config` answer."""

from dataclasses import replace

import pytest

from bot.domain.build import BuildState, Succeeded
from bot.domain.config import (
    ConfigProblem,
    Depth,
    PackageConfig,
    ReverseDependencyConfig,
    SourceMethod,
)
from bot.domain.report.answers import answer_logs
from bot.domain.report.assemble import Context, Stored, assemble
from bot.domain.report.configuration import answer_config
from bot.domain.report.values import Links, Report
from bot.domain.run import RunState
from bot.domain.selection import CONFIG_FILE
from tests.fakes.domain import CONFIG, HEAD, TARGET, base, built, entry, failed, run, run_view, subject

LINKS = Links(pages="https://revdeps.example")
BAR, BAZ = entry("bar"), entry("baz")
FAILING = built("bar", failed("no"))


def report(*builds: object, **changes: object) -> Report:
    seen = run_view(BAR, BAZ, **changes)
    stored = Stored(run=seen.run, targets=seen.targets, entries=seen.entries, builds=builds)  # type: ignore[arg-type]
    return assemble(stored, Context(log_tails={FAILING.key: "first\nld: no", subject().key: "rpmbuild: no"}))


# Logs.


def test_the_logs_of_both_sides_are_linked_and_the_failure_is_quoted():
    told = answer_logs(
        report(
            FAILING, built("bar", attempt=2, state=BuildState.RUNNING), built("bar", attempt=3), base(BAR, Succeeded())
        ),
        "bar",
        LINKS,
    )
    assert (
        "- with the change on `rawhide`, attempt 1: ❌ [build failed](https://revdeps.example/runs/run1/log/c/" in told
    )
    assert "- with the change on `rawhide`, attempt 2: ⏳ [running](https://" in told
    assert "- with the change on `rawhide`, attempt 3: ⏳ queued\n" in told
    assert "- without it on `rawhide`, attempt 1: ✅ [passed](https://" in told
    assert told.endswith("```text\nfirst\nld: no\n```")


def test_without_pages_the_outcome_and_the_end_are_all_there_is():
    told = answer_logs(report(FAILING), "bar", Links())
    assert "](" not in told
    assert "ld: no" in told


def test_the_changed_package_has_logs_too():
    told = answer_logs(report(subject(failed("no"))), "libfoo", LINKS)
    assert "- the change on `rawhide`, attempt 1: ❌ [build failed](" in told
    assert "rpmbuild: no" in told
    assert answer_logs(report(), "libfoo", LINKS) == "`libfoo`, not built yet, which is changed:"


def test_what_was_not_built_says_what_became_of_it():
    assert answer_logs(report(), "baz", LINKS) == "`baz` on `rawhide` was not built. ⏳ pending"


# The configuration.


def test_the_values_that_apply_are_told_with_their_defaults():
    told = answer_config(run())
    assert told.startswith(f"`{CONFIG_FILE}` of the base branch `main`, as it was at 2026-01-01 12:00 UTC, applies.")
    for line in (
        "packages: `libfoo` (`libfoo.spec`)",
        "targets: `rawhide` (`x86_64`, built by `fake`)",
        "mode: `auto`",
        "baseline: `on-failure`",
        "reverse-dependencies: depth `transitive`, limit none",
        "min-coverage: 90 %",
        "timeout: 12 h 00 min for the run, 5 h 00 min for one build",
        "comment: `on-failure`",
        "drafts: `run`",
    ):
        assert f"\n- {line}\n" in f"{told}\n"
    assert "labels" not in told
    assert "by a command" not in told


FULL = replace(
    CONFIG,
    packages=tuple(PackageConfig(spec=f"p{number}.spec", method=SourceMethod.COMMAND) for number in range(12)),
    targets=(replace(TARGET, fallback="sandbox"),),
    reverse_dependencies=ReverseDependencyConfig(
        depth=Depth(levels=1), include=("a*",), exclude=("b*",), static=("c",), limit=1500
    ),
    labels=("`test`",),
)


def test_everything_that_is_set_is_told_and_long_lists_are_cut():
    asked = run(config=FULL, limit=5, depth=Depth(levels=3), only_targets=("rawhide",), include=("d",), skip=("e",))
    told = answer_config(asked)
    assert "`p9.spec` (`p9.spec`, source `command`) and 2 more\n" in told
    assert "built by `fake`, else `sandbox`" in told
    assert "depth `direct`, limit 1,500" in told
    for line in (
        "always tested: `a*`",
        "never tested: `b*`",
        "only these, without a solver: `c`",
        "labels: `` `test` ``",
    ):
        assert f"\n- {line}\n" in told
    by_commands = ("limit, by a command: 5", "depth, by a command: `3`", "targets, by a command: `rawhide`")
    for line in (*by_commands, "tested too, by a command: `d`", "skipped, by a command: `e`"):
        assert f"\n- {line}\n" in f"{told}\n"


def test_where_it_comes_from_is_told():
    assert f"`{CONFIG_FILE}` of this pull request's commit `{HEAD[:10]}` applies" in answer_config(
        run(config_changed=True, config_from_head=True)
    )
    assert "own version of it does not count), applies" in answer_config(run(config_changed=True))


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"state": RunState.FINISHED}, "There is no `.revdeps.yaml` on the base branch"),
        ({}, "not read yet"),
    ],
)
def test_without_a_configuration_it_says_what_to_do(changes, answer):
    assert answer in answer_config(run(config=None, **changes))


def test_problems_are_told_with_their_places():
    problems = tuple(
        ConfigProblem(path=CONFIG_FILE, line=number, column=2, message="no `mode` is called *fast*")
        for number in range(1, 13)
    )
    told = answer_config(run(config=None, config_problems=problems[:1]))
    assert told.endswith("cannot be used:\n\n- `.revdeps.yaml:1:2`: no `mode` is called \\*fast\\*")
    assert answer_config(run(config=None, config_problems=problems)).endswith("- and 2 more")


def test_a_repository_without_a_configuration_is_told_of_one_that_would_do():
    ended = run(config=None, state=RunState.FINISHED)
    assert "```yaml\nversion: 1\n```" in answer_config(ended, "version: 1\n")
    assert "The least" not in answer_config(ended, "version: 1\n")
