"""A merge train, at the wire: the commit that is about to be merged gets its check, in the train's own pipeline."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.run import ChangeRef
from tests.fakes.gitlab import GitLabServer
from tests.fakes.gitlab.model import Pipeline
from tests.fakes.gitlab_stage import GitLabStage
from tests.fakes.resolver import affected
from tests.scenario.outcomes import breaks, holds_builds
from tests.scenario.wire import Talk, talking


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    async with talking(GitLabStage(tmp_path), tmp_path) as made:
        yield made


def server(talk: Talk) -> GitLabServer:
    assert isinstance(talk.stage, GitLabStage)
    return talk.stage.server


async def boarded(talk: Talk, ref: ChangeRef, after: Pipeline | None = None) -> Pipeline:
    pipeline = await server(talk).board(str(ref.repo), ref.number, after)
    await talk.settle()
    return pipeline


def told(pipeline: Pipeline) -> list[str]:
    return [status.status for status in pipeline.latest]


async def test_the_trains_commit_gets_its_check_and_nobody_a_note(talk: Talk) -> None:
    ref = await talk.open()
    pipeline = await boarded(talk, ref)
    assert told(pipeline) == ["success"]
    assert pipeline.sha != (await talk.stage.forge.change(ref)).head_sha
    assert talk.stage.comments(ref) == []
    # The packages have the same contents as those of the merge request: what depends on them is known.
    assert talk.built() == ["libfoo", "bar", "baz", "libfoo"]


async def test_what_breaks_only_together_stops_the_train(talk: Talk) -> None:
    ref = await talk.open()
    assert (await talk.gate(ref)).conclusion == "success"
    talk.engine.builder.outcome_for = breaks("bar")
    talk.engine.resolver.script_impact(["libfoo"], affected("bar", buildroot_after="with what was merged before"))
    assert told(await boarded(talk, ref)) == ["failed"]
    assert (await talk.gate(ref)).conclusion == "success"


async def test_the_second_on_the_train_is_tested_with_the_first(talk: Talk) -> None:
    first = await talk.open(files={"notes.txt": "of no package"})
    second = await talk.open()
    ahead = await boarded(talk, first)
    behind = await boarded(talk, second, ahead)
    assert told(ahead) == told(behind) == ["success"]
    files = await talk.stage.forge.changed_files(
        ChangeRef(repo=second.repo, number=second.number, queue=f"refs/merge-requests/{second.number}/train")
    )
    assert sorted(files) == ["libfoo.spec", "notes.txt"]


async def test_a_train_that_is_put_together_anew_supersedes_what_was_begun(talk: Talk) -> None:
    ref = await talk.open()
    other = await talk.open(files={"notes.txt": "of no package"})
    talk.engine.resolver.script_impact(["libfoo"], affected("bar", buildroot_after="another"), sources=10)
    talk.engine.builder.outcome_for = holds_builds
    ahead = await boarded(talk, other)
    old = await boarded(talk, ref, ahead)
    assert told(old) == ["running"]
    new = await boarded(talk, ref)
    assert (told(old), told(new)) == (["canceled"], ["running"])


@pytest.mark.parametrize("how", ["", "merged"])
async def test_leaving_the_train_ends_it(talk: Talk, how: str) -> None:
    ref = await talk.open()
    talk.engine.resolver.script_impact(["libfoo"], affected("bar", buildroot_after="another"), sources=10)
    talk.engine.builder.outcome_for = holds_builds
    await boarded(talk, ref)
    assert talk.engine.builder.running
    await server(talk).leave_train(str(ref.repo), ref.number, how)
    await talk.settle()
    assert talk.engine.builder.running == ()


async def test_while_on_a_train_the_merge_request_keeps_its_own_check_where_it_was(talk: Talk) -> None:
    talk.engine.builder.outcome_for = breaks("bar")
    ref = await talk.open()
    own = await server(talk).run_pipeline(str(ref.repo), ref.number, "merge")
    await talk.settle()
    assert told(own) == ["failed"]
    await boarded(talk, ref)
    before = len(server(talk).world.pipelines)
    talk.engine.builder.outcome_for = breaks()
    await talk.say(ref, "/revdeps retry bar")
    assert told(own) == ["success"]
    assert len(server(talk).world.pipelines) == before
