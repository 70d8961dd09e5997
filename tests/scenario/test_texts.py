"""Everything that the bot says in a conversation, side by side in one file, for whoever reviews the words.

Each situation of `situations` is played, and what people see afterwards stands in `snapshots/texts.md`, and as people
on a GitLab see it in `snapshots/texts-gitlab.md`. After a wanted change: `UPDATE_SNAPSHOTS=1 .venv/bin/python -m pytest
tests/scenario/test_texts.py`, then read the difference as those who get it would: is it short, kind, exact, and does it
say what to do next?
"""

import logging
import os
import re
from pathlib import Path

import pytest

from bot.adapters.gitlab import statuses
from bot.adapters.gitlab.notes import NOTE_LIMIT
from bot.adapters.gitlab.parlance import MERGE_REQUESTS
from bot.domain.publication import Capabilities, Check
from bot.domain.run import ChangeRef
from bot.ports.errors import Transient
from tests.fakes.forge import FakeForge
from tests.scenario.harness import Stage, stage
from tests.scenario.situations import SITUATIONS, Situation
from tests.scenario.test_conversations import answers
from tests.scenario.test_lifecycle import press

SNAPSHOTS = Path(__file__).parent / "snapshots"
GITHUB = FakeForge().limits
GITLAB = Capabilities(
    buttons=False,
    annotations=False,
    comment_limit=NOTE_LIMIT,
    text_limit=NOTE_LIMIT,
    rich_checks=False,
    parlance=MERGE_REQUESTS,
)
_FOREIGN = re.compile(r"\bpull\b|\bPRs?\b|[A-Za-z]#\u200b?\d|OWNER|\b(read|triage|write|no) permission|\brepository,")
"""What nobody on GitLab says, or not of this."""
LONGEST = 600
"""Characters of an answer; what is asked for as a list may be longer."""
_LISTS = ("help", "config", "why", "logs", "status")
_HARSH = re.compile(r"\b(error|invalid|illegal|failed to|unable|fatal|abort|must|please|sorry|oops)\b", re.IGNORECASE)


def plain(text: str) -> str:
    """Return a text without what is another one every time."""
    text = re.sub(r"runs/[0-9a-f]{12}", "runs/RUN", text)
    text = re.sub(r"run=[0-9a-f]{12}", "run=RUN", text)
    return re.sub(r"/log/[a-z]/[^)\s]+", "/log/LOG", text)


async def played(revdeps: Stage, situation: Situation) -> str:
    """Play a situation, and return what people see of it."""
    for user, permission in situation.permissions.items():
        revdeps.forge.grant(user, permission)
    ref = await situation.begin(revdeps)
    lines = [f"## {situation.title}\n"]
    if situation.check:
        lines += shown(revdeps, ref)
    if situation.companion:
        lines.append("On the other change:\n")
        lines += shown(revdeps, next(other for other in revdeps.forge.changes if other.repo.name == "other"))
    for author, text in situation.said:
        before = len(answers(revdeps, ref))
        comment = await revdeps.say(ref, text, author)
        reactions = " ".join(reaction.value for reaction in comment.reactions)
        written = text if len(text) < 120 else f"{text[:100]}…"
        lines.append(f"{author}: `{written!r}` → {reactions or 'nothing'}\n")
        lines += [f"{quoted(body)}\n" for body in answers(revdeps, ref)[before:]]
        for body in answers(revdeps, ref)[before:]:
            examine(text, body)
    for button, user in situation.pressed:
        before = len(answers(revdeps, ref))
        await press(revdeps, ref, button, user)
        await revdeps.settle()
        lines.append(f"{user} presses `{button}`\n")
        lines += [f"{quoted(body)}\n" for body in answers(revdeps, ref)[before:]]
    return plain("\n".join(lines))


def shown(revdeps: Stage, ref: ChangeRef) -> list[str]:
    """Return a check as people see it: with its summary, or as one line, with what stands in the comment instead."""
    check = revdeps.check(ref)
    if revdeps.forge.capabilities.rich_checks:
        return [f"check: {state_of(check)}: {check.title}\n", f"{quoted(check.summary)}\n"]
    status = statuses.body(check)
    notes = [note for note in (revdeps.comment(ref),) if note]
    return [f"status: {status['state']}: {status['description']}\n", *(f"{quoted(note)}\n" for note in notes)]


def state_of(check: Check) -> str:
    return check.conclusion.value if check.conclusion else check.status.value


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())


def examine(asked: str, body: str) -> None:
    """Hold an answer against the rules that every answer keeps."""
    words = body.partition("\n")[2].strip()
    outside_code = re.sub(r"```.*?```|`[^`]*`", "", words, flags=re.DOTALL)
    assert words
    assert not _HARSH.search(outside_code), (asked, words)
    if "\n" not in asked and not asked.startswith(tuple(f"/revdeps {verb}" for verb in _LISTS)):
        assert len(words) <= LONGEST, (asked, len(words))
        assert words.endswith((".", "`", "?", "```")), (asked, words)


@pytest.mark.parametrize(
    ("forge", "name"), [(GITHUB, "texts.md"), (GITLAB, "texts-gitlab.md")], ids=["GitHub", "GitLab"]
)
async def test_what_people_read(tmp_path: Path, forge: Capabilities, name: str) -> None:
    parts = []
    for number, situation in enumerate(SITUATIONS):
        directory = tmp_path / str(number)
        directory.mkdir()
        async with stage(directory) as revdeps:
            revdeps.forge.limits = forge
            parts.append(await played(revdeps, situation))
    text = "# What the bot says\n\n" + "\n".join(parts)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        (SNAPSHOTS / name).write_text(text, encoding="utf-8")
    assert text == (SNAPSHOTS / name).read_text(encoding="utf-8")


def test_nobody_on_gitlab_reads_the_words_of_another_forge() -> None:
    said_by_the_bot = [
        line for line in (SNAPSHOTS / "texts-gitlab.md").read_text(encoding="utf-8").splitlines() if line[:1] == ">"
    ]
    addresses = re.compile(r"https://\S+")
    assert len(said_by_the_bot) > 300
    assert [line for line in said_by_the_bot if _FOREIGN.search(addresses.sub("", line))] == []


async def test_the_log_calls_a_change_as_its_forge_does(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with stage(tmp_path) as revdeps:
        revdeps.forge.limits = GITLAB
        revdeps.forge.fail_next("publish_check", Transient("rate limit"))
        with caplog.at_level(logging.WARNING):
            await revdeps.open()
            await revdeps.settle()
    told = [record.getMessage() for record in caplog.records]
    assert [line.partition(": ")[0] for line in told] == ["github:octocat/libfoo!1"]
