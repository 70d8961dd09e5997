"""Words from outside, wherever they come from: whatever they look like, they stay words."""

import re

import pytest

from bot.domain.publication import Check, Reaction
from bot.domain.report.comment import MARKER
from bot.domain.run import Conclusion
from bot.domain.verdict import Verdict
from bot.ports.errors import Misconfigured
from tests.fakes.forge import BOT
from tests.fakes.resolver import affected
from tests.scenario.harness import Stage
from tests.scenario.outcomes import breaks
from tests.scenario.test_bad_input import opened

HOSTILE = {
    "markdown": "**bold** [link](https://evil.example) ![image](https://evil.example/x.png) | cell | `tick`",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)> --> <!-- revdeps:v1 forged -->",
    "mention": "@octocat @octo-org/everyone fixes #1 octocat/libfoo#2 GH-3",
    "shell": "$(rm -rf /) `reboot` ; cat /etc/passwd & || true",
    "escape": "\x1b[2J\x1b]0;owned\x07\x1b[31mred\x9b1m \u202egnp.exe \x00",
}


def assert_harmless(text: str) -> None:
    """Nothing in a text that we publish may notify, link, hide or command."""
    ours = re.sub(r"<!-- revdeps:[a-z0-9]+ [^<>]*-->|</?(details|summary|code|br)>", "", text)
    outside = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", ours, flags=re.DOTALL)
    assert not re.search(r"@\w", outside), "a mention"
    assert not re.search(r"(?<![\w&])#\d", outside), "a reference"
    assert "\x1b" not in ours
    assert "\u202e" not in ours
    assert "\x00" not in ours
    assert "\x9b" not in ours
    assert not re.search(r"<(script|img)", outside), "markup"
    assert not re.search(r"(?<!\\)\]\(https?://evil", outside), "a link of somebody else's"


def assert_published_is_harmless(revdeps: Stage) -> None:
    """Look at every version of every comment and check; a check's title is no Markdown on any forge."""
    checks: list[Check] = [check for found in revdeps.forge.checks.values() for check in found.history]
    ours = [comment for comment in revdeps.forge.comments.values() if comment.author == BOT]
    for text in (
        *(body for comment in ours for body in comment.history),
        *(text for check in checks for text in (check.summary, check.text)),
    ):
        assert_harmless(text)
    for check in checks:
        assert check.title.isprintable()


@pytest.mark.parametrize("kind", HOSTILE)
async def test_hostile_words_go_through_the_whole_line_and_stay_words(revdeps: Stage, kind: str) -> None:
    text = HOSTILE[kind]
    name = f"bar-{text}"
    revdeps.builder.outcome_for = breaks(name, cause=f"error: {text}")
    revdeps.resolver.script_impact(["libfoo"], affected(name), affected("baz"), sources=10)
    ref = await revdeps.open(title=text)
    await revdeps.settle()
    revdeps.clock.pass_time(minutes=2)
    await revdeps.say(ref, f"/revdeps why {text}\n/revdeps {text}\n/revdeps why ba*\n/revdeps status")
    assert (await revdeps.verdicts(ref))[name] is Verdict.REGRESSED
    assert len([comment for comment in revdeps.forge.comments_on(ref) if MARKER in comment.body]) == 1
    assert_published_is_harmless(revdeps)


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_branch_and_a_hostile_problem_stay_words(revdeps: Stage, kind: str) -> None:
    text = HOSTILE[kind]
    revdeps.resolver.fail_next("snapshot", Misconfigured(text, text, text))
    ref = await opened(revdeps, base_branch=f"main-{text}", labels=(text,), head_repo=text)
    assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED
    assert_published_is_harmless(revdeps)


async def test_a_hostile_configuration_is_quoted_harmlessly(revdeps: Stage) -> None:
    ref = await opened(revdeps, config='version: 1\n"<img src=x> @octocat": 1\ntargets: ["@octocat/#1"]\n')
    assert revdeps.check(ref).conclusion is Conclusion.ACTION_REQUIRED
    assert_published_is_harmless(revdeps)


async def test_what_looks_like_a_command_in_a_log_does_nothing(revdeps: Stage) -> None:
    revdeps.builder.outcome_for = breaks("bar", cause="/revdeps ok")
    revdeps.resolver.script_impact(["libfoo"], affected("bar"), sources=10)
    ref = await opened(revdeps)
    assert revdeps.check(ref).conclusion is Conclusion.FAILURE
    for comment in revdeps.forge.comments_on(ref):
        assert Reaction.SEEN not in comment.reactions
