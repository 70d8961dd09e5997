"""Which pull requests are not tested together, and how that is said."""

from dataclasses import replace

import pytest

from bot.domain.permission import Permission
from bot.domain.run import Conclusion
from bot.ports.errors import Rejected
from tests.scenario.harness import CONFIG, Stage
from tests.scenario.several import OTHER, both, breaks, built, gate, open_other
from tests.scenario.test_conversations import answers, is_done, is_refused


async def test_who_may_not_write_in_the_other_repository_is_told_so(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    revdeps.forge.grant("octocat", Permission.TRIAGE, OTHER)
    comment = await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert is_refused(comment)
    assert "`octocat` has triage permission in `octocat/other`" in answers(revdeps, lead)[-1]
    assert len((await revdeps.view(lead)).runs) == 1
    assert len(revdeps.forge.checks_on(revdeps.forge.changes[other].head_sha)) == 1


async def test_what_the_commander_cannot_see_is_answered_as_what_does_not_exist(revdeps: Stage) -> None:
    lead, _ = await both(revdeps)
    revdeps.forge.grant("octocat", Permission.NONE, OTHER)
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    await revdeps.say(lead, "/revdeps with octocat/none#1")
    hidden, missing = answers(revdeps, lead)
    assert hidden.split("\n", 1)[1].replace("other", "none") == missing.split("\n", 1)[1]


async def test_whoever_may_not_give_the_command_makes_the_bot_look_at_nothing(revdeps: Stage) -> None:
    lead, _ = await both(revdeps)
    revdeps.forge.grant("hubot", Permission.TRIAGE)
    asked = revdeps.forge.calls["permission"]
    await revdeps.say(lead, "/revdeps with octocat/other#1", author="hubot")
    assert "`with` is for write permission and up" in answers(revdeps, lead)[-1]
    assert revdeps.forge.calls["permission"] == asked + 1


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("octocat/libfoo#1", "is this pull request itself"),
        ("Octocat/LibFoo!1", "is this pull request itself"),
        ("octocat/other#9", "there is no such pull request"),
        ("https://elsewhere.example/octocat/other/pull/1", "is on another forge"),
        ("https://forge.example/octocat/other/wiki", "is not the page of a pull request"),
    ],
)
async def test_what_cannot_be_tested_together_is_refused(revdeps: Stage, written: str, told: str) -> None:
    lead, _ = await both(revdeps)
    comment = await revdeps.say(lead, f"/revdeps with {written} octocat/other#1")
    assert is_refused(comment)
    assert told in answers(revdeps, lead)[-1]
    assert len((await revdeps.view(lead)).runs) == 1


async def test_a_pull_request_is_named_by_its_page_too_and_by_any_case_of_its_name(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    await revdeps.say(lead, "/revdeps with https://forge.example/octocat/other/pull/1 octocat/other#1")
    run = (await revdeps.view(lead)).runs[0].run
    assert [part.change for part in run.companions] == [other]
    assert [part.head_repo for part in run.parts] == [str(lead.repo), str(other.repo)]


async def test_a_closed_pull_request_is_refused(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    revdeps.forge.close(other)
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert "is closed" in answers(revdeps, lead)[-1]


async def test_an_outsider_s_commit_is_built_once_it_is_approved_in_its_own_repository(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks({})
    lead, other = await revdeps.open(), await open_other(revdeps, author="monalisa")
    await revdeps.settle()
    head = revdeps.forge.changes[other].head_sha[:10]
    comment = await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert is_refused(comment)
    assert f"`/revdeps ok @{head}` said there" in answers(revdeps, lead)[-1]
    await revdeps.say(other, f"/revdeps ok @{head}")
    assert is_done(await revdeps.say(lead, "/revdeps with octocat/other#1"))
    assert gate(revdeps, lead).conclusion is Conclusion.SUCCESS


async def test_an_outsider_s_own_pull_request_has_to_be_approved_first(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks({})
    lead, _ = await revdeps.open(author="monalisa"), await open_other(revdeps)
    await revdeps.settle()
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert "and ask again" in answers(revdeps, lead)[-1]
    assert gate(revdeps, lead).buttons != ()
    await revdeps.say(lead, f"/revdeps ok @{revdeps.forge.changes[lead].head_sha[:10]}\n/revdeps with octocat/other#1")
    assert gate(revdeps, lead).title.endswith("with octocat/other#1")
    assert gate(revdeps, lead).conclusion is Conclusion.SUCCESS


async def test_an_outsider_s_pull_request_that_was_not_looked_at_yet_is_not_built_either(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks({})
    other = await open_other(revdeps)
    await revdeps.settle()
    lead = await revdeps.open(author="monalisa")
    comment = await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert is_done(comment)
    check = gate(revdeps, lead)
    assert check.conclusion is Conclusion.ACTION_REQUIRED
    assert "/revdeps ok @" in check.summary
    assert gate(revdeps, other).conclusion is Conclusion.ACTION_REQUIRED
    assert not [what for what in built(revdeps, 0) if what == "libfoo in together"]


async def test_two_changes_of_one_package_are_refused(revdeps: Stage) -> None:
    lead = await revdeps.open()
    second = await revdeps.open(head_sha="b" * 40)
    revdeps.builder.outcome_for = breaks({})
    await revdeps.settle()
    start = len(revdeps.builder.started)
    await revdeps.say(lead, f"/revdeps with {second}")
    assert [gate(revdeps, ref).conclusion for ref in (lead, second)] == [Conclusion.ACTION_REQUIRED] * 2
    assert "both change libfoo" in gate(revdeps, lead).title
    assert built(revdeps, start) == []


@pytest.mark.parametrize(
    ("config", "paths", "told"),
    [
        (None, ("libbar.spec",), "there is no .revdeps.yaml"),
        ("version: 1\npackages: 7\n", ("libbar.spec",), "has problems, the first of them in line 1"),
        (CONFIG.replace("libfoo", "libbar"), ("README",), "touches no package"),
    ],
)
async def test_a_companion_of_which_nothing_can_be_built_ends_the_run(
    revdeps: Stage, config: str | None, paths: tuple[str, ...], told: str
) -> None:
    lead, other = await both(revdeps)
    revdeps.forge.files[OTHER, "main"] = {} if config is None else {".revdeps.yaml": config.encode()}
    revdeps.forge.touch(other, paths)
    if paths == ("README",):
        config = CONFIG.replace("spec: libfoo.spec, name: libfoo", "spec: rpm/libbar.spec, name: libbar")
        revdeps.forge.put_files("main", {".revdeps.yaml": config}, OTHER)
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert [gate(revdeps, ref).conclusion for ref in (lead, other)] == [Conclusion.ACTION_REQUIRED] * 2
    assert told in gate(revdeps, lead).title.replace("`", "")


async def test_a_pull_request_that_touches_nothing_itself_is_no_green_light_for_others(revdeps: Stage) -> None:
    config = CONFIG.replace("spec: libfoo.spec", "spec: rpm/libfoo.spec")
    revdeps.builder.outcome_for = breaks({})
    lead, other = await revdeps.open(paths=("README",), config=config), await open_other(revdeps)
    await revdeps.settle()
    assert gate(revdeps, lead).conclusion is Conclusion.SKIPPED
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert [gate(revdeps, ref).conclusion for ref in (lead, other)] == [Conclusion.ACTION_REQUIRED] * 2


async def test_sources_that_cannot_be_had_say_whose_they_are(revdeps: Stage) -> None:
    class Refuses:
        async def fetch(self, checkout: str, package: object) -> None:
            if "with-1" in checkout:
                raise Rejected("bar.tar.gz has no checksum")

    lead, other = await both(revdeps)
    revdeps.world = replace(revdeps.world, sources=Refuses())
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert "(octocat/other#1): bar.tar.gz" in gate(revdeps, other).title
    assert gate(revdeps, other).conclusion is Conclusion.FAILURE


async def test_a_change_that_does_not_build_fails_all_of_them_and_says_whose_it_is(revdeps: Stage) -> None:
    lead, other = await both(revdeps)
    revdeps.builder.outcome_for = breaks({"libbar": ("together",)})
    await revdeps.say(lead, "/revdeps with octocat/other#1")
    assert [gate(revdeps, ref).conclusion for ref in (lead, other)] == [Conclusion.FAILURE] * 2
    assert "libbar (octocat/other#" in gate(revdeps, lead).summary.replace("\u200b", "")
