"""Where a check is a commit status: one line, of which there is one on a commit, whichever run it is about."""

from dataclasses import replace

import pytest

from bot.domain.publication import CheckStatus
from bot.domain.run import Conclusion
from tests.fakes.resolver import affected
from tests.scenario.harness import CONFIG, Stage
from tests.scenario.outcomes import breaks, holds_builds


async def test_a_superseded_run_says_nothing_where_its_successor_speaks(revdeps: Stage) -> None:
    revdeps.forge.limits = replace(revdeps.forge.limits, rich_checks=False)
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), affected("baz"), sources=10)
    revdeps.builder.outcome_for = holds_builds
    ref = await revdeps.open()
    await revdeps.settle()
    await revdeps.say(ref, "/revdeps run limit=1")
    revdeps.builder.outcome_for = breaks()
    await revdeps.settle()
    old, new = revdeps.forge.checks_on(revdeps.forge.changes[ref].head_sha)
    assert (await revdeps.view(ref)).runs[1].run.conclusion is Conclusion.CANCELLED
    assert old.now.status is CheckStatus.IN_PROGRESS
    assert new.now.status is not CheckStatus.QUEUED


@pytest.mark.parametrize(
    ("config", "author", "told"),
    [
        (CONFIG, "mallory-octocat", "/revdeps ok"),
        ("version: 1\ntargts: []\n", "octocat", "targts"),
    ],
)
async def test_what_somebody_has_to_decide_or_mend_is_told_in_a_comment(
    revdeps: Stage, config: str, author: str, told: str
) -> None:
    revdeps.forge.limits = replace(revdeps.forge.limits, rich_checks=False)
    ref = await revdeps.open(config=config, author=author)
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED
    assert told in revdeps.comment(ref)


async def test_where_no_comment_is_wanted_there_is_none_for_all_that(revdeps: Stage) -> None:
    revdeps.forge.limits = replace(revdeps.forge.limits, rich_checks=False)
    ref = await revdeps.open(config=f"{CONFIG}comment: off\n", author="mallory-octocat")
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED
    assert revdeps.comment(ref) == ""


async def test_where_there_is_nothing_to_do_nobody_is_disturbed(revdeps: Stage) -> None:
    revdeps.forge.limits = replace(revdeps.forge.limits, rich_checks=False)
    ref = await revdeps.open(config=None)
    await revdeps.settle()
    assert revdeps.check(ref).conclusion is Conclusion.SKIPPED
    assert revdeps.comment(ref) == ""
