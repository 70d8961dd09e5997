"""A merge queue's groups, at the wire: the commit that is about to be merged gets its check."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.run import ChangeRef
from tests.fakes.forge_stages import SeenCheck
from tests.fakes.github import GitHubServer
from tests.fakes.github.model import PullRequest
from tests.fakes.github_stage import GitHubStage
from tests.fakes.resolver import affected
from tests.scenario.outcomes import breaks
from tests.scenario.wire import Talk, talking


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    async with talking(GitHubStage(tmp_path), tmp_path) as made:
        yield made


def server(talk: Talk) -> GitHubServer:
    assert isinstance(talk.stage, GitHubStage)
    return talk.stage.server


def pull(talk: Talk, ref: ChangeRef) -> PullRequest:
    found: PullRequest = server(talk).pull(str(ref.repo), ref.number)
    return found


async def enqueued(talk: Talk, ref: ChangeRef, on: str | None = None) -> tuple[dict[str, Any], SeenCheck]:
    told = await server(talk).merge_queue.add(pull(talk, ref), on=on)
    await talk.settle()
    return told, talk.stage.checks(told["merge_group"]["head_sha"])[-1]


async def test_the_groups_commit_gets_its_check_and_nobody_a_comment(talk: Talk) -> None:
    ref = await talk.open()
    told, gate = await enqueued(talk, ref)
    assert (gate.status, gate.conclusion) == ("completed", "success")
    assert told["merge_group"]["head_sha"] != (await talk.stage.forge.change(ref)).head_sha
    assert talk.stage.comments(ref) == []
    # The packages of the group have the same contents as those of the pull request: what depends on them is known.
    assert talk.built() == ["libfoo", "bar", "baz", "libfoo"]


async def test_what_breaks_only_together_stops_the_queue(talk: Talk) -> None:
    ref = await talk.open()
    assert (await talk.gate(ref)).conclusion == "success"
    talk.engine.builder.outcome_for = breaks("bar")
    talk.engine.resolver.script_impact(["libfoo"], affected("bar", buildroot_after="with what was merged before"))
    _, gate = await enqueued(talk, ref)
    assert gate.conclusion == "failure"
    assert (await talk.gate(ref)).conclusion == "success"
    assert talk.stage.comments(ref) == []


async def test_a_strangers_change_that_was_let_in_is_tested(talk: Talk) -> None:
    ref = await talk.open(author="hubot-friend")
    assert talk.built() == []
    _, gate = await enqueued(talk, ref)
    assert gate.conclusion == "success"


async def test_a_waiver_counts_in_the_group_and_in_those_behind_it(talk: Talk) -> None:
    talk.engine.builder.outcome_for = breaks("bar")
    first = await talk.open()
    assert (await talk.say(first, "/revdeps waive bar -- ported next week")).reactions == ("eyes", "rocket")
    second = await talk.open(files={"libfoo.spec": "Name: libfoo\n", "other.c": "int x;\n"})
    told, gate = await enqueued(talk, first)
    assert gate.conclusion == "success"
    assert "waived" in gate.title
    _, behind = await enqueued(talk, second, on=told["merge_group"]["head_ref"])
    assert behind.conclusion == "success"


async def test_a_group_that_is_taken_apart_is_not_built_any_further(talk: Talk) -> None:
    ref = await talk.open()
    talk.engine.builder.outcome_for = None
    told = await server(talk).merge_queue.add(pull(talk, ref))
    await talk.settle()
    assert len(talk.engine.builder.running) == 1
    await server(talk).merge_queue.remove(pull(talk, ref), told)
    await talk.settle()
    assert talk.engine.builder.running == ()
    assert talk.stage.checks(told["merge_group"]["head_sha"])[-1].conclusion == "cancelled"


async def test_a_button_on_the_groups_check_acts_and_answers_nobody(talk: Talk) -> None:
    talk.engine.builder.outcome_for = breaks("bar")
    ref = await talk.open()
    assert (await talk.gate(ref)).conclusion == "failure"
    said = len(talk.stage.comments(ref))
    told, _ = await enqueued(talk, ref)
    run = server(talk).checks(str(ref.repo), told["merge_group"]["head_sha"])[-1]
    talk.engine.builder.outcome_for = breaks()
    await server(talk).press_button(run.id, "retry-failed", "octocat")
    await talk.settle()
    assert talk.stage.checks(told["merge_group"]["head_sha"])[-1].conclusion == "success"
    assert len(talk.stage.comments(ref)) == said


async def test_a_group_of_more_files_than_github_names_is_known_whole(talk: Talk) -> None:
    files: dict[str, str | bytes] = {f"data/{number:03}": str(number) for number in range(310)}
    ref = await talk.stage.open({**files, "libfoo.spec": "Name: libfoo\n# new\n"})
    told = await server(talk).merge_queue.add(pull(talk, ref))
    group = replace(ref, queue=told["merge_group"]["head_ref"].removeprefix("refs/heads/"))
    assert set(await talk.stage.forge.changed_files(group)) == {*files, "libfoo.spec"}
