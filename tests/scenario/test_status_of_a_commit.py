"""Where a check is a commit status there is one on a commit, whichever run it is about."""

from dataclasses import replace

from bot.domain.publication import CheckStatus
from bot.domain.run import Conclusion
from tests.fakes.resolver import affected
from tests.scenario.harness import Stage
from tests.scenario.test_first_light import breaks
from tests.scenario.test_wire_conversations import holds_builds


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
